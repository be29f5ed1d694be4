"""The API as one Starlette application: routes, errors, and what lives as long as it does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api import ledger
from api.auth import TokenGate
from api.errors import ApiError, answer_api_error, answer_fault, answer_http_exception
from api.links import endpoints as links
from api.links.shelf import LinkShelf
from api.query import endpoints as query
from api.query.run import Warehouse
from api.settings import ApiSettings
from api.telemetry import Measured, Telemetry

ADDRESSES = {
    "POST /v1/query": "Metrics by dimensions, with filters, for a range of time.",
    "GET /v1/breakdown/{dimension}": "The same by one dimension: ?metrics=&range=&filter=&format=json|csv.",
    "GET /v1/timeseries": "The same over time: ?interval=hour|day|week|month.",
    "GET, POST /v1/links": "Links: ?q=&domain=&campaign=&tag=&limit=; a new one.",
    "GET, PATCH, DELETE /v1/links/{id}": "One link; `If-Match` guards a change.",
    "POST /v1/links/bulk": "Up to 1,000 new links, an answer for each.",
    "GET /v1/ledger": "The log against the rows, by partition, hour and source: ?format=prometheus.",
    "GET /-/live": "200 while the process runs.",
    "GET /-/ready": "200 when ClickHouse answers and all links are read, else 503 with what is missing.",
    "GET /-/metrics": "The API's own metrics, for Prometheus.",
}


async def index(_request: Request) -> JSONResponse:
    """Every address, with a line about it."""
    return JSONResponse({"name": "weir", "addresses": ADDRESSES})


async def live(_request: Request) -> JSONResponse:
    """The process runs."""
    return JSONResponse({"status": "live"})


async def ready(request: Request) -> JSONResponse:
    """Whether all that the API needs is there."""
    missing = [] if await request.app.state.warehouse.ping() else ["clickhouse"]
    missing += request.app.state.links.missing()
    return JSONResponse({"ready": not missing, "missing": missing}, 503 if missing else 200)


async def metrics(request: Request) -> Response:
    """The API's counters in Prometheus' text format."""
    return Response(generate_latest(request.app.state.telemetry.registry), media_type=CONTENT_TYPE_LATEST)


def create_app(settings: ApiSettings) -> Starlette:
    """The application; connects when it starts, and starts without ClickHouse and Kafka too."""
    telemetry = Telemetry()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.settings = settings
        app.state.telemetry = telemetry
        app.state.ledger = ledger.LedgerDesk(settings)
        async with Warehouse(settings) as app.state.warehouse, LinkShelf(settings, telemetry).open() as app.state.links:
            yield

    return Starlette(
        routes=[
            Route("/", index),
            Route("/-/live", live),
            Route("/-/ready", ready),
            Route("/-/metrics", metrics),
            *query.ROUTES,
            *links.ROUTES,
            *ledger.ROUTES,
        ],
        middleware=[
            Middleware(Measured, telemetry=telemetry),
            Middleware(TokenGate, token=settings.api_token),
        ],
        exception_handlers={
            ApiError: answer_api_error,
            HTTPException: answer_http_exception,
            Exception: answer_fault,
        },
        lifespan=lifespan,
    )
