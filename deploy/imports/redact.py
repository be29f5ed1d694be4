"""A rejected line, fit to be shown and kept: no full client address is in it."""

import ipaddress

from warehouse.redact import cut_addresses

MAX_KEPT = 4096
"""Characters that are kept of a rejected line."""


def redact(line: bytes) -> str:
    """The line as text with every address in it cut as `cut_addresses` does.

    A first word that is no address may be the client's name, which often spells its address: it is left out.
    """
    text = line[: MAX_KEPT * 4].decode("utf-8", "replace")
    first, space, rest = text.partition(" ")
    kept = text if _is_address(first) else "-" + space + rest
    return cut_addresses(kept)[:MAX_KEPT]


def _is_address(word: str) -> bool:
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return False
    return True
