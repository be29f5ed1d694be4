"""Fixtures of all tests: a real Apache Kafka and a real embedded warehouse, started only if asked for."""

pytest_plugins = ["tests.fixtures.kafka", "tests.fixtures.warehouse"]
