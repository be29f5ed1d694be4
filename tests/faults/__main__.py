"""`python -m tests.faults`: inject faults into a running pipeline, and judge what is left of its promises."""

import secrets
import signal
import sys
import tempfile
import time
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.faults.jobs import shares, side_by_side
from tests.faults.play import Result
from tests.faults.row import Row
from tests.faults.rows import ROWS, chosen

CHAOS = "22"
MOST_SEEDS = 10_000


@click.command()
@click.option("--row", "names", multiple=True, help="Row by its number or name; again for more. Default: all.")
@click.option("--seed", type=int, help="First seed; default: a random one, which is printed.")
@click.option("--repeat", default=1, show_default=True, help="So many seeds of each row, counting up.")
@click.option("--chaos", "minutes", type=float, help="Row 22, seed after seed, for so many minutes.")
@click.option("--jobs", default=1, show_default=True, help="So many runs side by side, each on a Kafka of its own.")
@click.option("--keep", is_flag=True, help="Keep the logs of runs that passed too.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where data and logs go. Default: a new temporary one.")
@click.option("--list", "listing", is_flag=True, help="Show the rows and what each of them injects.")
def main(
    *,
    names: tuple[str, ...],
    seed: int | None,
    repeat: int,
    minutes: float | None,
    jobs: int,
    keep: bool,
    folder: Path | None,
    listing: bool,
) -> None:
    """Inject faults and ask the oracle. Exits with 1 where a promise was broken."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # its jobs are ended with it
    console = Console(highlight=False)
    try:
        rows = chosen((CHAOS,) if minutes else names)
    except KeyError as error:
        raise click.ClickException(f"There is no row {error}. Rows: {', '.join(row.name for row in ROWS)}.") from error
    if listing:
        show_rows(rows, console)
        return
    first = secrets.randbelow(1_000_000) if seed is None else seed
    place = folder or Path(tempfile.mkdtemp(prefix="weir-faults-"))
    seeds = range(first, first + (MOST_SEEDS if minutes else repeat))
    until = time.monotonic() + minutes * 60 if minutes else float("inf")
    console.print(f"seed {first}, {f'{minutes} minutes' if minutes else f'{repeat} of each row'}, logs in {place}")
    results = play_all(rows, seeds, place, console, jobs=jobs, keep=keep, until=until)
    show_table(results, console)
    sys.exit(0 if all(result.passed for result in results) else 1)


def play_all(
    rows: list[Row], seeds: range, place: Path, console: Console, *, jobs: int, keep: bool, until: float
) -> list[Result]:
    """Play every row with every seed, as many as end before a moment of the monotonic clock; a line each."""
    results = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("faults", total=len(rows) * len(seeds))
        for result in side_by_side(shares(rows, seeds), place, jobs=jobs, keep=keep):
            results.append(result)
            console.print(line(result), soft_wrap=True)
            progress.update(task, advance=1, description=f"row {result.row}")
            if time.monotonic() >= until:
                break
    return results


def line(result: Result) -> str:
    """One run, as it is told when it is over."""
    verdict = "[green]ok[/]" if result.passed else "[bold red]MISS[/]"
    text = (
        f"row {result.row} seed {result.seed} {verdict} {result.seconds:.0f} s, {result.clicks} clicks,"
        f" fresh in {result.fresh_seconds:.1f} s, {result.megabytes:.0f} MB, {result.restarts} restarts"
        f" ← {escape(result.injected)}"
    )
    return "\n".join([text, *(f"  [red]{escape(miss)}[/]" for miss in result.misses)])


def show_table(results: list[Result], console: Console) -> None:
    """All rows at the end."""
    table = Table("row", "runs", "misses", "seeds that missed", "fresh, worst", "memory, most", box=None)
    for name in dict.fromkeys(result.row for result in results):
        runs = [result for result in results if result.row == name]
        missed = [result for result in runs if not result.passed]
        table.add_row(
            name,
            str(len(runs)),
            str(len(missed)),
            ", ".join(str(result.seed) for result in missed) or "–",
            f"{max(result.fresh_seconds for result in runs):.1f} s",
            f"{max(result.megabytes for result in runs):.0f} MB",
        )
    console.print(table)


def show_rows(rows: list[Row], console: Console) -> None:
    """What can be injected."""
    for row in rows:
        console.print(f"[bold]{row.name}[/] {escape(row.text)}")
        if len(row.cases) > 1:
            console.print(f"  Cases: {', '.join(row.cases)}.")


if __name__ == "__main__":
    main()
