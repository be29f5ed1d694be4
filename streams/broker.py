"""How Faust reaches Kafka, in Faust's own terms."""

import contextlib
import ssl
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

from faust.auth import SASLCredentials, SSLCredentials
from faust.types import TopicT

from ingest.kafka import KafkaSettings
from streams.links import Headers, Send
from streams.transport import App, Consumer


def connection(settings: KafkaSettings) -> dict[str, Any]:
    """Arguments of `faust.App` that say where Kafka is and who we are."""
    arguments: dict[str, Any] = {"broker": [f"weir://{server.strip()}" for server in settings.kafka.split(",")]}
    protocol = settings.kafka_security_protocol
    context = _tls(settings) if protocol.endswith("SSL") else None
    if protocol.startswith("SASL"):
        arguments["broker_credentials"] = SASLCredentials(
            mechanism=settings.kafka_sasl_mechanism,
            username=settings.kafka_sasl_username,
            password=settings.kafka_sasl_password.get_secret_value(),
            ssl_context=context,
        )
    elif context is not None:
        arguments["broker_credentials"] = SSLCredentials(context=context)
    return arguments


def _tls(settings: KafkaSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.kafka_ssl_ca or None)
    if settings.kafka_ssl_certificate:
        context.load_cert_chain(settings.kafka_ssl_certificate, settings.kafka_ssl_key or None)
    return context


A = TypeVar("A", bound=App)


def app_of(settings: KafkaSettings, group: str, kind: type[A], **more: Any) -> A:  # noqa: ANN401 - Faust's
    """A Faust app on Weir's transport; `group` is its id, and its consumer group."""
    return kind(
        group,
        **connection(settings),
        stream_wait_empty=True,  # a rebalance and a stop wait for what is in flight
        consumer_metadata_max_age_ms=10_000,  # a topic that is made again is seen soon
        topic_disable_leader=True,
        web_enabled=False,  # Faust's web server would serve table data
        **more,
    )


def sender(topic: TopicT) -> Send:
    """Queue bytes for a topic, in order; what it returns is done when Kafka has them."""

    async def send(key: bytes, value: bytes | None, partition: int | None, headers: Headers) -> Awaitable[Any]:
        return await topic.send(key=key, value=value, partition=partition, headers=list(headers))

    return send


@contextlib.contextmanager
def stopping(consumer: Consumer, fail: Callable[[BaseException], None]) -> Iterator[None]:
    """No exception leaves an agent: Faust would acknowledge what it was working on and go on with the next."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  # the one place that runs a stage
        consumer.halt()  # what comes after it is done in vain: it is read again too
        fail(error)
