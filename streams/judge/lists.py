"""Lists: whom the users allow and whom they deny, whatever the rules say.

A TOML file with the tables `[allow]` and `[deny]`; docs/verdicts.md has an example. Who is on both is allowed.
"""

import dataclasses
import tomllib
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import re2

from streams.enrich.memo import Memo
from streams.judge.patterns import any_of
from streams.judge.reasons import BIT, Bits, Reason, every_row
from warehouse.columns import Columns, coded

TABLES = {"allow": Reason.ALLOWED, "deny": Reason.DENIED}
LONGEST = {4: 24, 6: 48}
"""Bits of an address that are kept, by version of the protocol."""

Matcher = Callable[[Any], bool]
"""Whether a value of a column is on a list."""

Lists = Mapping[str, Mapping[Reason, Matcher]]
"""Column → reason → matcher; only what has entries is there."""

NO_LISTS: Lists = MappingProxyType({})


class WrongLists(ValueError):
    """The file of `WEIR_LISTS` can't be used; says which entry is wrong and why."""


class Network(NamedTuple):
    """A range of addresses."""

    version: int
    length: int
    """Bits that all of them share."""
    prefix: int


def network(entry: object) -> Network:
    """An entry in CIDR notation; raises `ValueError`, for one narrower than what is kept of an address too."""
    if not isinstance(entry, str):
        raise ValueError('not a text, as "192.0.2.0/24" is one')
    found = ip_network(entry)
    longest = LONGEST[found.version]
    if found.prefixlen > longest:
        wider = found.supernet(new_prefix=longest)
        raise ValueError(f"Weir keeps no more than a /{longest} of such an address, so write {wider} or leave it out")
    return Network(
        found.version, found.prefixlen, int(found.network_address) >> (found.max_prefixlen - found.prefixlen)
    )


def in_networks(networks: Sequence[Network]) -> Matcher:
    """Whether a click's network, in CIDR notation, lies in one of them."""
    held: dict[tuple[int, int], set[int]] = {}
    for one in networks:
        held.setdefault((one.version, one.length), set()).add(one.prefix)

    def match(value: str) -> bool:
        try:
            address = ip_address(value.partition("/")[0])
        except ValueError:
            return False
        bits, number = address.max_prefixlen, int(address)
        return any(
            version == address.version and number >> (bits - length) in prefixes
            for (version, length), prefixes in held.items()
        )

    return match


def system(entry: object) -> int:
    """An entry that is the number of an autonomous system; raises `ValueError`."""
    if not isinstance(entry, int) or isinstance(entry, bool) or not 0 < entry < 1 << 32:
        raise ValueError("not the number of an autonomous system, as 64500 is one")
    return entry


def pattern(entry: object) -> str:
    """An entry that is a pattern; raises `ValueError`."""
    if not isinstance(entry, str) or not entry:
        raise ValueError("not a pattern, as '^AcmeMonitor/' is one")
    try:
        any_of([entry])
    except re2.error as error:
        raise ValueError(f"google-re2 can't read the pattern: {error.args[0].decode()}") from error
    return entry


def in_patterns(patterns: Sequence[str]) -> Matcher:
    """Whether one of the patterns is found in a text."""
    found = any_of(patterns)
    return lambda text: found.search(text) is not None


def domain(entry: object) -> str:
    """An entry that is a domain; raises `ValueError`."""
    if not isinstance(entry, str) or not entry.strip(".") or set("/: ") & set(entry):
        raise ValueError('not a domain, as "example.com" is one')
    return entry.strip(".").lower().removeprefix("www.")


def in_domains(domains: Sequence[str]) -> Matcher:
    """Whether a host is one of the domains, or lies in one."""
    endings = tuple(f".{one}" for one in domains)
    return lambda host: f".{host}".endswith(endings)


@dataclasses.dataclass(frozen=True)
class Entries:
    """One kind of entry."""

    column: str
    """What of a click it is about."""
    read: Callable[[object], Any]
    matcher: Callable[[Sequence[Any]], Matcher]


KINDS = {
    "networks": Entries("network", network, in_networks),
    "asns": Entries("asn", system, lambda numbers: frozenset(numbers).__contains__),
    "user_agents": Entries("user_agent", pattern, in_patterns),
    "referrers": Entries("referrer_host", domain, in_domains),
}
"""Key in a table → what stands there."""


def read_lists(path: Path | None) -> Lists:
    """The lists of a file, none without one. Raises `WrongLists`."""
    if path is None:
        return NO_LISTS
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WrongLists(f"WEIR_LISTS: {path} can't be read: {error}") from error
    found: dict[str, dict[Reason, Matcher]] = {}
    for name, table in tables.items():
        if name not in TABLES or not isinstance(table, dict) or not table.keys() <= KINDS.keys():
            keys = ", ".join(KINDS)
            raise WrongLists(f"WEIR_LISTS: {path}: `{name}`: there are [allow] and [deny], with {keys} in them.")
        for key, entries in table.items():
            kind = KINDS[key]
            read = _read(f"WEIR_LISTS: {path}: [{name}] {key}", kind, entries)
            if read:
                found.setdefault(kind.column, {})[TABLES[name]] = kind.matcher(read)
    return found


def _read(where: str, kind: Entries, entries: object) -> list[Any]:
    if not isinstance(entries, list):
        raise WrongLists(f"{where}: not a list.")
    read = []
    for number, entry in enumerate(entries, start=1):
        try:
            read.append(kind.read(entry))
        except ValueError as error:
            raise WrongLists(f"{where}, entry {number} ({entry}): {error}.") from error
    return read


class ListLayer:
    """Reasons by what the lists say of one column."""

    def __init__(self, column: str, matchers: Mapping[Reason, Matcher], cache_size: int) -> None:
        self.column = column
        self._matchers = [(BIT[reason], match) for reason, match in matchers.items()]
        self.cache: Memo[Any, int] = Memo(self.bits, cache_size)

    def bits(self, value: Any) -> int:  # noqa: ANN401  # as the column has it
        """The lists that one value is on."""
        return sum(bit for bit, match in self._matchers if match(value))

    def __call__(self, columns: Columns) -> Bits:
        """The reasons of every click."""
        return every_row(self.cache.of(coded(columns[self.column])))
