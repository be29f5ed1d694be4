"""Which enrichers of the users' own run: found by what `WEIR_ENRICHERS` says, or the start is refused."""

import dataclasses
import hashlib
import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

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


def offered() -> tuple[str, ...]:
    """The names of all enrichers that installed packages offer."""
    return tuple(sorted(point.name for point in entry_points(group=GROUP)))


def _found(name: str) -> OwnEnricher:
    try:
        target = _target(name)
        make: Callable[[], Any] = target if isinstance(target, type) else lambda: target
        if not callable(make()):
            raise WrongEnricher(name, "an enricher is a function, or a class whose objects can be called")
    except WrongEnricher:
        raise
    except Exception as error:
        raise WrongEnricher(name, f"loading it raised {told(error)}") from error
    return OwnEnricher(name, make, _source(target))


def _target(name: str) -> Any:  # noqa: ANN401 - whatever the users' module has
    place, colon, attribute = name.rpartition(":")
    if not colon:
        points = entry_points(group=GROUP, name=name)
        if not points:
            known = ", ".join(offered()) or "none"
            raise WrongEnricher(name, f"no installed package offers it (entry points of {GROUP}: {known})")
        return next(iter(points)).load()
    module = _module_of_file(name, Path(place)) if place.endswith(".py") else _module(name, place)
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise WrongEnricher(name, f"{place} has no {attribute!r}") from None


def _module(name: str, place: str) -> ModuleType:
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name and (place == error.name or place.startswith(error.name + ".")):
            raise WrongEnricher(name, f"there is no module {error.name!r} (install it, or set PYTHONPATH)") from None
        raise


def _module_of_file(name: str, file: Path) -> ModuleType:
    if not file.is_file():
        raise WrongEnricher(name, f"there is no file {file} (a path is taken from where the worker is started)")
    as_module = "weir_own_" + hashlib.sha256(bytes(file.resolve())).hexdigest()[:12]
    if (known := sys.modules.get(as_module)) is not None:
        return known
    spec = importlib.util.spec_from_file_location(as_module, file)
    if spec is None or spec.loader is None:
        raise WrongEnricher(name, f"{file} is no Python file")
    module = sys.modules[as_module] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[as_module]
        raise
    return module


def _source(target: Any) -> bytes:  # noqa: ANN401
    module = sys.modules.get(getattr(target, "__module__", None) or type(target).__module__)
    file = getattr(module, "__file__", None)
    return Path(file).read_bytes() if file else b""


def told(error: BaseException) -> str:
    """An error in one line, with the place that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


def with_own(version: str, own: Sequence[OwnEnricher]) -> str:
    """The rules' version with what own enrichers may change of verdicts: their names and what is in their files."""
    if not own:
        return version
    digest = hashlib.sha256(version.encode())
    for enricher in own:
        digest.update(enricher.name.encode() + b"\0" + enricher.source)
    return digest.hexdigest()[:12]
