"""Statements: SQL with places for values, and the values; nothing that a user sent is ever in the text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any


@dataclass(frozen=True)
class Statement:
    """SQL with `{name:Type}` places, and what is bound to them."""

    sql: str
    parameters: Mapping[str, Any]


@dataclass
class Binder:
    """Gives each value a parameter of its own: `{p0:Array(String)}`, `{p1:String}` …"""

    prefix: str = "p"
    values: dict[str, Any] = field(default_factory=dict)

    def __call__(self, value: object, type_: str) -> str:
        """The place of a value in the SQL."""
        name = f"{self.prefix}{len(self.values)}"
        self.values[name] = value
        return f"{{{name}:{type_}}}"


@dataclass(frozen=True)
class Plain:
    """A text in which nothing is to be escaped, so that the client does not look at each of its characters."""

    text: str

    def __str__(self) -> str:
        return self.text


def template(name: str) -> Template:
    """The text of a statement's piece beside this file, without its comments."""
    lines = Path(__file__).with_name(f"{name}.sql").read_text().splitlines()
    return Template("\n".join(line for line in lines if not line.startswith("--")))
