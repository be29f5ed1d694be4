"""Answers of queries as responses: JSON with everything around it, or the rows alone as a table."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from api.contract.operation import Answer
from api.dimensions import DIMENSIONS, Shape
from api.formats.choose import FORMATS, JSON, Format
from api.formats.table import Column, Kind, Table
from api.metrics import METRICS

_KINDS = {Shape.NUMBER: Kind.COUNT, Shape.DATE: Kind.DATE, Shape.MOMENT: Kind.MOMENT}


def in_every_format(help_: str, type_: object) -> Answer:
    """What an operation says that it answers: JSON of a type, or the same as a table."""
    texts = {format_: str if format_.is_text else None for format_ in FORMATS.values()}
    return Answer(help_, {format_.media: type_ if format_ is JSON else of for format_, of in texts.items()})


def respond(answer: Mapping[str, Any], format_: Format) -> Response:
    """The answer to a query, as `POST /v1/query` gives it in JSON, in a format."""
    headers = format_.headers(title(answer["query"]))
    if format_ is JSON:
        return JSONResponse(answer, headers=headers)
    return Response(table_of(answer).write(format_), headers=headers)


def title(query: Mapping[str, Any]) -> str:
    """What a file of the answer is called: `weir-channel-2026-11-01-2026-11-08`."""
    names = [name.replace(":", "-") for name in query["dimensions"]]
    return "-".join(["weir", *names, *(moment[:10] for moment in query["date_range"])])


def table_of(answer: Mapping[str, Any]) -> Table:
    """The results as a table: dimensions, metrics and, where periods are compared, each metric's before and change."""
    query, results = answer["query"], answer["results"]
    columns = [Column(name, _KINDS.get(DIMENSIONS[name].shape, Kind.TEXT)) for name in query["dimensions"]]
    columns += [Column(name, _kind(name)) for name in query["metrics"]]
    rows = [[*row["dimensions"], *row["metrics"]] for row in results]
    if any("comparison" in row for row in results):
        columns += [Column(f"{name}_before", _kind(name)) for name in query["metrics"]]
        columns += [Column(f"{name}_change", Kind.RATIO) for name in query["metrics"]]
        nothing = {"metrics": [None] * len(query["metrics"]), "change": [None] * len(query["metrics"])}
        compared = [row.get("comparison") or nothing for row in results]
        rows = [[*row, *other["metrics"], *other["change"]] for row, other in zip(rows, compared, strict=True)]
    return Table(columns, rows, query["time_zone"])


def _kind(metric: str) -> Kind:
    return Kind.RATIO if METRICS[metric].is_ratio else Kind.COUNT
