"""What a feed asks ClickHouse each second: the figures of the last minute, and the newest clicks."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from api.clicks.build import Wanted, build
from api.clicks.columns import RAW_COLUMNS
from api.formats.choose import NDJSON
from api.query.answer import answer
from api.query.conditions import Condition
from api.query.execute import Executor
from api.query.parse import Question, parse

FIGURES = ("clicks", "visitors", "suspects", "bots", "prefetches", "repeats")
FIGURES_SECONDS = 60
SAMPLE = 50
SAMPLE_SECONDS = 120
"""How old a click may be that is shown as new: what a worker holds back comes some seconds late."""
# fmt: off
COLUMNS = (
    "time", "click_id", "outcome", "channel", "domain", "link_id", "slug", "title", "variant", "country", "region",
    "city", "device", "browser", "os", "referrer_source", "utm_source", "utm_medium", "utm_campaign", "position",
    "position_of", "slot", "placement", "qr",
)
# fmt: on
"""What is shown of a click: nothing that tells people apart."""


@dataclass(frozen=True)
class LiveQuestion:
    """What a feed is about; equal ones share a feed."""

    filters: str
    """As JSON, in the form of `POST /v1/query`."""
    within: tuple[Condition, ...]
    """What the caller may see."""
    zone: str

    async def ask(self, executor: Executor) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
        """The figures and the newest clicks, the newest first; raises `ApiError`."""
        now = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
        # One after the other: what the figures count is among the newest clicks already, never the other way round.
        figures = await self._figures(executor, now)
        return figures, await self._newest(executor, now)

    def check(self) -> None:
        """Raises `BadRequest` where the filters do not fit."""
        self._parsed(["clicks"], FIGURES_SECONDS, datetime.now(UTC))

    async def _figures(self, executor: Executor, now: datetime) -> Mapping[str, Any]:
        told = await answer(self._parsed(FIGURES, FIGURES_SECONDS, now), executor)
        counts = dict(zip(FIGURES, told["results"][0]["metrics"], strict=True))
        return {"time": now.isoformat(), "seconds": FIGURES_SECONDS, **counts}

    async def _newest(self, executor: Executor, now: datetime) -> list[Mapping[str, Any]]:
        question = self._parsed(["clicks"], SAMPLE_SECONDS, now)
        columns = [RAW_COLUMNS[name] for name in COLUMNS]
        wanted = Wanted(question, columns, newest_first=True, limit=SAMPLE)
        found = await executor.warehouse.run(build(wanted, NDJSON))
        return [dict(zip(COLUMNS, map(_shown, row), strict=True)) for row in found.values]

    def _parsed(self, metrics: Sequence[str], seconds: int, now: datetime) -> Question:
        start, end = now - timedelta(seconds=seconds), now
        body = {
            "metrics": [*metrics],
            "filters": json.loads(self.filters),
            "date_range": [start.isoformat(), end.isoformat()],
        }
        return parse(body, now=now, zone=self.zone, within=self.within)


def _shown(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return str(value) if isinstance(value, UUID) else value
