"""User agent: browser, operating system, and the device with its maker and its class."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from ua_parser import Domain, PartialResult, load_lazy_builtins

from streams.enrich.device import device_class, unquoted
from streams.enrich.memo import Memo
from warehouse.columns import Columns, coded, spread, together

if TYPE_CHECKING:
    from ua_parser.regex import Resolver

NO_BRAND = {"Generic", "Generic_Android", "Generic_Android_Tablet", "Generic_Inettv", "Spider"}
"""What ua-parser says where there is no maker to be named."""

WINDOWS_11 = 13
"""Platform version from which Windows is 11; 1 to 10 are Windows 10 (User-Agent Client Hints)."""


class Client(NamedTuple):
    """What one user agent and its client hints say; empty where they don't."""

    device: str
    device_brand: str
    browser: str
    browser_version: str
    os: str
    os_version: str


class Hints(NamedTuple):
    """The client hints that are used, as sent; empty where they were not."""

    mobile: str = ""
    platform: str = ""
    platform_version: str = ""
    form_factors: str = ""


NO_HINTS = Hints()


@cache
def parser() -> "Resolver":
    """ua-parser on its Rust engine.

    Raises `RuntimeError` where that is not installed: the engine in pure Python takes forty times as long (591 µs a
    user agent, measured), which would look like a broken stream.
    """
    try:
        from ua_parser.regex import Resolver  # noqa: PLC0415 - so that its absence can be told
    except ImportError as error:
        raise RuntimeError("ua-parser's Rust engine is missing: pip install 'ua-parser[regex]'") from error
    return Resolver(load_lazy_builtins())  # eager ones would be compiled in Python too, for nothing


def version(major: str | None, minor: str | None) -> str:
    """`major.minor`, `major` where there is no minor, else empty."""
    return ".".join(part for part in (major, minor) if part)


def platform_version(hint: str, os: str) -> str:
    """The system's version by `Sec-CH-UA-Platform-Version`; empty where it was not sent.

    Browsers froze the version in the user agent (`Windows NT 10.0`, `Android 10`); the hint has the real one.
    """
    major, _, rest = unquoted(hint).partition(".")
    if not (major.isascii() and major.isdecimal()):
        return ""
    if os == "Windows":
        number = int(major[:6])
        return "11" if number >= WINDOWS_11 else "10" if number else ""
    minor = rest.partition(".")[0]
    return version(major, minor if minor != "0" else None)


def client(user_agent: str, hints: Hints = NO_HINTS) -> Client:
    """Browser, system and device of one click."""
    found: PartialResult = parser()(user_agent, Domain.ALL)
    browser, os, device = found.user_agent, found.os, found.device
    family = os.family if os else ""
    brand = (device.brand if device else None) or ""
    kind = device_class(user_agent, mobile=hints.mobile, platform=hints.platform, form_factors=hints.form_factors)
    return Client(
        device=kind.value,
        device_brand="" if brand in NO_BRAND else brand,
        browser=browser.family if browser else "",
        browser_version=version(browser.major, browser.minor) if browser else "",
        os=family,
        os_version=platform_version(hints.platform_version, family) or (version(os.major, os.minor) if os else ""),
    )


Key = tuple[str, tuple[tuple[str, str], ...]]
"""User agent, and the client hints as pairs of name and value."""


def _client_of(key: Key) -> Client:
    user_agent, pairs = key
    return client(user_agent, hints_of(dict(pairs)) if pairs else NO_HINTS)


def hints_of(sent: Mapping[str, str]) -> Hints:
    """Those of the hints that are used."""
    hint = sent.get
    return Hints(hint("mobile", ""), hint("platform", ""), hint("platform-version", ""), hint("form-factors", ""))


class UserAgents:
    """The device, browser and system columns from the user agent and the client hints."""

    columns: tuple[str, ...] = Client._fields

    def __init__(self, cache_size: int = 50_000) -> None:
        parser()
        self.cache: Memo[Key, Client] = Memo(_client_of, cache_size)

    def __call__(self, columns: Columns) -> Columns:
        """The six columns of every click."""
        return spread(self.columns, self.cache.of(together(coded(columns["user_agent"]), coded(columns["hints"]))))
