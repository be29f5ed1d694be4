"""What the documentation says is so: pages made from the code are the code's, commands and links in it exist."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import yaml

from deploy.cli import weir
from deploy.reference import DOCS, PAGES
from ingest.events import Kind, RawClick, encode
from ingest.kafka import TOPICS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
DOCUMENTS = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`((?:weir|make) [^`…|[]+)`")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_is_made_from_the_code_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text() == PAGES[name](), "`python -m deploy.reference` makes it anew"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_within_the_repository_lead_somewhere(path: Path) -> None:
    assert [link for link in LINK.findall(path.read_text()) if not (path.parent / link).exists()] == []


def shell_lines(text: str) -> Iterator[str]:
    """The commands in a text: lines of its shell blocks (continued ones joined), and what stands between backticks."""
    for block in SHELL.findall(text):
        yield from block.replace("\\\n", " ").splitlines()
    yield from CODE.findall(text)


def commands(program: str) -> list[Any]:
    found = [
        pytest.param(shlex.split(line, comments=True)[1:], id=f"{path.name}: {line}")
        for path in DOCUMENTS
        for line in shell_lines(path.read_text())
        if line.startswith(f"{program} ")
    ]
    assert found
    return found


@pytest.mark.parametrize("words", commands("weir"))
def test_commands_in_the_documents_can_be_called_like_that(words: list[str]) -> None:
    command: click.Command | None = weir
    context = click.Context(weir)
    while isinstance(command, click.Group):
        _, words, _ = command.make_parser(context).parse_args(words)
        if not words:
            return
        name, command, words = command.resolve_command(context, words)
        context = click.Context(command or weir, info_name=name, parent=context)
    assert command is not None
    command.make_parser(context).parse_args(words)


@pytest.mark.parametrize("words", commands("make"))
def test_make_targets_in_the_documents_exist(words: list[str]) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [word for word in words if "=" not in word and word not in targets] == []


def raw_click(**fields: Any) -> Any:
    return json.loads(encode(RawClick(kind=Kind.CLICK, src=1, seq=1, ts=1, **fields)))


def test_the_schema_of_the_raw_click_takes_a_click_and_refuses_what_can_not_be_one() -> None:
    schema = json.loads((DOCS / "raw-click.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(raw_click(domain="go.example", hints={"mobile": "?1"}), schema)
    for wrong in ({"seq": 0}, {"kind": "visit"}, {"hints": {"mobile": 1}}, {"referrer": "x" * 1025}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(raw_click() | wrong, schema)
    described = schema["$defs"]["RawClick"]["properties"]
    assert described["address_id"]["description"] == "Keyed hash of (salt of the day, address): for rates and bursts."
    assert "`orphan`: No link has this slug" in schema["$defs"]["Kind"]["description"]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from references(part)


def test_asyncapi_has_every_topic_with_its_settings_and_no_loose_end() -> None:
    page = yaml.safe_load((DOCS / "asyncapi.yml").read_text())
    assert set(page["channels"]) == {topic.name for topic in TOPICS}
    for topic in TOPICS:
        said = page["channels"][topic.name]["bindings"]["kafka"]
        settings = {
            name: ",".join(value) if isinstance(value, list) else str(value)
            for name, value in said["topicConfiguration"].items()
        }
        assert settings == dict(topic.config)
        assert (said.get("partitions") == 1) == topic.single_partition
    found = set(references(page))
    assert found
    for reference in found:
        place = page
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
