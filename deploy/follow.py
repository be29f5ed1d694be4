"""The live feed on a terminal: a line a click, and the last minute's figures below."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from deploy.printable import printable

SHOWN = ("channel", "country", "device", "referrer_source", "placement")
"""What stands in a click's line beside its time and its link, where it is known."""


def follow(events: Iterable[tuple[str, Any]], *, as_json: bool) -> None:
    """Print the events until they end or the user stops; as JSON a line each."""
    with suppress(KeyboardInterrupt):
        if as_json:
            for name, data in events:
                click.echo(json.dumps({"event": name, "data": data}))
        else:
            _print(events)


def _print(events: Iterable[tuple[str, Any]]) -> None:
    console = Console()
    with console.status("waiting for clicks") as status:
        for name, data in events:
            if name == "clicks":
                for one in data:
                    console.print(line_of(one), highlight=False)
            elif name == "figures":
                status.update(f"{data['clicks']:,} clicks of {data['visitors']:,} visitors in the last minute")
            elif name == "trouble":
                status.update(printable(data.get("message", "")))


def line_of(click_: Mapping[str, Any]) -> Text:
    """`10:15:03  Email CH mobile  → Big sale`; times are UTC."""
    known = [str(click_[name]) for name in SHOWN if click_[name] not in {"", "unknown"}]
    link = click_["title"] or click_["slug"] or click_["link_id"]
    return printable(f"{click_['time'][11:19]}  {' · '.join(known)}  → {link}")
