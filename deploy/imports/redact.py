"""A rejected line, fit to be shown and kept: no full client address is in it."""

import ipaddress
import re

MAX_KEPT = 4096
"""Characters that are kept of a rejected line."""

_V4 = re.compile(r"(?<!\d)(\d{1,3}\.\d{1,3}\.\d{1,3})\.\d+")
_COLONS = re.compile(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]+")


def redact(line: bytes) -> str:
    """The line as text with every address in it cut at least as in clicks: IPv4 to /24, IPv6 to /48.

    It works on the spelling, since a broken line may hold a broken address: a version of four numbers is cut as well.
    A first word that is no address may be the client's name, which often spells its address: it is left out.
    """
    text = line[: MAX_KEPT * 4].decode("utf-8", "replace")
    first, space, rest = text.partition(" ")
    kept = text if _is_address(first) else "-" + space + rest
    return _V4.sub(r"\1.0", _COLONS.sub(_cut_v6, kept))[:MAX_KEPT]


def _is_address(word: str) -> bool:
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return False
    return True


def _cut_v6(match: re.Match[str]) -> str:
    word = match[0]
    if "::" not in word and word.count(":") < 4:
        return word  # a time
    prefix = word.split("::")[0].strip(":").split(":")[:3]
    return ":".join(prefix) + "::"
