"""W1 to W3: the worker against Faust as it comes, Quix Streams, Bytewax and a bare loop, on the same log."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import click

from benchmarks.environments import PEERS, Unavailable, python_of
from benchmarks.figures import Absolute, Ratio, Spread, ratio_of
from benchmarks.ground import Ground, Log, Tell
from benchmarks.race import ALONE, BARE, BYTEWAX, CONTENDERS, FAUST, QUIX, WORKER, Contender, Run, race

NEEDED = {"worker": (WORKER,), "W1": (WORKER, FAUST), "W2": (WORKER, QUIX, BYTEWAX), "W3": (WORKER, BARE, ALONE)}
"""Figure → who has to run for it."""

RATES = (
    ("W1", "worker ÷ Faust `take()`", FAUST, 8.0, 10.0),
    ("W2", "worker ÷ Quix Streams", QUIX, 3.0, 4.0),
    ("W2", "worker ÷ Bytewax", BYTEWAX, 1.2, 1.5),
    ("W3", "worker ÷ bare `consume()` loop", BARE, 0.8, 0.9),
)


@dataclasses.dataclass
class Speed:
    """What the races gave."""

    runs: dict[str, list[Run]]
    said: dict[str, Mapping[str, float]]
    """What the last run of a contender said of itself, in seconds an event."""
    absent: dict[str, str]
    """Contender → why it did not run."""

    def ratios(self) -> list[Ratio]:
        """All ratios that both sides ran for."""
        found = [
            Ratio(number, title, floor, goal, ratio_of(self._rates(WORKER), self._rates(other)))
            for number, title, other, floor, goal in RATES
            if self.runs.get(other.name)
        ]
        if alone := self.runs.get(ALONE.name):
            own = [run.cost - base.cost for run, base in zip(self.runs[WORKER.name], alone, strict=True)]
            title = "worker's own cost above functions and insert"
            found.append(Ratio("W3", title, 5.0, 3.0, Spread.of(own), at_least=False, unit="µs CPU an event"))
        return found

    def absolutes(self) -> list[Absolute]:
        """What each contender did by itself."""
        return [
            Absolute(
                contender.title,
                {
                    "events/s": Spread.of([run.rate for run in runs]),
                    "µs CPU an event": Spread.of([run.cost for run in runs]),
                    "µs CPU of the warehouse an event": Spread.of([run.warehouse_cost for run in runs]),
                },
            )
            for contender in CONTENDERS
            if (runs := self.runs.get(contender.name))
        ]

    def _rates(self, contender: Contender) -> list[float]:
        return [run.rate for run in self.runs[contender.name]]


def measure(
    ground: Ground, log: Log, only: Sequence[str], *, rounds: int, tell: Tell, done: Callable[[Run], None]
) -> Speed:
    """Run everybody whom the figures need, round by round: all of a round in a row, each round beginning with another.

    A peer that can't be installed or does not get through is left out, and why is kept.
    """
    wanted = {contender for figure in only for contender in NEEDED.get(figure, ())}
    field = [contender for contender in CONTENDERS if contender in wanted]
    speed = Speed({}, {}, {})
    field = [contender for contender in field if _installed(ground, contender, speed, tell)]
    for number in range(rounds):
        turn = number % len(field)
        for contender in [*field[turn:], *field[:turn]]:
            if contender.name not in speed.absent:
                title = f"round {number + 1} of {rounds}: {contender.title}"
                _race(speed, ground, log, contender, tell=partial(tell, title), done=done)
    return speed


def _installed(ground: Ground, contender: Contender, speed: Speed, tell: Tell) -> bool:
    if contender.peer in PEERS:
        try:
            python_of(contender.peer, ground.path / "peers", lambda what: tell(what, 0, 0))
        except Unavailable as reason:
            speed.absent[contender.name] = f"not installed: {reason}"
            return False
    return True


def _race(
    speed: Speed,
    ground: Ground,
    log: Log,
    contender: Contender,
    *,
    tell: Callable[[int, int], None],
    done: Callable[[Run], None],
) -> None:
    try:
        run, said = race(ground, log, contender, lambda rows: tell(rows, log.records))
    except click.ClickException as failure:
        if contender is WORKER:
            raise
        speed.absent[contender.name] = " … ".join(
            failure.message.splitlines()[:: max(1, len(failure.message.splitlines()) - 1)]
        )
        speed.runs.pop(contender.name, None)
        return
    speed.runs.setdefault(contender.name, []).append(run)
    scale = 1 if contender is ALONE else log.records
    speed.said[contender.name] = {step: seconds / scale for step, seconds in said.items()}
    done(run)
