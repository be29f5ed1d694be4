"""`weir bench redirector`: what a redirect costs, beside a bare uvicorn and nginx under the same requests."""

import contextlib
import dataclasses
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
import msgspec
from rich.console import Console

from benchmarks import present
from benchmarks.figures import Absolute, Ratio, Spread, ratio_of
from benchmarks.ground import Ground, Tell
from benchmarks.machine import Machine, machine
from benchmarks.redirects import loaders, promise, servers
from benchmarks.redirects.load import Load, Task
from benchmarks.redirects.requests import DISTINCT, SEPARATOR, requests
from benchmarks.redirects.servers import Cpu, Server
from deploy.preflight import HOST
from ingest.kafka import KafkaSettings
from ingest.shortcut import is_compiled

FIGURES = ("R1", "R3", "memory")
WARM_SECONDS = 1.0
SETTLE_SECONDS = 2.0
LATE = 0.001
"""A load whose p99 of lateness is above this many seconds has not kept its rate."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is measured, and how thoroughly."""

    only: tuple[str, ...] = FIGURES
    rounds: int = 5
    links: int = 1_000_000
    seconds: float = 10.0
    connections: int = 64
    rate: float = 0.0
    """Of R3, requests/s; 0: half of what the redirector took at most."""
    seed: int = 1


@dataclasses.dataclass(frozen=True)
class Run:
    """One server under one load."""

    server: str
    load: Load
    cpu: Cpu

    @property
    def cost(self) -> float:
        """CPU microseconds of the server a request."""
        return self.cpu.all / self.load.answered * 1e6

    @property
    def cpu_of_kafka(self) -> float:
        """Those of them that threads beside the answering one used."""
        return self.cpu.others / self.load.answered * 1e6


@dataclasses.dataclass
class Report:
    """All that was measured."""

    plan: Plan
    machine: Machine
    ratios: list[Ratio] = dataclasses.field(default_factory=list)
    absolutes: list[Absolute] = dataclasses.field(default_factory=list)
    clicks: int = 0
    """Clicks that were looked up in Kafka after the runs, and were all there."""
    notes: list[str] = dataclasses.field(default_factory=list)


Done = Callable[[Run], None]


class Bench:
    """The servers on their core, and the load on the other."""

    def __init__(self, ground: Ground, report: Report, core: int, *, tell: Tell, done: Done) -> None:
        self._ground, self._plan, self._core, self._tell, self._done = ground, report.plan, core, tell, done
        self._requests = ground.path / "requests"
        wanted = min(DISTINCT, 20 * report.plan.links)
        self._requests.write_bytes(SEPARATOR.join(requests(wanted, report.plan.links, report.plan.seed)))
        self.report = report

    def measure(self) -> None:
        """Everything that the plan asks for."""
        kafka = self._ground.links(self._plan.links)
        promise.empty(kafka)
        shutil.rmtree(self._ground.path / servers.SPOOL, ignore_errors=True)  # snapshots, and what a killed run left
        self._tell("loading the links", 0, 0)
        redirector = servers.redirector(self._ground, self._core, kafka)
        if "memory" in self._plan.only:
            self._memory(redirector)
        bare = servers.bare(self._ground, self._core)
        if not {"R1", "R3"} & set(self._plan.only):
            return
        rate = self._plan.rate
        if "R1" in self._plan.only or not rate:
            speed = self._speed(redirector, bare, kafka)
            rate = rate or speed / 2
        if "R3" in self._plan.only:
            self._latency(redirector, bare, kafka, rate)

    def _memory(self, full: Server) -> None:
        """What the links take, and how long they take to be read."""
        time.sleep(SETTLE_SECONDS)
        empty = servers.redirector(self._ground, self._core, self._ground.links(0))
        time.sleep(SETTLE_SECONDS)
        links = (full.resident - empty.resident) / self._plan.links
        title, once = f"a redirector's memory with {self._plan.links:,} links", Spread.of
        self.report.ratios.append(
            Ratio("–", f"{title}, above that with none", 500, 500, once([links]), at_least=False, unit="bytes a link")
        )
        loading = Ratio("–", "from start to ready with them", 60, 60, once([full.seconds]), at_least=False, unit="s")
        self.report.ratios.append(loading)
        self.report.absolutes.append(Absolute("Redirector without links", {"MB": once([empty.resident / 1e6])}))
        self._ground.end(empty.process)

    def _speed(self, redirector: Server, bare: Server, kafka: KafkaSettings) -> float:
        """R1; the redirector's requests a second."""
        field = [redirector, bare, *filter(None, [servers.nginx(self._ground, self._core)])]
        if len(field) == 2:
            self.report.notes.append("nginx is missing: it is not installed.")
        found: dict[str, list[Run]] = {server.title: [] for server in field}
        for number in range(self._plan.rounds):
            turn = number % len(field)
            for server in (*field[turn:], *field[:turn]):
                self._tell(f"round {number + 1} of {self._plan.rounds}: {server.title}", 0, 0)
                run = self._run(server)
                if server is redirector:
                    self._keep(kafka, run.load)
                found[server.title].append(run)
        self._report_speed(found, redirector.title, bare.title)
        return Spread.of([run.load.rate for run in found[redirector.title]]).median

    def _report_speed(self, found: dict[str, list[Run]], own: str, bare: str) -> None:
        rates = {title: [run.load.rate for run in runs] for title, runs in found.items()}
        costs = {title: [run.cost for run in runs] for title, runs in found.items()}
        title = "requests/s, every click in Kafka ÷ bare uvicorn"
        self.report.ratios.append(Ratio("R1", title, 0.60, 0.75, ratio_of(rates[own], rates[bare])))
        self.report.ratios.append(
            Ratio("R1", "the same by CPU time a request", 0.60, 0.75, ratio_of(costs[bare], costs[own]))
        )
        for title, runs in found.items():
            figures = {"requests/s": Spread.of(rates[title]), "µs CPU a request": Spread.of(costs[title])}
            if title == own:
                figures["µs of them in librdkafka's threads"] = Spread.of([run.cpu_of_kafka for run in runs])
            figures["ms at p99"] = Spread.of([run.load.p99 * 1e3 for run in runs])
            self.report.absolutes.append(Absolute(f"{title}, as much as it takes", figures))

    def _latency(self, redirector: Server, bare: Server, kafka: KafkaSettings, rate: float) -> None:
        """R3: at a constant rate, with Kafka and while it hangs."""
        up, down, others = [], [], []
        for number in range(self._plan.rounds):
            title = f"round {number + 1} of {self._plan.rounds}: {rate:,.0f} requests/s, "
            self._tell(f"{title}{bare.title}", 0, 0)
            others.append(self._run(bare, rate))
            self._tell(f"{title}{redirector.title}", 0, 0)
            up.append(self._run(redirector, rate))
            self._tell(f"{title}Kafka hangs", 0, 0)
            with self._ground.kafka_hangs():
                down.append(self._run(redirector, rate))
            self._keep(kafka, up[-1].load, down[-1].load)
        self._report_latency(rate, up, down, others)

    def _report_latency(self, rate: float, up: Sequence[Run], down: Sequence[Run], bare: Sequence[Run]) -> None:
        slow = {name: [run.load.p99 for run in runs] for name, runs in (("up", up), ("down", down), ("bare", bare))}
        refused = [float(run.load.refused + run.load.broken) for run in (*up, *down)]
        self.report.ratios += [
            Ratio("R3", "p99 ÷ bare uvicorn's, same rate", 2, 1.5, ratio_of(slow["up"], slow["bare"]), at_least=False),
            Ratio("R3", "p99, Kafka hangs ÷ answers", 1.5, 1.2, ratio_of(slow["down"], slow["up"]), at_least=False),
            Ratio("R3", "answers that are no redirect", 0, 0, Spread.of(refused), at_least=False),
        ]
        for title, runs in (("redirector", up), ("redirector, Kafka hangs", down), ("bare uvicorn", bare)):
            figures = {
                f"ms at {name}": Spread.of([getattr(run.load, name) * 1e3 for run in runs])
                for name in ("p50", "p99", "p999")
            }
            self.report.absolutes.append(Absolute(f"{title}, {rate:,.0f} requests/s", figures))
        late = max(run.load.late for run in (*up, *down, *bare))
        kept_up = "kept its rate" if late < LATE else "did NOT keep its rate: latencies are too high"
        self.report.notes.append(f"The load of R3 {kept_up}: p99 of its own lateness {late * 1e3:.2f} ms at most.")
        if not all(run.load.real_time for run in up):
            self.report.notes.append("The load had no real-time priority: Kafka, on its core, could delay it.")

    def _run(self, server: Server, rate: float = 0.0) -> Run:
        """One load on one server, after a short one that is not counted."""
        task = Task(HOST, server.port, str(self._requests), self._plan.connections, self._plan.seconds, rate)
        if rate:
            task = msgspec.structs.replace(task, seconds=task.seconds + WARM_SECONDS, warm=WARM_SECONDS)
        before = server.cpu
        load = loaders.run(task)
        run = Run(server.title, load, server.cpu - before)
        self._done(run)
        return run

    def _keep(self, kafka: KafkaSettings, *loads: Load) -> None:
        """Look for the clicks of loads in Kafka."""
        self._tell("looking for the clicks in Kafka", 0, 0)
        answered = sum(load.answered for load in loads)
        self.report.clicks += promise.kept(kafka, answered, len(loads) * self._plan.connections)


def measure(folder: Path, plan: Plan, tell: Tell, done: Done) -> Report:
    """Measure what the plan asks for. Raises `click.ClickException` where a promise is broken or a server ends."""
    report = Report(plan, machine())
    with _two_cores() as core, Ground(folder, tell, warehouse=False) as ground:
        Bench(ground, report, core, tell=tell, done=done).measure()
    tool = f"wrk with {plan.connections} connections" if loaders.wrk() else "a Python process (wrk is not installed)"
    report.notes += [
        f"The redirector's hot modules ran {'compiled' if is_compiled() else 'as plain Python'}.",
        f"The load of R1 is {tool}; that of R3 a Python process with an open loop.",
        f"After the runs, {report.clicks:,} clicks were counted in Kafka: every one that was answered, none twice.",
    ]
    return report


@contextlib.contextmanager
def _two_cores() -> Iterator[int]:
    """The servers' core; this process and all else that it starts are on another as long as it lasts."""
    mine = os.sched_getaffinity(0)
    if len(mine) < 2:
        raise click.ClickException("The benchmark needs two cores: one for the server, one for load and Kafka.")
    server, other = sorted(mine)[:2]
    os.sched_setaffinity(0, {other})
    try:
        yield server
    finally:
        os.sched_setaffinity(0, mine)


def as_json(report: Report) -> str:
    """Everything, as one JSON object."""
    ratios = [dataclasses.asdict(ratio) | {"reached": ratio.reached} for ratio in report.ratios]
    return json.dumps(dataclasses.asdict(report) | {"ratios": ratios}, indent=2)


def show(report: Report, console: Console) -> None:
    """The tables on a terminal."""
    present.tables(_head(report), present.figures(report.ratios, report.absolutes), _notes(report), console)


def markdown(report: Report) -> str:
    """The tables for `docs/benchmarks.md`."""
    return present.as_markdown(_head(report), present.figures(report.ratios, report.absolutes), _notes(report))


def _head(report: Report) -> list[str]:
    plan = report.plan
    what = f"{plan.links:,} links, {plan.rounds} rounds of {plan.seconds:g} s; median (least–greatest)"
    return [*present.machine_lines(report.machine), what]


def _notes(report: Report) -> Iterator[str]:
    yield from present.busy(report.machine)
    yield "Server on one core with all its threads; Kafka and the load on another. Ratios are of rounds."
    yield from report.notes
