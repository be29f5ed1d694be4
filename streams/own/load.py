"""Which enrichers of the users' own run: found by what `WEIR_ENRICHERS` says, or the start is refused."""

import dataclasses
import hashlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from streams.own.find import NotFound, find, told

GROUP = "weir.enrichers"
"""Entry-point group in which an installed package offers enrichers; which of them run is a setting."""


class WrongEnricher(Exception):
    """`WEIR_ENRICHERS` names something that can't be had, or is no enricher."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"WEIR_ENRICHERS: {name}: {reason}")


@dataclasses.dataclass(frozen=True)
class OwnEnricher:
    """What one name of the setting stands for."""

    name: str
    """By which metrics, logs and `weir try` call it."""
    make: Callable[[], Callable[[Any], Any]]
    """The callable for one partition: a function itself, of a class a new object."""
    source: bytes = b""
    """What is in the file that it comes from."""


def own_enrichers(setting: str) -> tuple[OwnEnricher, ...]:
    """The enrichers that `WEIR_ENRICHERS` names, in its order; raises `WrongEnricher`.

    A name is `package.module:enricher`, `file.py:enricher` or, without a colon, an entry point's.
    """
    names = [name.strip() for name in setting.split(",") if name.strip()]
    if twice := {name for name in names if names.count(name) > 1}:
        raise WrongEnricher(", ".join(sorted(twice)), "is named twice")
    return tuple(map(_found, names))


def _found(name: str) -> OwnEnricher:
    try:
        target = find(name, GROUP)
        make: Callable[[], Any] = target if isinstance(target, type) else lambda: target
        made = make()
    except NotFound as error:
        raise WrongEnricher(name, str(error)) from error
    except Exception as error:
        raise WrongEnricher(name, f"making one raised {told(error)}") from error
    if not callable(made):
        raise WrongEnricher(name, "an enricher is a function, or a class whose objects can be called")
    return OwnEnricher(name, make, _source(target))


def _source(target: Any) -> bytes:  # noqa: ANN401
    module = sys.modules.get(getattr(target, "__module__", None) or type(target).__module__)
    file = getattr(module, "__file__", None)
    return Path(file).read_bytes() if file else b""


def with_own(version: str, own: Sequence[OwnEnricher]) -> str:
    """The rules' version with what own enrichers may change of verdicts: their names and what is in their files."""
    if not own:
        return version
    digest = hashlib.sha256(version.encode())
    for enricher in own:
        digest.update(enricher.name.encode() + b"\0" + enricher.source)
    return digest.hexdigest()[:12]
