"""What an operator asks the worker: whether it lives, whether it counts, and its metrics."""

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


def create_app(ready: Callable[[], bool]) -> Starlette:
    """`/-/live`, `/-/ready` (200 once partitions are assigned and opened, else 503) and `/-/metrics`."""

    async def is_live(_: Request) -> Response:
        return PlainTextResponse("live\n")

    async def is_ready(_: Request) -> Response:
        return PlainTextResponse("ready\n") if ready() else PlainTextResponse("not ready\n", 503)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return Starlette(routes=[Route("/-/live", is_live), Route("/-/ready", is_ready), Route("/-/metrics", metrics)])
