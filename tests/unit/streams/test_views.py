import numpy as np

from streams.extension import Click
from streams.views import structs, view
from tests.unit.streams.clicks import click, columns
from warehouse.columns import Coded, Columns


def shown(**fields: object) -> Click:
    [found] = structs(view(columns(click(**fields)), Click.__struct_fields__), Click)
    return found


def test_what_the_redirector_said_is_shown_as_it_said_it() -> None:
    found = shown(
        link_id="00000000000000aa", address_id="ffffffffffffffff", salt_day="2026-11-22", resent=True, qr=True,
        hints={"mobile": "?1"}, message="m", language="de-AT", sent_at=1_763_800_000, position=3,
    )  # fmt: skip
    assert found == Click(
        src=1, seq=1, ts=1_790_000_000_000, link_id="00000000000000aa", address_id="ffffffffffffffff",
        salt_day="2026-11-22", resent=True, qr=True, hints={"mobile": "?1"}, message_id="m", accept_language="de-AT",
        sent_at=1_763_800_000, position=3,
    )  # fmt: skip
    assert found.resent is True


def test_what_is_not_known_is_empty() -> None:
    found = shown()
    assert (found.visitor_id, found.salt_day, found.hints, found.extra) == ("", "", {}, {})


def test_columns_are_given_in_the_form_that_they_have_and_rows_become_structs() -> None:
    made: Columns = {
        "seq": np.array([1, 2]),
        "country": Coded.of(["DE", "AT"]),
        "extra": Coded.of([(("a", "1"),), ()]),
        "clock": [0, 0],
    }
    found = view(made, Click.__struct_fields__)
    assert isinstance(found["country"], Coded)
    assert "clock" not in found
    first, second = structs(found, Click)
    assert first == Click(seq=1, country="DE", extra={"a": "1"})
    assert second == Click(seq=2, country="AT")
