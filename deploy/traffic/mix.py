"""What there is to draw from: the files `mix.yml` and `networks.yml`, checked and with their weights."""

import random
from bisect import bisect
from collections.abc import Sequence
from functools import cache
from importlib import resources
from itertools import accumulate
from typing import Any, Generic, TypeVar

import msgspec
import yaml

T = TypeVar("T")


class Weighted(Generic[T]):
    """Items to draw from, each as often as its weight says."""

    def __init__(self, items: Sequence[T], weights: Sequence[float]) -> None:
        self.items = tuple(items)
        self._bounds = tuple(accumulate(weights))

    def draw(self, rng: random.Random) -> T:
        """One of the items."""
        return self.items[bisect(self._bounds, rng.random() * self._bounds[-1])]


class Network(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network that visitors come from."""

    network: str
    country: str
    share: float
    city: str = ""
    languages: str = ""


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where people find links, and the channel that their clicks must be counted under."""

    name: str
    channel: str
    share: float
    mail: bool = False
    links: tuple[str, ...] = ()
    queries: tuple[str, ...] = ("",)
    referrers: tuple[str, ...]


class Networks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`networks.yml`."""

    people: tuple[Network, ...]
    crawlers: tuple[Network, ...]
    scanners: tuple[Network, ...]


class Mix(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`mix.yml`."""

    links: dict[str, dict[str, Any]]
    """Slug → the fields that the API takes."""
    mail: tuple[str, ...]
    trap: str
    expired: str
    disabled: str
    sources: tuple[Source, ...]
    visits: dict[str, float]


def shares(items: Sequence[Network] | Sequence[Source]) -> Weighted[Any]:
    """The items weighted by their `share`."""
    return Weighted(items, [item.share for item in items])


@cache
def load_mix() -> Mix:
    """The mix that ships with Weir."""
    return msgspec.convert(_read("mix.yml"), Mix)


@cache
def load_networks() -> Networks:
    """The networks that ship with Weir."""
    return msgspec.convert(_read("networks.yml"), Networks)


def _read(name: str) -> Any:  # noqa: ANN401  # any YAML; the caller checks its shape
    return yaml.safe_load(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))
