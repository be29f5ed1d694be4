"""A question → its answer: plan → build → run → result, and what is included beside the rows."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from api.query.buckets import MAX_FILLED, filled, nothing
from api.query.comparison import change, counterparts
from api.query.execute import Executor
from api.query.parse import Question
from api.query.result import Shown, executed, figures, result, shown, totals
from api.query.run import Rows

Key = tuple[str | int, ...]
"""The dimensions of a row, as an answer shows them."""


async def answer(question: Question, executor: Executor) -> dict[str, Any]:
    """`results`, `meta` and `query`; raises `ApiError`."""
    page, include = question.asked.pagination, question.asked.include
    rows = MAX_FILLED + 1 if include.empty_buckets else page.offset + page.limit
    found = await executor.execute(question, rows)
    every = shown(question, found.rows)
    if include.empty_buckets:
        every = filled(question, every)
    told = result(question, found, every[page.offset : page.offset + page.limit], home_zone=executor.zone)
    if include.empty_buckets and include.total_rows:
        told["meta"]["total_rows"] = len(every)
    if question.compared:
        await _compare(question, told, executor)
    return told


async def _compare(question: Question, told: dict[str, Any], executor: Executor) -> None:
    """Put beside each row of an answer what its counterpart was in the other range."""
    if question.compared is None:
        return
    earlier = dataclasses.replace(question, span=question.compared, compared=None)
    against = _against(question, told["results"])
    wanted = [key for key in dict.fromkeys(against) if key is not None]
    texts = [[part.text(value) for part, value in zip(question.dimensions, key, strict=True)] for key in wanted]
    found = await executor.execute(earlier, max(1, len(wanted)), texts)
    before = {tuple(row["dimensions"]): row["metrics"] for row in shown(earlier, found.rows)}
    empty = nothing(earlier, shares=_has_clicks(earlier, found.rows))
    for row, key in zip(told["results"], against, strict=True):
        row["comparison"] = None if key is None else _beside(row, key, before.get(key, empty))
    told["meta"]["comparison"] = {**executed(earlier.span), **figures(found)}
    if question.asked.include.totals:
        sums = totals(earlier, found.rows)
        told["meta"]["comparison"] |= {"totals": sums, "change": _changes(told["meta"]["totals"], sums)}


def rows_read(told: Mapping[str, Any]) -> int:
    """What ClickHouse read for an answer, its comparison included."""
    meta = told["meta"]
    return int(meta["rows_read"] + meta.get("comparison", {}).get("rows_read", 0))


def _against(question: Question, rows: Sequence[Shown]) -> list[Key | None]:
    """The key of each row's counterpart; None where the other range has no such bucket."""
    if question.compared is None:
        return [None for _ in rows]
    buckets = {name: counterparts(name, question.span, question.compared) for name in question.times}
    names = [dimension.name for dimension in question.dimensions]
    found: list[Key | None] = []
    for row in rows:
        named = zip(names, row["dimensions"], strict=True)
        key = [buckets[name].get(value) if name in buckets else value for name, value in named]
        known = tuple(value for value in key if value is not None)
        found.append(known if len(known) == len(key) else None)
    return found


def _has_clicks(question: Question, found: Rows) -> bool:
    shares = {f"m{index}" for index, metric in enumerate(question.metrics) if metric.of}
    places = [place for place, name in enumerate(found.columns) if name in shares]
    return any(values[place] is not None for values in found.values for place in places)


def _beside(row: Shown, key: Key, before: Sequence[Any]) -> dict[str, Any]:
    return {"dimensions": [*key], "metrics": [*before], "change": _changes(row["metrics"], before)}


def _changes(now: Sequence[Any], before: Sequence[Any]) -> list[float | None]:
    return [change(*pair) for pair in zip(now, before, strict=True)]
