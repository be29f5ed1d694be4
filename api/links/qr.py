"""QR codes of links: an image whose scan is counted as one (`w_qr=1`)."""

import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

import segno

from api.errors import BadRequest, suggest

KINDS = {"svg": "image/svg+xml", "png": "image/png"}
"""Suffix of the address → media type."""
LEVELS = {"L": 7, "M": 15, "Q": 25, "H": 30}
"""Error correction → how much of the code may be missing, per cent."""
SMALLEST, LARGEST = 64, 4096
MAX_MARGIN = 32
SCAN = "w_qr=1"

_COLOUR = re.compile(r"#?([0-9a-fA-F]{6})")


@dataclass(frozen=True)
class Look:
    """How a code looks; `look_of` checks it."""

    size: int = 512
    """Pixels of a side. A PNG's modules are whole pixels, so it may be smaller, by less than a pixel a module."""
    margin: int = 4
    """Modules around the code; the standard asks for four."""
    error: str = "M"
    dark: str = "#000000"
    light: str = "#ffffff"
    """Or `transparent`."""


PARAMETERS = tuple(field.name for field in fields(Look))


def look_of(given: Mapping[str, str]) -> Look:
    """Parameters of an address → the look; raises `BadRequest`."""
    for name in given:
        if name not in PARAMETERS:
            raise BadRequest("There is no such parameter.", field=name, hint=suggest(name, PARAMETERS))
    look = Look(
        size=_whole(given.get("size", str(Look.size)), "size", SMALLEST, LARGEST),
        margin=_whole(given.get("margin", str(Look.margin)), "margin", 0, MAX_MARGIN),
        error=given.get("error", Look.error).upper(),
        dark=_colour(given.get("dark", Look.dark), "dark"),
        light="transparent"
        if given.get("light") == "transparent"
        else _colour(given.get("light", Look.light), "light"),
    )
    if look.error not in LEVELS:
        raise BadRequest("There is no such level of error correction.", field="error", hint=suggest(look.error, LEVELS))
    if look.dark == look.light:
        raise BadRequest("Dark and light are the same colour.", field="light")
    return look


def scanned(address: str) -> str:
    """A link's address as a code carries it."""
    return f"{address}{'&' if '?' in address else '?'}{SCAN}"


def etag(address: str, kind: str, look: Look) -> str:
    """The same for the same image, without making it."""
    text = f"{segno.__version__} {kind} {look} {address}"
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def draw(address: str, kind: str, look: Look) -> bytes:
    """The image of a link's address; raises `BadRequest` where it has no room.

    Takes a few milliseconds, more for a long address or a large PNG.
    """
    try:
        code = segno.make(scanned(address), error=look.error, micro=False, boost_error=False)
    except segno.DataOverflowError:
        raise BadRequest("The address is too long for this level of error correction.", field="error") from None
    modules, _ = code.symbol_size(1, look.margin)
    if look.size < modules:
        raise BadRequest(f"This code needs at least {modules} pixels.", field="size")
    out = io.BytesIO()
    light = None if look.light == "transparent" else look.light
    scale = look.size / modules if kind == "svg" else look.size // modules
    code.save(out, kind=kind, scale=scale, border=look.margin, dark=look.dark, light=light)
    return out.getvalue()


def _whole(text: str, field: str, lowest: int, highest: int) -> int:
    if not (text.isascii() and text.isdigit() and lowest <= int(text[:9]) <= highest):
        raise BadRequest(f"This is a whole number from {lowest} to {highest}.", field=field)
    return int(text)


def _colour(text: str, field: str) -> str:
    match = _COLOUR.fullmatch(text)
    if match is None:
        raise BadRequest("This is no colour.", field=field, hint="Write `0a64c8`, six hexadecimal digits.")
    return f"#{match[1].lower()}"
