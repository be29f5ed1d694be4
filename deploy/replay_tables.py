"""A replay as a person reads it: what became different, and which editions of history there are."""

from collections.abc import Collection, Mapping
from datetime import datetime

from rich.console import Console
from rich.table import Table

from deploy.printable import printable
from streams.replay.difference import Change, Difference
from warehouse.replays.book import Replay, State

SHOWN = 12
"""Changes of a kind that are printed; `--json` has all of them."""


def show_difference(found: Difference, console: Console) -> None:
    """How many rows changed, from what to what, and by which reasons."""
    share = f" ({100 * found.changed / found.rows:.2f}%)" if found.rows else ""
    console.print(
        f"[bold]{found.changed:,}[/] of {found.rows:,} records are judged differently{share}.", highlight=False
    )
    if not found.changed:
        return
    table = Table("", "from", "to", box=None, header_style="bold")
    table.add_column("records", justify="right")
    for what in sorted({what for what, *_ in found.changes}):
        changes = sorted(_of(found.changes, what).items(), key=lambda change: -change[1])
        for (_, before, after), times in changes[:SHOWN]:
            table.add_row(what, *map(_shown, (before, after)), f"{times:,}")
        if more := len(changes) - SHOWN:
            table.add_row(*((what, f"… {more} more", "", "") if more > 0 else ()))
    console.print(table)


def show_replays(found: Collection[Replay], stack: Collection[int], console: Console) -> None:
    """All editions, and which of them are in the answers."""
    table = Table("edition", "from", "to", "records", "rules", "", box=None, header_style="bold")
    for replay in found:
        state = "in the answers" if replay.edition in stack else STATES[replay.state]
        ends = (_time(replay.asked_from), _time(replay.asked_to or replay.started_at))
        table.add_row(str(replay.edition), *ends, f"{replay.rows:,}", replay.rules_version, state)
    console.print(table if found else "Nothing was replayed yet: `weir replay --from TIME` begins.")


STATES = {
    State.WRITING: "unfinished: run its command again, or --drop it",
    State.WRITTEN: "not in the answers: --switch to it, or --drop it",
    State.DROPPED: "dropped",
}


def as_dict(found: Difference) -> dict[str, object]:
    """The difference as JSON has it."""
    names = ("what", "before", "after", "records")
    changes = [dict(zip(names, (*change, times), strict=True)) for change, times in sorted(found.changes.items())]
    return {"records": found.rows, "changed": found.changed, "changes": changes}


def _of(changes: Mapping[Change, int], what: str) -> dict[Change, int]:
    return {change: times for change, times in changes.items() if change[0] == what}


def _shown(value: str) -> str:
    return printable(value).plain or "·"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
