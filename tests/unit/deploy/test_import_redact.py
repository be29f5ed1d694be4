"""What is kept of a rejected line holds no full address."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.imports.redact import MAX_KEPT, redact


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (b"203.0.113.77 - - [x", "203.0.113.0 - - [x"),
        (b"2001:db8:1:2:3:4:5:6 - - [x", "2001:db8:1:: - - [x"),
        (b"2001:db8::99 - - [x", "2001:db8:: - - [x"),
        (b"::ffff:203.0.113.77 - - [x", ":: - - [x"),
        (b"::ffff:cb00:714d - - [x", ":: - - [x"),
        (b"2001:db8:1:2:3:4:5:6:443 - - [x", "- - - [x"),
        (b"p5b0c1d2e.dip0.isp.example - - [x", "- - - [x"),
        (b"203.0.113.77:5123 - - [x", "- - - [x"),
        (b'- - - "203.0.113.77, 198.51.100.3"', '- - - "203.0.113.0, 198.51.100.0"'),
        (b"- [2001:db8:1:2::3]:443 addr:2001:db8:1:2::3", "- [2001:db8:1::]:443 addr2001:db8:1::"),
        (b"198.51.100.7 [10/Oct/2026:13:55:36 +0000]", "198.51.100.0 [10/Oct/2026:13:55:36 +0000]"),
        (b"198.51.100.7 \xff\x00", "198.51.100.0 \ufffd\x00"),
        (b"", "-"),
    ],
)
def test_addresses_are_cut(line: bytes, kept: str) -> None:
    assert redact(line) == kept


@given(st.binary(max_size=60), st.ip_addresses(v=4), st.binary(max_size=60))
def test_no_ipv4_address_survives(before: bytes, address: object, after: bytes) -> None:
    text = str(address)
    kept = redact(before + b" " + text.encode() + b" " + after)
    assert f" {text} " not in kept or text.endswith(".0")


@given(st.ip_addresses(v=6, network="2001:db8::/32"))
def test_no_ipv6_address_survives(address: object) -> None:
    kept = redact(f"x {address} {address.exploded}".encode())  # type: ignore[attr-defined]  # hypothesis types it loosely
    assert all(word.count(":") <= 4 and word.endswith("::") for word in kept.split()[1:])


def test_a_long_line_is_cut() -> None:
    assert len(redact(b"198.51.100.7 " + b"x" * 100_000)) == MAX_KEPT
