"""What every statement over `events` says: which edition it reads."""

import re
from importlib.resources import files

import pytest

from warehouse.sql import load

STATEMENTS = sorted(file.name.removesuffix(".sql") for file in files("warehouse.sql").iterdir() if ".sql" in file.name)
OF_EDITIONS = ("erasure_left", "edition_check", "edition_months", "edition_position", "history")
"""These are a replay's, which names one, and an erasure's search, which names all."""
OF_ANSWERS = (
    *("rollup_census", "rollup_compared", "rollup_fresh", "rollup_merged", "rollup_recount", "rollup_visitors"),
)
"""These read what is in the answers; all others are the ledger's, which is edition 0 and stays."""


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_over_events_names_the_edition(name: str) -> None:
    sql = load(name)
    wanted = r"\bedition\b" if name in OF_EDITIONS else r"\$live\b" if name in OF_ANSWERS else r"\bedition = 0\b"
    read = len(re.findall(r"\bFROM events\b", sql))
    assert len(re.findall(wanted, sql)) >= read
