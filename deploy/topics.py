"""The topics that Weir needs: made where they are missing, refused where they are there with other settings.

What is compared is exactly what `ingest.kafka.TOPICS` names, since correctness rests on it: the append time that the
ledger orders by, the compaction that keeps the links, the retention that forgets the salts.
"""

import dataclasses
import enum
import time
from collections.abc import Iterable, Iterator, Mapping

import click
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType, TopicMetadata

from ingest.kafka import TOPICS, KafkaSettings, Topic

SECONDS = 10.0
FOREVER = -1


class State(enum.StrEnum):
    """What became of a topic."""

    RIGHT = "right"
    """It is there with the settings that it needs."""
    MADE = "made"
    MISSING = "missing"
    """It is not there, and was not to be made."""
    WRONG = "wrong"


@dataclasses.dataclass(frozen=True)
class Problem:
    """One setting of an existing topic that does not fit."""

    setting: str
    found: str
    wanted: str
    mend: str
    """What puts it right."""


@dataclasses.dataclass(frozen=True)
class Found:
    """One topic, as it was found or made."""

    topic: str
    purpose: str
    state: State
    partitions: int = 0
    problems: tuple[Problem, ...] = ()

    def describe(self) -> str:
        """Its problems, a line or two each."""
        return "\n".join(
            f"{self.topic}: {problem.setting} is {problem.found}, and has to be {problem.wanted}.\n  {problem.mend}"
            for problem in self.problems
        )


def ensure(settings: KafkaSettings, *, make: bool = True, topics: Iterable[Topic] = TOPICS) -> list[Found]:
    """Look at every topic, and make those that are missing (`make`). A topic that is there is never changed.

    Raises `click.ClickException` where Kafka does not answer or refuses.
    """
    wanted = {settings.topic(topic.name): topic for topic in topics}
    try:
        admin = AdminClient(settings.librdkafka())
        missing = wanted.keys() - admin.list_topics(timeout=SECONDS).topics.keys()
        if make:
            _make(admin, settings, {name: wanted[name] for name in missing})
        there = wanted if make else {name: topic for name, topic in wanted.items() if name not in missing}
        looked = _look(admin, settings, there)
    except KafkaException as error:
        raise click.ClickException(
            f"Kafka at {settings.kafka} (WEIR_KAFKA): {error.args[0].str()}. Check the address and the WEIR_KAFKA_…"
            " settings of TLS and SASL; `weir up` starts one."
        ) from error
    looked += [Found(name, wanted[name].purpose, State.MISSING) for name in wanted.keys() - there.keys()]
    if make:
        looked = [_made(found) if found.topic in missing else found for found in looked]
    order = list(wanted)
    return sorted(looked, key=lambda found: order.index(found.topic))


def _made(found: Found) -> Found:
    """A topic that was missing before; wrong it can be where somebody else made it at the same moment."""
    return found if found.problems else dataclasses.replace(found, state=State.MADE)


def _make(admin: AdminClient, settings: KafkaSettings, missing: Mapping[str, Topic]) -> None:
    """Make topics; one that somebody else has made in the meantime is as good."""
    new = [
        NewTopic(
            name,
            num_partitions=1 if topic.single_partition else settings.kafka_partitions,
            replication_factor=settings.kafka_replication,
            config=dict(topic.config),
        )
        for name, topic in missing.items()
    ]
    if not new:
        return
    for future in admin.create_topics(new, operation_timeout=SECONDS).values():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def _look(admin: AdminClient, settings: KafkaSettings, there: Mapping[str, Topic]) -> list[Found]:
    """The topics as they are."""
    if not there:
        return []
    metadata = _metadata(admin, there)
    configs = admin.describe_configs([ConfigResource(ResourceType.TOPIC, name) for name in there])
    looked = []
    for resource, future in configs.items():
        topic, partitions = there[resource.name], len(metadata[resource.name].partitions)
        config = {name: entry.value for name, entry in future.result().items()}
        problems = tuple(_problems(settings, topic, config, partitions))
        state = State.WRONG if problems else State.RIGHT
        looked.append(Found(resource.name, topic.purpose, state, partitions, problems))
    return looked


def _metadata(admin: AdminClient, names: Iterable[str]) -> Mapping[str, TopicMetadata]:
    """The topics' metadata; a topic that has just been made is known to every broker a moment later only."""
    limit = time.monotonic() + SECONDS
    while True:
        found: Mapping[str, TopicMetadata] = admin.list_topics(timeout=SECONDS).topics
        absent = [name for name in names if name not in found]
        if not absent:
            return found
        if time.monotonic() > limit:
            raise click.ClickException(f"Kafka made the topics {', '.join(absent)}, but does not show them.")
        time.sleep(0.05)


def _problems(settings: KafkaSettings, topic: Topic, found: Mapping[str, str], partitions: int) -> Iterator[Problem]:
    name = settings.topic(topic.name)
    if topic.single_partition and partitions != 1:
        mend = (
            f"Partitions can't be taken away: stop Weir, `kafka-topics.sh --bootstrap-server {settings.kafka} --delete"
            f" --topic {name}`, then `weir topics`."
        )
        yield Problem("partitions", str(partitions), "1", mend)
    for setting, value in topic.config.items():
        if not fits(topic, setting, found[setting]):
            mend = (
                f"kafka-configs.sh --bootstrap-server {settings.kafka} --alter --entity-type topics"
                f" --entity-name {name} --add-config {setting}={value}"
            )
            yield Problem(setting, found[setting], value, mend)


def fits(topic: Topic, setting: str, found: str) -> bool:
    """Whether a topic's setting does what the topic needs.

    A longer retention than needed does no harm, but for a topic that has to forget: that is one whose segments are
    bounded in time (`segment.ms`), since Kafka forgets whole segments only.
    """
    wanted = topic.config[setting]
    if setting.endswith("retention.ms") and "segment.ms" not in topic.config:
        return int(found) == FOREVER or int(found) >= int(wanted)
    if setting == "segment.ms":
        return int(found) <= int(wanted)
    return set(found.split(",")) == set(wanted.split(","))


def refuse_wrong(found: Iterable[Found]) -> None:
    """Raise `click.ClickException` that names every setting that does not fit, and what mends it."""
    wrong = [topic.describe() for topic in found if topic.state is State.WRONG]
    if wrong:
        raise click.ClickException("Topics are there with settings that Weir can't work with.\n" + "\n".join(wrong))
