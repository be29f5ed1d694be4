"""An installation of real services: redirector, worker and API as processes, on a real Kafka and the real engine."""

import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import cast

import httpx
import pytest

from deploy.commands.audit import AuditSettings
from deploy.signing import make_key
from ingest.kafka import KafkaSettings
from tests.fixtures.services import Service, running
from tests.unit.streams.test_enrich_geo import AMSTERDAM, EXAMPLE_NET, write
from warehouse.settings import WarehouseSettings

DOMAIN = "go.example"


@dataclasses.dataclass
class Installation:
    """What a test talks to."""

    redirector: Service
    worker: Service
    api: Service
    settings: AuditSettings
    signing_keys: Path
    domain: str = DOMAIN
    """Whose links and clicks are meant, where several tests share the services."""

    def ask(self, method: str, path: str, **body: object) -> httpx.Response:
        """One request to the API."""
        return httpx.request(method, self.api.url + path, json=body or None, timeout=30)

    def query(self, **body: object) -> list[dict[str, list[object]]]:
        """The rows of an answer about the domain, over all time unless said otherwise."""
        filters = [["is", "domain", [self.domain]], *cast("list[object]", body.pop("filters", []))]
        answer = self.ask("POST", "/v1/query", **({"date_range": "all"} | body), filters=filters)
        assert answer.status_code == 200, answer.text
        results: list[dict[str, list[object]]] = answer.json()["results"]
        return results


@contextmanager
def installed(kafka: KafkaSettings, warehouse: WarehouseSettings, folder: Path) -> Iterator[Installation]:
    """All services, with a geo database that knows one network."""
    geo = folder / "geo"
    geo.mkdir()
    write(geo / "city.mmdb", "city ipvAll", {"81.2.69.0/24": AMSTERDAM})
    write(geo / "asn.mmdb", "asn", {"81.2.69.0/24": EXAMPLE_NET})
    make_key(keys := folder / "signing-keys.json")
    shown = {
        "default_domain": DOMAIN, "show_click_id": "true", "trusted_proxies": "127.0.0.0/8", "signing_keys": str(keys),
        "spool": str(folder / "spool"),
    }  # fmt: skip
    with ExitStack() as services:
        worker = services.enter_context(
            running("worker", folder / "worker.log", kafka, warehouse, geo_dir=str(geo), session_timeout="6")
        )
        api = services.enter_context(running("api", folder / "api.log", kafka, warehouse, default_domain=DOMAIN))
        redirector = services.enter_context(running("redirector", folder / "redirector.log", kafka, **shown))
        yield Installation(redirector, worker, api, AuditSettings(**{**dict(kafka), **dict(warehouse)}), keys)


@pytest.fixture
def installation(kafka: KafkaSettings, warehouse: WarehouseSettings, tmp_path: Path) -> Iterator[Installation]:
    """An installation of this test's own."""
    with installed(kafka, warehouse, tmp_path) as found:
        yield found
