"""The ledger over HTTP: the audit of the log against the rows, as `weir audit` prints it."""

import asyncio
from typing import Any, Literal

from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import KafkaException
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from api.contract.operation import JSON, Answer, Described, Operation, Parameter
from api.errors import Away
from api.keys.caller import ADMIN
from api.query.address import addressed, choice
from api.settings import ApiSettings
from ingest.kafka import CLICKS_RAW, topic_id, watermarks
from warehouse.audit.findings import Audit
from warehouse.audit.report import as_dict, as_metrics
from warehouse.audit.run import Auditor
from warehouse.client import WarehouseUnavailable, connect


class LedgerDesk:
    """One audit at a time, however many ask; each begins at the last good mark. Nothing is written."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._auditor = Auditor()
        self._running: asyncio.Task[Audit] | None = None

    async def audit(self) -> Audit:
        """The ledger now, or as the audit finds it that is under way. Raises `Away`."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(asyncio.to_thread(self._audit))
        try:
            return await asyncio.shield(self._running)
        except (KafkaException, WarehouseUnavailable, ClickHouseError, OSError) as error:
            raise Away(f"The ledger can't be read: {_reason(error)}") from error

    def _audit(self) -> Audit:
        client = connect(self._settings)
        try:
            identity = topic_id(self._settings, CLICKS_RAW)
            return self._auditor.audit(client, identity, watermarks(self._settings, CLICKS_RAW))
        finally:
            client.close()


PARAMETERS = (Parameter("format", Literal["json", "prometheus"], "`prometheus`: gauges for a scraper."),)


async def ledger(request: Request) -> Response:
    """Every partition, the last day's hours and every source as they stand now; `?format=prometheus` for a scraper."""
    desk: LedgerDesk = request.app.state.ledger
    with addressed(request, PARAMETERS) as parameters:
        format_ = choice(parameters.get("format", "json"), "format", ("json", "prometheus"))
    found = await desk.audit()
    if format_ == "prometheus":
        return PlainTextResponse(as_metrics(found))
    return JSONResponse(as_dict(found))


def _reason(error: Exception) -> Any:  # noqa: ANN401  # librdkafka's errors have no type
    return error.args[0].str() if isinstance(error, KafkaException) else str(error)


class Ledger(Struct, frozen=True):
    """What `weir audit --json` prints."""

    adds_up: bool
    behind: int
    lost: int
    recounted: int
    unproven: int
    silent: int
    since: str | None
    rows_read: int
    partitions: list[dict[str, Any]]
    hours: list[dict[str, Any]]
    sources: list[dict[str, Any]]


ROUTES = [
    Described(
        "/v1/ledger",
        ledger,
        get=Operation(
            "The log against the rows, by partition, hour and source.",
            {200: Answer("The ledger as it stands now.", {JSON: Ledger, "text/plain": str})},
            ADMIN,
            PARAMETERS,
            errors=(Away,),
        ),
    )
]
