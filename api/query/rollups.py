"""The rollups as the planner sees them: of each family, which times its live rows answer. Pure."""

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from api.query.dates import DAWN, DUSK, midnight
from api.query.spans import Span, joined, without
from warehouse.replays.layers import Arrays
from warehouse.rollups.book import Book
from warehouse.rollups.clock import Clock
from warehouse.rollups.families import FAMILIES, Family, UnitKind
from warehouse.rollups.read import Books

NO_LAYERS = Arrays([], [], 0, [], [])
"""Every record counts as it was judged first."""
_HOUR = 3600
_EVER = (int(DAWN.timestamp()) * 1000, int(DUSK.timestamp()) * 1000)


@dataclass(frozen=True)
class Rollup:
    """One family with its book, as it counts under the switch of editions that is in force."""

    family: Family
    book: Book
    rows: int = 0
    """How many its table has, dead ones too: by which the cheapest is found."""
    late_from: date | None = None
    """The first day, by `batch_time`, of records that its clock has not; None: the statement finds out."""

    @cached_property
    def zone(self) -> ZoneInfo:
        """Whose days its units are, if they are days."""
        return ZoneInfo(self.book.zone or "UTC")

    @cached_property
    def open(self) -> Sequence[Span]:
        """The times whose records are not, or not all, under a live seal, up to the book's clock."""
        if not self.book.rest_is_open:
            starts = self.book.open_units(*(moment // 1000 for moment in _EVER))
            return joined(map(self._unit, starts))
        return without([_EVER], joined(map(self._unit, self._sealed[0])))

    def whole(self, span: Span) -> Span | None:
        """The whole grains of the rollup within a span, if there are any."""
        if self.family.unit is UnitKind.DAY:
            start, end = self._day_from(span[0]), self._day_to(span[1])
        else:
            grain = self.family.grain * 1000
            start, end = -(-span[0] // grain) * grain, span[1] // grain * grain
        return (start, end) if start < end else None

    def seals(self, spans: Sequence[Span]) -> "array[int]":
        """The live seals of the units that may lie in the spans."""
        starts, seals = self._sealed
        # The first span may begin within a unit, which is one of at most 25 hours.
        first = bisect_left(starts, self._unit_of(spans[0][0]))
        return seals[first : bisect_left(starts, -(-spans[-1][1] // 1000))]

    @cached_property
    def known(self) -> tuple[datetime, datetime] | None:
        """The first and the last moment of its sealed units."""
        starts, _ = self._sealed
        if not starts:
            return None
        return datetime.fromtimestamp(starts[0], UTC), datetime.fromtimestamp(self._unit(starts[-1])[1] / 1000, UTC)

    @cached_property
    def frozen_to(self) -> int:
        """The end of its last frozen unit, Unix milliseconds: before it, records may be gone. 0: none is frozen."""
        return max((self._unit(start)[1] for start, unit in self.book.units.items() if unit.frozen), default=0)

    @cached_property
    def _sealed(self) -> tuple[Sequence[int], "array[int]"]:
        seals = self.book.seals(*(moment // 1000 for moment in _EVER))
        return list(seals), array("Q", seals.values())

    def _unit(self, start: int) -> Span:
        """A unit by its start, Unix seconds."""
        if self.family.unit is UnitKind.HOUR:
            return start * 1000, (start + _HOUR) * 1000
        return start * 1000, _millis(midnight(self._day(start * 1000) + timedelta(days=1), self.zone))

    def _unit_of(self, moment: int) -> int:
        """The start of the unit in which a moment lies, Unix seconds."""
        if self.family.unit is UnitKind.HOUR:
            return moment // 1000 // _HOUR * _HOUR
        return _millis(midnight(self._day(moment), self.zone)) // 1000

    def _day(self, moment: int) -> date:
        return datetime.fromtimestamp(moment / 1000, self.zone).date()

    def _day_from(self, moment: int) -> int:
        start = _millis(midnight(self._day(moment), self.zone))
        return start if start == moment else _millis(midnight(self._day(moment) + timedelta(days=1), self.zone))

    def _day_to(self, moment: int) -> int:
        return _millis(midnight(self._day(moment), self.zone))


@dataclass(frozen=True)
class Rollups:
    """All of them, at one moment."""

    switch: int = 0
    """The version of `editions`."""
    layers: Arrays = NO_LAYERS
    by_size: Sequence[Rollup] = ()
    """Those that have anything, the smallest table first."""

    @classmethod
    def of(
        cls,
        books: Books,
        layers: Arrays,
        zone: str,
        rows: Mapping[str, int],
        late: Sequence[tuple[Clock, date]] = (),
    ) -> "Rollups":
        """What the books say, in an installation of this zone.

        With it go the layers of their switch, `rows` by table, and `late`: the first days beyond some clocks.
        """
        under = {name: book.under(books.switch, zone) for name, book in books.books.items()}
        found = [
            Rollup(
                FAMILIES[name],
                book,
                rows.get(FAMILIES[name].table, 0),
                next((day for clock, day in late if clock == book.clock), None),
            )
            for name, book in under.items()
        ]
        return cls(
            books.switch, layers, sorted((part for part in found if part.book.number), key=lambda part: part.rows)
        )


def _millis(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
