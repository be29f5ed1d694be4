"""Referrer: which site the visitor came from."""

import re
from functools import cache
from typing import NamedTuple
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

from streams.enrich.memo import Memo
from streams.enrich.sources import SOURCES, Sources
from warehouse.columns import Columns, coded, spread

WEB = ("http", "https")
APP = "android-app"
HOST = re.compile(r"[\w.:-]+")
"""What a host is made of: letters of any script, since not every client sends punycode."""


class Referrer(NamedTuple):
    """The site of one referrer; empty where there is none."""

    referrer_host: str
    """Lower-case, without port and `www.`; of an Android app its package."""
    referrer_domain: str
    """Registrable domain by the public suffix list; empty for an app and for an address."""
    referrer_source: str
    """Name of a known site."""


@cache
def public_suffixes() -> PublicSuffixList:
    """The whole list, as its package brings it: `you.github.io` is a site of its own."""
    return PublicSuffixList()


@cache
def registry_suffixes() -> PublicSuffixList:
    """Only the suffixes of registries, as `co.uk`."""
    return PublicSuffixList(only_icann=True)


def host_of(value: str) -> tuple[str, str]:
    """Scheme and bare host of a referrer; two empty strings where it is neither a web page nor an Android app.

    A dotted host without a scheme (`example.com/page`, as some apps send it) counts as a web page.
    """
    try:
        parts = urlsplit(value if "://" in value else f"https://{value}")
        host = (parts.hostname or "").rstrip(".").removeprefix("www.")
    except ValueError:
        return "", ""
    plausible = HOST.fullmatch(host) and ("://" in value or "." in host)
    return (parts.scheme, host) if plausible and parts.scheme in (*WEB, APP) else ("", "")


def is_address(host: str) -> bool:
    """Whether a host is an IP address: no name ends in a number (URL standard, host parsing)."""
    return ":" in host or host.rpartition(".")[2].isdecimal()


def referrer(value: str, sources: Sources = SOURCES) -> Referrer:
    """The site of a `Referer` header as sent."""
    scheme, host = host_of(value.strip())
    if not host or is_address(host):
        return Referrer(host, "", "")
    if scheme == APP:
        app = sources.of_app(host)
        return Referrer(host, "", app.name if app else "")
    site = sources.of_host(host, registry_suffixes().privatesuffix(host) or "")
    return Referrer(host, public_suffixes().privatesuffix(host) or "", site.name if site else "")


class Referrers:
    """The three `referrer_` columns from the referrer."""

    columns: tuple[str, ...] = Referrer._fields

    def __init__(self, cache_size: int = 50_000) -> None:
        public_suffixes(), registry_suffixes()  # read now, not at the first click
        self.cache = Memo(referrer, cache_size)

    def __call__(self, columns: Columns) -> Columns:
        """The referrer columns of every click."""
        return spread(self.columns, self.cache.of(coded(columns["referrer"])))
