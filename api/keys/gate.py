"""The gate: ASGI middleware that finds out who asks, and lets nobody in who must not."""

import hmac

from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import Unauthorized
from api.keys.caller import IN_SCOPE, Caller

GUARDED = "/v1/"


class Gate:
    """Nothing under `/v1/` without a key. Health, metrics and the description of the API are open."""

    def __init__(self, app: ASGIApp, token: SecretStr) -> None:
        self.app = app
        self._expected = token.get_secret_value().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the caller in the scope, or answer 401."""
        if scope["type"] == "http" and scope["path"].startswith(GUARDED):
            if not self._allows(Headers(scope=scope)):
                error = Unauthorized(
                    "This API wants a token.", hint="Send `Authorization: Bearer` and the value of WEIR_API_TOKEN."
                )
                answer = JSONResponse({"error": error.body()}, error.status, headers=error.headers)
                await answer(scope, receive, send)
                return
            scope[IN_SCOPE] = Caller("WEIR_API_TOKEN" if self._expected else "anybody")
        await self.app(scope, receive, send)

    def _allows(self, headers: Headers) -> bool:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        return not self._expected or (
            scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self._expected)
        )
