"""Signed links: what one of our keys signed is read back, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.signed import SignedLink, SigningError, sign, verify
from tests.unit.ingest.signing import SECRETS, signed_by_hand

LINK = SignedLink("go.example", "https://example.com/a?b=%E4#c", "w_msg=m1&w_pos=3", 1_800_000_000)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.mark.parametrize("key_id", SECRETS)
def test_what_a_key_signed_is_read_back(key_id: str) -> None:
    assert verify(sign(LINK, key_id, SECRETS[key_id]), SECRETS) == LINK


def test_domain_and_destination_are_signed_in_their_normal_form() -> None:
    slug = sign(SignedLink("GO.Example:443", "HTTPS://Bücher.example/ü"), "k1", SECRETS["k1"])
    assert verify(slug, SECRETS) == SignedLink("go.example", "https://xn--bcher-kva.example/%C3%BC")


def test_an_unknown_key_and_no_key_sign_nothing() -> None:
    slug = sign(LINK, "k1", SECRETS["k1"])
    assert verify(slug, {"k2": SECRETS["k2"]}) is None
    assert verify(slug, {"k1": SECRETS["k2"]}) is None
    assert verify(slug, {}) is None
    assert verify(sign(LINK, "nobody", b""), SECRETS) is None


@given(st.data())
def test_no_character_can_be_changed(data: st.DataObject) -> None:
    slug = sign(LINK, "k1", SECRETS["k1"])
    place = data.draw(st.integers(len("s/"), len(slug) - 1))
    other = data.draw(st.sampled_from(ALPHABET + ".=+/%\n\0ä").filter(lambda character: character != slug[place]))
    assert verify(slug[:place] + other + slug[place + 1 :], SECRETS) is None


@given(st.integers(0, 200), st.sampled_from(["", "=", "==", "A", " ", "\n", "."]))
def test_nothing_can_be_cut_off_or_added(cut: int, added: str) -> None:
    slug = sign(LINK, "k1", SECRETS["k1"])
    changed = slug[: max(len(slug) - cut, 2)] + added
    assert (verify(changed, SECRETS) == LINK) == (changed == slug)


@given(st.text(max_size=80), st.text(max_size=50))
def test_any_text_is_no_signed_link(payload: str, mac: str) -> None:
    for slug in (f"s/{payload}.{mac}", f"s/{payload}", f"s/{payload}..{mac}"):
        assert verify(slug, SECRETS) is None


@pytest.mark.parametrize(
    "destination",
    [
        "javascript:alert(1)", "data:text/html,x", "//evil.example/", "/path", "https://user@evil.example/",
        "https://evil.example\\@good.example/", "https://e.example/ x", "https://e.example/\r", "ftp://e.example/",
        "https://e.example/\0", "", "https:///x", "https://e.example/" + "x" * 2048,
    ],
)  # fmt: skip
def test_where_no_link_may_lead_no_signature_leads(destination: str) -> None:
    with pytest.raises(SigningError):
        sign(SignedLink("go.example", destination), "k1", SECRETS["k1"])
    assert verify(signed_by_hand("go.example", destination), SECRETS) is None


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ("utm_source=x", "`utm_source=x` is no parameter of Weir's own"),
        ("w_msg=m1&", "`` is no parameter"),
        ("w_msg=a b", "percent-encoded"),
        ("w_msg=a#b", "percent-encoded"),
        ("w_msg=ä", "percent-encoded"),
        ("w_msg=a\nb", "percent-encoded"),
        ("w_msg=" + "m" * 1024, "longer than 1024"),
    ],
)
def test_parameters_that_can_t_be_signed(parameters: str, complaint: str) -> None:
    with pytest.raises(SigningError, match=complaint):
        sign(LINK._replace(parameters=parameters), "k1", SECRETS["k1"])


@pytest.mark.parametrize("payload", ["k1\ngo.example\n0\nhttps://e.example/", "k1", "", "k1\n\n\n\n\n\n"])
def test_a_signature_under_something_else_is_none(payload: str) -> None:
    assert verify(signed_by_hand(payload=payload), SECRETS) is None


@pytest.mark.parametrize("expires", ["", "soon", "1.5", "9" * 5000])
def test_a_time_that_is_none(expires: str) -> None:
    assert verify(signed_by_hand("go.example", "https://e.example/", expires=expires), SECRETS) is None


def test_no_domain() -> None:
    with pytest.raises(SigningError, match="is no domain"):
        sign(LINK._replace(domain="a b"), "k1", SECRETS["k1"])
