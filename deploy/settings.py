"""Settings of the local stack, and the one list of every service's settings."""

import dataclasses
import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pydantic import Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).parents[1]


class StackSettings(BaseSettings):
    """The local stack (`weir up`), from the environment and the command line."""

    model_config = SettingsConfigDict(env_prefix="WEIR_", frozen=True, extra="ignore", env_ignore_empty=True)

    data: Path = Field(Path("weir-data"), description="Folder of the local stack's data, logs and passwords.")
    broker: Literal["auto", "kafka", "mock"] = Field(
        "auto",
        description="Broker of the local stack: Apache Kafka (needs Java and Maven), librdkafka's mock cluster (needs"
        " nothing, keeps nothing), or whichever can be had.",
    )
    workers: int = Field(1, ge=1, le=64, description="Stream workers of the local stack.")
    redirector_processes: int = Field(
        1, ge=1, le=64, description="Processes that answer on the redirector's port; about one for each core."
    )
    # A port that is not set is the service's default, or a free one where that is taken.
    redirector_port: int | None = Field(
        None, ge=0, le=65535, description="Port that the redirector listens on; 0: any free one."
    )
    api_port: int | None = Field(None, ge=0, le=65535, description="Port that the API listens on; 0: any free one.")
    warehouse_port: int | None = Field(None, ge=0, le=65535, description="Port to listen on; 0: any free one.")
    kafka_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="Port that the local stack's Kafka listens on: 9092, or a free one where that is taken; 0: any.",
    )


CLASSES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "up": ("deploy.settings:StackSettings",),
        "redirector": ("ingest.settings:IngestSettings",),
        "worker": ("streams.settings:StreamSettings",),
        "agents": ("streams.settings:AgentSettings",),
        "roller": ("streams.roller.settings:RollerSettings",),
        "api": ("api.settings:ApiSettings",),
        "warehouse": ("warehouse.embedded.settings:EmbeddedSettings",),
        "commands": (
            "api.settings:CliSettings",
            "ingest.kafka:KafkaSettings",
            "warehouse.settings:WarehouseSettings",
            "deploy.commands.signing_keys:SigningCommandSettings",
            "warehouse.retention.settings:RetentionSettings",
        ),
        "logs": ("deploy.logs:LogSettings",),
    }
)
"""Who reads it → the settings classes, as `module:class`: the one list of all of them."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """One environment variable, as its readers describe it."""

    variable: str
    default: str
    help: str
    services: tuple[str, ...]


def every_setting() -> list[Setting]:
    """All settings of all services, in the order of `CLASSES`; one that several services share stands there once."""
    found: dict[str, Setting] = {}
    for declared in declarations():
        known = found.get(declared.variable, declared)
        found[declared.variable] = dataclasses.replace(
            known,
            default=known.default or declared.default,  # the stack leaves a service's default to the service
            services=tuple(dict.fromkeys((*known.services, *declared.services))),
        )
    return list(found.values())


def declarations() -> Iterator[Setting]:
    """Each setting as each class declares it, for the one service that the class is read by."""
    for service, paths in CLASSES.items():
        for path in paths:
            module, name = path.split(":")
            settings: type[BaseSettings] = getattr(importlib.import_module(module), name)
            prefix = settings.model_config.get("env_prefix", "")
            for field, info in settings.model_fields.items():
                yield Setting(f"{prefix}{field}".upper(), _default(info), info.description or "", (service,))


def _default(info: FieldInfo) -> str:
    value = info.get_default(call_default_factory=True)
    if isinstance(value, Path) and value.is_relative_to(ROOT):
        value = value.relative_to(ROOT)  # of what comes with Weir, wherever it is installed
    return "" if value is None else as_text(value)


def prefix_of(name: str) -> str:
    """How the variables of a settings class begin, by the class's name."""
    paths = (path.split(":") for service in CLASSES.values() for path in service)
    module = next((module for module, settings in paths if settings == name), None)
    if module is None:
        return "WEIR_"
    settings: type[BaseSettings] = getattr(importlib.import_module(module), name)
    return settings.model_config.get("env_prefix") or ""


def environment(settings: BaseSettings) -> dict[str, str]:
    """The environment from which the same settings would be read: all that was given, the defaults left out."""
    prefix = settings.model_config.get("env_prefix", "")
    return {f"{prefix}{field}".upper(): as_text(getattr(settings, field)) for field in settings.model_fields_set}


def as_text(value: object) -> str:
    """A setting's value as it is written into the environment; a secret is written out."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
