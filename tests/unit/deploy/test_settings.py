"""The one list of settings: nothing is left out, everything in it is explained, and it survives the environment."""

import ast
import importlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import SecretStr, ValidationError

from deploy.cli import describe, weir
from deploy.settings import CLASSES, StackSettings, declarations, environment, every_setting
from ingest.kafka import KafkaSettings
from warehouse.embedded.settings import EmbeddedSettings

ROOT = Path(__file__).parents[3]


def settings_classes() -> list[str]:
    """`module:class` of every class that is named Settings and has fields of its own."""
    found = []
    for package in ("ingest", "streams", "warehouse", "api", "deploy"):
        for path in sorted((ROOT / package).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found += [
                f"{module}:{node.name}"
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.ClassDef)
                and node.name.endswith("Settings")
                and any(isinstance(statement, ast.AnnAssign) for statement in node.body)
            ]
    return found


def test_every_settings_class_is_listed() -> None:
    listed = [path.split(":") for paths in CLASSES.values() for path in paths]
    classes = [getattr(importlib.import_module(module), name) for module, name in listed]
    read = {f"{base.__module__}:{base.__name__}" for settings in classes for base in settings.__mro__}
    assert set(settings_classes()) - read == set()


def test_every_setting_is_explained() -> None:
    settings = every_setting()
    assert len(settings) > 40
    assert [setting.variable for setting in settings if len(setting.help) < 10] == []
    assert [setting.variable for setting in settings if not setting.variable.startswith("WEIR_")] == []


def test_every_variable_has_one_meaning_whoever_reads_it() -> None:
    said: dict[str, set[str]] = {}
    for declared in declarations():
        said.setdefault(declared.variable, set()).add(declared.help)
    assert {variable: texts for variable, texts in said.items() if len(texts) > 1} == {}


def test_a_setting_stands_once_with_all_who_read_it() -> None:
    found = {setting.variable: setting for setting in every_setting()}
    assert len(found) == len(every_setting())
    assert (found["WEIR_API_PORT"].services, found["WEIR_API_PORT"].default) == (("up", "api"), "8090")
    assert set(found["WEIR_TIME_ZONE"].services) >= {"redirector", "api"}


def test_settings_survive_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = KafkaSettings(kafka="k:1", kafka_sasl_password=SecretStr("s e'cret"), kafka_partitions=8)
    written = environment(settings)
    assert written == {"WEIR_KAFKA": "k:1", "WEIR_KAFKA_SASL_PASSWORD": "s e'cret", "WEIR_KAFKA_PARTITIONS": "8"}
    for name, value in written.items():
        monkeypatch.setenv(name, value)
    assert KafkaSettings() == settings


def test_a_default_that_was_given_overrides_the_environment_of_a_child() -> None:
    assert environment(KafkaSettings(kafka_security_protocol="PLAINTEXT")) == {
        "WEIR_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"
    }


@pytest.mark.parametrize(
    ("settings", "variable"), [(StackSettings, "WEIR_WORKERS"), (EmbeddedSettings, "WEIR_WAREHOUSE_PORT")]
)
def test_what_does_not_fit_is_named_by_its_variable(
    settings: type[StackSettings | EmbeddedSettings], variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "many")
    with pytest.raises(ValidationError) as caught:
        settings()
    assert describe(caught.value).startswith(f"{variable}: Input should be a valid integer")


def test_the_command_prints_them_for_people_and_for_programs() -> None:
    text = CliRunner().invoke(weir, ["settings"])
    assert text.exit_code == 0
    assert "WEIR_KAFKA = 127.0.0.1:9092" in text.output
    printed = json.loads(CliRunner().invoke(weir, ["settings", "--json"]).output)
    kafka = next(setting for setting in printed if setting["variable"] == "WEIR_KAFKA")
    assert kafka["default"] == "127.0.0.1:9092"
    assert set(kafka["services"]) >= {"redirector", "worker", "api"}
