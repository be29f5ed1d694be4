"""Known sites: the name and the category of a referrer, and the category of a `utm_source`."""

import enum
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

RULES = Path(__file__).with_name("sources.toml")
ANY_SUFFIX = ".*"
APP = "app:"


class Category(enum.StrEnum):
    """What kind of site a source is."""

    SEARCH = "search"
    SOCIAL = "social"
    VIDEO = "video"
    SHOPPING = "shopping"
    AI = "ai"
    MAIL = "mail"


class Source(NamedTuple):
    """One known site."""

    name: str
    """As shown, `Google` for example."""
    category: Category


class Sources:
    """The rules of `sources.toml`, indexed; answers are single dictionary lookups."""

    def __init__(self, rules: Mapping[str, Any]) -> None:
        self._by_host: dict[str, Source] = {}
        self._by_label: dict[str, Source] = {}
        self._by_name: dict[str, Source] = {}
        for source, host in _entries(rules):
            self._by_name.setdefault(source.name.lower(), source)
            index = self._by_label if host.endswith(ANY_SUFFIX) else self._by_host
            if index.setdefault(host.removesuffix(ANY_SUFFIX), source) is not source:
                raise ValueError(f"{host} stands under two names in the rules of sources.")
        self._by_name.update((alias, self._by_name[name.lower()]) for alias, name in rules.get("aliases", {}).items())

    def of_host(self, host: str, domain: str) -> Source | None:
        """The site of a host: its longest known ending wins, else the first label of its registrable `domain`.

        That domain is the one under a registry's suffix, so that `google.blogspot.com` is not Google.
        """
        while host:
            if found := self._by_host.get(host):
                return found
            host = host.partition(".")[2]
        return self._by_label.get(domain.partition(".")[0])

    def of_app(self, package: str) -> Source | None:
        """The site of an Android app."""
        return self._by_host.get(APP + package)

    def of_utm(self, source: str) -> Source | None:
        """The site that a canonical `utm_source` names, by its name or one of its domains."""
        return self._by_name.get(source) or self._by_host.get(source.removeprefix("www."))


def _entries(rules: Mapping[str, Any]) -> Iterator[tuple[Source, str]]:
    for category in Category:
        for name, hosts in rules.get(category.value, {}).items():
            source = Source(name, category)
            yield from ((source, host) for host in hosts)


def read_sources(path: Path = RULES) -> Sources:
    """The known sites of a rules file."""
    return Sources(tomllib.loads(path.read_text(encoding="utf-8")))


SOURCES = read_sources()
