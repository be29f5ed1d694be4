"""Everything that the API answers when it does not do what was asked: one JSON shape, one class a cause.

    ApiError
    ├── BadRequest            400  what was sent does not fit; `field` names the part
    ├── Unauthorized          401  no key, or none that is valid
    ├── Forbidden             403  the key is not made for that
    ├── NotFound              404
    ├── MethodNotAllowed      405
    ├── NotAcceptable         406  none of the formats that `Accept` names
    ├── Conflict              409  the slug is taken
    ├── StaleVersion          412  the link was changed meanwhile
    ├── TooLarge              413
    ├── UnsupportedMediaType  415
    ├── TooExpensive          422  the query ran into its limits of time or memory
    ├── TooMany               429  more requests or queries at once than a key may have
    ├── Internal              500
    ├── Away                  503  ClickHouse or Kafka does not answer
    └── Unconfirmed           504  a command is in the log, its reply has not come yet

The body is `{"error": {"code", "message", "field"?, "hint"?, …}}`.
"""

import difflib
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, ClassVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse


class ApiError(Exception):
    """An answer that is not the one asked for; the subclasses are in the module's docstring."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    code: ClassVar[str] = "internal"
    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self, message: str, *, field: str = "", hint: str = "", **extra: str | int | float | list[str]
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.hint = hint
        self.extra = extra

    def body(self) -> dict[str, Any]:
        """What stands under `error`: `field` and `hint` only where there is something to say."""
        spoken = {"code": self.code, "message": self.message, "field": self.field, "hint": self.hint, **self.extra}
        return {name: value for name, value in spoken.items() if value not in ("", None)}


class BadRequest(ApiError):
    """What was sent does not fit."""

    status = HTTPStatus.BAD_REQUEST
    code = "bad_request"


class Unauthorized(ApiError):
    """No key, or none that is valid."""

    status = HTTPStatus.UNAUTHORIZED
    code = "unauthorized"
    headers = MappingProxyType({"www-authenticate": "Bearer"})


class Forbidden(ApiError):
    """The key is valid, and not made for that: another scope, or another domain."""

    status = HTTPStatus.FORBIDDEN
    code = "forbidden"


class NotFound(ApiError):
    """There is nothing of that name."""

    status = HTTPStatus.NOT_FOUND
    code = "not_found"


class MethodNotAllowed(ApiError):
    """The address is right, the method is not."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    code = "method_not_allowed"


class NotAcceptable(ApiError):
    """None of the formats that `Accept` names; `available` lists those that there are."""

    status = HTTPStatus.NOT_ACCEPTABLE
    code = "not_acceptable"
    headers = MappingProxyType({"vary": "Accept"})


class Conflict(ApiError):
    """The slug is taken."""

    status = HTTPStatus.CONFLICT
    code = "conflict"


class StaleVersion(ApiError):
    """The link is not in the version that the change was made for."""

    status = HTTPStatus.PRECONDITION_FAILED
    code = "stale_version"


class TooLarge(ApiError):
    """The body is longer than is taken."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "too_large"


class UnsupportedMediaType(ApiError):
    """The body is not said to be JSON (which also keeps other sites' forms out)."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_media_type"


class TooExpensive(ApiError):
    """The query ran into its limits of time or memory."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "too_expensive"


class TooMany(ApiError):
    """More requests, or more queries at once, than a key may have; `Retry-After` says when there is room again."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too_many"

    def __init__(
        self, message: str, *, retry_after: int, hint: str = "", headers: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        super().__init__(message, hint=hint)
        self.headers = {**headers, "retry-after": str(retry_after)}


class Internal(ApiError):
    """A fault of Weir's; the log says more."""


class Away(ApiError):
    """ClickHouse or Kafka does not answer."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "away"
    headers = MappingProxyType({"retry-after": "5"})


class Unconfirmed(ApiError):
    """The command is in the log, so it will be carried out, but its reply has not come in time."""

    status = HTTPStatus.GATEWAY_TIMEOUT
    code = "unconfirmed"


BY_STATUS: Mapping[int, type[ApiError]] = {
    error.status: error for error in (BadRequest, NotFound, MethodNotAllowed, Conflict, StaleVersion)
}
"""HTTP status → error, for statuses that others chose: starlette's, and the links agent's."""


def suggest(name: str, known: Iterable[str]) -> str:
    """A hint: the known name that is closest to an unknown one, else all of them."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"Did you mean `{close[0]}`?" if close else f"Known are: {', '.join(names)}."


def refusal(error: ApiError) -> JSONResponse:
    """An `ApiError` as JSON."""
    return JSONResponse({"error": error.body()}, error.status, headers=error.headers)


async def answer_api_error(_request: Request, error: Exception) -> JSONResponse:
    """An `ApiError` that an endpoint raised."""
    if not isinstance(error, ApiError):
        raise error
    return refusal(error)


async def answer_http_exception(_request: Request, error: Exception) -> JSONResponse:
    """Starlette's own refusals (no such route, wrong method) in the same shape."""
    if not isinstance(error, HTTPException):
        raise error
    kind = BY_STATUS.get(error.status_code, BadRequest)
    return JSONResponse(
        {"error": {"code": kind.code, "message": error.detail}}, error.status_code, headers=error.headers
    )
