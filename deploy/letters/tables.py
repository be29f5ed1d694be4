"""Dead letters as a person reads them, and as programs do."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from deploy.letters.replay import Replayed
from deploy.printable import printable
from warehouse.letters import Count, Letter

PREVIEW = 120
"""Characters of a payload that are printed; `--json` has all that is kept."""


def show_counts(found: Sequence[Count], console: Console) -> None:
    """By step and reason."""
    table = Table("step", "reason", "letters", "put back", "first (UTC)", "last (UTC)", box=None, header_style="bold")
    for count in found:
        numbers = (f"{count.letters:,}", f"{count.replayed:,}")
        table.add_row(count.stage, count.reason, *numbers, _time(count.first), _time(count.last))
    console.print(table if found else "There are no dead letters.")


def show_letters(found: Sequence[Letter], console: Console) -> None:
    """One after the other, the newest first."""
    for letter in found:
        source = f", src {letter.src:010x} seq {letter.seq}" if letter.seq else ""
        back = f", put back {_time(letter.replayed_at)}" if letter.replayed_at else ""
        place = f"{letter.partition}@{letter.offset}"
        console.print(
            f"\n[bold]{_time(letter.append_time)}[/]  {place}{source}  {letter.stage}/{letter.reason}{back}",
            highlight=False,
        )
        console.print("  ", printable(letter.detail), sep="")
        payload = letter.payload.decode("utf-8", "replace")
        more = f" … {letter.payload_size:,} bytes" if letter.payload_size > PREVIEW else ""
        console.print("  ", printable(payload[:PREVIEW]), more, sep="", style="dim", highlight=False)


def show_replayed(found: Replayed, console: Console, *, dry_run: bool) -> None:
    """What became of them."""
    what = "would be put back" if dry_run else "were put back"
    console.print(f"{found.readable.total():,} letters {what}{_reasons(found.readable)}.", highlight=False)
    for letters, why in ((found.unreadable, "still can't be decoded"), (found.cut, "are kept in part only")):
        if letters:
            console.print(f"{letters.total():,} {why}{_reasons(letters)}.", highlight=False)


def letter_as_dict(letter: Letter) -> dict[str, Any]:
    """As JSON has it; what of the payload is no UTF-8 is replaced."""
    times = {"append_time": letter.append_time, "replayed_at": letter.replayed_at}
    return {
        **dataclasses.asdict(letter),
        **{name: time and time.isoformat() for name, time in times.items()},
        "topic_id": str(letter.topic_id),
        "src": f"{letter.src:010x}",
        "payload": letter.payload.decode("utf-8", "replace"),
    }


def count_as_dict(count: Count) -> dict[str, Any]:
    """As JSON has it."""
    return {**dataclasses.asdict(count), "first": count.first.isoformat(), "last": count.last.isoformat()}


def _reasons(letters: dict[str, int]) -> str:
    return f" ({', '.join(f'{times:,} {reason}' for reason, times in sorted(letters.items()))})" if letters else ""


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
