"""Fixtures of all tests: a real Apache Kafka and a real embedded warehouse, started only if asked for."""

import pytest

pytest_plugins = ["tests.fixtures.kafka", "tests.fixtures.warehouse"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long the tests of the API's description run."""
    parser.addoption("--examples", type=int, default=8, help="Requests of each kind to each address of the API.")
