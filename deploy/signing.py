"""Keys of signed links as they are made and written, and signing addresses, one at a time or by lines."""

import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import click
import msgspec
from msgspec import Meta

from deploy.folder import write_private
from deploy.moment import moment
from ingest.events import MAX_NAME
from ingest.signed import SignedLink, SigningError, sign
from ingest.signing_keys import SECRET_BYTES, KeyFile, SigningKey, load

Position = Annotated[int, Meta(ge=0, le=0xFFFF)]
Name = Annotated[str, Meta(max_length=MAX_NAME)]
Token = Annotated[str, Meta(max_length=128)]

PARAMETERS = {
    "message": "w_msg",
    "recipient": "w_rcpt",
    "position": "w_pos",
    "of": "w_of",
    "slot": "w_slot",
    "channel": "w_ch",
    "sent": "w_sent",
}
"""Field of a wish → the parameter of Weir's that it becomes."""


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One address that is to be signed; a line of JSON has the same fields."""

    url: str
    domain: str
    message: Token = ""
    recipient: Token = ""
    position: Position = 0
    of: Position = 0
    slot: Name = ""
    channel: Name = ""
    sent: str = ""
    """A time, as `moment` reads it; so is the next."""
    expires: str = ""


def make_key(path: Path) -> SigningKey:
    """Add a fresh key to the file, which is made where there is none; raises `SigningKeysError`."""
    keys = load(path) if path.exists() else ()
    key = SigningKey(id=secrets.token_hex(4), secret=secrets.token_bytes(SECRET_BYTES), made_at=datetime.now(UTC))
    write(path, (*keys, key))
    return key


def write(path: Path, keys: tuple[SigningKey, ...]) -> None:
    """Write the file anew, for its owner's eyes only; redirectors take it within a second."""
    write_private(path, msgspec.json.format(msgspec.json.encode(KeyFile(keys))).decode() + "\n")


def signed_slug(wish: Wish, key: SigningKey) -> str:
    """The slug, `s/{payload}.{mac}`; raises `SigningError`."""
    given = {
        name: _seconds(value) if field == "sent" else value
        for field, name in PARAMETERS.items()
        if (value := getattr(wish, field))
    }
    expires = _seconds(wish.expires) if wish.expires else 0
    return sign(SignedLink(wish.domain, wish.url, urlencode(given), expires), key.id, key.secret)


def signed_lines(lines: Iterable[str], default: Wish, key: SigningKey) -> Iterator[tuple[Wish, str]]:
    """A wish a line and its slug; raises `SigningError` that names the line.

    A line is an address, or a JSON object with `url` and what differs from `default`; empty ones are left out.
    """
    given: dict[str, Any] = msgspec.structs.asdict(default)
    for number, line in enumerate(map(str.strip, lines), 1):
        try:
            if line:
                said = msgspec.json.decode(line, type=dict[str, Any]) if line.startswith("{") else {"url": line}
                wish = msgspec.convert(given | said, Wish)
                yield wish, signed_slug(wish, key)
        except (msgspec.MsgspecError, SigningError) as error:
            raise SigningError(f"line {number}: {error}") from None


def _seconds(time: str) -> int:
    try:
        return int(moment(time).timestamp())
    except click.BadParameter as error:
        raise SigningError(error.message.removesuffix(".")) from None
