"""docker-compose.yml without a Docker engine: its form, and everything in it that the repository can vouch for."""

import importlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import click
import jsonschema
import pytest
from pydantic_settings import BaseSettings

import streams.server
from api.settings import ApiSettings
from deploy.cli import weir
from deploy.commands.run import SERVICES as RUNNABLE
from deploy.image import healthy
from deploy.settings import CLASSES, every_setting
from ingest.settings import IngestSettings
from tests.unit.deploy.compose_file import ROOT, MissingVariable, Service, read, seconds, variables_of_the_file

VARIABLES = {name: f"secret-{number}" for number, (name, must) in enumerate(variables_of_the_file().items()) if must}
COMPOSE = read(VARIABLES)
SERVICES: dict[str, Service] = COMPOSE["services"]
OWN = {name: service for name, service in SERVICES.items() if service["image"].startswith("weir")}
LASTING = [name for name, service in SERVICES.items() if service["restart"] == "unless-stopped"]
ONCE = [name for name, service in SERVICES.items() if service["restart"] == "no"]
PORTS = {"redirector": "redirector_port", "worker": "worker_port", "roller": "roller_port", "api": "api_port"}


def settings_of(service: str) -> list[type[BaseSettings]]:
    """The settings classes that a service reads."""
    paths = CLASSES.get(service, CLASSES["commands"])
    return [getattr(importlib.import_module(path.split(":")[0]), path.split(":")[1]) for path in paths]


def test_the_file_has_the_form_that_compose_wants() -> None:
    jsonschema.validate(COMPOSE, json.loads((ROOT / "tests/unit/deploy/compose.schema.json").read_text()))


@pytest.mark.parametrize("missing", VARIABLES)
def test_nothing_starts_without_its_passwords(missing: str) -> None:
    with pytest.raises(MissingVariable, match=missing):
        read({name: value for name, value in VARIABLES.items() if name != missing})


def test_the_example_of_env_names_every_variable_and_no_other() -> None:
    names = re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert sorted(names) == sorted(variables_of_the_file())


def test_the_images_are_of_the_versions_that_the_repository_names() -> None:
    kafka = re.search("<kafka.version>(.+)</kafka.version>", (ROOT / "deploy/kafka/pom.xml").read_text())
    version = re.search('^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert kafka
    assert version
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{kafka[1]}"
    assert {service["image"].partition(":")[2] for service in OWN.values()} == {version[1]}


@pytest.mark.parametrize("name", OWN)
def test_commands_exist(name: str) -> None:
    group: click.Command = weir
    arguments = list(OWN[name]["command"])
    while isinstance(group, click.Group):
        found = group.get_command(click.Context(group), arguments.pop(0))
        assert found is not None
        group = found
    group.make_context(name, arguments)  # raises click.UsageError for an argument that it does not take


def test_every_service_runs_but_the_embedded_warehouse_and_agents_of_ones_own() -> None:
    started = {service["command"][1] for service in OWN.values() if service["command"][0] == "run"}
    assert started == RUNNABLE.keys() - {"warehouse", "agents"}


@pytest.mark.parametrize("name", SERVICES)
def test_variables_are_settings(name: str) -> None:
    known = {setting.variable for setting in every_setting()}
    used = {variable for variable in SERVICES[name].get("environment", {}) if variable.startswith("WEIR_")}
    assert used <= known


@pytest.mark.parametrize("name", OWN)
def test_variables_of_weirs_services_are_read_and_fit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {**image_environment(), **OWN[name].get("environment", {})}
    for variable, value in environment.items():
        monkeypatch.setenv(variable, str(value))
    loaded = [settings() for settings in settings_of(name)]  # pydantic's ValidationError names what does not fit
    for settings in loaded:
        for field in settings.model_fields_set:
            variable = f"{settings.model_config.get('env_prefix')}{field}".upper()
            assert variable in environment


def test_the_api_is_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in {**image_environment(), **SERVICES["api"]["environment"]}.items():
        monkeypatch.setenv(variable, str(value))
    assert not ApiSettings().admits_anybody()


def test_no_proxy_is_trusted() -> None:
    assert not [name for name, service in OWN.items() if "WEIR_TRUSTED_PROXIES" in service.get("environment", {})]
    assert "WEIR_TRUSTED_PROXIES" not in image_environment()


def test_services_find_each_other() -> None:
    kafka = SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"].removeprefix("PLAINTEXT://")
    for name in set(OWN) - {"geo"}:
        environment = OWN[name]["environment"]
        assert environment["WEIR_KAFKA"] == kafka == "kafka:9092"
        assert environment["WEIR_CLICKHOUSE"] == "http://clickhouse:8123"
        assert "stores" in OWN[name]["networks"]
    assert {"kafka", "clickhouse"} <= SERVICES.keys()
    assert COMPOSE["networks"]["stores"]["internal"] is True


def test_only_the_redirector_and_the_api_are_published_and_on_loopback_only() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"redirector": ["127.0.0.1:8080:8080"], "api": ["127.0.0.1:8090:8090"]}
    assert all("edge" in SERVICES[name]["networks"] for name in published)


@pytest.mark.parametrize("name", LASTING)
def test_a_lasting_service_says_how_it_is(name: str) -> None:
    assert "healthcheck" in SERVICES[name]
    assert "stop_grace_period" in SERVICES[name]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_what_can_come_true(name: str) -> None:
    for other, wanted in SERVICES[name].get("depends_on", {}).items():
        if wanted["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        else:
            assert other in ONCE


def test_the_stores_are_there_and_ready_before_they_are_used() -> None:
    for name in ("redirector", "worker", "api"):
        assert "topics" in SERVICES[name]["depends_on"]
    for name in ("worker", "roller", "api"):
        assert "migrate" in SERVICES[name]["depends_on"]
    assert SERVICES["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    assert SERVICES["migrate"]["depends_on"] == {"clickhouse": {"condition": "service_healthy"}}


@pytest.mark.parametrize("name", PORTS)
def test_health_is_asked_where_the_service_listens(name: str) -> None:
    (settings,) = settings_of(name)
    port = settings.model_fields[PORTS[name]].default
    assert SERVICES[name]["healthcheck"]["test"] == ["CMD", "python", "-m", healthy.__name__, str(port)]
    assert all(published.endswith(f":{port}") for published in SERVICES[name].get("ports", []))
    assert seconds(SERVICES[name]["healthcheck"]["timeout"]) > healthy.TIMEOUT_SECONDS


def test_services_are_given_the_time_that_they_need_to_stop() -> None:
    redirector = 2 * IngestSettings.model_fields["redirector_stop_seconds"].default  # requests, then Kafka
    assert seconds(SERVICES["redirector"]["stop_grace_period"]) > redirector
    for name in ("worker", "roller"):
        assert seconds(SERVICES[name]["stop_grace_period"]) > streams.server.STOP_SECONDS


@pytest.mark.parametrize("name", OWN)
def test_weirs_containers_can_do_nothing_but_their_work(name: str) -> None:
    assert OWN[name]["read_only"] is True
    assert OWN[name]["cap_drop"] == ["ALL"]
    assert OWN[name]["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_mounts_are_there(name: str) -> None:
    for mount in SERVICES[name].get("volumes", []):
        source, _, *how = mount.split(":")
        if source.startswith("./"):
            assert (ROOT / source).is_file()
            assert how == ["ro"]
        else:
            assert source in COMPOSE["volumes"]


def test_clickhouse_gets_every_variable_that_its_users_file_reads() -> None:
    users = (ROOT / "deploy/clickhouse/users.d/weir.xml").read_text()
    wanted = set(re.findall('from_env="([A-Z_]+)"', users))
    given = {name for name in SERVICES["clickhouse"]["environment"] if name.startswith("WEIR_")}
    assert wanted == given
    assert f"<{OWN['worker']['environment']['WEIR_CLICKHOUSE_USER']}>" in users


class Answering(BaseHTTPRequestHandler):
    """A service whose readiness has the status that the server was made with."""

    def do_GET(self) -> None:
        self.send_response(self.server.status if self.path == "/-/ready" else 404)  # type: ignore[attr-defined]  # ours
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Iterator[int]:
    """Port of a service that answers with the status that the test asks for."""
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        server.status = request.param  # type: ignore[attr-defined]  # read by Answering
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("service", [200], indirect=True)
def test_a_ready_service_is_healthy(service: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert healthy.is_ready(service)


@pytest.mark.parametrize("service", [503, 404, 302], indirect=True)
def test_a_service_that_says_no_is_not(service: int) -> None:
    assert not healthy.is_ready(service)


def test_a_service_that_does_not_answer_is_not() -> None:
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        port = server.server_port
    assert not healthy.is_ready(port)


def image_environment() -> dict[str, str]:
    """The WEIR_… variables that the image sets."""
    dockerfile = (ROOT / "deploy/image/Dockerfile").read_text()
    return dict(re.findall(r"\b(WEIR_[A-Z_]+)=(\S+)", dockerfile))
