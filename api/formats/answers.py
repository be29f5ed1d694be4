"""Answers of queries as responses: JSON with everything around it, or the rows alone as a table."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from starlette.responses import JSONResponse, Response

from api.contract.operation import Answer
from api.dimensions import DIMENSIONS, Shape
from api.formats.choose import FORMATS, JSON, Format
from api.formats.table import Column, Kind, Table
from api.metrics import METRICS

COSTS = frozenset({"elapsed_ms", "rows_read", "plan", "table", "why_events"})
"""Fields of `meta` that say how an answer was come by, and not what it is."""
ETAG = {"ETag": "Names what it says."}

_KINDS = {Shape.NUMBER: Kind.COUNT, Shape.DATE: Kind.DATE, Shape.MOMENT: Kind.MOMENT}


def in_every_format(help_: str, type_: object, headers: Mapping[str, str] = MappingProxyType({})) -> Answer:
    """What an operation says that it answers: JSON of a type, or the same as a table."""
    texts = {format_: str if format_.is_text else None for format_ in FORMATS.values()}
    return Answer(help_, {format_.media: type_ if format_ is JSON else of for format_, of in texts.items()}, headers)


def respond(answer: Mapping[str, Any], format_: Format) -> Response:
    """The answer to a query, as `POST /v1/query` gives it in JSON, in a format."""
    headers = {**format_.headers(title(answer["query"])), "etag": tag_of(answer, format_)}
    if format_ is JSON:
        return JSONResponse(answer, headers=headers)
    return Response(table_of(answer).write(format_), headers=headers)


def tag_of(answer: Mapping[str, Any], format_: Format) -> str:
    """The answer's ETag: the same as long as it says the same, whatever it cost. Weak, since the cost is told too."""
    meta = {name: value for name, value in answer["meta"].items() if name not in COSTS}
    said = repr((format_.media, answer["results"], meta, answer["query"]))
    return f'W/"{hashlib.sha256(said.encode(errors="surrogatepass")).hexdigest()[:32]}"'


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
