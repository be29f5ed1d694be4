"""Filters as SQL over the columns of `events`, which rollups share; every value is bound."""

from collections.abc import Callable, Mapping

from api.dimensions import Shape
from api.query.conditions import Condition, Junction, Not, Test
from api.query.statement import Binder


def condition_sql(condition: Condition, bind: Binder) -> str:
    """A condition as SQL, always in brackets."""
    match condition:
        case Junction(word, parts):
            return "(" + f" {word.upper()} ".join(condition_sql(part, bind) for part in parts) + ")"
        case Not(part):
            return f"(NOT {condition_sql(part, bind)})"
        case Test():
            return f"({_RULES[condition.rule](condition, bind)})"


def _exists(test: Test, _bind: Binder) -> str:
    absent = test.dimension.absent
    return f"{test.dimension.sql} != {absent}" if isinstance(absent, int) else f"{test.dimension.sql} != '{absent}'"


def _is(test: Test, bind: Binder) -> str:
    if test.dimension.shape in {Shape.NUMBER, Shape.LINK}:
        return f"{test.dimension.sql} IN {bind([*test.values], 'Array(UInt64)')}"
    text, values = _texts(test, bind)
    return f"{text} IN {values}"


def _contains(test: Test, bind: Binder) -> str:
    text, values = _texts(test, bind)
    return f"multiSearchAny({text}, {values})"


def _starts_with(test: Test, bind: Binder) -> str:
    text, values = _texts(test, bind)
    return f"arrayExists(value -> startsWith({text}, value), {values})"


def _ends_with(test: Test, bind: Binder) -> str:
    text, values = _texts(test, bind)
    return f"arrayExists(value -> endsWith({text}, value), {values})"


def _matches(test: Test, bind: Binder) -> str:
    flags = "" if test.case_sensitive else "(?i)"
    patterns = [bind(f"{flags}{value}", "String") for value in test.values]
    return " OR ".join(f"match({test.dimension.sql}, {pattern})" for pattern in patterns)


def _texts(test: Test, bind: Binder) -> tuple[str, str]:
    """The dimension's text and the values, both in lower case where case does not matter."""
    values = bind([*test.values], "Array(String)")
    if test.case_sensitive:
        return test.dimension.sql, values
    return f"lowerUTF8({test.dimension.sql})", f"arrayMap(value -> lowerUTF8(value), {values})"


_RULES: Mapping[str, Callable[[Test, Binder], str]] = {
    "exists": _exists,
    "is": _is,
    "contains": _contains,
    "starts_with": _starts_with,
    "ends_with": _ends_with,
    "matches": _matches,
}
