"""Imports run one way (DESIGN: ingest ← streams, api ← deploy), and frameworks stay at the edge."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("ingest", "streams", "warehouse", "api", "deploy")
CONTRACTS = ("ingest.events", "ingest.links", "ingest.kafka", "ingest.follow", "ingest.installation", "ingest.listen")
ALLOWED = {
    "ingest": ("ingest",),
    "warehouse": ("warehouse",),
    "streams": ("streams", "warehouse", *CONTRACTS),
    "api": ("api", "warehouse", *CONTRACTS),
    "deploy": PACKAGES,
}
FRAMEWORKS = {
    "faust": (
        "streams/pipeline.py",
        "streams/transport.py",
        "streams/broker.py",
        "streams/server.py",
        "streams/agents.py",
    ),
    "starlette": (
        "ingest/app.py",
        "streams/health.py",
        "api/",
        "warehouse/embedded/",
    ),
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_run_one_way(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for name in imports(path)
        if name.split(".")[0] in PACKAGES
        and not any(name == allowed or name.startswith(allowed + ".") for allowed in ALLOWED[package])
    ]
    assert not wrong


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_frameworks_stay_at_the_edge(framework: str) -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if any(name.split(".")[0] == framework for name in imports(path))
        and not str(path.relative_to(ROOT)).startswith(FRAMEWORKS[framework])
    ]
    assert not wrong
