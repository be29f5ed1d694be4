"""Agents of one's own: a Faust app beside the core, in a process and a consumer group of its own, with Weir's topics.

`weir run agents alerts.py` calls the function `agents` of that file once, with what it builds on:

    def agents(weir: Weir) -> None:
        @weir.app.agent(weir.enriched)
        async def watch(clicks: StreamT[EnrichedClick]) -> None:
            async for click in clicks:
                ...

Whatever becomes of such a process, the core neither waits for it nor knows of it.

Delivery guarantee: at least once, as Faust has it; a click that an agent raised on counts as done. It is logged and
counted (`weir_agents_raised`), and the agent goes on with the next.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import faust
import msgspec
import structlog
from confluent_kafka.admin import AdminClient, NewTopic
from faust import Schema
from faust.exceptions import ValueDecodeError
from faust.topics import Topic
from faust.types import AgentT, TopicT
from prometheus_client import Counter

from ingest.events import RawClick
from ingest.events import decode as decode_raw
from ingest.kafka import CLICKS_ENRICHED, CLICKS_RAW, TOPICS
from streams.broker import app_of
from streams.enriched import EnrichedClick
from streams.enriched import decode as decode_enriched
from streams.own.find import NotFound, WrongAgents, find, told
from streams.settings import AgentSettings
from streams.transport import App

__all__ = ["EnrichedClick", "RawClick", "Weir", "agents_app"]

log = structlog.get_logger()

T = TypeVar("T")

RAISED = Counter("weir_agents_raised", "Records that an agent of one's own raised on.", ["agent"])
UNDECODABLE = Counter("weir_agents_undecodable", "Records that are none of their topic's, passed over.", ["topic"])

SECONDS = 30.0
"""How long Kafka may take to say which topics there are."""


@dataclasses.dataclass(frozen=True)
class Weir:
    """What agents of one's own are given."""

    app: faust.App
    """On Weir's Kafka, with a group id of its own; a topic of its users' own is made where it is missing."""
    raw: TopicT
    """`clicks.raw`, values `RawClick`: every record of a redirector, its own words (heartbeats) among them."""
    enriched: TopicT
    """`clicks.enriched`, values `EnrichedClick`: what is stored, at least once, where workers have WEIR_ENRICHED."""


def agents_app(name: str, settings: AgentSettings) -> "AgentsApp":
    """The app with the agents that `name` (`file.py`, `package.module`, either with `:function`) adds to it.

    Raises `WrongAgents`. Call it in the event loop that will run the app.
    """
    group = settings.agents_group or default_group(name)
    if group == settings.group:
        raise WrongAgents(
            f"WEIR_AGENTS_GROUP: {group} is the workers' group (WEIR_GROUP); agents need one of their own."
        )
    add = _found(name)
    app = app_of(
        settings,
        group,
        AgentsApp,
        consumer_auto_offset_reset=settings.agents_from,
        topic_partitions=settings.kafka_partitions,
        topic_replication_factor=settings.kafka_replication,
        Topic=PassingTopic,
    )
    raw = app.topic(settings.topic(CLICKS_RAW.name), schema=Decoded(decode_raw))
    enriched = app.topic(settings.topic(CLICKS_ENRICHED.name), schema=Decoded(decode_enriched))
    _add(add, Weir(app, raw, enriched))
    _have_topics(app, settings)
    return app


def default_group(name: str) -> str:
    """The group id of agents that were given none: by the file or module, and by the function where that is named."""
    place, _, function = name.partition(":")
    place = Path(place).stem if place.endswith(".py") else place
    return "-".join(part for part in ("weir-agents", place, function) if part)


def _found(name: str) -> Callable[[Weir], object]:
    try:
        found: Callable[[Weir], object] = find(name if ":" in name else f"{name}:agents")
    except NotFound as error:
        raise WrongAgents(f"{name}: {error}") from error
    return found


def _add(add: Callable[[Weir], object], weir: Weir) -> None:
    try:
        add(weir)
    except Exception as error:
        raise WrongAgents(f"adding the agents raised {told(error)}") from error
    if not weir.app.agents:
        raise WrongAgents("no agent was made: decorate one with `@weir.app.agent(weir.enriched)`.")


def _have_topics(app: "AgentsApp", settings: AgentSettings) -> None:
    """Make the users' own topics where they are missing; Weir's are `weir topics`' to make, as they have to be."""
    if settings.kafka_mock is not None:
        return  # it makes whatever it is asked for
    admin = AdminClient(settings.librdkafka())
    there = admin.list_topics(timeout=SECONDS).topics.keys()
    ours = {settings.topic(topic.name) for topic in TOPICS}
    read = {name for agent in app.agents.values() for name in agent.get_topic_names()}
    if missing := sorted(ours & read - there):
        raise WrongAgents(f"Kafka has no topic {', '.join(missing)}: `weir topics` makes it.")
    made = {name for topic in app.made for name in topic.topics} - ours - there
    fresh = [NewTopic(name, settings.kafka_partitions, settings.kafka_replication) for name in sorted(made)]
    for future in (admin.create_topics(fresh) if fresh else {}).values():
        future.result(SECONDS)


class AgentsApp(App):
    """An app that knows its topics, and whose agents may raise."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - Faust's own
        self.made: list[TopicT] = []
        super().__init__(*args, **options)

    def topic(self, *topics: str, **options: Any) -> TopicT:  # noqa: ANN401 - Faust's own
        """As Faust does."""
        made = super().topic(*topics, **options)
        self.made.append(made)
        return made

    async def _on_agent_error(self, agent: AgentT[Any], exc: BaseException) -> None:
        name = agent.fun.__name__
        RAISED.labels(name).inc()
        log.error("an agent raised", cause=name, reason=told(exc))


class PassingTopic(Topic):
    """A topic that passes over what can't be decoded; Faust would raise it in the agent."""

    async def on_value_decode_error(self, exc: Exception, message: Any) -> None:  # noqa: ANN401 - Faust's message
        """Count it and say so."""
        UNDECODABLE.labels(message.topic).inc()
        log.warning("a record is passed over", cause=message.topic, offset=message.offset, reason=str(exc))


class Decoded(Schema[bytes, T]):
    """Values of a topic as structs; keys as they are."""

    def __init__(self, decode: Callable[[bytes], T]) -> None:
        super().__init__()
        self._decode = decode

    def loads_key(self, app: Any, message: Any, **_: Any) -> bytes:  # noqa: ANN401, ARG002 - as Faust calls it
        """The bytes."""
        key: bytes = message.key
        return key

    def loads_value(self, app: Any, message: Any, **_: Any) -> T:  # noqa: ANN401, ARG002 - as Faust calls it
        """The struct; raises `ValueDecodeError`."""
        try:
            return self._decode(message.value or b"")
        except (msgspec.DecodeError, ValueError) as error:
            raise ValueDecodeError(str(error)) from error
