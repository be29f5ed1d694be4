"""Settings of the worker."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from ingest.kafka import KafkaSettings
from streams.enrich.utm import DEFAULT_TAXONOMY
from streams.windows.hold import HoldLimit
from warehouse.settings import WarehouseSettings


class GroupSettings(KafkaSettings):
    """Whose partitions are whose."""

    group: str = Field("weir", description="Kafka consumer group, and Faust's app id, of the workers.")


class AgentSettings(GroupSettings):
    """What agents of the users' own read from the environment, once, at start."""

    agents_group: str = Field(
        "",
        description="Kafka consumer group, and Faust's app id, of agents of your own; empty: `weir-agents-` and the"
        " name that `weir run agents` was given.",
    )
    agents_from: Literal["earliest", "latest"] = Field(
        "earliest", description="Where a group of agents that has committed nothing begins in the log."
    )
    agents_host: str = Field("127.0.0.1", description="Address of their `/-/live`, `/-/ready` and `/-/metrics`.")
    agents_port: int = Field(8071, ge=0, le=65535, description="Port of the same.")


class StreamSettings(GroupSettings, WarehouseSettings):
    """What the worker reads from the environment, once, at start."""

    session_timeout: float = Field(
        10.0,
        ge=1,
        le=300,
        description="Seconds after which Kafka gives a silent worker's partitions to another. Brokers refuse less than"
        " their own `group.min.session.timeout.ms`, 6 s by default.",
    )
    batch_rows: int = Field(50_000, ge=1, le=500_000, description="Rows of one insert at the most.")
    batch_linger: float = Field(
        0.5,
        ge=0,
        le=60,
        description="Seconds that an insert waits for more clicks: freshness against ClickHouse's parts.",
    )
    held_bytes: int = Field(
        96 << 20,
        ge=1 << 20,
        description="Bytes of memory that fetched records may take until they are stored; a worker's partitions share"
        " it equally.",
    )
    hold: float = Field(
        3.0,
        ge=0,
        le=30,
        description="Seconds until a click is judged, by what came after it too. 0: at once, by what came before.",
    )
    hold_bytes: int = Field(
        2 << 20,
        ge=1 << 16,
        le=256 << 20,
        description="Bytes of memory that the records after a click may take before its hold ends in any case; some"
        " 1,000 each. A partition may hold twice as much, whatever WEIR_HELD_BYTES says.",
    )
    repeat_window: float = Field(
        10.0,
        ge=0,
        le=3600,
        description="Seconds after a counted click in which the same visitor on the same link is a repeat; 0: never.",
    )
    window_clicks: int = Field(
        24_000,
        ge=1000,
        le=100_000_000,
        description="How many records of its partition a click is compared with at the most; some 280 bytes of memory"
        " each. Cover the clicks of WEIR_REPEAT_WINDOW.",
    )
    clickhouse_patience: float = Field(
        45.0,
        ge=1,
        description="Seconds after which a ClickHouse that can't be reached stops the worker, to be started anew.",
    )
    dead_ratio: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Share of records that can't be decoded (of the last thousand or more) or stored (of the last"
        " hundred or more) that stops a worker; 1: never.",
    )
    insert_timeout: float = Field(
        30.0,
        ge=1,
        le=50,
        description="Seconds an insert may take before it is in doubt; below Kafka's rebalance timeout.",
    )
    geo_dir: Path = Field(
        Path("weir-data/geo"), description="Folder of the geo and network databases (`weir data pull`)."
    )
    taxonomy: Path = Field(
        DEFAULT_TAXONOMY,
        description="File of the taxonomy of UTM values; the default comes with Weir, make yours from it.",
    )
    enrichers: str = Field(
        "",
        description="Enrichers of your own in the order in which they run, after Weir's: `package.module:name`,"
        " `file.py:name` or the name of an entry point of `weir.enrichers`, joined by commas.",
    )
    lists: Path | None = Field(
        None,
        description="File of your own lists (TOML): networks, autonomous systems, user agents and referrers to allow or"
        " deny, whatever the rules say of them.",
    )
    enriched: bool = Field(
        False, description="Write what is stored to the topic `clicks.enriched` as well, for other consumers."
    )
    cache_size: int = Field(
        100_000, ge=100, description="Entries of each cache of an enricher or of the judge at the most."
    )
    worker_host: str = Field("127.0.0.1", description="Address of the worker's `/-/live`, `/-/ready` and `/-/metrics`.")
    worker_port: int = Field(8070, ge=0, le=65535, description="Port of the same.")
    failpoint: str = Field(
        "", description="For tests of crashes only: die or hang at a named place, as `after-insert:3`."
    )

    @property
    def hold_limit(self) -> HoldLimit:
        """How far the hold of a click reaches."""
        return HoldLimit(self.hold, self.hold_bytes)
