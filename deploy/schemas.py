"""The contracts of the log for programs of any language: a JSON Schema of the raw click, AsyncAPI of all topics.

Both are made from the types that the services decode with, and from the topics' settings, so they can't say anything
else than the code does.
"""

import ast
import dataclasses
import inspect
import itertools
import json
import textwrap
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any

import msgspec
import yaml

from ingest.events import Kind, RawClick
from ingest.kafka import CLICKS_DEAD, CLICKS_ENRICHED, CLICKS_RAW, LINK_COMMANDS, LINK_REPLIES, LINKS, SALTS, Topic
from ingest.links import Link, LinkCommand, LinkFields, LinkReply, Operation, Variant
from ingest.salts import SaltRecord
from streams.enriched import EnrichedClick
from streams.letters import DeadRecord

TYPES = (
    RawClick,
    Kind,
    EnrichedClick,
    DeadRecord,
    Link,
    Variant,
    LinkCommand,
    LinkFields,
    Operation,
    LinkReply,
    SaltRecord,
)
"""Every type of our own that stands in a record."""

Json = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Channel:
    """What a topic carries, and who writes and reads it."""

    topic: Topic
    payload: type
    key: str
    writer: str
    readers: str
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    tombstone: str = ""
    """What a record without a value means; empty: there is none."""


CHANNELS = (
    Channel(
        CLICKS_RAW,
        RawClick,
        key="What must be judged together: `message` ␟ `recipient` (or `network`), else `network` ␟ `domain`;"
        " a redirector's own words: its `src`. ␟ is U+001F.",
        writer="The redirectors, and `weir import-log`.",
        readers="The workers.",
    ),
    Channel(
        CLICKS_ENRICHED,
        EnrichedClick,
        key="As in `clicks.raw`: `message_id` ␟ `recipient_id` (or `network`), else `network` ␟ `domain`.",
        writer="The workers, where WEIR_ENRICHED is set, once a row is stored; at least once.",
        readers="Whoever wants to; nothing of Weir's.",
    ),
    Channel(
        CLICKS_DEAD,
        DeadRecord,
        key="Partition and offset in `clicks.raw`: `3@1290`.",
        writer="The workers, before the row of a record that can't be decoded or stored; at least once.",
        readers="Whoever wants to; nothing of Weir's.",
    ),
    Channel(
        LINKS,
        Link,
        key="`domain/slug`",
        writer="The links agent of the workers, and nobody else.",
        readers="Redirectors, API and workers, from the beginning.",
        headers={
            "version": "Of a deleted link: its version, decimal.",
            "command_id": "Of a deleted link: the command that deleted it.",
        },
        tombstone="The link is deleted.",
    ),
    Channel(
        LINK_COMMANDS,
        LinkCommand,
        key="`domain/slug` of the link, so that a link's commands are taken in order.",
        writer="The API.",
        readers="The links agent of the workers.",
    ),
    Channel(
        LINK_REPLIES,
        LinkReply,
        key="The command's `id`.",
        writer="The links agent of the workers.",
        readers="The API, from the end.",
    ),
    Channel(
        SALTS,
        SaltRecord,
        key="The day, as in the value: `2026-11-22`.",
        writer="Every redirector that misses a day's salt; the first record of a day wins.",
        readers="The redirectors, from the beginning.",
    ),
)


def raw_click_schema() -> Json:
    """JSON Schema (2020-12) of the value of a record of `clicks.raw`, fields described by their docstrings."""
    found = msgspec.json.schema(RawClick)
    _describe(found["$defs"], TYPES)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Raw click", **found}


def enriched_click_schema() -> Json:
    """JSON Schema (2020-12) of the value of a record of `clicks.enriched`."""
    found = msgspec.json.schema(EnrichedClick)
    _describe(found["$defs"], TYPES)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Enriched click", **found}


def asyncapi() -> Json:
    """AsyncAPI 3.0 of every topic: keys, headers, values and the settings that correctness rests on."""
    payloads = [channel.payload for channel in CHANNELS]
    _, schemas = msgspec.json.schema_components(payloads, ref_template="#/components/schemas/{name}")
    _describe(schemas, TYPES)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Weir's topics",
            "version": version("weir"),
            "description": "Names may have a prefix (WEIR_KAFKA_PREFIX). Made from the code: see deploy/schemas.py.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {channel.topic.name: _channel(channel) for channel in CHANNELS},
        "components": {
            "messages": {name: found for channel in CHANNELS for name, found in _messages(channel).items()},
            "schemas": schemas,
        },
    }


def _channel(channel: Channel) -> Json:
    topic = channel.topic
    kafka: Json = {
        "topicConfiguration": {name: _setting(name, value) for name, value in topic.config.items()},
        "bindingVersion": "0.5.0",
    }
    if topic.single_partition:
        kafka["partitions"] = 1
    return {
        "address": topic.name,
        "description": f"{topic.purpose} Written by: {channel.writer} Read by: {channel.readers}",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _messages(channel)},
        "bindings": {"kafka": kafka},
    }


def _setting(name: str, value: str) -> Any:  # noqa: ANN401 - as the binding has it
    if name == "cleanup.policy":
        return value.split(",")
    return int(value) if value.isdecimal() else value


def _messages(channel: Channel) -> Json:
    """The records of a topic by name: those with a value, and the tombstones."""
    name = channel.payload.__name__
    kafka = {"key": {"type": "string", "description": channel.key}, "bindingVersion": "0.5.0"}
    headers = {
        "type": "object",
        "properties": {header: {"type": "string", "description": text} for header, text in channel.headers.items()},
    }
    record: Json = {"bindings": {"kafka": kafka}}
    if channel.headers:
        record["headers"] = headers
    found = {name: {"payload": {"$ref": f"#/components/schemas/{name}"}, **record}}
    if channel.tombstone:
        found[f"{name}Tombstone"] = {"summary": channel.tombstone, "payload": {"type": "null"}, **record}
    return found


def _describe(schemas: Json, types: Iterable[type]) -> None:
    """Put the docstrings of fields and members, which msgspec does not know, into the types' schemas."""
    for described in types:
        schema = schemas.get(described.__name__)
        if schema is None:
            continue
        ours = [one for one in reversed(described.__mro__) if one.__module__.startswith(("ingest.", "streams."))]
        texts = {name: text for one in ours for name, text in docstrings(one).items()}
        schema["description"] = inspect.getdoc(described) or ""
        for field, facts in schema.get("properties", {}).items():
            if field in texts:
                facts["description"] = texts[field]
        if described is EnrichedClick:
            schema["required"] = list(schema["properties"])  # no field is ever left out
        if "enum" in schema:
            members = [f"`{described[name].value}`: {text}" for name, text in texts.items()]  # type: ignore[index]
            schema["description"] = "\n".join((schema["description"], *members))


def docstrings(described: type) -> dict[str, str]:
    """The docstrings that stand below a class's fields or members, by name, each on one line."""
    [found] = ast.parse(textwrap.dedent(inspect.getsource(described))).body
    body = found.body if isinstance(found, ast.ClassDef) else []
    return {
        name: " ".join(str(below.value.value).split())
        for field, below in itertools.pairwise(body)
        if (name := _name(field)) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
    }


def _name(statement: ast.stmt) -> str:
    """What a class's body gives a value or a type to; empty: nothing."""
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
            return name
    return ""


class Plain(yaml.SafeDumper):
    """YAML without anchors: what stands twice is written twice."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - as PyYAML calls it
        """All of them."""
        return True


def as_json(found: Json) -> str:
    """Text of a `.json` file."""
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def as_yaml(found: Json) -> str:
    """Text of a `.yml` file."""
    text: str = yaml.dump(found, Dumper=Plain, sort_keys=False, allow_unicode=True, width=110)
    return text
