"""Patterns: google-re2's, which read a text once whatever stands in it; found anywhere, without regard to case."""

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import re2

from streams.judge.reasons import Reason

RULES = Path(__file__).parents[1] / "bots.toml"


def any_of(patterns: Sequence[str]) -> re2._Regexp:
    """One pattern that is found where one of them is. Raises `re2.error` for one that is none."""
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    return re2.compile("|".join(f"(?:{pattern})" for pattern in patterns), options)


def pattern_rules(key: str, rules: Path = RULES) -> Iterator[tuple[Reason, re2._Regexp]]:
    """The reasons of a rules file that have patterns under a key."""
    for name, table in tomllib.loads(rules.read_text(encoding="utf-8")).items():
        if key in table:
            yield Reason(name), any_of(table[key])
