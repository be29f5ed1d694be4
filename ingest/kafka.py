"""How every service reaches the log, and which topics with which settings it needs there."""

import dataclasses
import os
import ssl
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal
from uuid import UUID, uuid5

from confluent_kafka import Consumer, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
CLICKS_PARTITIONER = "consistent"
"""librdkafka's name of the rule by which a click's key finds its partition: `ingest.events.partition_of`."""


class KafkaSettings(BaseSettings):
    """Connection to Kafka, from the environment; read once at start."""

    model_config = SettingsConfigDict(env_prefix="WEIR_", frozen=True, extra="ignore", env_ignore_empty=True)

    kafka: str = Field("127.0.0.1:9092", description="Bootstrap servers, `host:port` joined by commas.")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to talk to Kafka."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="SASL mechanism, where the protocol has SASL."
    )
    kafka_sasl_username: str = Field("", description="SASL user name.")
    kafka_sasl_password: SecretStr = Field(SecretStr(""), description="SASL password.")
    kafka_ssl_ca: str = Field("", description="File of the certificate authority; empty: the system's.")
    kafka_ssl_certificate: str = Field("", description="File of the client's certificate, for mutual TLS.")
    kafka_ssl_key: str = Field("", description="File of the client's key, for mutual TLS.")
    kafka_prefix: str = Field("", description="Put before every topic name, for several installations on one Kafka.")
    kafka_partitions: int = Field(4, ge=1, le=4096, description="Partitions of a topic that Weir makes.")
    kafka_replication: int = Field(1, ge=1, le=9, description="Replicas of a topic that Weir makes.")
    kafka_mock: UUID | None = Field(
        None,
        description="Start id of librdkafka's mock cluster, where that is the broker: no admin API, no topic ids,"
        " no compaction and nothing on disk, so this id stands for all of its topics' ids.",
    )

    @field_validator("kafka_ssl_ca")
    @classmethod
    def _kafka_ca(cls, value: str) -> str:
        if value:
            try:
                ssl.create_default_context(cafile=value)
            except OSError as error:
                raise ValueError(f"no certificate can be read from {value}: {error.strerror}") from None
        return value

    @field_validator("kafka_ssl_certificate", "kafka_ssl_key")
    @classmethod
    def _kafka_file(cls, value: str) -> str:
        if value and not os.access(value, os.R_OK):
            raise ValueError(f"there is no file {value} that can be read")
        return value

    def topic(self, name: str) -> str:
        """The topic's name in this installation."""
        return self.kafka_prefix + name

    def librdkafka(self) -> dict[str, str | int | float | bool]:
        """Connection settings for confluent-kafka clients.

        librdkafka writes no lines of its own to stderr: what is wrong is raised, or told to the client's `error_cb`.
        """
        conf: dict[str, str | int | float | bool] = {
            "bootstrap.servers": self.kafka,
            "security.protocol": self.kafka_security_protocol,
            "log_level": 0,
        }
        if self.kafka_security_protocol.startswith("SASL"):
            conf["sasl.mechanism"] = self.kafka_sasl_mechanism
            conf["sasl.username"] = self.kafka_sasl_username
            conf["sasl.password"] = self.kafka_sasl_password.get_secret_value()
        files = {
            "ssl.ca.location": self.kafka_ssl_ca,
            "ssl.certificate.location": self.kafka_ssl_certificate,
            "ssl.key.location": self.kafka_ssl_key,
        }
        conf.update((option, file) for option, file in files.items() if file)
        return conf

    def producer(self) -> dict[str, Any]:
        """What every producer of ours has to be told: nothing twice, and a key's records where all clients put them."""
        return {
            **self.librdkafka(),
            "acks": "all",
            "enable.idempotence": True,
            "compression.type": "lz4",
            "partitioner": "murmur2_random",  # Kafka's own: librdkafka's would put a link into another partition
            "allow.auto.create.topics": self.kafka_mock is not None,
        }


@dataclasses.dataclass(frozen=True)
class Topic:
    """A topic that Weir needs, with the settings that its correctness rests on."""

    name: str
    purpose: str
    config: Mapping[str, str]
    single_partition: bool = False


def _config(**options: str | int) -> Mapping[str, str]:
    return MappingProxyType({name.replace("_", "."): str(value) for name, value in options.items()})


CLICKS_RAW = Topic(
    "clicks.raw",
    "Every request that reached the redirector, one record each; keyed by what must be judged together.",
    _config(cleanup_policy="delete", retention_ms=7 * DAY_MS, message_timestamp_type="LogAppendTime"),
)
CLICKS_ENRICHED = Topic(
    "clicks.enriched",
    "Every request as it is stored, for other consumers, keyed as in clicks.raw; empty unless WEIR_ENRICHED is set.",
    _config(cleanup_policy="delete", retention_ms=7 * DAY_MS),
)
CLICKS_DEAD = Topic(
    "clicks.dead",
    "What could not be decoded or stored, and why; for consumers of your own, Weir itself goes by `dead_letters`.",
    _config(cleanup_policy="delete", retention_ms=7 * DAY_MS),
)
LINKS = Topic(
    "links",
    "The links, compacted; keyed by domain/slug, written by the links agent only.",
    _config(cleanup_policy="compact", delete_retention_ms=7 * DAY_MS),
)
LINK_COMMANDS = Topic(
    "links.commands",
    "Wishes to change a link, keyed like the link.",
    _config(cleanup_policy="delete", retention_ms=7 * DAY_MS),
)
LINK_REPLIES = Topic(
    "links.replies",
    "What became of each command, keyed by the command's id.",
    _config(cleanup_policy="delete", retention_ms=HOUR_MS, segment_ms=HOUR_MS),
    single_partition=True,
)
SALTS = Topic(
    "salts",
    "The secret salt of each day; the first record of a day wins. Deleted after 48 hours, for good.",
    _config(cleanup_policy="delete", retention_ms=48 * HOUR_MS, segment_ms=HOUR_MS),
    single_partition=True,
)

TOPICS = (CLICKS_RAW, CLICKS_ENRICHED, CLICKS_DEAD, LINKS, LINK_COMMANDS, LINK_REPLIES, SALTS)


def topic_id(settings: KafkaSettings, topic: Topic, *, timeout: float = 30.0) -> UUID:
    """The id that Kafka gave a topic when it was made: a topic that is made again gets another one.

    Blocks; raises `confluent_kafka.KafkaException` where there is no such topic or no broker.
    """
    name = settings.topic(topic.name)
    if settings.kafka_mock is not None:
        return uuid5(settings.kafka_mock, name)
    admin = AdminClient(settings.librdkafka())
    described = admin.describe_topics(TopicCollection([name]), request_timeout=timeout)[name].result(timeout)
    return UUID(
        int=described.topic_id.get_most_significant_bits() % (1 << 64) << 64
        | described.topic_id.get_least_significant_bits() % (1 << 64)
    )


def topic_option(settings: KafkaSettings, topic: Topic, option: str, *, timeout: float = 30.0) -> str:
    """What a topic's option is in Kafka, which need not be what Weir would set.

    Blocks; raises `confluent_kafka.KafkaException` where there is no such topic, no broker or no right to know.
    """
    if settings.kafka_mock is not None:
        return topic.config[option]
    admin = AdminClient(settings.librdkafka())
    asked = ConfigResource(ResourceType.TOPIC, settings.topic(topic.name))
    [described] = admin.describe_configs([asked], request_timeout=timeout).values()
    return str(described.result(timeout)[option].value)


def watermarks(settings: KafkaSettings, topic: Topic, *, timeout: float = 30.0) -> dict[int, tuple[int, int]]:
    """The first offset that the log has, and the one after its last, of each partition.

    Blocks; raises `confluent_kafka.KafkaException` where there is no such topic or no broker.
    """
    consumer = Consumer({**settings.librdkafka(), "group.id": "weir-watermarks", "enable.auto.commit": False})
    try:
        name = settings.topic(topic.name)
        described = consumer.list_topics(name, timeout).topics[name]
        if described.error is not None:
            raise KafkaException(described.error)
        return {
            number: consumer.get_watermark_offsets(TopicPartition(name, number), timeout)
            for number in sorted(described.partitions)
        }
    finally:
        consumer.close()
