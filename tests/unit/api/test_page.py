"""The reference page says all that the document says, and can neither fetch nor run anything."""

import re
from html.parser import HTMLParser

from api.app import create_app
from api.contract.openapi import openapi
from api.contract.page import page
from api.settings import ApiSettings

DOCUMENT = openapi(create_app(ApiSettings()).routes, "0")
PAGE = page(DOCUMENT)
VOID = {"meta", "br"}


class Reader(HTMLParser):
    """Collects anchors and links, and sees that every tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.anchors: set[str] = set()
        self.links: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert not given.keys() & {"src", "srcset", "onclick", "onload"}
        assert tag not in {"script", "link", "img", "iframe"}
        self.anchors.add(given.get("id") or "")
        self.links.add(given.get("href") or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_link_leads_somewhere_and_nothing_is_fetched() -> None:
    reader = Reader()
    reader.feed(PAGE)
    assert not reader.open
    assert {link for link in reader.links if link and not link.startswith("#")} == {"openapi.json"}
    assert {link[1:] for link in reader.links if link.startswith("#")} <= reader.anchors


def test_every_operation_parameter_and_field_is_on_it() -> None:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            assert f'id="{method}-{path}"' in PAGE
            for parameter in operation["parameters"]:
                assert f"<code>{parameter['name']}</code>" in PAGE
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert f'id="schema-{name}"' in PAGE
        for field in schema.get("properties", {}):
            assert f"<code>{field}</code>" in PAGE


def test_what_a_description_says_is_text() -> None:
    broken = {**DOCUMENT, "info": {**DOCUMENT["info"], "description": "<b>`<i>` & $x"}}
    assert re.search(r"&lt;b&gt;<code>&lt;i&gt;</code> &amp; \$x", page(broken))
