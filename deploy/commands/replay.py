"""`weir replay`: judge history again with today's rules, look at what becomes different, and swap it in."""

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import click
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.connected import connected, first_line
from deploy.logs import LogSettings, configure
from deploy.moment import moment
from deploy.replay_tables import as_dict, show_difference, show_replays
from deploy.trial import NoLedger
from ingest.installation import InstallationSettings
from streams.chain import Chain
from streams.pipeline import click_chain
from streams.replay.difference import Difference
from streams.replay.run import Rejudging
from streams.settings import StreamSettings
from warehouse import failpoints
from warehouse.failures import Failure
from warehouse.replays import book
from warehouse.replays.book import Replay, ReplayRefused, State
from warehouse.replays.edition import Edition
from warehouse.replays.history import taken_between
from warehouse.replays.layers import Ranges

CALM = timedelta(minutes=1)
"""What Kafka took less than this ago, and a hold, is left: not all that follows it may be stored."""

AGAIN = "Run the same command again: it goes on where it stopped, and nothing of it is in an answer yet."


class ReplaySettings(StreamSettings, InstallationSettings):
    """The worker's settings, so that clicks are judged as it would judge them now, and the time zone."""


@dataclasses.dataclass(frozen=True)
class Span:
    """What was asked for."""

    start: datetime
    end: datetime | None


def _moment(_context: click.Context, _parameter: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    found = moment(value)
    return found.replace(microsecond=found.microsecond // 1000 * 1000)


@click.command()
@click.option("--from", "start", callback=_moment, help="Judge again what Kafka took from this time on.")
@click.option("--to", "end", callback=_moment, help="Up to this time [default: a minute ago].")
@click.option("--dry-run", is_flag=True, help="Write nothing; show what would become different.")
@click.option("--yes", is_flag=True, help="Swap it in without asking.")
@click.option("--switch", "to", type=click.IntRange(1), help="Make the answers of this edition, where it has rows.")
@click.option("--undo", type=click.IntRange(1), help="Make the answers of what was there before this edition.")
@click.option("--drop", type=click.IntRange(1), help="Delete the rows of this edition.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    *,
    start: datetime | None,
    end: datetime | None,
    dry_run: bool,
    yes: bool,
    to: int | None,
    undo: int | None,
    drop: int | None,
    as_json: bool,
) -> None:
    """Judge history again with today's rules and settings, into an edition beside the old rows.

    Shows what becomes different, and asks whether to swap it in: all answers change at once, none in between. The old
    rows stay, so `--undo` takes an edition out of the answers again. Safe to interrupt: the same command goes on where
    it stopped. Without an option it lists the editions. Times without an offset are of WEIR_TIME_ZONE.
    """
    acts: list[Callable[[Client], None]] = []
    if start is not None:
        acts.append(lambda client: _replay(client, Span(start, end), dry_run=dry_run, yes=yes, as_json=as_json))
    if to is not None:
        acts.append(lambda client: _switch(client, _known(client, to), as_json))
    if undo is not None:
        acts.append(lambda client: _undo(client, _known(client, undo), as_json))
    if drop is not None:
        acts.append(lambda client: _drop(client, _known(client, drop), as_json))
    if len(acts) > 1 or ((end or dry_run or yes) and start is None):
        raise click.UsageError("Give one of --from, --switch, --undo and --drop; the other options belong to --from.")
    with _connected() as client:
        for act in acts or [lambda client: _list(client, as_json)]:
            act(client)


def _replay(client: Client, span: Span, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    configure(LogSettings())  # to stderr: stdout is the difference's
    settings = ReplaySettings()
    failpoints.arm(settings.failpoint)
    try:
        chain = click_chain(settings, NoLedger())
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    latest = datetime.now(UTC) - CALM - timedelta(seconds=settings.hold)
    ranges = taken_between(client, span.start, min(span.end or latest, latest))
    if dry_run:
        _tell(None, _judge(client, chain, ranges, None), as_json)
        return
    replay = _begun(client, span, ranges, chain.judge.version)
    found = _written(client, chain, replay)
    replay = _known(client, replay.edition)
    _tell(replay, found, as_json)
    if replay.edition in book.switched(client).stack or not found.changed:
        return
    if yes or (not as_json and click.get_text_stream("stdin").isatty() and click.confirm("Swap it in?")):
        _switch(client, replay, as_json)
    else:
        click.echo(
            f"`weir replay --switch {replay.edition}` swaps it in, --drop {replay.edition} deletes it.", err=True
        )


def _begun(client: Client, span: Span, ranges: Ranges, rules: str) -> Replay:
    """The edition that was begun for the same before, if there is one; else a new one."""
    for replay in reversed(book.replays(client)):
        same = (replay.asked_from, replay.asked_to, replay.rules_version) == (span.start, span.end, rules)
        if same and (replay.state is State.WRITING or (replay.state is State.WRITTEN and replay.ranges == ranges)):
            return replay
    if not ranges:
        raise click.ClickException("Kafka took nothing in that time, or nothing of it is stored.")
    return book.begin(client, ranges, rules, asked_from=span.start, asked_to=span.end)


def _written(client: Client, chain: Chain, replay: Replay) -> Difference:
    """All of it: judged, written, checked."""
    if replay.state is State.WRITING:
        edition = Edition(client, replay)
        _judge(client, chain, replay.ranges, edition)
        edition.check()
        book.set_state(client, replay, State.WRITTEN)
    return Difference(*book.changes(client, replay.edition))


def _judge(client: Client, chain: Chain, ranges: Ranges, edition: Edition | None) -> Difference:
    console = Console(stderr=True)
    columns = (TextColumn("judging"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=sum(map(len, ranges.values())))
        return Rejudging(client, chain, edition, lambda rows: progress.advance(task, rows)).run(ranges)


def _switch(client: Client, replay: Replay, as_json: bool) -> None:
    if replay.state is not State.WRITTEN:
        raise ReplayRefused(f"Edition {replay.edition} is {replay.state}: only one that is written can be switched to.")
    Edition(client, replay).check()
    before = [edition for edition in book.switched(client).stack if edition != replay.edition]
    book.switch(client, [*before, replay.edition], f"switch to {replay.edition}")
    _done(replay, as_json, "is in the answers", f"`weir replay --undo {replay.edition}` takes it out of them.")


def _undo(client: Client, replay: Replay, as_json: bool) -> None:
    stack = book.switched(client).stack
    if replay.edition not in stack:
        raise ReplayRefused(f"Edition {replay.edition} is not in the answers.")
    book.switch(client, [edition for edition in stack if edition != replay.edition], f"undo {replay.edition}")
    _done(replay, as_json, "is not in the answers any more", f"`weir replay --drop {replay.edition}` deletes its rows.")


def _drop(client: Client, replay: Replay, as_json: bool) -> None:
    book.drop(client, replay)
    _done(replay, as_json, "is dropped", "")


def _list(client: Client, as_json: bool) -> None:
    found, stack = book.replays(client), book.switched(client).stack
    if as_json:
        click.echo(json.dumps([_as_dict(replay) | {"switched": replay.edition in stack} for replay in found], indent=2))
    else:
        show_replays(found, stack, Console())


def _tell(replay: Replay | None, found: Difference, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps((_as_dict(replay) if replay else {}) | as_dict(found)))
        return
    if replay:
        click.echo(f"Edition {replay.edition}, by rules {replay.rules_version}:")
    show_difference(found, Console())


def _done(replay: Replay, as_json: bool, what: str, more: str) -> None:
    if as_json:
        click.echo(json.dumps({"edition": replay.edition, "now": what}))
    else:
        click.echo(f"Edition {replay.edition} {what}. {more}".rstrip())


def _as_dict(replay: Replay) -> dict[str, object]:
    return {
        "edition": replay.edition,
        "state": replay.state.value,
        "from": replay.asked_from.isoformat(),
        "to": (replay.asked_to or replay.started_at).isoformat(),
        "rules_version": replay.rules_version,
        "covers": replay.rows,
    }


def _known(client: Client, edition: int) -> Replay:
    for replay in book.replays(client):
        if replay.edition == edition:
            return replay
    raise ReplayRefused(f"There is no edition {edition}; `weir replay` lists them.")


@contextlib.contextmanager
def _connected() -> Iterator[Client]:
    """A client; what goes wrong with it is told with what to do."""
    settings = ReplaySettings()
    with connected(settings) as client:
        try:
            yield client
        except ReplayRefused as error:
            raise click.ClickException(str(error)) from error
        except (ClickHouseError, Failure, OSError) as error:
            reason = first_line(error)
            raise click.ClickException(f"ClickHouse at {settings.clickhouse}: {reason}\n{AGAIN}") from error
        except KeyboardInterrupt:
            raise click.ClickException(f"Stopped. {AGAIN}") from None
