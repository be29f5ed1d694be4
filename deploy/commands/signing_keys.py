"""`weir signing-keys`: the keys of signed links, and addresses signed with them."""

import json
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any, TextIO

import click
import msgspec
from rich.console import Console
from rich.table import Table

from api.settings import AddressSettings
from deploy.group import Group
from deploy.signing import Wish, make_key, signed_lines, signed_slug, write
from ingest.signed import SigningError
from ingest.signing_keys import (
    SigningKey,
    SigningKeysError,
    SigningSettings,
    State,
    load,
    signing_key,
)

COLUMNS = ("key", "made", "state", "")


class SigningCommandSettings(SigningSettings, AddressSettings):
    """Commands that make keys and sign."""


@click.group(cls=Group)
@click.option(
    "--file", type=click.Path(dir_okay=False, path_type=Path), help="File of the keys; else WEIR_SIGNING_KEYS."
)
@click.pass_context
def command(ctx: click.Context, file: Path | None) -> None:
    """Make, list and retire the keys of signed links, and sign addresses.

    Redirectors read the file that WEIR_SIGNING_KEYS names, and take a change of it within a second. See
    docs/signed-links.md for how keys are rotated.
    """
    path = file or SigningSettings().signing_keys
    if path is None:
        raise click.UsageError(
            "Say where the keys are: `--file FILE`, or WEIR_SIGNING_KEYS as the redirectors have it."
        )
    ctx.obj = path


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print the new key as JSON, without its secret.")
@click.pass_obj
def add(path: Path, as_json: bool) -> None:
    """Make a new key, which signs from now on; the older ones stay valid."""
    try:
        key = make_key(path)
    except SigningKeysError as error:
        raise click.ClickException(f"{error}.") from None
    click.echo(json.dumps(_shown(key, signs=True)) if as_json else f"Added the key {key.id} to {path}; it signs now.")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, without the secrets.")
@click.pass_obj
def list_(path: Path, as_json: bool) -> None:
    """List the keys."""
    keys = _load(path)
    signing = signing_key(keys)
    if as_json:
        click.echo(json.dumps([_shown(key, signs=key is signing) for key in keys]))
        return
    table = Table(*COLUMNS, box=None, header_style="bold")
    for key in keys:
        made = f"{key.made_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        table.add_row(key.id, made, key.state, "signs" if key is signing else "")
    Console().print(table if keys else "There are no keys yet; `weir signing-keys add` makes one.")


@command.command()
@click.argument("key_id", metavar="KEY")
@click.option("--force", is_flag=True, help="Even if nothing can be signed then.")
@click.pass_obj
def retire(path: Path, key_id: str, force: bool) -> None:
    """Let a key sign no more; what it has signed stays valid until the key is removed."""
    keys = _load(path)
    key = _find(keys, key_id)
    _keep_one(keys, key, force)
    retired = msgspec.structs.replace(key, state=State.RETIRING)
    write(path, tuple(retired if other is key else other for other in keys))
    click.echo(
        f"The key {key_id} signs no more; what it has signed is valid until `weir signing-keys remove {key_id}`."
    )


@command.command()
@click.argument("key_id", metavar="KEY")
@click.option("--force", is_flag=True, help="Even if the key signs still: for one that got into wrong hands.")
@click.pass_obj
def remove(path: Path, key_id: str, force: bool) -> None:
    """Delete a retired key; the links that it signed stop working within a second."""
    keys = _load(path)
    key = _find(keys, key_id)
    if key.state is State.ACTIVE and not force:
        raise click.ClickException(f"The key {key_id} is active. Retire it first, or say `--force`.")
    write(path, tuple(other for other in keys if other is not key))
    click.echo(f"Removed the key {key_id}; what it has signed leads nowhere now.")


@command.command()
@click.argument("urls", metavar="[URL]...", nargs=-1)
@click.option("--lines", type=click.File(), help="File of more, one a line; -: standard input.")
@click.option("--domain", help="Host that is to answer; the installation's unless given.")
@click.option("--message", default="", help="Which message the link stands in (w_msg).")
@click.option("--recipient", default="", help="Pseudonym of who gets it (w_rcpt).")
@click.option("--position", type=click.IntRange(0, 0xFFFF), default=0, help="Its position, from 1 (w_pos).")
@click.option("--of", type=click.IntRange(0, 0xFFFF), default=0, help="How many positions there are (w_of).")
@click.option("--slot", default="", help="Its named place, as `hero` (w_slot).")
@click.option("--channel", default="", help="Its channel, as `email` (w_ch).")
@click.option("--sent", default="", help="When the message is sent, as 2026-12-01T09:30 (w_sent).")
@click.option("--expires", default="", help="When the address stops working; never unless given.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
@click.pass_obj
def sign(path: Path, /, urls: tuple[str, ...], lines: TextIO | None, as_json: bool, **given: Any) -> None:  # noqa: ANN401
    """Print the signed address of each URL, in their order.

    A line of `--lines` is a URL, or a JSON object with `url` and what is another than the options say: `message`,
    `recipient`, `position`, `of`, `slot`, `channel`, `sent`, `expires`, `domain`. The first that can't be signed ends
    it.
    """
    if not urls and lines is None:
        raise click.UsageError("Say what to sign: a URL, or `--lines FILE`.")
    key = signing_key(_load(path))
    if key is None:
        raise click.ClickException("No key is active; `weir signing-keys add` makes one.")
    settings = SigningCommandSettings()
    try:
        default = msgspec.convert({**given, "url": "", "domain": given["domain"] or settings.default_domain}, Wish)
        for wish, slug in _signed(urls, lines, default, key):
            address = settings.link_address.replace("{domain}", wish.domain).replace("{slug}", slug)
            click.echo(json.dumps({"url": wish.url, "signed": address}) if as_json else address)
    except (SigningError, msgspec.ValidationError) as error:
        raise click.ClickException(f"It can't be signed: {error}.") from None


def _signed(urls: tuple[str, ...], lines: TextIO | None, default: Wish, key: SigningKey) -> Iterator[tuple[Wish, str]]:
    for url in urls:
        wish = msgspec.structs.replace(default, url=url)
        yield wish, signed_slug(wish, key)
    if lines is not None:
        yield from signed_lines(lines, default, key)


def _load(path: Path) -> tuple[SigningKey, ...]:
    try:
        return load(path)
    except SigningKeysError as error:
        raise click.ClickException(f"{error}.") from None


def _find(keys: tuple[SigningKey, ...], key_id: str) -> SigningKey:
    found = next((key for key in keys if key.id == key_id), None)
    if found is None:
        raise click.ClickException(f"There is no key {key_id}; `weir signing-keys list` shows them.")
    return found


def _keep_one(keys: tuple[SigningKey, ...], leaving: SigningKey, force: bool) -> None:
    if not force and [key for key in keys if key.state is State.ACTIVE] == [leaving]:
        raise click.ClickException(
            f"The key {leaving.id} is the only one that signs. Make another first (`weir signing-keys add`), or say"
            " `--force`."
        )


def _shown(key: SigningKey, *, signs: bool) -> dict[str, Any]:
    return {"id": key.id, "made_at": key.made_at.isoformat(), "state": key.state.value, "signs": signs}
