"""The graph of the stream as data: its agents, the steps of a click, and how long a worker takes for them."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import cast

import httpx
from prometheus_client.parser import text_string_to_metric_families

from ingest.kafka import CLICKS_DEAD, CLICKS_ENRICHED
from streams.chain import JUDGE
from streams.own.find import offered
from streams.own.load import GROUP
from streams.pipeline import click_chain, pipeline
from streams.publisher import PUBLISH
from streams.settings import StreamSettings
from streams.transport import Consumer
from warehouse.ledger import Ledger

INSERT = "insert"
"""The step after the chain's."""

STEP_SUM, INSERT_SUM = "weir_worker_step_seconds_sum", "weir_worker_insert_seconds_sum"


@dataclasses.dataclass(frozen=True)
class Agent:
    """One of the worker's agents."""

    name: str
    reads: tuple[str, ...]
    """Topics."""
    writes: tuple[str, ...]
    """Topics, and tables of ClickHouse."""
    purpose: str


@dataclasses.dataclass(frozen=True)
class Step:
    """One step of a click."""

    name: str
    own: bool = False
    """It is an enricher of the users' own."""
    micros: float | None = None
    """Microseconds a row, by a worker's metrics; None: no worker answers, or it has had no rows."""
    skipped: int | None = None
    """Clicks that went on without an own enricher, because it raised."""


@dataclasses.dataclass(frozen=True)
class Graph:
    """All of it."""

    agents: tuple[Agent, ...]
    steps: tuple[Step, ...]
    offered: tuple[str, ...]
    """Enrichers of installed packages that WEIR_ENRICHERS does not name."""
    worker: str | None = None
    """Where the times are from."""
    rows: int | None = None
    """How many rows that worker has made since it started."""


WRITES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "clicks": ("events", "dead_letters", CLICKS_DEAD.name),
        "decide_links": ("links", "links.replies"),
        "store_links": ("links (table)",),
    }
)
"""Agent → what it writes."""


async def graph(settings: StreamSettings) -> Graph:
    """The graph that a worker with these settings runs; raises what a worker refuses to start for."""
    ledger = Ledger(None)  # type: ignore[arg-type]  # nothing is run, so nothing is asked
    chain = click_chain(settings, ledger)
    app = pipeline(settings, ledger, _never)
    cast(
        Consumer, app.consumer
    )._thread.thread_loop.close()  # Faust makes it with the app, and closes it when the app has run
    agents = tuple(
        Agent(name, tuple(agent.get_topic_names()), _written(name, settings), _purpose(agent.fun))
        for name, agent in ((name.rpartition(".")[2], agent) for name, agent in app.agents.items())
    )
    own = {enricher.name for enricher in chain.own}
    names = (*chain.steps, INSERT, *((PUBLISH,) if settings.enriched else ()))
    steps = tuple(Step(name, name in own) for name in names)
    return Graph(agents, steps, tuple(name for name in offered(GROUP) if name not in own))


def _written(agent: str, settings: StreamSettings) -> tuple[str, ...]:
    return (*WRITES[agent], CLICKS_ENRICHED.name) if agent == "clicks" and settings.enriched else WRITES[agent]


def _never(error: BaseException) -> None:
    raise error


def _purpose(function: Callable[..., object]) -> str:
    return " ".join((inspect.getdoc(function) or "").split())


def metrics_of(worker: str) -> str | None:
    """The metrics of a running worker as it tells them; None where none answers at the address."""
    try:
        answer = httpx.get(f"{worker.rstrip('/')}/-/metrics", timeout=5.0, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
    return answer.text if answer.status_code == httpx.codes.OK else None


def timed(found: Graph, worker: str, metrics: str) -> Graph:
    """The graph with how long a row takes at each step, as a worker's metrics say, and with steps that only it has."""
    samples = {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
    }
    rows = samples.get(("weir_worker_rows_made_total", ""), 0)

    def step(one: Step) -> Step:
        seconds = samples.get((INSERT_SUM, "") if one.name == INSERT else (STEP_SUM, one.name))
        return dataclasses.replace(
            one,
            micros=round(seconds / rows * 1e6, 2) if rows and seconds is not None else None,
            skipped=int(samples.get(("weir_worker_own_skipped_total", one.name), 0)) if one.own else None,
        )

    steps = _with_others(found.steps, [label for name, label in samples if name == STEP_SUM])
    return dataclasses.replace(found, steps=tuple(map(step, steps)), worker=worker, rows=int(rows))


def _with_others(steps: Sequence[Step], timed_there: Sequence[str]) -> list[Step]:
    """The steps, and before the judge those that a worker with other settings has, in its order."""
    known = {step.name for step in steps}
    others = [Step(name, own=True) for name in timed_there if name not in known | {PUBLISH}]
    judge = next(place for place, step in enumerate(steps) if step.name == JUDGE)
    last = [Step(PUBLISH)] if PUBLISH in timed_there and PUBLISH not in known else []
    return [*steps[:judge], *others, *steps[judge:], *last]
