"""The ledger over HTTP: the audit of the log against the rows, as `weir audit` prints it."""

import asyncio
from typing import Any

from clickhouse_connect.driver.exceptions import ClickHouseError
from confluent_kafka import KafkaException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from api.errors import Away
from api.settings import ApiSettings
from ingest.kafka import CLICKS_RAW, topic_id, watermarks
from warehouse.audit import Audit, as_dict, as_metrics, audit
from warehouse.client import WarehouseUnavailable, connect


async def ledger(request: Request) -> Response:
    """Every partition and source as it stands now; `?format=prometheus` for a scraper."""
    settings: ApiSettings = request.app.state.settings
    try:
        found = await asyncio.to_thread(_audit, settings)
    except (KafkaException, WarehouseUnavailable, ClickHouseError, OSError) as error:
        raise Away(f"The ledger can't be read: {_reason(error)}") from error
    if request.query_params.get("format") == "prometheus":
        return PlainTextResponse(as_metrics(found))
    return JSONResponse(as_dict(found))


def _audit(settings: ApiSettings) -> Audit:
    client = connect(settings)
    try:
        return audit(client, topic_id(settings, CLICKS_RAW), watermarks(settings, CLICKS_RAW))
    finally:
        client.close()


def _reason(error: Exception) -> Any:  # noqa: ANN401  # librdkafka's errors have no type
    return error.args[0].str() if isinstance(error, KafkaException) else str(error)


ROUTES = [Route("/v1/ledger", ledger)]
