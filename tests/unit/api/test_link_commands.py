import json
import re
from typing import Any

import msgspec
import pytest

from api.errors import ApiError, BadRequest, Conflict, Internal, NotFound, StaleVersion
from api.links.commands import (
    SLUG_LENGTH,
    LinkChange,
    NewLink,
    change,
    creation,
    deletion,
    random_slug,
    read,
    refuse,
    shown,
)
from ingest.links import Link, LinkCommand, LinkReply, Operation, Variant, check_slug, decide, link_id

HOME = "go.example"


def created(**fields: Any) -> LinkCommand:
    body = msgspec.json.encode({"destination": "https://shop.example/", **fields})
    return creation(read(body, NewLink), default_domain=HOME, reply_to="links.replies")


def link(**fields: Any) -> Link:
    made = decide(None, created(slug="sale", **fields)).link
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"destination": None}, "destination", "Expected"),
        ({"destination": ""}, "destination", "http"),
        ({"destination": "javascript:alert(1)"}, "destination", "only http and https"),
        ({"destination": "https://user@shop.example/"}, "destination", "user name"),
        ({"destination": "https://shop.example/" + "x" * 2048}, "destination", "longer"),
        ({"expired_url": "/relative"}, "expired_url", "http"),
        ({"slug": "-/metrics"}, "slug", "kept"),
        ({"slug": "a b"}, "slug", "characters"),
        ({"domain": "no domain"}, "domain", "host"),
        ({"titel": "x"}, "titel", "Did you mean `title`?"),
        ({"title": 3}, "title", "Expected `str`"),
        ({"tags": ["a", 3]}, "tags[1]", "Expected `str`"),
        ({"status": 303}, "status", "301, 302, 307 or 308"),
        ({"variants": [{"name": "a"}]}, "variants[0]", "destination"),
        ({"variants": [{"name": str(n), "destination": "https://v.example/"} for n in range(65)]}, "variants", "64"),
        ({"starts_at": 2, "expires_at": 1}, "expires_at", "before it starts"),
    ],
)
def test_a_bad_link_names_its_field(fields: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(BadRequest) as refused:
        created(**fields)
    assert refused.value.field == field
    assert words in f"{refused.value.message} {refused.value.hint}"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"title": "\xff"}', b'{"destination": ' + b"[" * 100_000])
def test_a_body_that_is_no_link_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read(body, NewLink)


def test_a_link_without_domain_and_slug_gets_both() -> None:
    command = created()
    assert command.operation is Operation.CREATE
    assert command.domain == HOME
    assert re.fullmatch(r"[0-9A-Za-z]{12}", command.slug)
    assert command.reply_to == "links.replies"


def test_a_domain_is_written_as_it_is_asked_for() -> None:
    assert created(domain="Bücher.Example.", slug="x").domain == "xn--bcher-kva.example"


def test_random_slugs_have_64_bits_of_choice_and_are_slugs() -> None:
    slugs = {random_slug() for _ in range(1000)}
    assert len(slugs) == 1000
    assert 56**SLUG_LENGTH > 1 << 64
    assert all(check_slug(slug) == slug for slug in slugs)


def test_a_change_holds_only_what_was_given() -> None:
    command = change(link(), read(b'{"title": "Sale", "if_version": 1}', LinkChange), None, "")
    assert msgspec.to_builtins(command.fields) == {"title": "Sale"}
    assert command.if_version == 1
    assert (command.domain, command.slug) == (HOME, "sale")


def test_if_match_wins_over_the_body() -> None:
    assert change(link(), read(b'{"if_version": 1}', LinkChange), 7, "").if_version == 7
    assert deletion(link(), 7, "").if_version == 7


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, BadRequest), (404, NotFound), (409, Conflict), (412, StaleVersion), (500, Internal)],
)
def test_replies_that_refuse_are_errors(status: int, error: type[ApiError]) -> None:
    with pytest.raises(error, match="It is so") as refused:
        refuse(LinkReply(command_id="1", status=status, error="it is so", field="slug"))
    assert refused.value.field == "slug"


def test_a_link_is_shown_with_all_its_fields() -> None:
    made = link(variants=[{"name": "a", "destination": "https://a.example/", "weight": 3}])
    view = shown(made, "https://{domain}/{slug}")
    assert view["address"] == "https://go.example/sale"
    assert view["id"] == link_id(HOME, "sale")
    assert view["variants"] == [msgspec.structs.asdict(Variant(name="a", destination="https://a.example/", weight=3))]
    assert view.keys() == {*Link.__struct_fields__, "address"} - {"command_id"}
    assert json.loads(json.dumps(view))["tags"] == []
