"""The API about itself: what addresses there are, the OpenAPI document and its page for people."""

from importlib.metadata import version
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from api.contract.openapi import openapi
from api.contract.operation import Answer, Described, Operation, json_answer
from api.contract.page import page


def addresses(routes: list[Described]) -> dict[str, str]:
    """`GET /v1/links` → the line about it, in the order of the routes."""
    return {
        f"{method} {route.path}": operation.summary
        for route in routes
        for method, operation in route.operations.items()
    }


def described(request: Request) -> list[Described]:
    """The application's routes that are described."""
    return [route for route in request.app.routes if isinstance(route, Described)]


async def index(request: Request) -> JSONResponse:
    """Every address, with a line about it."""
    return JSONResponse({"name": "weir", "addresses": addresses(described(request))})


async def document(request: Request) -> Response:
    """The OpenAPI document."""
    return JSONResponse(openapi(described(request), version("weir")))


async def reference(request: Request) -> Response:
    """The OpenAPI document as a page, which fetches nothing and runs nothing."""
    return HTMLResponse(
        page(openapi(described(request), version("weir"))),
        headers={"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"},
    )


ROUTES = [
    Described("/", index, get=Operation("This list.", {200: json_answer("Every address.", dict[str, Any])})),
    Described(
        "/openapi.json",
        document,
        get=Operation("This description, as OpenAPI 3.1.", {200: json_answer("The document.", dict[str, Any])}),
    ),
    Described(
        "/docs",
        reference,
        get=Operation("The same as a page for people.", {200: Answer("The page.", {"text/html": str})}),
    ),
]
