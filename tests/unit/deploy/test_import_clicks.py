"""From a line to the raw click."""

from zoneinfo import ZoneInfo

import pytest

from deploy.imports.clicks import Clicks, Skipped
from deploy.imports.combined import Rejected
from ingest.events import Kind, RawClick, click_id, decode, encode
from ingest.links import link_id

UTC = ZoneInfo("UTC")
AGENT = b"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0"


def line(
    target: bytes = b"/spring", method: bytes = b"GET", status: int = 302, host: bytes = b"203.0.113.77", hour: int = 13
) -> bytes:
    when = b"10/Oct/2026:%02d:55:36 +0000" % hour
    return b'%s - - [%s] "%s %s HTTP/1.1" %d 5 "https://r.example/" "%s"' % (host, when, method, target, status, AGENT)


def click(raw: bytes, clicks: Clicks | None = None) -> RawClick:
    event = (clicks or Clicks("go.example", UTC)).next(raw)
    assert isinstance(event, RawClick)
    return event


def test_a_line_becomes_a_click_of_its_own_time_and_link() -> None:
    made = click(line(b"/spring?utm_source=N&w_pos=3&w_of=9&w_slot=hero&gclid=secret"))
    assert made.kind is Kind.CLICK
    assert (made.ts, made.status, made.path, made.domain) == (1_791_640_536_000, 302, "/spring", "go.example")
    assert made.link_id == link_id("go.example", "spring")
    assert made.id == click_id(made.ts, made.src, made.seq)
    assert made.resent
    assert (made.position, made.position_of, made.slot) == (3, 9, "hero")
    assert made.query == "utm_source=N&gclid="
    assert made.user_agent.encode() == AGENT
    assert made.referrer == "https://r.example/"
    assert made.destination == ""
    assert decode(encode(made)) == made


def test_the_address_is_cut_and_ids_are_marked_as_this_imports_own() -> None:
    made = click(line())
    assert made.network == "203.0.113.0/24"
    assert b"203.0.113.77" not in encode(made)
    assert made.salt_local
    assert made.salt_day == "2026-10-10"
    assert len(made.visitor_id) == len(made.address_id) == 16


def test_visitors_are_known_again_within_a_day_and_an_import_only() -> None:
    clicks = Clicks("go.example", UTC)
    first, same, other = (click(line(host=host), clicks) for host in (b"203.0.113.1", b"203.0.113.1", b"203.0.113.2"))
    tomorrow = click(line(host=b"203.0.113.1").replace(b"10/Oct", b"11/Oct"), clicks)
    elsewhere = click(line(host=b"203.0.113.1"))
    assert first.visitor_id == same.visitor_id
    assert len({first.visitor_id, other.visitor_id, tomorrow.visitor_id, elsewhere.visitor_id}) == 4


def test_the_day_is_of_the_installations_time_zone() -> None:
    assert click(line(hour=23), Clicks("go.example", ZoneInfo("Asia/Kathmandu"))).salt_day == "2026-10-11"


@pytest.mark.parametrize(
    ("method", "status", "kind"),
    [
        (b"GET", 200, Kind.CLICK),
        (b"GET", 304, Kind.CLICK),
        (b"GET", 399, Kind.CLICK),
        (b"GET", 400, Kind.ORPHAN),
        (b"GET", 404, Kind.ORPHAN),
        (b"GET", 410, Kind.EXPIRED),
        (b"GET", 499, Kind.ORPHAN),
        (b"GET", 503, Kind.ORPHAN),
        (b"POST", 302, Kind.ORPHAN),
        (b"OPTIONS", 204, Kind.ORPHAN),
    ],
)
def test_what_an_answer_counts_as(method: bytes, status: int, kind: Kind) -> None:
    made = click(line(method=method, status=status))
    assert (made.kind, made.status) == (kind, status)


def test_head_is_no_event_and_its_line_is_counted() -> None:
    clicks = Clicks("go.example", UTC)
    assert clicks.next(line(method=b"HEAD")) is Skipped.HEAD
    assert click(line(), clicks).seq == 2


def test_a_rejected_line_is_counted_too() -> None:
    clicks = Clicks("go.example", UTC)
    with pytest.raises(Rejected):
        clicks.next(b"junk")
    assert click(line(), clicks).seq == 2


@pytest.mark.parametrize(
    ("target", "path", "slug"),
    [
        (b"/a/b?x", "/a/b", "a/b"),
        (b"/a%2Fb%C3%BC", "/a%2Fb%C3%BC", "a/bü"),
        (b"/%FF", "/%FF", "\ufffd"),
        (b"/", "/", ""),
        (b"http://go.example/abs?x=1", "/abs", "abs"),
        (b"*", "*", "*"),
    ],
)
def test_a_path_becomes_a_link(target: bytes, path: str, slug: str) -> None:
    made = click(line(target))
    assert (made.path, made.link_id) == (path, link_id("go.example", slug))


def test_a_client_whose_name_was_looked_up_has_an_id_and_no_network() -> None:
    clicks = Clicks("go.example", UTC)
    one, other = (click(line(host=host), clicks) for host in (b"a.isp.example", b"b.isp.example"))
    assert one.network == other.network == ""
    assert one.visitor_id != other.visitor_id
    assert b"isp.example" not in encode(one)
