"""docker-compose.yml as Compose reads it: merged, and with its variables filled in."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]

Service = dict[str, Any]

_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?:(?P<how>:[-?])(?P<rest>[^}]*))?\}")


class MissingVariable(Exception):
    """A variable that has to be set is not; Compose would refuse to start."""


def read(variables: Mapping[str, str]) -> dict[str, Any]:
    """The file with `${NAME}`, `${NAME:-default}` and `${NAME:?message}` filled in."""
    text = (ROOT / "docker-compose.yml").read_text()
    loaded: dict[str, Any] = yaml.safe_load(_VARIABLE.sub(lambda found: _value(found, variables), text))
    return loaded


def variables_of_the_file() -> dict[str, bool]:
    """Name of each variable that the file reads → whether it has to be set."""
    text = (ROOT / "docker-compose.yml").read_text()
    return {found["name"]: found["how"] == ":?" for found in _VARIABLE.finditer(text)}


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    value = variables.get(found["name"], "")
    if not value and found["how"] == ":?":
        raise MissingVariable(found["name"])
    return value or (found["rest"] if found["how"] == ":-" else "")


def seconds(duration: str) -> float:
    """A duration of the Compose specification as seconds."""
    units = {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"(\d+)(us|ms|s|m|h)", duration))
