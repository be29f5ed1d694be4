"""deploy/image/Dockerfile without a Docker engine: what it copies, installs and runs."""

import fnmatch
import re

import pytest

from deploy.settings import every_setting
from tests.unit.deploy.compose_file import ROOT

DOCKERFILE = ROOT / "deploy" / "image" / "Dockerfile"


def instructions() -> list[tuple[str, str]]:
    """Instruction and arguments, in order, comments and line breaks taken out."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if line and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(line.split(maxsplit=1)[0], " ".join(line.split()[1:])) for line in joined.splitlines()]


def copied() -> list[str]:
    """What is copied out of the repository."""
    sources = []
    for name, arguments in instructions():
        if name == "COPY" and not arguments.startswith("--from"):
            sources += arguments.split()[:-1]
    return sources


def final(stage: str) -> list[tuple[str, str]]:
    """The instructions of one stage."""
    found, inside = [], False
    for name, arguments in instructions():
        if name == "FROM":
            inside = arguments.endswith(f" AS {stage}")
        elif inside:
            found.append((name, arguments))
    return found


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path out: the last pattern that fits decides."""
    out = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if line and not line.startswith("#") and any(fnmatch.fnmatch(part, pattern) for part in parents(path)):
            out = not line.startswith("!")
    return out


def parents(path: str) -> list[str]:
    """The path, and every folder that it lies in."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


@pytest.mark.parametrize("source", copied())
def test_what_is_copied_is_there_and_sent_to_the_builder(source: str) -> None:
    assert (ROOT / source).exists()
    assert not ignored(source)


def test_nothing_else_is_sent_to_the_builder() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {source.split("/")[0] for source in copied()} == kept
    assert all(ignored(path) for path in (".env", ".git/config", "weir-data/warehouse", "tests/conftest.py"))


def test_the_packages_that_are_installed_are_those_of_the_project() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages <= set(copied())


def test_every_library_has_the_hash_that_the_lock_names() -> None:
    installs = [
        install
        for name, arguments in instructions()
        if name == "RUN"
        for install in re.findall(r"pip [^&]*install [^&]*", arguments)
    ]
    assert len(installs) == 3
    *locked, own = installs
    assert all("--require-hashes" in install and "--only-binary=:all:" in install for install in locked)
    assert [install.split("-r ")[1].strip() for install in locked] == ["requirements.lock", "build.lock"]
    assert "--no-deps dist/*.whl" in own
    assert "requirements-dev" not in DOCKERFILE.read_text()


def test_the_build_backend_is_locked() -> None:
    lock = (ROOT / "deploy" / "image" / "build.lock").read_text()
    assert re.search(r"^setuptools==\S+ \\\n    --hash=sha256:[0-9a-f]{64}$", lock, re.MULTILINE)


def test_base_images_are_pinned() -> None:
    pinned = dict(arguments.split("=") for name, arguments in instructions() if name == "ARG")
    bases = {arguments.split()[0] for name, arguments in instructions() if name == "FROM"} - {"weir"}
    assert bases == {"python:${PYTHON}", "node:${NODE}"}
    assert re.fullmatch(r"3\.11\.\d+-slim-[a-z]+", pinned["PYTHON"])
    assert re.fullmatch(r"\d+\.\d+\.\d+-[a-z]+-slim", pinned["NODE"])


@pytest.mark.parametrize("stage", ["weir", "geo"])
def test_it_does_not_run_as_root(stage: str) -> None:
    users = [arguments for name, arguments in final(stage) if name == "USER"]
    assert users[-1] == "10001:10001"


def test_it_runs_weir_and_nothing_is_built_by_default_but_that() -> None:
    assert ("ENTRYPOINT", '["weir"]') in final("weir")
    assert [arguments for name, arguments in instructions() if name == "FROM"][-1] == "weir"


def test_its_variables_are_settings() -> None:
    known = {setting.variable for setting in every_setting()}
    used = set(re.findall(r"\b(WEIR_[A-Z_]+)=", DOCKERFILE.read_text()))
    assert used
    assert used <= known
