"""How every service reaches ClickHouse."""

import ssl

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class WarehouseSettings(BaseSettings):
    """Connection to ClickHouse, from the environment; read once at start."""

    model_config = SettingsConfigDict(env_prefix="WEIR_", frozen=True, extra="ignore", env_ignore_empty=True)

    clickhouse: str = Field(
        "http://127.0.0.1:8123",
        pattern=r"^https?://[^/]",
        description="ClickHouse's HTTP interface, `http://host:port` or `https://host:port`.",
    )
    clickhouse_user: str = Field("default", description="User that reads and writes.")
    clickhouse_password: SecretStr = Field(SecretStr(""), description="That user's password.")
    clickhouse_database: str = Field("weir", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="Database of all tables.")
    clickhouse_cluster: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_.-]*$",
        description="Cluster of ClickHouse on all of whose servers `weir migrate` makes the tables, replicated; empty:"
        " one server.",
    )
    clickhouse_ca: str = Field("", description="File of the certificate authority for https; empty: the system's.")

    @field_validator("clickhouse_ca")
    @classmethod
    def _ca_file(cls, value: str) -> str:
        if value:
            try:
                ssl.create_default_context(cafile=value)
            except OSError as error:
                raise ValueError(f"no certificate can be read from {value}: {error.strerror}") from None
        return value
