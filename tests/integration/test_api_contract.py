"""Every address keeps to its description: what is generated from it is answered as it says, and as strangely as may be.

`pytest tests/integration/test_api_contract.py --examples 2000` is the long run.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, reject, settings
from hypothesis.strategies import DrawFn, composite
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.errors import InvalidSchema
from schemathesis.core.result import Ok

from api.app import create_app
from api.contract.openapi import openapi
from api.settings import ApiSettings
from tests.fixtures.services import Service, running
from tests.integration.rows import insert, make_rows

pytestmark = pytest.mark.kafka
DOCUMENT = openapi(create_app(ApiSettings()).routes, "0")
TOKEN = "sesame"
SCHEMA = schemathesis.openapi.from_dict(
    # A key is sent with everything; a test of its own leaves it out.
    {**DOCUMENT, "components": {"schemas": DOCUMENT["components"]["schemas"]}}
)
OPERATIONS = [result.ok() for result in SCHEMA.get_all_operations() if isinstance(result, Ok)]
REFUSING = [
    operation
    for operation in OPERATIONS
    if (described := DOCUMENT["paths"][operation.path][operation.method])["parameters"] or "requestBody" in described
]
"""Those that can be sent something that does not fit."""
MANY = 100
"""From so many examples on they are new ones with each run."""

load_all_checks()
PROMISED = [
    *("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance"),
    *("response_schema_conformance", "unsupported_method", "allow_header_conformance"),
]
"""What holds whatever is sent; a 5xx never, since neither Kafka nor ClickHouse is away here."""


@pytest.fixture(scope="module")
def service(installation: ApiSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    rows = make_rows(50, seed=6, start=datetime(2026, 11, 20, tzinfo=UTC), span=timedelta(days=2))
    insert(installation, rows)
    with running("api", tmp_path_factory.mktemp("contract") / "api.log", installation, api_token=TOKEN) as service:
        yield service


@pytest.fixture
def examples(request: pytest.FixtureRequest) -> int:
    """Requests of each kind to each address."""
    count: int = request.config.getoption("examples")
    return count


def checks(*names: str) -> list[Any]:
    return [CHECKS.get_one(name) for name in names]


@composite
def cases(draw: DrawFn, operation: Any, mode: GenerationMode) -> Case[Any]:
    """Requests; a tuple of fixed length with one that may follow is something that schemathesis can't turn around."""
    try:
        case: Case[Any] = draw(operation.as_strategy(generation_mode=mode))
    except InvalidSchema:
        reject()
    return case


def holding(
    operation: Any, mode: GenerationMode, service: Service, examples: int, names: list[str]
) -> Callable[[], None]:
    """A property: whatever is generated for the operation, the named checks hold of the answer."""

    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[*HealthCheck],
        derandomize=examples < MANY,
        database=None,
    )
    @given(case=cases(operation, mode))
    def holds(case: Case[Any]) -> None:
        case.call_and_validate(
            base_url=service.url, checks=checks(*names), headers={"authorization": f"Bearer {TOKEN}"}
        )

    return holds


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_what_fits_is_answered_as_described(service: Service, examples: int, operation: Any) -> None:
    holding(operation, GenerationMode.POSITIVE, service, examples, PROMISED)()


@pytest.mark.parametrize("operation", REFUSING, ids=lambda operation: operation.label)
def test_what_does_not_fit_is_refused_as_described(service: Service, examples: int, operation: Any) -> None:
    holding(operation, GenerationMode.NEGATIVE, service, examples, [*PROMISED, "negative_data_rejection"])()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_nobody_without_a_key_gets_anything_that_wants_one(service: Service, operation: Any) -> None:
    wants = DOCUMENT["paths"][operation.path][operation.method]["security"]
    address = operation.path.replace("{id}", "0123456789abcdef").replace("{dimension}", "channel")
    answer = httpx.request(operation.method, f"{service.url}{address}", trust_env=False)
    assert (answer.status_code == 401) == bool(wants)
