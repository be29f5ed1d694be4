"""The metrics: what can be counted, as SQL over the measures of a group, and the measures as conditions on a record.

An answer is made in two steps. The inner step groups rows and takes the *measures*, which can be merged (sums, and
states of uniques); the outer one turns the measures of each group into *metrics*, and takes totals over all groups
by windows. So the inner step can read rollups as well as raw rows, and shares and totals see every group, not
just the page that is shown.
"""

import dataclasses
from collections.abc import Mapping

from warehouse.events import COUNTED, Outcome
from warehouse.rollups.families import PRECISION

_COUNTED = "outcome IN ({})".format(", ".join(f"'{outcome}'" for outcome in COUNTED))

LEFT_OUT = {
    "bots": Outcome.BOT,
    "prefetches": Outcome.PREFETCH,
    "repeats": Outcome.REPEAT,
    "duplicates": Outcome.DUPLICATE,
    "orphans": Outcome.ORPHAN,
    "expired": Outcome.EXPIRED,
    "disabled": Outcome.DISABLED,
}
"""Measure → the outcome that it counts: what a request can be other than a click."""

MEASURES: Mapping[str, str] = {
    "clicks": _COUNTED,
    "suspects": f"outcome = '{Outcome.SUSPECT}'",
    **{name: f"outcome = '{outcome}'" for name, outcome in LEFT_OUT.items()},
    "events": "",
}
"""Measure → the condition on a record by which it is counted; all of them merge by sum."""

VISITOR = f"{_COUNTED} AND visitor_id != 0"
"""What the dearer measures count, `visitors` and `visitor_clicks`; they are taken only if a metric needs them."""

APPROXIMATE = {"uniq": "uniqCombined64", "bits": f"({PRECISION})"}
EXACT = {"uniq": "uniqExact", "bits": ""}
APPROXIMATE_ERROR = round(1.04 / 2 ** (PRECISION / 2), 3)
"""Relative standard error of `APPROXIMATE` (HyperLogLog); small counts are exact."""


@dataclasses.dataclass(frozen=True)
class Metric:
    """One metric: its public name, its SQL for a group and for all groups together, and what it means."""

    name: str
    help: str
    row: str
    total: str
    measure: str
    """A group is shown if this measure is not 0 for one of the query's metrics."""
    needs_visitors: bool = False
    of: str = ""
    """Of a percentage: what its hundred per cent are."""

    @property
    def is_ratio(self) -> bool:
        """Whether it is a number that is unknown where there are no rows, rather than a count."""
        return self.row.startswith("if(")


def _sum(name: str, help_: str) -> Metric:
    return Metric(name, help_, name, f"sum({name}) OVER ()", name)


_ALL_CLICKS = "sum(clicks) OVER ()"
_VISITORS = "finalizeAggregation(visitors)"
_ALL_VISITORS = "${uniq}Merge${bits}(visitors) OVER ()"


def _ratio(part: str, whole: str, digits: int) -> str:
    return f"if({whole} = 0, NULL, round({part} / {whole}, {digits}))"


_TABLE = (
    _sum("clicks", "Clicks: outcome `human` or `suspect`."),
    Metric(
        "visitors",
        "Unique visitors within each day of the installation's time zone, added up over the days.",
        _VISITORS,
        _ALL_VISITORS,
        "clicks",
        needs_visitors=True,
    ),
    Metric(
        "share",
        "Percentage of the clicks of the whole answer, all its pages included.",
        _ratio("100 * clicks", _ALL_CLICKS, 2),
        f"if({_ALL_CLICKS} = 0, NULL, 100.)",
        "clicks",
        of="clicks",
    ),
    Metric(
        "clicks_per_visitor",
        "Clicks of visitors that are known ÷ visitors.",
        _ratio("visitor_clicks", _VISITORS, 3),
        _ratio("sum(visitor_clicks) OVER ()", _ALL_VISITORS, 3),
        "clicks",
        needs_visitors=True,
    ),
    _sum("suspects", "Clicks that may not be a person's: outcome `suspect`, counted in `clicks`."),
    _sum("repeats", "The same visitor on the same link again within the window; not in `clicks`."),
    _sum("bots", "Requests of machines; not in `clicks`."),
    _sum("prefetches", "Requests ahead of a click that may never come; not in `clicks`."),
    _sum("duplicates", "Records of a click that is counted already; not in `clicks`."),
    _sum("orphans", "Requests for slugs that no link has; not in `clicks`."),
    _sum("expired", "Requests for links that were not valid at that time; not in `clicks`."),
    _sum("disabled", "Requests for links that are switched off; not in `clicks`."),
    _sum("events", "Every record of the log, whatever it counts as."),
)

METRICS = {metric.name: metric for metric in _TABLE}
"""Public name → metric, in the order in which the docs show them."""
