"""Settings of retention."""

from pydantic import Field, field_validator

from warehouse.retention.run import LEAST_DAYS
from warehouse.settings import WarehouseSettings


class RetentionSettings(WarehouseSettings):
    """How long what is kept, from the environment; read once at start."""

    retain_records: int = Field(
        0,
        ge=0,
        description="Days that records (rows of `events`, all editions) are kept at least; with `weir retain` they go"
        f" by the whole month, and rollups stay. At least {LEAST_DAYS}, since Kafka has the newest too; 0: for ever.",
    )
    retain_letters: int = Field(
        0, ge=0, description="Days that dead letters are kept at least; they go by the whole month. 0: for ever."
    )

    @field_validator("retain_records")
    @classmethod
    def _long_enough(cls, value: int) -> int:
        if 0 < value < LEAST_DAYS:
            raise ValueError(f"give at least {LEAST_DAYS} days, or 0 to keep records for ever")
        return value
