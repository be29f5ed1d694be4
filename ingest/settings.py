"""What the redirector can be told, from the environment."""

import ipaddress
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from ingest.address import Network
from ingest.kafka import KafkaSettings
from ingest.links import normalise_domain


class IngestSettings(KafkaSettings):
    """Settings of the redirector; read once at start."""

    redirector_host: str = Field("127.0.0.1", description="Address that the redirector listens on.")
    redirector_port: int = Field(8080, ge=0, le=65535, description="Its port; 0 takes a free one.")
    redirector_queue: int = Field(
        100_000,
        ge=1,
        le=10_000_000,
        description="Events that may wait for Kafka; beyond it clicks are redirected and not counted.",
    )
    redirector_heartbeat_seconds: float = Field(
        5.0, ge=0.1, le=3600, description="How often a redirector says which of its events Kafka has."
    )
    redirector_stop_seconds: int = Field(
        10, ge=0, le=600, description="How long a redirector that is stopped waits for requests and for Kafka, each."
    )
    default_domain: str = Field("localhost", description="Domain whose links answer where a host has none of its own.")
    time_zone: str = Field(
        "UTC", description="Time zone of the days in which visitors are unique, one for the whole installation."
    )
    trusted_proxies: str = Field(
        "",
        description="Networks of your own proxies in CIDR notation, joined by commas: only they are believed about a"
        " client's address (X-Forwarded-For).",
    )
    honour_opt_out: bool = Field(
        True, description="Keep no ids, recipient, referrer path or city of clicks sent with Sec-GPC: 1 or DNT: 1."
    )
    show_click_id: bool = Field(False, description="Show the click's id in the answer (X-Click-Id), for tests.")

    @field_validator("default_domain")
    @classmethod
    def _normal_domain(cls, value: str) -> str:
        return normalise_domain(value)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("no such time zone; it is written like Europe/Berlin") from None
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        parse_networks(value)
        return value

    def zone(self) -> ZoneInfo:
        """The time zone of the salts' days."""
        return ZoneInfo(self.time_zone)

    def proxies(self) -> tuple[Network, ...]:
        """The networks of trusted proxies."""
        return parse_networks(self.trusted_proxies)


def parse_networks(text: str) -> tuple[Network, ...]:
    """Networks (or single addresses) joined by commas; raises `ValueError` that names the wrong one."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
