"""What is said once for a whole installation, whichever of its services reads it."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ingest.links import normalise_domain


class InstallationSettings(BaseSettings):
    """Facts of the installation, from the environment; read once at start."""

    model_config = SettingsConfigDict(env_prefix="WEIR_", frozen=True, extra="ignore", env_ignore_empty=True)

    default_domain: str = Field(
        "localhost",
        description="Domain of links that are made without one; they answer for hosts that have none of their own.",
    )
    time_zone: str = Field(
        "UTC",
        description="IANA time zone, as Europe/Berlin, the same for all services: of the days in which visitors are"
        " unique, and of queries that name none.",
    )

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

    def zone(self) -> ZoneInfo:
        """The time zone of the salts' days."""
        return ZoneInfo(self.time_zone)
