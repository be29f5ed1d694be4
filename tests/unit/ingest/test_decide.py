"""What becomes of a command, and that a command that is read again changes nothing."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.links import Link, LinkCommand, LinkFields, LinkReply, Operation, Tombstone, Variant, decide, link_id
from ingest.links.decide import tombstone

DESTINATION = "https://example.com/"


def command(operation: Operation, **given: Any) -> LinkCommand:
    facts: dict[str, Any] = {"id": "command", "domain": "go.example", "slug": "spring", "at": 1_000} | given
    return LinkCommand(operation=operation, **facts)


def create(**fields: Any) -> LinkCommand:
    return command(Operation.CREATE, fields=LinkFields(**({"destination": DESTINATION} | fields)))


def made(**fields: Any) -> Link:
    reply = decide(None, create(**fields))
    assert reply.status == 201, reply
    assert reply.link is not None
    return reply.link


def test_a_link_is_made() -> None:
    link = made(destination="https://EXAMPLE.com/ä", title="Spring", tags=("a", "b"), status=307)
    assert link == Link(
        id=link_id("go.example", "spring"),
        domain="go.example",
        slug="spring",
        destination="https://example.com/%C3%A4",
        version=1,
        title="Spring",
        tags=("a", "b"),
        status=307,
        created_at=1_000,
        updated_at=1_000,
        command_id="command",
    )


def test_a_taken_slug_is_a_conflict() -> None:
    reply = decide(made(), msgspec.structs.replace(create(), id="other"))
    assert (reply.status, reply.link) == (409, None)


def test_an_update_changes_what_it_names() -> None:
    link = made(title="Spring", position=2)
    update = command(Operation.UPDATE, id="other", at=2_000, fields=LinkFields(title="", enabled=False), if_version=1)
    reply = decide(link, update)
    assert reply.status == 200
    assert reply.link == msgspec.structs.replace(
        link, title="", enabled=False, version=2, updated_at=2_000, command_id="other"
    )


@pytest.mark.parametrize("operation", [Operation.UPDATE, Operation.DELETE])
@pytest.mark.parametrize("current", [None, Tombstone(version=4, command_id="x")])
def test_what_is_not_there_can_t_be_changed(operation: Operation, current: Tombstone | None) -> None:
    assert decide(current, command(operation)).status == 404


@pytest.mark.parametrize("operation", [Operation.UPDATE, Operation.DELETE])
def test_a_stale_version_is_refused(operation: Operation) -> None:
    reply = decide(made(), command(operation, id="other", if_version=7))
    assert reply.status == 412
    assert reply.error == "the link is at version 1, not 7"


def test_a_link_made_anew_goes_on_counting() -> None:
    delete = command(Operation.DELETE, id="delete")
    link = made()
    assert decide(link, delete) == LinkReply(command_id="delete", status=204)
    grave = tombstone(link, delete)
    assert grave == Tombstone(version=2, command_id="delete")
    reply = decide(grave, create())
    assert reply.status == 201
    assert reply.link is not None
    assert reply.link.version == 3


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"slug": "-/live"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"domain": "Go.example"}, "domain"),
        ({"domain": "go example"}, "domain"),
        ({"fields": LinkFields()}, "destination"),
        ({"fields": LinkFields(destination="javascript:x")}, "destination"),
        ({"fields": LinkFields(destination=DESTINATION, expired_url="//x")}, "expired_url"),
        ({"fields": LinkFields(destination=DESTINATION, status=303)}, "status"),
        ({"fields": LinkFields(destination=DESTINATION, referrer_policy="a\r\nb")}, "referrer_policy"),
        ({"fields": LinkFields(destination=DESTINATION, starts_at=5, expires_at=5)}, "expires_at"),
        ({"fields": LinkFields(destination=DESTINATION, position=3, position_of=2)}, "position"),
    ],
)
def test_a_refusal_names_the_field(given: dict[str, Any], field: str) -> None:
    reply = decide(None, command(Operation.CREATE, **({"fields": LinkFields(destination=DESTINATION)} | given)))
    assert (reply.status, reply.field, reply.link) == (400, field, None)
    assert reply.error


@pytest.mark.parametrize(
    "variants",
    [
        (Variant(name="a", destination="data:x"),),
        (Variant(name="a", destination=DESTINATION, weight=0),),
        (Variant(name="a", destination=DESTINATION), Variant(name="a", destination=DESTINATION)),
    ],
)
def test_variants_that_can_t_be(variants: tuple[Variant, ...]) -> None:
    reply = decide(None, create(variants=variants))
    assert (reply.status, reply.field) == (400, "variants")


def test_a_bad_update_leaves_the_link_alone() -> None:
    reply = decide(made(), command(Operation.UPDATE, id="other", fields=LinkFields(destination="ftp://x")))
    assert (reply.status, reply.field, reply.link) == (400, "destination", None)


COMMANDS = st.builds(
    command,
    st.sampled_from(Operation),
    id=st.integers(0, 10**9).map(str),
    fields=st.builds(LinkFields, destination=st.sampled_from([DESTINATION, "ftp://x"]), enabled=st.booleans()),
    if_version=st.none() | st.integers(0, 3),
)


@given(st.lists(COMMANDS, max_size=12, unique_by=lambda command: command.id))
def test_a_command_read_again_gets_its_reply_again_and_changes_nothing(commands: list[LinkCommand]) -> None:
    current: Link | Tombstone | None = None
    for wish in commands:
        version = current.version if current else 0
        reply = decide(current, wish)
        if reply.status == 204 and isinstance(current, Link):
            current = tombstone(current, wish)
        current = reply.link or current
        changed = reply.status in {200, 201, 204}
        assert (current.version if current else 0) == version + changed
        if changed:
            again = decide(current, wish)
            assert again == reply
