"""Figures: values of several rounds, and the ratios that they are judged by."""

import dataclasses
import statistics
from collections.abc import Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Spread:
    """Least, median and greatest of some values."""

    least: float
    median: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one value."""
        return cls(min(values), statistics.median(values), max(values))

    def show(self, digits: int) -> str:
        """As a table has it: the median, and the range behind it."""
        return f"{self.median:,.{digits}f}  ({self.least:,.{digits}f}–{self.greatest:,.{digits}f})"


@dataclasses.dataclass(frozen=True)
class Ratio:
    """One row of DESIGN section 4: what is compared with what, and what it has to be."""

    number: str
    title: str
    floor: float
    goal: float
    values: Spread
    at_least: bool = True
    """Whether more is better; else the floor is an upper limit."""
    unit: str = ""

    @property
    def reached(self) -> str:
        """`goal`, `floor` or `missed`, by the median."""
        for name, limit in (("goal", self.goal), ("floor", self.floor)):
            if (self.values.median >= limit) if self.at_least else (self.values.median <= limit):
                return name
        return "missed"


@dataclasses.dataclass(frozen=True)
class Absolute:
    """A figure that means something on its machine only."""

    title: str
    figures: Mapping[str, Spread]
    """Unit → values."""


def ratio_of(over: Sequence[float], under: Sequence[float]) -> Spread:
    """Ratios round by round: what the machine did in a round, it did to both."""
    return Spread.of([a / b for a, b in zip(over, under, strict=True)])
