"""Settings of the worker."""

from pathlib import Path

from pydantic import Field

from ingest.kafka import KafkaSettings
from streams.enrich.utm import DEFAULT_TAXONOMY
from warehouse.settings import WarehouseSettings


class StreamSettings(KafkaSettings, WarehouseSettings):
    """What the worker reads from the environment, once, at start."""

    group: str = Field("weir", description="Kafka consumer group, and Faust's app id, of the workers.")
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
        128 << 20,
        ge=1 << 20,
        description="Bytes of memory that fetched records may take until they are stored; a worker's partitions share"
        " it equally.",
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
    cache_size: int = Field(100_000, ge=100, description="Entries of each enricher's cache.")
    worker_host: str = Field("127.0.0.1", description="Address of the worker's `/-/live`, `/-/ready` and `/-/metrics`.")
    worker_port: int = Field(8070, ge=0, le=65535, description="Port of the same.")
    failpoint: str = Field(
        "", description="For tests of crashes only: die or hang at a named place, as `after-insert:3`."
    )
