"""The reference page: the OpenAPI document for people, as plain HTML that fetches nothing and runs nothing."""

import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

PAGE = Template(Path(__file__).with_name("page.html").read_text())
SHOWN_CHOICES = 8
"""Of longer lists of choices only the first are shown; the document has all."""
BYTES = {"type": "bytes"}

Json = Mapping[str, Any]


def page(document: Json) -> str:
    """The whole page."""
    operations = [
        (f"{method}-{path}", method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = document["components"]["schemas"]
    return PAGE.substitute(
        title=f"{escape(document['info']['title'])} API {escape(document['info']['version'])}",
        intro=_text(document["info"]["description"]),
        contents="".join(_contents(operations, schemas)),
        operations="".join(_operation(*operation) for operation in operations),
        schemas="".join(_schema(name, schema) for name, schema in schemas.items()),
    )


def _contents(operations: list[tuple[str, str, str, Json]], schemas: Json) -> Iterator[str]:
    tags = dict.fromkeys(operation["tags"][0] for *_, operation in operations)
    for tag in tags:
        yield f"<h2>{escape(tag)}</h2>"
        for anchor, method, path, operation in operations:
            if operation["tags"][0] == tag:
                yield f'<a href="#{escape(anchor)}">{method} {escape(path)}</a>'
    yield "<h2>schemas</h2>"
    for name in schemas:
        yield f'<a href="#schema-{escape(name)}">{escape(name)}</a>'


def _operation(anchor: str, method: str, path: str, operation: Json) -> str:
    scopes = " or ".join(f"<code>{escape(scope)}</code>" for scope in operation.get("x-scopes", ()))
    parts = [
        f'<section id="{escape(anchor)}"><h3><span class="method {method.lower()}">{method}</span>',
        f" <code>{escape(path)}</code></h3><p>{_text(operation['description'])}</p>",
        f'<p class="scope">{f"Scope: {scopes}" if scopes else "Open to everybody, without a key."}</p>',
        *_parameters(operation["parameters"]),
        *_body(operation),
        "<h4>Answers</h4><table>",
        *(_answer(status, answer) for status, answer in operation["responses"].items()),
        "</table></section>",
    ]
    return "".join(parts)


def _parameters(parameters: list[Json]) -> Iterator[str]:
    if parameters:
        yield "<h4>Parameters</h4><table>"
        for one in parameters:
            name = f"<code>{escape(one['name'])}</code>{_required(one['required'])}"
            where = "" if one["in"] == "query" else f" ({one['in']})"
            yield _row(name, _type(one["schema"]) + where, _text(one["description"]))
        yield "</table>"


def _body(operation: Json) -> Iterator[str]:
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<h4>Body</h4><p>{_type(content['schema'])}, as <code>{escape(media)}</code></p>"


def _answer(status: str, answer: Json) -> str:
    content = answer.get("content", {})
    kinds = [f"<code>{escape(media)}</code> {_type(kind.get('schema', BYTES))}" for media, kind in content.items()]
    headers = [
        f"<code>{escape(name)}</code>: {_text(one['description'])}" for name, one in answer.get("headers", {}).items()
    ]
    return _row(f"<code>{status}</code>", "<br>".join(kinds), "<br>".join([_text(answer["description"]), *headers]))


def _schema(name: str, schema: Json) -> str:
    head = f'<section id="schema-{escape(name)}"><h3>{escape(name)}</h3><p>{_text(schema.get("description", ""))}</p>'
    properties = schema.get("properties", {})
    if not properties:
        return f"{head}<p>{_type(schema)}</p></section>"
    required = schema.get("required", ())
    rows = (
        _row(f"<code>{escape(part)}</code>{_required(part in required)}", _type(of), _text(of.get("description", "")))
        for part, of in properties.items()
    )
    return f"{head}<table>{''.join(rows)}</table></section>"


def _row(*cells: str) -> str:
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _required(required: bool) -> str:
    return ' <span class="required">required</span>' if required else ""


def _type(schema: Json) -> str:
    """A schema in a few words, with links to those that have a name."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    if choices := schema.get("anyOf", schema.get("oneOf")):
        return " or ".join(_type(part) for part in choices)
    if "enum" in schema or "const" in schema:
        return _choices(schema.get("enum", [schema.get("const")]))
    if "prefixItems" in schema:
        return f"[{', '.join(_type(part) for part in schema['prefixItems'])}]"
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kind = schema.get("type", "anything")
    return escape(kind if isinstance(kind, str) else " or ".join(kind)) + _bounds(schema)


def _choices(values: list[object]) -> str:
    shown = [f"<code>{escape(str(value))}</code>" for value in values[:SHOWN_CHOICES]]
    return ", ".join(shown) + (f" and {len(values) - SHOWN_CHOICES} more" if len(values) > SHOWN_CHOICES else "")


def _bounds(schema: Json) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f", {low} to {high}"
    if low is not None:
        return f", from {low}"
    return f", at most {schema['maxLength']} characters" if "maxLength" in schema else ""


def _text(text: str) -> str:
    """Text in which `code` is marked up."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
