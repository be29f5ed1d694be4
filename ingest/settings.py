"""What the redirector can be told, from the environment."""

import ipaddress
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from ingest.address import Network
from ingest.fallbacks import Fallbacks
from ingest.installation import InstallationSettings
from ingest.kafka import KafkaSettings
from ingest.signing_keys import SigningSettings


class IngestSettings(KafkaSettings, InstallationSettings, SigningSettings):
    """Settings of the redirector; read once at start."""

    redirector_host: str = Field("127.0.0.1", description="Address that the redirector listens on.")
    redirector_port: int = Field(
        8080, ge=0, le=65535, description="Port that the redirector listens on; 0: any free one."
    )
    redirector_processes: int = Field(
        1, ge=1, le=64, description="Processes that answer on the redirector's port; about one for each core."
    )
    redirector_admin_port: int = Field(
        0,
        ge=0,
        le=65472,
        description="Port of the redirector's own pages (`/-/…`) alone, of its second process the next one, and so on;"
        " 0: they are on its port.",
    )
    spool: Path = Field(
        Path("weir-spool"),
        description="Folder in which events stand until Kafka has them; each redirector process takes a place of its"
        " own in it. On a disk that survives a restart of the machine.",
    )
    spool_megabytes: int = Field(
        1024,
        ge=32,
        le=1_000_000,
        description="Disk that a redirector process may use while Kafka is away, some 1,500 events a megabyte; beyond"
        " it clicks are redirected and not counted.",
    )
    spool_sync: Literal["no", "answer"] = Field(
        "no",
        description="`answer`: an event is on the disk before its redirect is answered, which costs milliseconds and"
        " survives a loss of power. `no`: the system writes it when it likes; it survives the process alone.",
    )
    redirector_heartbeat_seconds: float = Field(
        5.0, ge=0.1, le=3600, description="How often a redirector says which of its events Kafka has."
    )
    redirector_stop_seconds: int = Field(
        10, ge=0, le=600, description="How long a redirector that is stopped waits for requests and for Kafka, each."
    )
    redirector_patience_seconds: float = Field(
        10.0,
        ge=1,
        le=3600,
        description="How long a client may take to send a request, or to take the answer, before its connection is"
        " closed.",
    )
    trusted_proxies: str = Field(
        "",
        description="Networks of your own proxies in CIDR notation, joined by commas: only they are believed about a"
        " client's address (X-Forwarded-For).",
    )
    fallbacks: str = Field(
        "",
        description="Where a domain's visitors are sent from addresses that lead nowhere, as"
        " `go.example=https://example.com/lost`, joined by commas; `*` is every other domain. Without one: 404.",
    )
    misses_per_minute: int = Field(
        120,
        ge=0,
        le=1_000_000,
        description="How often a network (/24, /48) may ask a redirector process for addresses that lead nowhere;"
        " beyond it they are answered with 429 and are no events. Links are never refused. 0: no limit.",
    )
    honour_opt_out: bool = Field(
        True, description="Keep no ids, recipient, referrer path or city of clicks sent with Sec-GPC: 1 or DNT: 1."
    )
    show_click_id: bool = Field(False, description="Show the click's id in the answer (X-Click-Id), for tests.")

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        parse_networks(value)
        return value

    @field_validator("fallbacks")
    @classmethod
    def _addresses(cls, value: str) -> str:
        Fallbacks(value)
        return value

    def proxies(self) -> tuple[Network, ...]:
        """The networks of trusted proxies."""
        return parse_networks(self.trusted_proxies)


def parse_networks(text: str) -> tuple[Network, ...]:
    """Networks (or single addresses) joined by commas; raises `ValueError` that names the wrong one."""
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
