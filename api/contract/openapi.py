"""The description of the API as OpenAPI 3.1, made from the very types that validate."""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from pydantic import TypeAdapter

from api.contract.operation import JSON, Answer, Described, Operation, Parameter
from api.errors import (
    ApiError,
    Away,
    BadRequest,
    Forbidden,
    Internal,
    NotFound,
    TooLarge,
    TooMany,
    Unauthorized,
    UnsupportedMediaType,
)

Json = dict[str, Any]
VERSION = "3.1.0"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REF = "#/components/schemas/"
_INTRO = (
    "Questions about clicks, and links. A key (`weir api-keys add`) goes into the header `Authorization: Bearer`; a key"
    " that is limited to domains sees nothing of others. All times are ISO 8601 unless a field says otherwise."
)


_KNOWN = Parameter("If-None-Match", str, "The `ETag` of the answer that you have: 304 where it is the same.", "header")


class ErrorBody(msgspec.Struct, frozen=True):
    """What went wrong, and what to do; some errors say more."""

    code: str
    message: str
    field: str | msgspec.UnsetType = msgspec.UNSET
    """The part that does not fit."""
    hint: str | msgspec.UnsetType = msgspec.UNSET


class Error(msgspec.Struct, frozen=True):
    """Every answer that is not the one asked for has this shape."""

    error: ErrorBody


class Schemas:
    """JSON Schema of types; what has a name stands once, among `components`."""

    def __init__(self) -> None:
        self.components: Json = {}

    def of(self, type_: Any) -> Json:  # noqa: ANN401 - a type, an Annotated or a Literal
        """The schema of a pydantic or msgspec type, or a reference to it."""
        if inspect.isclass(type_) and issubclass(type_, msgspec.Struct):
            [schema], components = msgspec.json.schema_components([type_], ref_template=_REF + "{name}")
        else:
            schema = TypeAdapter(type_).json_schema(ref_template=_REF + "{model}")
            components = schema.pop("$defs", {})
        if "title" in schema and schema.get("type") == "object":
            components[schema["title"]] = schema
            schema = {"$ref": _REF + schema["title"]}
        for name, component in components.items():
            if self.components.setdefault(name, component) != component:
                raise ValueError(f"two types of the API's contract are named {name}")
        return schema


def openapi(routes: Iterable[object], version: str) -> Json:
    """The whole document, of those routes that are described."""
    schemas = Schemas()
    paths: Json = {}
    for route in routes:
        if isinstance(route, Described):
            paths[route.path] = {
                method.lower(): _operation(route.path, method, operation, schemas)
                for method, operation in route.operations.items()
            }
    return {
        "openapi": VERSION,
        "jsonSchemaDialect": DIALECT,
        "info": {
            "title": "Weir",
            "version": version,
            "description": _INTRO,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key."}},
        },
    }


def errors_of(operation: Operation) -> tuple[type[ApiError], ...]:
    """Everything that the operation may refuse with, by status."""
    found: set[type[ApiError]] = {*operation.errors, Internal}
    if operation.scopes:
        found |= {Unauthorized, Forbidden, TooMany, Away}
    if operation.parameters:
        found.add(BadRequest)
    if any(parameter.where == "path" for parameter in operation.parameters):
        found.add(NotFound)
    if operation.body is not None:
        found |= {BadRequest, TooLarge, UnsupportedMediaType}
    return tuple(sorted(found, key=lambda error: error.status))


def _operation(path: str, method: str, operation: Operation, schemas: Schemas) -> Json:
    described: Json = {
        "operationId": _name(path, method),
        "summary": operation.summary,
        "description": operation.help or operation.summary,
        "tags": [path.split("/")[2] if path.startswith("/v1/") else "service"],
        "security": [{"key": []}] if operation.scopes else [],
        "parameters": [_parameter(parameter, schemas) for parameter in operation.parameters],
        "responses": dict(_responses(operation, schemas)),
    }
    if operation.scopes:
        described["x-scopes"] = [*operation.scopes]
    if method == "GET" and "ETag" in operation.answers[200].headers:
        described["parameters"].append(_parameter(_KNOWN, schemas))
        described["responses"]["304"] = {"description": "You have it already."}
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": {JSON: {"schema": schemas.of(operation.body)}}}
    return described


def _name(path: str, method: str) -> str:
    """`GET /v1/links/{id}` → `get_links_id`."""
    words = path.removeprefix("/v1").replace("{", "").replace("}", "").replace("-", "_").split("/")
    return "_".join(word.replace(".", "_") for word in (method.lower(), *words) if word)


def _parameter(parameter: Parameter, schemas: Schemas) -> Json:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "required": parameter.required,
        "description": parameter.help,
        "schema": schemas.of(parameter.type),
    }


def _responses(operation: Operation, schemas: Schemas) -> Iterator[tuple[str, Json]]:
    for status, answer in operation.answers.items():
        yield str(status), _answer(answer, schemas)
    by_status: dict[HTTPStatus, list[type[ApiError]]] = {}
    for error in errors_of(operation):
        by_status.setdefault(error.status, []).append(error)
    for status, errors in by_status.items():
        help_ = " ".join(dict.fromkeys(inspect.getdoc(error) or "" for error in errors))
        yield str(status.value), _answer(Answer(help_, {JSON: Error}), schemas)


def _answer(answer: Answer, schemas: Schemas) -> Json:
    shown: Json = {"description": answer.help}
    if answer.content:
        shown["content"] = {media: _content(type_, schemas) for media, type_ in answer.content.items()}
    if answer.headers:
        shown["headers"] = {
            name: {"description": help_, "schema": {"type": "string"}} for name, help_ in answer.headers.items()
        }
    return shown


def _content(type_: object, schemas: Schemas) -> Mapping[str, Json]:
    """An empty object stands for bytes."""
    return {} if type_ is None else {"schema": schemas.of(type_)}
