"""Settings of the API, and of the commands that talk to it."""

from ipaddress import ip_address
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from ingest.installation import InstallationSettings
from ingest.kafka import KafkaSettings
from warehouse.settings import WarehouseSettings

_BEARER = (
    "A key that may do everything, beside those of `weir api-keys`; commands send it, or any other key in its place."
)


class AddressSettings(InstallationSettings):
    """How addresses of links are shown, by the API and by commands."""

    link_address: str = Field(
        "https://{domain}/{slug}", description="How a link's address is shown; `{domain}` and `{slug}` are filled in."
    )


class ApiSettings(KafkaSettings, WarehouseSettings, AddressSettings):
    """The API, from the environment; read once at start."""

    api_host: str = Field("127.0.0.1", description="Address that the API listens on.")
    api_port: int = Field(8090, ge=0, le=65535, description="Port that the API listens on; 0: any free one.")
    api_token: SecretStr = Field(SecretStr(""), description=_BEARER)
    api_open: bool = Field(
        False, description="Serve everybody without a key: who reaches the port reads and changes everything."
    )
    api_keys_seconds: int = Field(
        300, ge=5, description="Seconds for which keys stay good while the table of keys can't be read."
    )
    api_key_requests: int = Field(3000, ge=0, description="Requests a minute that a key may make; 0: no limit.")
    api_key_queries: int = Field(2, ge=0, description="Queries of a key that run at once; 0: no limit.")
    api_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins whose pages may use the API in a browser (CORS), joined by commas; `*`: all."
    )
    query_seconds: int = Field(10, ge=1, le=600, description="Seconds that a query may take in ClickHouse.")
    export_seconds: int = Field(
        3600, ge=1, description="Seconds that an export of raw clicks may take, its client's reading included."
    )
    query_megabytes: int = Field(2000, ge=50, description="Megabytes of memory that a query may take in ClickHouse.")
    query_rows: int = Field(1_000_000_000, ge=0, description="Rows that a query may read; 0: no limit.")
    query_cache_seconds: float = Field(
        1.0, ge=0, le=1, description="Seconds for which an answer is given again to whoever asks the same; 0: never."
    )
    reply_seconds: float = Field(
        10.0, gt=0, le=120, description="Seconds without a reply after which a link's command counts as unconfirmed."
    )

    @field_validator("api_origins", mode="before")
    @classmethod
    def _origins(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    def admits_anybody(self) -> bool:
        """Whether nobody needs a key, as long as none was ever made: on loopback, and where somebody said so."""
        return self.api_open or (not self.api_token.get_secret_value() and _is_loopback(self.api_host))


class CliSettings(BaseSettings):
    """Commands that talk to services, from the environment."""

    model_config = SettingsConfigDict(env_prefix="WEIR_", frozen=True, extra="ignore", env_ignore_empty=True)

    api: str = Field("http://127.0.0.1:8090", description="Address of the API that commands talk to.")
    api_token: SecretStr = Field(SecretStr(""), description=_BEARER)
    worker: str = Field(
        "http://127.0.0.1:8070", description="Address of the worker that `weir pipeline` asks for its timings."
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
