"""Click ids: which platform's click id a query carries. The value identifies a person and is not stored."""

import enum
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from streams.enrich.memo import Memo
from warehouse.columns import Columns, coded

RULES = Path(__file__).with_name("click_ids.toml")


class Means(enum.StrEnum):
    """What the presence of a click id says."""

    PAID = "paid"
    """A paid click of its source."""
    DISPLAY = "display"
    AFFILIATES = "affiliates"
    EMAIL = "email"
    SOCIAL = "social"
    """It came from that network; not proof that it was paid."""


class ClickId(NamedTuple):
    """One known click id."""

    parameter: str
    """Lower-case name of the query parameter."""
    source: str
    """What stands for `utm_source` where the id decides it."""
    means: Means


def read_click_ids(path: Path = RULES) -> Mapping[str, ClickId]:
    """The known click ids by parameter, the strongest first."""
    rules = tomllib.loads(path.read_text(encoding="utf-8"))["click_id"]
    return {rule["parameter"]: ClickId(rule["parameter"], rule["source"], Means(rule["means"])) for rule in rules}


CLICK_IDS = read_click_ids()
NAMES = tuple(CLICK_IDS)
RANK = {f"{prefix}{parameter}": rank for rank, parameter in enumerate(CLICK_IDS) for prefix in ("", "amp;")}
"""Parameter → place in the order; `amp;` is what an `&amp;` in the address of a link turns into."""


def ad_click(query: str) -> str:
    """Name of the strongest known click id in a raw query, `gclid` for example; empty where there is none.

    Presence counts, since the redirector blanks the values; names are compared without regard to case.
    """
    strongest = len(NAMES)
    for pair in query.lower().split("&"):
        rank = RANK.get(pair.partition("=")[0])
        if rank is not None and rank < strongest:
            strongest = rank
    return NAMES[strongest] if strongest < len(NAMES) else ""


class ClickIds:
    """`ad_click` from the query's parameters."""

    columns: tuple[str, ...] = ("ad_click",)

    def __init__(self, cache_size: int = 50_000) -> None:
        self.cache = Memo(ad_click, cache_size)

    def __call__(self, columns: Columns) -> Columns:
        """The click id's name of every click."""
        return {"ad_click": self.cache.of(coded(columns["parameters"]))}
