"""What a name stands for: an object of a module, of a file, or of an installed package's entry point."""

import hashlib
import importlib
import importlib.util
import sys
import traceback
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any


class NotFound(Exception):
    """There is no such thing, or loading it failed; the message says which, and what to do."""


class WrongAgents(Exception):
    """What `weir run agents` was given is not to be had, or can't run."""


def find(name: str, group: str = "") -> Any:  # noqa: ANN401 - whatever the users' module has
    """What `package.module:object`, `file.py:object`, or `object` of an entry-point group is; raises `NotFound`."""
    place, colon, attribute = name.rpartition(":")
    try:
        if not colon:
            return _of_entry_point(name, group)
        module = _of_file(Path(place)) if place.endswith(".py") else _of_module(place)
    except NotFound:
        raise
    except Exception as error:
        raise NotFound(f"loading it raised {told(error)}") from error
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise NotFound(f"{place} has no {attribute!r}") from None


def offered(group: str) -> tuple[str, ...]:
    """The names of what installed packages offer in an entry-point group."""
    return tuple(sorted(point.name for point in entry_points(group=group)))


def _of_entry_point(name: str, group: str) -> Any:  # noqa: ANN401
    points = entry_points(group=group, name=name)
    if not points:
        known = ", ".join(offered(group)) or "none"
        raise NotFound(f"no installed package offers it (entry points of {group}: {known})")
    return next(iter(points)).load()


def _of_module(place: str) -> ModuleType:
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name and (place == error.name or place.startswith(error.name + ".")):
            raise NotFound(f"there is no module {error.name!r} (install it, or set PYTHONPATH)") from None
        raise


def _of_file(file: Path) -> ModuleType:
    if not file.is_file():
        raise NotFound(f"there is no file {file} (a path is taken from where the process is started)")
    as_module = "weir_own_" + hashlib.sha256(bytes(file.resolve())).hexdigest()[:12]
    if (known := sys.modules.get(as_module)) is not None:
        return known
    spec = importlib.util.spec_from_file_location(as_module, file)
    if spec is None or spec.loader is None:
        raise NotFound(f"{file} is no Python file")
    module = sys.modules[as_module] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[as_module]
        raise
    return module


def told(error: BaseException) -> str:
    """An error in one line, with the place that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"
