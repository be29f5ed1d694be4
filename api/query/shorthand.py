"""Filters that fit into an address or a command line: `channel=Email|SMS`, `country!=CH`, `referrer~google`."""

from typing import Any

from api.errors import BadRequest

_OPERATORS = {"!=": "is_not", "!~": "contains_not", "=": "is", "~": "contains"}
"""Sign → operator; the longer signs first."""


def read_filter(text: str, field: str) -> list[Any]:
    """`channel=Email|SMS` → `["is", "channel", ["Email", "SMS"]]`; raises `BadRequest` naming `field`."""
    found = [(text.find(sign), sign) for sign in _OPERATORS if sign in text]
    if not found:
        hint = "As `channel=Email`, `country!=CH|AT`, `referrer~google` or `path!~preview`."
        raise BadRequest(f"`{text[:64]}` is no filter.", field=field, hint=hint)
    place, sign = min(found, key=lambda part: (part[0], -len(part[1])))
    name, values = text[:place].strip(), text[place + len(sign) :]
    return [_OPERATORS[sign], name, values.split("|")]
