"""The statement for raw clicks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from api.clicks.columns import RawColumn
from api.formats.choose import Format
from api.query.filters import condition_sql
from api.query.parse import Question
from api.query.plan import span_of
from api.query.statement import Binder, Statement
from warehouse.events import COUNTED
from warehouse.sql import load

_CLICKS = Template(Path(__file__).with_name("clicks.sql").read_text())
_COUNTED = "outcome IN ({})".format(", ".join(f"'{outcome}'" for outcome in COUNTED))


@dataclass(frozen=True)
class Wanted:
    """Which raw clicks: those of a question's range and conditions, as what and in which order."""

    question: Question
    columns: Sequence[RawColumn]
    every_record: bool = False
    """Bots, repeats, orphans and whatever else stands in the log as well."""
    newest_first: bool = False
    limit: int | None = None


def build(wanted: Wanted, format_: Format) -> Statement:
    """The statement; what a column looks like depends on the format."""
    bind = Binder()
    conditions = [] if wanted.every_record else [_COUNTED]
    conditions += [condition_sql(condition, bind) for condition in wanted.question.conditions]
    sql = _CLICKS.substitute(
        columns=",\n    ".join(column.select(format_) for column in wanted.columns),
        switched=load("switched").strip(),
        live=load("live").strip(),
        conditions="".join(f"\n        AND {part}" for part in conditions),
        direction="DESC" if wanted.newest_first else "ASC",
    )
    if wanted.limit is not None:
        sql += f"LIMIT {bind(wanted.limit, 'UInt64')}\n"
    start, end = span_of(wanted.question.span)
    zone = wanted.question.span.zone.key
    return Statement(sql, {"start": start, "end": end, "zone": zone, **bind.values})
