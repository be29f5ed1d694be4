"""The plan: the same for a seed, as many rows as were asked for, and what it says of its requests is true of them."""

from collections import Counter
from itertools import chain
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.traffic.mix import load_mix, load_networks
from deploy.traffic.plan import Planner
from deploy.traffic.request import Kind, Request, Visit
from ingest.address import read
from ingest.answer import Answer
from ingest.capture import Identity, capture, text
from ingest.capture import Request as Captured
from ingest.events import Kind as EventKind
from ingest.events import RawClick
from ingest.links import LinkFields, check_destination, check_slug
from ingest.passthrough import take_apart
from ingest.sequence import Stamp
from ingest.visitor import Visitor
from streams.enrich.chain import enrichers
from streams.judge.judge import Judge
from tests.unit.streams.clicks import columns as raw_columns

NOW = 1_790_000_000
MIX = load_mix()


def plan(seed: int = 7, clicks: int = 3000) -> list[Visit]:
    return list(Planner(MIX, load_networks(), seed=seed, now=NOW).visits(clicks))


@pytest.fixture(scope="module")
def visits() -> list[Visit]:
    return plan()


@pytest.fixture(scope="module")
def requests(visits: list[Visit]) -> list[Request]:
    return list(chain.from_iterable(visits))


def header(request: Request, name: str) -> str:
    return dict(request.headers).get(name, "")


def test_a_seed_is_a_plan() -> None:
    assert plan(seed=1, clicks=300) == plan(seed=1, clicks=300)
    assert plan(seed=1, clicks=300) != plan(seed=2, clicks=300)


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 60))
def test_exactly_as_many_rows_as_asked_for(seed: int, clicks: int) -> None:
    assert sum(request.row for request in chain.from_iterable(plan(seed, clicks))) == clicks


def test_the_mix_is_as_written(visits: list[Visit], requests: list[Request]) -> None:
    kinds = Counter(request.kind for request in requests)
    assert set(kinds) == set(Kind)
    assert 0.6 < kinds[Kind.HUMAN] / len(requests) < 0.85
    people = [request.expected for request in requests if request.kind is Kind.HUMAN]
    assert {expected.channel for expected in people} == {source.channel for source in MIX.sources}
    assert len({expected.country for expected in people}) > 20
    assert Counter(expected.device for expected in people).most_common(2)[0][0] == "mobile"
    assert 0.02 < sum(expected.opted_out for expected in people) / len(people) < 0.06
    positions = Counter(expected.position for expected in people if expected.position_of > 1)
    assert set(positions) == set(range(1, len(MIX.mail) + 1))
    assert positions[1] > positions[len(MIX.mail)]
    assert any(", " in header(request, "X-Forwarded-For") for request in requests)


def test_two_people_are_never_taken_for_one_another(visits: list[Visit]) -> None:
    who = [
        (header(visit[0], "X-Forwarded-For").rpartition(" ")[2], header(visit[0], "User-Agent"))
        for visit in visits
        if visit[0].kind in {Kind.HUMAN, Kind.PREFETCH, Kind.HEAD}
    ]
    assert len(set(who)) == len(who)


def test_a_repeat_is_the_same_request_again_by_somebody_with_an_id(visits: list[Visit]) -> None:
    doubles = [visit for visit in visits if any(request.kind is Kind.REPEAT for request in visit)]
    assert doubles
    for first, *again in doubles:
        assert first.kind is Kind.HUMAN
        assert not first.expected.opted_out
        assert {(request.target, request.headers) for request in again} == {(first.target, first.headers)}


def test_heads_come_before_their_get_and_leave_no_row(visits: list[Visit]) -> None:
    for visit in visits:
        if visit[0].kind is Kind.HEAD:
            assert [request.method for request in visit] == ["HEAD", "HEAD", "HEAD", "GET"]
            assert [request.row for request in visit] == [False, False, False, True]


def test_a_scanner_opens_several_links_of_one_mail_from_one_address(visits: list[Visit]) -> None:
    bursts = [visit for visit in visits if visit[0].kind is Kind.SCANNER]
    assert bursts
    assert any(request.expected.link == MIX.trap for visit in bursts for request in visit)
    for visit in bursts:
        assert len({request.expected.link for request in visit}) == len(visit) >= 3
        assert len({header(request, "X-Forwarded-For") for request in visit}) == 1
        assert len({request.target.partition("w_rcpt=")[2] for request in visit}) == 1


def test_the_docs_name_every_kind() -> None:
    docs = (Path(__file__).parents[3] / "docs" / "traffic.md").read_text()
    assert not [kind for kind in Kind if f"`{kind}`" not in docs]


def test_links_are_such_as_the_api_takes() -> None:
    for slug, fields in MIX.links.items():
        assert check_slug(slug) == slug
        made = msgspec.convert(fields, LinkFields)
        assert check_destination(fields["destination"]) == made.destination
    asked_for = {*MIX.mail, MIX.trap, MIX.expired, MIX.disabled, *chain(*(source.links for source in MIX.sources))}
    assert asked_for == set(MIX.links)


def test_orphans_are_orphans(requests: list[Request]) -> None:
    for request in requests:
        slug = request.target.partition("?")[0][1:]
        assert (slug in MIX.links) is (request.kind not in {Kind.ORPHAN, Kind.REFUSED} or slug == "spring")


def click_of(request: Request, number: int) -> RawClick:
    """The raw click that the redirector makes of a request."""
    path, _, query = request.target.encode("latin-1").partition(b"?")
    headers = {name.lower().encode(): value.encode("latin-1") for name, value in request.headers}
    address = read(header(request, "X-Forwarded-For").rpartition(" ")[2])
    assert address is not None
    captured = Captured(
        ts=NOW * 1000,
        domain="localhost",
        path=path,
        slug=path[1:].decode(),
        headers=headers,
        query=take_apart(query),
        address=address,
        user_agent=text(headers.get(b"user-agent", b""), 512),
    )
    answer = Answer(EventKind.CLICK, 302)
    return capture(captured, None, answer, Identity(Visitor("", ""), "", False, False), Stamp(1, number))


def test_the_stream_names_the_channel_place_and_sort_that_the_plan_expects(requests: list[Request]) -> None:
    wanted = [r for r in requests if r.kind in {Kind.HUMAN, Kind.REPEAT, Kind.SCANNER, Kind.BOT, Kind.PREFETCH}]
    clicks = [click_of(request, number) for number, request in enumerate(wanted, 1)]
    columns = raw_columns(*clicks)
    for enricher in enrichers():
        columns |= enricher(columns)
    wrong = {
        (request.target.partition("&w_pos")[0], header(request, "Referer"), request.expected.channel, channel)
        for request, channel in zip(wanted, columns["channel"], strict=True)
        if request.expected.channel and request.expected.channel != channel
    }
    assert not wrong
    verdicts = Judge("test")(columns)["verdict"]
    expected = {Kind.BOT: "bot", Kind.PREFETCH: "prefetch"}
    assert not {
        (request.kind, header(request, "User-Agent"), verdict)
        for request, verdict in zip(wanted, verdicts, strict=True)
        if verdict != expected.get(request.kind, "human")
    }
    for request, click in zip(wanted, clicks, strict=True):
        if request.expected.position_of > 1:
            assert (click.position, click.position_of) == (request.expected.position, request.expected.position_of)
