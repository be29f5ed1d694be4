"""What an address takes and answers, said beside its code: enforced, listed at `/`, published as OpenAPI."""

import inspect
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.requests import HTTPConnection
from starlette.routing import Route
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from api.contract.conditional import unless_known
from api.errors import ApiError
from api.keys.caller import Scope, caller_of

JSON = "application/json"


@dataclass(frozen=True)
class Parameter:
    """One parameter of an address; `type` is anything that pydantic can describe, as `Annotated[int, Field(ge=1)]`."""

    name: str
    type: Any
    help: str
    where: Literal["query", "path", "header"] = "query"
    required: bool = False


@dataclass(frozen=True)
class Answer:
    """What is answered when all goes well: for each media type the type of the body; None: text or bytes."""

    help: str
    content: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Name → what it says."""


def json_answer(help_: str, type_: object, **headers: str) -> Answer:
    """An answer in JSON only."""
    return Answer(help_, {JSON: type_}, headers)


@dataclass(frozen=True)
class Operation:
    """One method of one address."""

    summary: str
    """One line for lists."""
    answers: Mapping[int, Answer]
    """Status → answer; what goes wrong stands in `errors`."""
    scopes: tuple[Scope, ...] = ()
    """Any of these lets a caller in; empty: open to everybody, without a key too."""
    parameters: tuple[Parameter, ...] = ()
    body: Any = None
    """The type of the JSON body: a pydantic model or a msgspec struct."""
    errors: tuple[type[ApiError], ...] = ()
    """Beside those that follow from the rest: 401, 403 and 429 of keys, 400 of parameters and bodies, and so on."""
    help: str = ""
    """More, for the reference page."""
    queries: bool = False
    """It asks ClickHouse: only some of a key's run at once."""


class Described(Route):
    """A route that knows its operations by method: `Described("/v1/x", endpoint, get=Operation(…))`.

    A caller without the operation's scope is refused before the endpoint runs, and a query waits for its turn.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **operations: Operation) -> None:
        self.operations = {method.upper(): operation for method, operation in operations.items()}
        methods = None if inspect.isclass(endpoint) else [*self.operations]
        super().__init__(path, endpoint, methods=methods)

    async def handle(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Raises `Forbidden` or `TooMany`; what has no operation is the route's own 405."""
        operation = self.operations.get("GET" if scope["method"] == "HEAD" else scope["method"])
        if operation is None or not operation.scopes:
            await super().handle(scope, receive, send)
            return
        caller = caller_of(HTTPConnection(scope))
        caller.require(operation.scopes)
        async with scope["app"].state.turns.of(caller) if operation.queries else nullcontext():
            await super().handle(scope, receive, unless_known(scope, send))
