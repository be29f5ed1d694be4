"""How Faust reaches Kafka, in Faust's own terms."""

import ssl
from collections.abc import Awaitable
from typing import Any

from faust.auth import SASLCredentials, SSLCredentials
from faust.types import TopicT

from ingest.kafka import KafkaSettings
from streams.links import Headers, Send


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


def sender(topic: TopicT) -> Send:
    """Queue bytes for a topic, in order; what it returns is done when Kafka has them."""

    async def send(key: bytes, value: bytes | None, partition: int | None, headers: Headers) -> Awaitable[Any]:
        return await topic.send(key=key, value=value, partition=partition, headers=list(headers))

    return send
