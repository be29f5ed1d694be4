"""The gate: ASGI middleware that finds out who asks, and how often it may."""

import math
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import ApiError, TooMany, refusal
from api.keys.admission import Admission
from api.keys.caller import IN_SCOPE, Caller
from api.keys.rate import Rates

GUARDED = "/v1/"


class Gate:
    """Nothing under `/v1/` without a key. Health, metrics and the description of the API are open."""

    def __init__(
        self, app: ASGIApp, *, admission: Admission, rates: Rates, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.app = app
        self._admission = admission
        self._rates = rates
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the caller in the scope, or answer 401, 429 or 503."""
        if scope["type"] != "http" or not scope["path"].startswith(GUARDED):
            await self.app(scope, receive, send)
            return
        headers = {"cache-control": "private, no-cache"}
        try:
            caller = self._admitted(Headers(scope=scope))
            headers |= self._counted(caller)
        except ApiError as error:
            await refusal(error)(scope, receive, _adding(headers, send))
            return
        scope[IN_SCOPE] = caller
        with structlog.contextvars.bound_contextvars(key=caller.name):
            await self.app(scope, receive, _adding(headers, send))

    def _admitted(self, headers: Headers) -> Caller:
        return self._admission.admit(headers.get("authorization", ""), now=datetime.now(UTC), at=self._clock())

    def _counted(self, caller: Caller) -> Mapping[str, str]:
        """Headers that say how the limit stands; only keys of the table have one. Raises `TooMany`."""
        turn = self._rates.take(caller.key, self._clock()) if caller.key else None
        if turn is None:
            return {}
        if not turn.allowed:
            raise TooMany(
                f"This key may make {turn.quota} requests a minute.",
                retry_after=max(math.ceil(turn.wait), 1),
                headers=turn.headers,
            )
        return turn.headers


def _adding(headers: Mapping[str, str], send: Send) -> Send:
    """`send` that adds headers to the answer where it has none of their names."""

    async def adding(message: Message) -> None:
        if message["type"] == "http.response.start":
            found = MutableHeaders(scope=message)
            for name, value in headers.items():
                found.setdefault(name, value)
        await send(message)

    return adding
