"""Lines of access logs, as Apache, nginx and accidents write them."""

import pytest

from deploy.imports.combined import MAX_LINE, Entry, Reason, Rejected, parse, unix_ms

GOOD = (
    b'203.0.113.9 - - [10/Oct/2026:13:55:36 +0000] "GET /spring?a=1 HTTP/1.1" 302 0 "https://x.example/" "Mozilla/5.0"'
)
AT = 1_791_640_536_000


def test_every_field_of_a_line() -> None:
    assert parse(GOOD) == Entry(
        host="203.0.113.9",
        ts=AT,
        method=b"GET",
        target=b"/spring?a=1",
        status=302,
        referrer=b"https://x.example/",
        user_agent=b"Mozilla/5.0",
    )


@pytest.mark.parametrize(
    ("old", "new", "field", "value"),
    [
        pytest.param(b"203.0.113.9", b"2001:db8::7", "host", "2001:db8::7", id="IPv6"),
        pytest.param(b"203.0.113.9", b"unix:", "host", "unix:", id="a Unix socket"),
        pytest.param(b"- - [", b"- jo smith [", "ts", AT, id="a user with a space"),
        pytest.param(b"- - [", b"- jo[1] [", "ts", AT, id="a user with a bracket"),
        pytest.param(b"+0000", b"-0730", "ts", AT + (7 * 60 + 30) * 60_000, id="an offset to the west"),
        pytest.param(b"+0000", b"+0545", "ts", AT - (5 * 60 + 45) * 60_000, id="Kathmandu"),
        pytest.param(b"GET /spring?a=1 HTTP/1.1", b"GET /spring", "target", b"/spring", id="HTTP/0.9"),
        pytest.param(b"HTTP/1.1", b"HTTP/2.0", "method", b"GET", id="HTTP/2"),
        pytest.param(b"/spring?a=1", rb"/\xC3\xBC\x22", "target", '/ü"'.encode(), id="nginx escapes"),
        pytest.param(b"Mozilla/5.0", rb"say \"hi\" \\ \t.", "user_agent", b'say "hi" \\ \t.', id="Apache escapes"),
        pytest.param(b"Mozilla/5.0", b"\xff\xfe raw", "user_agent", b"\xff\xfe raw", id="raw bytes"),
        pytest.param(b"Mozilla/5.0", b"-", "user_agent", b"", id="no user agent"),
        pytest.param(b"Mozilla/5.0", b"", "user_agent", b"", id="an empty user agent"),
        pytest.param(b"https://x.example/", b"-", "referrer", b"", id="no referrer"),
        pytest.param(
            b'"Mozilla/5.0"', b'"Mozilla/5.0" "203.0.113.1" 0.004', "status", 302, id="fields that were added"
        ),
        pytest.param(b" 0 ", b" - ", "status", 302, id="no size"),
    ],
)
def test_what_a_field_may_be(old: bytes, new: bytes, field: str, value: object) -> None:
    assert getattr(parse(GOOD.replace(old, new)), field) == value


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param(b"", Reason.NOT_COMBINED, id="empty"),
        pytest.param(GOOD[:60], Reason.NOT_COMBINED, id="cut within the request"),
        pytest.param(GOOD[:-5], Reason.NOT_COMBINED, id="cut within the user agent"),
        pytest.param(GOOD.rsplit(b' "', 2)[0], Reason.NOT_COMBINED, id="the common format"),
        pytest.param(b"www.example.org:443 " + GOOD, Reason.NOT_COMBINED, id="a virtual host before it"),
        pytest.param(GOOD.replace(b'"GET', b"GET"), Reason.NOT_COMBINED, id="a quote is missing"),
        pytest.param(GOOD.replace(b"Mozilla", b'Mo"zilla'), Reason.NOT_COMBINED, id="a quote too many"),
        pytest.param(bytes(range(256)).replace(b"\n", b"") * 4, Reason.NOT_COMBINED, id="binary"),
        pytest.param(b"\0" * 500 + GOOD, Reason.NOT_COMBINED, id="zeros, as after a power failure"),
        pytest.param(GOOD + GOOD, Reason.NOT_COMBINED, id="two lines in one"),
        pytest.param(GOOD.replace(b"10/Oct", b"31/Feb"), Reason.BAD_TIME, id="no such day"),
        pytest.param(GOOD.replace(b"Oct", b"Okt"), Reason.BAD_TIME, id="another language's month"),
        pytest.param(GOOD.replace(b"13:55:36", b"25:55:36"), Reason.BAD_TIME, id="no such hour"),
        pytest.param(GOOD.replace(b" +0000", b""), Reason.BAD_TIME, id="no offset"),
        pytest.param(GOOD.replace(b"+0000", b"+9900"), Reason.BAD_TIME, id="no such offset"),
        pytest.param(GOOD.replace(b"2026", b"1969"), Reason.BAD_TIME, id="before 1970"),
        pytest.param(GOOD.replace(b"2026", b"2100"), Reason.BAD_TIME, id="beyond 2099"),
        pytest.param(GOOD.replace(b" 302 ", b" 000 "), Reason.BAD_STATUS, id="status 000"),
        pytest.param(GOOD.replace(b" 302 ", b" 3020 "), Reason.BAD_STATUS, id="four digits"),
        pytest.param(
            GOOD.replace(b"GET /spring?a=1 HTTP/1.1", b"-"), Reason.NO_REQUEST, id="a request that never came"
        ),
        pytest.param(
            GOOD.replace(b"GET /spring?a=1 HTTP/1.1", rb"\x16\x03\x01"), Reason.NO_REQUEST, id="TLS on port 80"
        ),
        pytest.param(GOOD.replace(b"/spring?a=1", b"/a b"), Reason.NO_REQUEST, id="a space in the target"),
        pytest.param(GOOD.replace(b"/spring", b"/" + b"a" * MAX_LINE), Reason.TOO_LONG, id="too long"),
    ],
)
def test_lines_that_can_not_become_clicks(line: bytes, reason: Reason) -> None:
    with pytest.raises(Rejected) as rejected:
        parse(line)
    assert rejected.value.reason is reason


def test_time_is_read_to_the_second() -> None:
    assert unix_ms(b"29/Feb/2024:23:59:59 +0000") == 1_709_251_199_000
