"""Settings of the roller."""

from pydantic import Field

from ingest.installation import InstallationSettings
from warehouse.settings import WarehouseSettings


class RollerSettings(WarehouseSettings, InstallationSettings):
    """The roller, from the environment; read once at start."""

    roll_seconds: float = Field(
        30.0,
        gt=0,
        le=3600,
        description="Seconds between two looks at what is to be rolled up. Answers don't wait for it: what came since"
        " is read raw.",
    )
    roll_megabytes: int = Field(
        1000, ge=100, description="Megabytes of memory that rolling may take in ClickHouse; beyond half of it the disk."
    )
    roller_host: str = Field("127.0.0.1", description="Address of the roller's `/-/live`, `/-/ready` and `/-/metrics`.")
    roller_port: int = Field(8072, ge=0, le=65535, description="Port of the same.")
    failpoint: str = Field(
        "", description="For tests of crashes only: die or hang at a named place, as `after-insert:3`."
    )
