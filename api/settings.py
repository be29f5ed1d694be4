"""Settings of the API, and of the commands that talk to it."""

from ipaddress import ip_address

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from ingest.installation import InstallationSettings
from ingest.kafka import KafkaSettings
from warehouse.settings import WarehouseSettings

_BEARER = "The API's bearer token, which every request has to carry; empty: nobody needs one."


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
        False, description="Serve other machines without a token: who reaches the port reads and changes everything."
    )
    query_seconds: int = Field(10, ge=1, le=600, description="Seconds that a query may take in ClickHouse.")
    query_megabytes: int = Field(2000, ge=50, description="Megabytes of memory that a query may take in ClickHouse.")
    reply_seconds: float = Field(
        10.0, gt=0, le=120, description="Seconds without a reply after which a link's command counts as unconfirmed."
    )

    def is_exposed(self) -> bool:
        """Whether other machines can use the API without a token, and nobody said that they may."""
        return not (self.api_token.get_secret_value() or self.api_open or _is_loopback(self.api_host))


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
