"""Where a link may lead: http and https addresses that every browser reads in the same way.

Checked when a link is written, by the API and by the links agent. The spellings that are refused (white space,
backslashes, user-info, control characters, no host) are those that browsers and other readers of URLs take for
different addresses (the WHATWG URL standard and RFC 3986 differ there), which is how open redirects are made.
"""

import ipaddress
import re
from urllib.parse import quote

import idna

MAX_DESTINATION = 2048
"""Characters of a destination, before and after it is normalised."""

MAX_DOMAIN = 253
"""Characters of a domain name (RFC 1035, section 2.3.4, without the trailing dot)."""

_ABSOLUTE = re.compile(r"(https?)://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HOST_PORT = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]*)(?::([0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_BACKSLASH = "\\"


class DestinationError(ValueError):
    """The address can't be a destination; the message says why, for the person who wrote it."""


class DomainError(ValueError):
    """The text is no host name; the message says why."""


def check_destination(url: str) -> str:
    """The destination in its normal form: ASCII only, scheme and host lower-case.

    International host names become punycode; characters beyond ASCII in path, query and fragment are percent-encoded
    as UTF-8; every other character stays as it was spelled. Checking a checked destination changes nothing.
    Raises `DestinationError`.
    """
    _check_characters(url)
    match = _ABSOLUTE.fullmatch(url)
    if match is None:
        raise DestinationError(_why_not_absolute(url))
    scheme, authority, rest = match.groups()
    if "@" in authority:
        raise DestinationError("it has a user name or password before its host")
    checked = f"{scheme.lower()}://{_authority(authority)}{quote(rest, safe=_PRINTABLE)}"
    if len(checked) > MAX_DESTINATION:
        raise DestinationError(f"it is longer than {MAX_DESTINATION} characters once it is encoded")
    return checked


def normalise_domain(host: str) -> str:
    """The host name without port, lower-case, in punycode, without a trailing dot; raises `DomainError`.

    IPv4 and bracketed IPv6 addresses are host names here.
    """
    match = _HOST_PORT.fullmatch(host)
    if match is None:
        raise DomainError("it is no host name, and no host name with a port")
    name = match[1]
    if name.startswith("["):
        return _ipv6(name)
    if not name.isascii():
        name = _punycode(name)
    name = name.lower().removesuffix(".")
    if not name:
        raise DomainError("the host is missing")
    if len(name) > MAX_DOMAIN or not all(map(_LABEL.fullmatch, name.split("."))):
        raise DomainError("its host has a part that no host name can have")
    return name


def _check_characters(url: str) -> None:
    if len(url) > MAX_DESTINATION:
        raise DestinationError(f"it is longer than {MAX_DESTINATION} characters")
    if any(char.isspace() for char in url):
        raise DestinationError("it has white space in it; write a space as %20")
    if _BACKSLASH in url:
        raise DestinationError(f"it has a backslash in it; write it as %{ord(_BACKSLASH):X}")
    # Others: control characters, lone surrogates, and invisible ones that reorder what a person sees.
    if not url.isprintable():
        raise DestinationError("it has a control character or an invisible one in it")


def _why_not_absolute(url: str) -> str:
    scheme = _SCHEME.match(url)
    if scheme and scheme[0].lower() not in {"http:", "https:"}:
        return f"`{scheme[0]}` can't be a destination, only http and https addresses"
    return "it has to begin with http:// or https:// and a host"


def _authority(authority: str) -> str:
    match = _HOST_PORT.fullmatch(authority)
    if match is None:
        raise DestinationError("its host is none, or its port is no number")
    host, port = match.groups()
    if port and not 1 <= int(port) <= 0xFFFF:
        raise DestinationError("its port is not between 1 and 65535")
    try:
        return normalise_domain(host) + (f":{int(port)}" if port else "")
    except DomainError as error:
        raise DestinationError(str(error)) from None


def _ipv6(bracketed: str) -> str:
    try:
        address = ipaddress.IPv6Address(bracketed[1:-1])
    except ValueError:
        raise DomainError("what stands in its brackets is no IPv6 address") from None
    if address.scope_id is not None:
        raise DomainError("an IPv6 address with a zone leads nowhere on another machine")
    return f"[{address.compressed}]"


def _punycode(name: str) -> str:
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise DomainError(f"its host is no international domain name: {error}") from None
