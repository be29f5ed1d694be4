# `make` lists the targets; each explains itself.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup compiled pure demo up test unit lint format docs lock faults bench clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

setup: .venv/ready ## Make the virtual environment from the lock file

.venv/ready: requirements-dev.lock pyproject.toml
	@echo "Setting up .venv from requirements-dev.lock (a minute on a fast line) …"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

compiled: setup ## Compile the redirector's hot modules in place (needs a C compiler); `make pure` after each change of them
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r deploy/image/build.lock
	COMPILE_WEIR=1 $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .

pure: ## Remove what `make compiled` made
	find ingest -name '*.so' -delete
	rm -f weir_redirector__mypyc*.so

demo: setup ## From nothing to an answer: start the stack, send clicks, show what was counted (ARGS=--once stops at the end)
	$(BIN)/weir demo $(ARGS)

up: setup ## Start the whole local stack in the foreground (ARGS="--broker mock" needs no Java)
	$(BIN)/weir up $(ARGS)

test: setup lint ## All checks and tests, two at a time (ARGS="-k name" for some)
	$(BIN)/pytest -n 2 --dist loadfile $(ARGS)

unit: setup ## The fast tests only
	$(BIN)/pytest tests/unit $(ARGS)

lint: setup ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup ## Format the code, mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup ## Write the pages again that are made from the code (settings, metrics, commands, schemas)
	$(BIN)/python -m deploy.reference

lock: setup ## Resolve pyproject.toml anew into the two lock files (needs uv)
	uv pip compile --universal --generate-hashes --python-version 3.11 --no-header pyproject.toml -o requirements.lock
	uv pip compile --universal --generate-hashes --python-version 3.11 --no-header pyproject.toml --all-extras --group dev \
		-c requirements.lock -o requirements-dev.lock

faults: setup ## Inject faults and ask the oracle (ARGS="--row 2 --seed 7 --repeat 50"; all rows take hours)
	$(BIN)/python -m tests.faults $(ARGS)

bench: setup ## Measure the stream against its peers (ARGS="--rounds 5")
	$(BIN)/weir bench stream $(ARGS)

clean: ## Remove the virtual environment, caches and the local stack's data
	rm -rf .venv weir-data build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
