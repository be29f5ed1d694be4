"""Which tables answer, by a table of cases; that what they answer is right, test_planner shows on real rows."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from api.query.parse import Question, parse
from api.query.plan import MOST_SPANS, Plan, plan
from api.query.rollups import NO_LAYERS, Rollups
from api.query.spans import Span, common
from warehouse.rollups.book import Book, Unit
from warehouse.rollups.clock import Clock
from warehouse.rollups.families import FAMILIES, UnitKind
from warehouse.rollups.read import Books

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
TOPIC = UUID("0192d3a0-0000-7000-8000-000000000001")
CLOCK = Clock.of([(TOPIC, 0, 0, 1000)])
ZURICH = "Europe/Zurich"
HOUR = 3600


def at(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp())


HOURS = {start: Unit(start + 1, 5) for start in range(at("2026-11-01T00:00"), at("2026-11-22T10:00"), HOUR)}
DAYS = {start: Unit(start + 2, 5) for start in range(at("2026-10-31T23:00"), at("2026-11-21T23:00"), 24 * HOUR)}
"""Days of Zurich, one hour before UTC's."""
OPEN_HOUR, OPEN_DAY = {at("2026-11-22T10:00"): Unit(0, 5)}, {at("2026-11-21T23:00"): Unit(0, 5)}
SIZES = {family.table: 100_000 // family.grain + place for place, family in enumerate(FAMILIES.values())}


def books(switch: int = 3, hours: Any = None, days: Any = None, **more: Any) -> Books:
    found = {}
    for name, family in FAMILIES.items():
        day = family.unit is UnitKind.DAY
        units = (DAYS | OPEN_DAY if days is None else days) if day else (HOURS | OPEN_HOUR if hours is None else hours)
        found[name] = Book(name, 7, switch=3, zone=ZURICH if day else "", clock=CLOCK, units=units, **more)
    return Books(switch, found)


def asked(**more: Any) -> Question:
    body = {"metrics": ["clicks"], "date_range": ["2026-11-01", "2026-11-22"], "time_zone": "UTC", **more}
    return parse(body, now=NOW, zone=ZURICH, within=())


def planned(found: Books | None = None, **more: Any) -> Plan:
    return plan(asked(**more), Rollups.of(found or books(), NO_LAYERS, ZURICH, SIZES))


def tables(found: Plan) -> list[str]:
    return [part.table.removeprefix("rollup_") for part in found.rolled]


def text(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1000, UTC).isoformat()[:16]


def spans(found: Sequence[Span]) -> list[tuple[str, str]]:
    return [(text(start), text(end)) for start, end in found]


def test_days_answer_for_days_hours_for_the_rest_and_records_for_what_is_open() -> None:
    found = planned(dimensions=["channel"])
    assert tables(found) == ["day_channels", "channels"]
    whole = [("2026-11-01T23:00", "2026-11-21T23:00"), ("2026-11-22T23:00", "2026-11-22T23:00")]
    assert spans(found.rolled[0].spans) == whole[:1]
    rest = [("2026-11-01T00:00", "2026-11-01T23:00"), ("2026-11-21T23:00", "2026-11-22T10:00")]
    assert spans(found.rolled[1].spans) == [*rest, ("2026-11-22T11:00", "2026-11-23T00:00")]
    assert spans(found.raw) == [("2026-11-22T10:00", "2026-11-22T11:00")]
    assert found.switch == 3
    assert len(found.rolled[0].seals) == 20


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, ["day_channels", "links"]),
        ({"dimensions": ["country", "region"]}, ["day_geo", "geo"]),
        ({"dimensions": ["channel", "device"]}, ["day_cube"]),
        ({"dimensions": ["channel"], "filters": [["not", ["is", "device", ["mobile"]]]]}, ["day_cube"]),
        ({"dimensions": ["title"], "filters": [["is", "outcome", ["bot"]]]}, ["day_links", "links"]),
        ({"dimensions": ["browser_version"]}, []),
        ({"dimensions": ["channel"], "filters": [["is", "path", ["/"]]]}, []),
        ({"metrics": ["visitors"], "dimensions": ["channel"]}, ["day_channels"]),
        ({"metrics": ["visitors"], "dimensions": ["link"]}, []),
        ({"metrics": ["visitors"], "exact": True}, []),
        ({"metrics": ["clicks"], "exact": True, "dimensions": ["channel"]}, ["day_channels", "channels"]),
        ({"dimensions": ["time:minute"]}, []),
        ({"dimensions": ["time:hour", "device"]}, ["devices"]),
        ({"dimensions": ["time:hour", "link"]}, ["links"]),
        ({"dimensions": ["time:day", "channel"]}, ["channels"]),
        ({"dimensions": ["time:week", "channel"], "time_zone": ZURICH}, ["day_channels", "channels"]),
        ({"dimensions": ["time:hour", "device"], "time_zone": "Asia/Kathmandu"}, ["devices"]),
        ({"dimensions": ["time:day", "link"], "time_zone": "Asia/Kathmandu"}, []),
        ({"date_range": ["2026-11-10T08:01", "2026-11-10T09:59"], "dimensions": ["device"]}, ["devices"]),
        ({"date_range": ["2026-11-10T08:01", "2026-11-10T08:14"], "dimensions": ["device"]}, []),
        ({"date_range": ["2025-01-01", "2025-01-31"]}, []),
    ],
)
def test_the_smallest_table_that_has_it_answers(more: dict[str, Any], expected: list[str]) -> None:
    found = planned(**more)
    assert tables(found) == expected
    assert bool(found.why) == bool(found.raw)


def test_what_lies_outside_whole_grains_is_read_from_the_records() -> None:
    found = planned(date_range=["2026-11-10T08:01", "2026-11-10T09:59"], dimensions=["device"])
    assert spans(found.rolled[0].spans) == [("2026-11-10T08:15", "2026-11-10T09:45")]
    assert spans(found.raw) == [("2026-11-10T08:01", "2026-11-10T08:15"), ("2026-11-10T09:45", "2026-11-10T09:59")]
    assert [*found.rolled[0].seals] == [at(f"2026-11-10T0{hour}:00") + 1 for hour in (8, 9)]


def test_every_moment_is_answered_once() -> None:
    found = planned(date_range="all")
    parts = [found.raw, *(part.spans for part in found.rolled)]
    assert sum(end - start for part in parts for start, end in part) == 4_102_444_800_000
    assert not any(common(one, other) for place, one in enumerate(parts) for other in parts[:place])


def test_after_a_switch_only_what_is_frozen_counts() -> None:
    assert planned(books(switch=4)).rolled == []
    frozen = {start: unit._replace(frozen=start < at("2026-11-03T00:00")) for start, unit in DAYS.items()}
    found = planned(books(switch=4, days=frozen), date_range=["2026-11-01", "2026-11-30"])
    assert spans(found.rolled[0].spans) == [("2026-11-01T23:00", "2026-11-03T23:00")]
    assert found.gone


def test_days_of_another_zone_are_none() -> None:
    found = plan(asked(dimensions=["channel"]), Rollups.of(books(), NO_LAYERS, "UTC", SIZES))
    assert tables(found) == ["channels"]


def test_many_open_hours_are_read_as_some_stretches() -> None:
    hours = {start: unit._replace(seal=unit.seal if start // HOUR % 2 else 0) for start, unit in HOURS.items()}
    found = planned(books(hours=hours), dimensions=["time:hour"])
    assert len(found.raw) == MOST_SPANS
    assert sum(end - start for part in (found.raw, found.rolled[0].spans) for start, end in part) == 22 * 86_400_000


def test_before_anything_is_rolled_the_records_answer() -> None:
    found = plan(asked(), Rollups())
    assert (found.rolled, found.why) == ([], "Nothing has been rolled up yet.")
