"""Request ids: one for each request, in its answer and in every line of the log that it causes; and faults."""

import re
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import Internal, refusal

HEADER = "X-Request-Id"
IN_SCOPE = "weir.request_id"
_SANE = re.compile(r"[A-Za-z0-9._:-]{8,64}")

log = structlog.get_logger()


class RequestIds:
    """ASGI middleware: takes the sender's `X-Request-Id` where it is a sane one, makes one otherwise.

    What nobody foresaw ends here too: it is logged in full and told in one line, with the id to look for.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the id in the scope, the log's context and the answer's header."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        id_ = given if _SANE.fullmatch(given) else uuid4().hex
        scope[IN_SCOPE] = id_
        began = False

        async def naming(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                MutableHeaders(scope=message)[HEADER] = id_
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=id_):
            try:
                await self.app(scope, receive, naming)
            except Exception as error:
                log.error("fault", path=scope["path"], exc_info=error)
                if began:
                    raise  # half an answer: the server cuts the connection
                fault = Internal("A fault of the API; its log says more.", request_id=id_)
                await refusal(fault)(scope, receive, naming)


def request_id_of(request: HTTPConnection) -> str:
    """The id of the request."""
    id_: str = request.scope[IN_SCOPE]
    return id_
