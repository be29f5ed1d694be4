"""`weir bench`: Weir measured against others on this machine, in one run."""

import contextlib
import dataclasses
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from deploy.logs import LogSettings, configure
from deploy.packages import PullError
from deploy.settings import StackSettings

if TYPE_CHECKING:
    from benchmarks.ground import Tell
    from benchmarks.race import Run
    from benchmarks.redirector import Run as Redirects

Command = TypeVar("Command", bound=Callable[..., object])

ROOT = Path(__file__).parents[2]
MEASURED, ENRICH, QUALITY, REDIRECTOR, LINKS, QUERY = (
    "measured", "enrich", "quality", "redirector", "links", "query"
)  # fmt: skip
"""What `--save` writes stands between comments of this name in `docs/benchmarks.md`."""

FIGURES = ("W1", "W2", "W3", "W4", "G1", "memory")
OF_REDIRECTS = ("R1", "R3", "memory")
OF_QUERIES = ("Q1", "Q2", "S1", "S2")


@click.group()
def command() -> None:
    """Measure Weir against others, on this machine and in one run."""


def chosen_of(figures: tuple[str, ...]) -> Callable[[click.Context, click.Parameter, str], tuple[str, ...]]:
    """The callback of an option: `W1,W3` → the figures by name; raises `click.BadParameter` for one that is none."""

    def chosen(_context: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
        names = {name.lower(): name for name in figures}
        asked = [part.strip().lower() for part in value.split(",") if part.strip()]
        if not asked or (unknown := [part for part in asked if part not in names]):
            raise click.BadParameter(f"{', '.join(unknown) if asked else 'nothing'} is none of {', '.join(figures)}.")
        return tuple(names[part] for part in asked)

    return chosen


def _only(default: str, figures: tuple[str, ...]) -> Callable[[Command], Command]:
    return click.option(
        "--only", default=default, show_default=True, callback=chosen_of(figures), help=f"Of {', '.join(figures)}."
    )


@command.command()
@_only("W1,W2,W3,W4,G1", FIGURES)
@click.option(
    "--rounds", type=click.IntRange(1, 99), default=5, show_default=True, help="The median of so many counts."
)
@click.option("--clicks", type=click.IntRange(1000), default=300_000, show_default=True, help="Records of the log.")
@click.option("--stored", type=click.IntRange(1_000_000), default=10_000_000, show_default=True, help="G1: many rows.")
@click.option(
    "--rate", type=click.FloatRange(0), default=0.0, help="W4: clicks/s [default: half of the worker's speed]."
)
@click.option(
    "--seconds", type=click.FloatRange(6), default=20.0, show_default=True, help="W4: how long clicks are sent."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the clicks.")
@click.option(
    "--data", type=click.Path(path_type=Path), help="Folder of broker, warehouse and peers [WEIR_DATA/bench]."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Write the tables as Markdown.")
def stream(data: Path | None, *, as_json: bool, save: Path | None, **plan: object) -> None:
    """The worker against Faust, Quix Streams, Bytewax and a bare loop: speed, latency, growth, memory.

    Starts a broker and a warehouse of its own, installs each peer in an environment of its own (once), and lets all
    of them read the same log in turn. Takes about a minute a round; `--only W1 --rounds 1` for a first look.
    """
    _find_benchmarks()
    measuring, present = importlib.import_module("benchmarks.stream"), importlib.import_module("benchmarks.present")
    console = _console()
    with _telling(console) as tell:
        folder = data or StackSettings().data / "bench"
        report = measuring.measure(folder, measuring.Plan(**plan), tell, _reporter(console))
    if save:
        _save(save, present.markdown(report), MEASURED)
    if as_json:
        click.echo(present.as_json(report))
    else:
        present.show(report, Console())


@command.command()
@_only(",".join(OF_REDIRECTS), OF_REDIRECTS)
@click.option(
    "--rounds", type=click.IntRange(1, 99), default=5, show_default=True, help="The median of so many counts."
)
@click.option("--links", type=click.IntRange(1), default=1_000_000, show_default=True, help="Links that are loaded.")
@click.option("--seconds", type=click.FloatRange(1), default=10.0, show_default=True, help="How long a load is put on.")
@click.option("--connections", type=click.IntRange(1, 1000), default=64, show_default=True, help="Clients at a time.")
@click.option("--rate", type=click.FloatRange(0), default=0.0, help="R3: requests/s [default: half of R1's].")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the requests.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of broker and links [WEIR_DATA/bench].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Write the tables as Markdown.")
def redirector(data: Path | None, *, as_json: bool, save: Path | None, **plan: object) -> None:
    """The redirector against a bare uvicorn and nginx: requests/s, latency with Kafka and without, memory.

    Each server has one core to itself; load and a broker of its own are on the other. After each run every click that
    was answered is looked for in Kafka. Takes about ten minutes; `--links 10000 --rounds 1` for a first look. nginx
    and wrk take part where they are installed.
    """
    _find_benchmarks()
    measuring = importlib.import_module("benchmarks.redirector")
    console = _console()
    with _telling(console) as tell:
        folder = data or StackSettings().data / "bench"
        report = measuring.measure(
            folder, measuring.Plan(**plan), tell, lambda run: console.print(_redirects(run), soft_wrap=True)
        )
    if save:
        _save(save, measuring.markdown(report), REDIRECTOR)
    if as_json:
        click.echo(measuring.as_json(report))
    else:
        measuring.show(report, Console())


def _redirects(run: "Redirects") -> str:
    load = run.load
    return (
        f"{run.server:<22} {load.rate:>9,.0f} requests/s   {run.cost:6.1f} µs CPU a request, {run.cpu_of_kafka:.1f} of"
        f" them librdkafka's   p50 {load.p50 * 1e3:.2f} ms, p99 {load.p99 * 1e3:.2f} ms"
    )


@command.command()
@click.option("--links", "number", type=click.IntRange(1), default=1_000_000, show_default=True, help="How many.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of broker and links [WEIR_DATA/bench].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Write the table as Markdown.")
def links(*, number: int, data: Path | None, as_json: bool, save: Path | None) -> None:
    """What links take in a redirector: seconds from Kafka and from the snapshot, bytes, and the time to find one.

    Starts a broker of its own and three redirectors, one after another. About two minutes; the first time it writes
    the links to Kafka, a minute more.
    """
    configure(LogSettings(log_level="warning"))
    _find_benchmarks()
    measuring = importlib.import_module("benchmarks.links")
    with _telling(_console()) as tell:
        report = measuring.measure(data or StackSettings().data / "bench", number, tell)
    if save:
        _save(save, measuring.markdown(report), LINKS)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(report), indent=2))
    else:
        measuring.show(report, Console())


@command.command()
@click.option("--rows", type=click.IntRange(10_000), default=2_000_000, show_default=True, help="Rows of the ledger.")
@click.option(
    "--rounds", type=click.IntRange(1, 99), default=3, show_default=True, help="The median of so many audits."
)
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the warehouse [WEIR_DATA/bench].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def audit(*, rows: int, rounds: int, data: Path | None, as_json: bool) -> None:
    """The audit of a large ledger: from its beginning, and from the last good mark.

    Generates the rows in a warehouse of its own, a third of a million a second, 26 bytes each on the disk.
    """
    _find_benchmarks()
    measuring = importlib.import_module("benchmarks.audit")
    with _telling(_console()) as tell:
        report = measuring.measure(data or StackSettings().data / "bench", rows, rounds, tell)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(report), indent=2))
    else:
        measuring.show(report, Console())


@command.command()
@_only(",".join(OF_QUERIES), OF_QUERIES)
@click.option(
    "--clicks",
    multiple=True,
    type=click.IntRange(100_000),
    default=(1_000_000, 10_000_000, 100_000_000),
    show_default=True,
    help="Clicks that are stored; again for more sizes, the largest last.",
)
@click.option(
    "--rounds", type=click.IntRange(1, 99), default=5, show_default=True, help="The median of so many rounds."
)
@click.option(
    "--times", type=click.IntRange(1), default=20, show_default=True, help="How often a question is asked in a round."
)
@click.option("--seconds", type=click.FloatRange(1), default=10.0, show_default=True, help="How long 50 clients ask.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the warehouse [WEIR_DATA/bench].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Write the tables as Markdown.")
def query(data: Path | None, *, as_json: bool, save: Path | None, **plan: object) -> None:
    """Answers over rollups and over raw rows at growing numbers of clicks; their size on the disk; the cost of rolling.

    Generates a month of clicks for each size, once: a quarter of a million a second, some 100 bytes each on the disk.
    Needs no Kafka. `--clicks 1000000 --rounds 1` for a first look.
    """
    _find_benchmarks()
    measuring = importlib.import_module("benchmarks.query")
    with _telling(_console()) as tell:
        report = measuring.measure(data or StackSettings().data / "bench", measuring.Plan(**plan), tell)
    if save:
        _save(save, measuring.markdown(report), QUERY)
    if as_json:
        click.echo(measuring.as_json(report))
    else:
        measuring.show(report, Console())


@command.command()
@click.option("--clicks", type=click.IntRange(1000), default=200_000, show_default=True, help="How many there are.")
@click.option(
    "--batch", type=click.IntRange(100), default=20_000, show_default=True, help="Records that come at a time."
)
@click.option(
    "--rounds", type=click.IntRange(1, 99), default=5, show_default=True, help="The median of so many counts."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the clicks.")
@click.option("--geo", type=click.Path(path_type=Path), help="Folder of the geo databases [WEIR_DATA/geo].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Write the table as Markdown.")
def enrich(geo: Path | None, *, as_json: bool, save: Path | None, **plan: int) -> None:
    """What the chain of functions costs a click, from bytes to rows, step by step: CPU time, warm and cold.

    Needs neither Kafka nor ClickHouse. Four in ten of the clicks have a query that nobody else has.
    """
    configure(LogSettings(log_level="warning"))
    _find_benchmarks()
    measuring = importlib.import_module("benchmarks.enrich")
    with _telling(_console()) as tell:
        report = measuring.measure(geo or StackSettings().data / "geo", measuring.Plan(**plan), tell)
    if save:
        _save(save, measuring.markdown(report), ENRICH)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(report) | {"reached": report.ratio.reached}, indent=2))
    else:
        measuring.show(report, Console())


@command.command()
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the fetched lists [WEIR_DATA/bench].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Write the tables as Markdown.")
def quality(*, data: Path | None, as_json: bool, save: Path | None) -> None:
    """Bots and device classes, on public lists that this project did not write.

    Each list of bots is judged by rules that do not know it. The lists are fetched once, by npm and pip, pinned by
    checksum: 5 MB. Ends with 1 where a bound is missed.
    """
    _find_benchmarks()
    measuring = importlib.import_module("benchmarks.quality")
    with _telling(_console()) as tell:
        try:
            report = measuring.measure((data or StackSettings().data / "bench") / "lists", tell)
        except PullError as error:
            raise click.ClickException(str(error)) from None
    if save:
        _save(save, measuring.markdown(report), QUALITY)
    if as_json:
        click.echo(measuring.as_json(report))
    else:
        measuring.show(report, Console())
    if not report.met:
        raise click.exceptions.Exit(1)


def _save(file: Path, tables: str, name: str) -> None:
    file.write_text(placed(file.read_text() if file.exists() else "", tables, name))


def placed(page: str, tables: str, name: str) -> str:
    """The page with the part of that name replaced, or the tables alone where it has none."""
    before, begin, rest = page.partition(f"<!-- {name} -->")
    _, end, after = rest.partition(f"<!-- /{name} -->")
    return f"{before}{begin}\n\n{tables}\n{end}{after}" if end else tables


def _find_benchmarks() -> None:
    """They are no part of the installed package: the peers run the source tree's functions."""
    if not (ROOT / "benchmarks" / "stream.py").exists():
        raise click.ClickException("The benchmarks are in Weir's source tree: run `weir bench` from a checkout of it.")
    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))
    try:
        importlib.import_module("psutil")
    except ImportError:
        raise click.ClickException("The benchmarks need psutil: `make setup` installs it.") from None


@contextlib.contextmanager
def _telling(console: Console) -> Iterator["Tell"]:
    """Something to tell what is going on, and how far it is; shows it while that lasts."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=None)
        yield lambda what, at, total: progress.update(bar, description=what, completed=at, total=total or None)


def _console() -> Console:
    return Console(stderr=True, highlight=False)


def _reporter(console: Console) -> "Callable[[Run], None]":
    """Say what each run gave, as soon as it did."""

    def done(run: "Run") -> None:
        console.print(
            f"{run.contender:<8} {run.rate:>10,.0f} events/s   {run.cost:6.1f} µs CPU an event,"
            f" warehouse {run.warehouse_cost:.1f}"
        )

    return done
