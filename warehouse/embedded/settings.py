"""How the embedded warehouse runs."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class EmbeddedSettings(BaseSettings):
    """The embedded warehouse, from the environment; read once at start."""

    model_config = SettingsConfigDict(
        env_prefix="WEIR_WAREHOUSE_", frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True
    )

    path: Path = Field(Path("weir-data/warehouse"), description="Folder of the data; one process owns it.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8123, ge=0, le=65535, description="Port to listen on; 0: any free one.")
    user: str = Field("default", min_length=1, description="User that reads and writes.")
    password: SecretStr = Field(SecretStr(""), description="That user's password.")
    reader: str = Field("reader", min_length=1, description="User that only reads, for people and BI tools.")
    reader_password: SecretStr = Field(
        SecretStr(""), description="The reader's password; empty: there is no reader unless the writer has none either."
    )
    threads: int = Field(16, ge=1, le=256, description="Queries that run at once; more wait.")
    memory: int = Field(
        0, ge=0, description="Bytes that all queries together may use; 0: nine tenths of the machine's memory."
    )

    def is_exposed(self) -> bool:
        """Whether other machines could write without a password."""
        loopback = self.host in {"localhost", "::1"} or self.host.startswith("127.")
        return not loopback and not self.password.get_secret_value()
