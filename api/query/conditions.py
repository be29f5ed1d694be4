"""Filters, checked: a tree of conditions whose dimensions exist and whose values have the right type."""

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce

import re2

from api.dimensions import DIMENSIONS, Dimension, Shape
from api.errors import BadRequest, suggest
from api.query.model import Comparison, Filter, Group, Negation, Presence

MAX_DEPTH = 16
MAX_CONDITIONS = 100
_LINK_ID = re.compile(r"[0-9a-f]{16}")
_UINT64 = 1 << 64


@dataclass(frozen=True)
class Test:
    """One dimension against values: `rule` is the operator without its `_not`."""

    __test__ = False  # not pytest's

    dimension: Dimension
    rule: str
    values: tuple[str, ...] | tuple[int, ...] = ()
    case_sensitive: bool = True


@dataclass(frozen=True)
class Junction:
    """`and` or `or` of conditions."""

    word: str
    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class Not:
    """The opposite of a condition."""

    part: "Condition"


Condition = Test | Junction | Not


def conditions(filters: Iterable[Filter]) -> tuple[Condition, ...]:
    """The filters of a query; raises `BadRequest` naming the place, as `filters[0][1]`."""
    found = tuple(_condition(part, f"filters[{index}]", 1) for index, part in enumerate(filters))
    if sum(map(_size, found)) > MAX_CONDITIONS:
        raise BadRequest(f"There are more than {MAX_CONDITIONS} conditions.", field="filters")
    return found


def _size(condition: Condition) -> int:
    match condition:
        case Junction(parts=parts):
            return reduce(operator.add, map(_size, parts))
        case Not(part=part):
            return _size(part)
        case _:
            return 1


def _condition(asked: Filter, place: str, depth: int) -> Condition:
    if depth > MAX_DEPTH:
        raise BadRequest(f"Filters are nested more than {MAX_DEPTH} deep.", field=place)
    match asked:
        case Group(word, parts):
            inner = (_condition(part, f"{place}[1][{index}]", depth + 1) for index, part in enumerate(parts))
            return Junction(word, tuple(inner))
        case Negation(_, part):
            return Not(_condition(part, f"{place}[1]", depth + 1))
        case Presence(word, name):
            return _negated(word, Test(_dimension(name, place), "exists"))
        case Comparison():
            return _test(asked, place)


def _negated(word: str, test: Test) -> Condition:
    return Not(test) if word.endswith("_not") else test


def _dimension(name: str, place: str) -> Dimension:
    dimension = DIMENSIONS.get(name)
    if dimension is None:
        raise BadRequest(f"No dimension is named `{name}`.", field=f"{place}[1]", hint=suggest(name, DIMENSIONS))
    if dimension.is_time:
        raise BadRequest(f"`{name}` can't be filtered on.", field=f"{place}[1]", hint="Use `date_range`.")
    return dimension


def _test(asked: Comparison, place: str) -> Condition:
    dimension = _dimension(asked.dimension, place)
    rule = asked.operator.removesuffix("_not")
    if dimension.shape in {Shape.NUMBER, Shape.LINK} and rule != "is":
        raise BadRequest(
            f"`{dimension.name}` is a {dimension.shape.value}: it can't be asked with `{asked.operator}`.",
            field=f"{place}[0]",
            hint="Use `is`, `is_not`, `exists` or `exists_not`.",
        )
    read = _READERS.get(dimension.shape, _text)
    values = [read(value, dimension, f"{place}[2][{index}]") for index, value in enumerate(asked.values)]
    if rule == "is" and dimension.choices and asked.options.case_sensitive:
        _check_choices(dimension, values, place)
    if rule == "matches":
        _check_patterns(values, place)
    # One reader reads them all, so the values are of one type.
    return _negated(asked.operator, Test(dimension, rule, tuple(values), asked.options.case_sensitive))  # type: ignore[arg-type]


def _text(value: str | int, dimension: Dimension, place: str) -> str:
    if not isinstance(value, str):
        raise BadRequest(f"`{dimension.name}` is text: write the value as a string.", field=place)
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise BadRequest("The value holds a character that no text has.", field=place)
    return value


def _number(value: str | int, dimension: Dimension, place: str) -> int:
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit()):
            raise BadRequest(f"`{dimension.name}` is a whole number, `{value[:64]}` is none.", field=place)
        value = int(value)
    if not 0 <= value < _UINT64:
        raise BadRequest(f"`{dimension.name}` is a whole number from 0.", field=place)
    return value


def _link(value: str | int, _dimension: Dimension, place: str) -> int:
    if not isinstance(value, str) or not _LINK_ID.fullmatch(value):
        raise BadRequest("A link's id is 16 hexadecimal digits in lower case.", field=place)
    return int(value, 16)


_READERS: dict[Shape, Callable[[str | int, Dimension, str], str | int]] = {
    Shape.NUMBER: _number,
    Shape.LINK: _link,
}


def _check_choices(dimension: Dimension, values: Iterable[str | int], place: str) -> None:
    for index, value in enumerate(values):
        if value not in dimension.choices:
            raise BadRequest(
                f"`{dimension.name}` is never `{str(value)[:64]}`.",
                field=f"{place}[2][{index}]",
                hint=suggest(str(value), dimension.choices),
            )


def _check_patterns(patterns: Iterable[str | int], place: str) -> None:
    options = re2.Options()
    options.log_errors = False
    for index, pattern in enumerate(patterns):
        try:
            re2.compile(str(pattern), options)
        except re2.error as error:
            raise BadRequest(
                f"Not an RE2 pattern: {_reason(error)}.",
                field=f"{place}[2][{index}]",
                hint="RE2 has no look-around and no back-references.",
            ) from None


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else error
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
