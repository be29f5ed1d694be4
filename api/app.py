"""The API as one Starlette application: routes, errors, and what lives as long as it does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api import ledger
from api.clicks import endpoints as clicks
from api.contract import endpoints as contract
from api.contract.operation import Answer, Described, Operation, json_answer
from api.errors import ApiError, answer_api_error, answer_http_exception
from api.keys.admission import Admission
from api.keys.gate import Gate
from api.keys.keeper import KeyKeeper
from api.keys.rate import Rates
from api.keys.turns import Turns
from api.links import codes
from api.links import endpoints as links
from api.links.shelf import LinkShelf
from api.live import endpoints as live_feed
from api.live.hub import Hub
from api.query import endpoints as query
from api.query import positions, realtime, top
from api.query.execute import Executor
from api.query.run import Warehouse
from api.requests import RequestIds
from api.settings import ApiSettings
from api.telemetry import Measured, Telemetry
from api.writes import endpoints as writes_endpoints
from api.writes.log import WriteLog


class Live(Struct, frozen=True):
    """The process runs."""

    status: str


class Ready(Struct, frozen=True):
    """Whether all that the API needs is there, and what is not."""

    ready: bool
    missing: list[str]


async def live(_request: Request) -> JSONResponse:
    """The process runs."""
    return JSONResponse({"status": "live"})


async def ready(request: Request) -> JSONResponse:
    """Whether all that the API needs is there."""
    missing = [] if await request.app.state.warehouse.ping() else ["clickhouse"]
    missing += request.app.state.keys.missing() + request.app.state.links.missing()
    return JSONResponse({"ready": not missing, "missing": missing}, 503 if missing else 200)


async def metrics(request: Request) -> Response:
    """The API's counters in Prometheus' text format."""
    return Response(generate_latest(request.app.state.telemetry.registry), media_type=CONTENT_TYPE_LATEST)


HEALTH = [
    Described("/-/live", live, get=Operation("200 while the process runs.", {200: json_answer("It does.", Live)})),
    Described(
        "/-/ready",
        ready,
        get=Operation(
            "200 when ClickHouse answers and all links are read, else 503 with what is missing.",
            {200: json_answer("All is there.", Ready), 503: json_answer("Something is missing.", Ready)},
        ),
    ),
    Described(
        "/-/metrics",
        metrics,
        get=Operation(
            "The API's own metrics, for Prometheus.", {200: Answer("Prometheus' text format.", {"text/plain": str})}
        ),
    ),
]


def create_app(settings: ApiSettings) -> Starlette:
    """The application; connects when it starts, and starts without ClickHouse and Kafka too."""
    telemetry = Telemetry()
    admission = Admission(settings)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.settings = settings
        app.state.telemetry = telemetry
        app.state.ledger = ledger.LedgerDesk(settings)
        app.state.admission = admission
        app.state.live = Hub()
        app.state.turns = Turns(settings.api_key_queries, settings.query_seconds)
        async with (
            Warehouse(settings) as app.state.warehouse,
            WriteLog(app.state.warehouse, telemetry).open() as writes,
            LinkShelf(settings, telemetry, writes).open() as app.state.links,
            KeyKeeper(app.state.warehouse, admission, telemetry).open() as app.state.keys,
        ):
            app.state.executor = Executor(app.state.warehouse, settings.time_zone)
            yield
            app.state.live.stop()

    return Starlette(
        routes=[
            *query.ROUTES,
            *top.ROUTES,
            *positions.ROUTES,
            *realtime.ROUTES,
            *live_feed.ROUTES,
            *clicks.ROUTES,
            *links.ROUTES,
            *codes.ROUTES,
            *ledger.ROUTES,
            *writes_endpoints.ROUTES,
            *contract.ROUTES,
            *HEALTH,
        ],
        middleware=[
            Middleware(RequestIds),
            Middleware(Measured, telemetry=telemetry),
            Middleware(CORSMiddleware, **_cors(settings)),
            Middleware(Gate, admission=admission, rates=Rates(settings.api_key_requests)),
        ],
        exception_handlers={
            ApiError: answer_api_error,
            HTTPException: answer_http_exception,
        },
        lifespan=lifespan,
    )


def _cors(settings: ApiSettings) -> dict[str, Any]:
    """What pages of other origins may do, in a browser that asks: use keys, and see the headers that tell something."""
    return {
        "allow_origins": settings.api_origins,
        "allow_methods": ["GET", "POST", "PATCH", "DELETE"],
        "allow_headers": ["Authorization", "Content-Type", "If-Match", "If-None-Match", "X-Request-Id"],
        "expose_headers": ["ETag", "Location", "Retry-After", "RateLimit", "RateLimit-Policy", "X-Request-Id"],
    }
