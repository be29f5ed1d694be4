"""One click, end to end, on real parts: from the request to the answer; many clicks; everything restarted."""

import asyncio
import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest

from deploy.broker import LocalKafka
from deploy.commands.audit import take
from deploy.traffic.request import Kind, Request
from deploy.traffic.sender import Sent, Target, send
from ingest.links import link_id
from tests.e2e.conftest import Installation, installed
from tests.fixtures.kafka import topics_of_its_own
from tests.fixtures.warehouse import EmbeddedServer, database_of_its_own

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

PHONE = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/141.0.0.0 Mobile Safari/537.36"


CLICKS = [["is", "kind", ["click"]]]


@pytest.fixture(scope="module")
def services(
    kafka_server: LocalKafka, warehouse_server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """One installation for all tests here."""
    with database_of_its_own(warehouse_server) as warehouse:
        kafka = topics_of_its_own(kafka_server)
        with installed(kafka, warehouse, tmp_path_factory.mktemp("installation")) as found:
            yield found


@pytest.fixture
def installation(services: Installation) -> Installation:
    """The same services, with a domain of this test's own."""
    return dataclasses.replace(services, domain=f"{uuid4().hex[:8]}.example")


def until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, what
        time.sleep(0.1)


def make_link(installation: Installation, slug: str, **fields: object) -> None:
    made = installation.ask(
        "POST",
        "/v1/links",
        domain=installation.domain,
        slug=slug,
        destination="https://shop.example/spring?ref=1#top",
        **fields,
    )
    assert made.status_code == 201, made.text
    until(lambda: follow(installation, slug, method="HEAD").status_code == 302, f"{slug} is live")


def follow(installation: Installation, slug: str, *, method: str = "GET", **headers: str) -> httpx.Response:
    return httpx.request(
        method, f"{installation.redirector.url}/{slug}", headers={"Host": installation.domain, **headers}, timeout=30
    )


def somebody(number: int) -> dict[str, str]:
    """Headers of a visitor of their own."""
    return {"User-Agent": PHONE, "X-Forwarded-For": f"81.2.69.{number + 1}"}


def counted(installation: Installation) -> int:
    clicks = installation.query(metrics=["clicks"])[0]["metrics"][0]
    assert isinstance(clicks, int)
    return clicks


def test_one_clicks_every_field_from_the_request_to_the_answer(installation: Installation) -> None:
    make_link(installation, "spring", title="Spring sale", campaign="season")
    before = datetime.now(UTC).date()
    answer = follow(
        installation,
        "spring?utm_source=Newsletter&utm_medium=E-Mail&utm_campaign=Spring%20Sale&gclid=secret&w_pos=9&w_of=10&w_slot=footer",
        **{
            "User-Agent": PHONE,
            "Referer": "https://www.google.com/search?q=x",
            "Accept-Language": "nl-NL,nl;q=0.9",
            "X-Forwarded-For": "81.2.69.142",
            "Sec-CH-UA-Mobile": "?1",
        },
    )
    assert answer.status_code == 302
    assert answer.headers["location"] == (
        "https://shop.example/spring?ref=1&utm_source=Newsletter&utm_medium=E-Mail&utm_campaign=Spring%20Sale&gclid=secret#top"
    )
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["x-click-id"]
    until(lambda: counted(installation) == 1, "the click is counted")

    expected = {
        "channel": "Paid Search", "device": "mobile", "browser": "Chrome Mobile", "browser_version": "141.0",
        "os": "Android", "os_version": "14", "country": "NL", "region": "North Holland", "city": "Amsterdam",
        "asn": 64_500, "as_name": "Example Net", "language": "nl-nl", "position": 9, "position_of": 10,
        "slot": "footer", "placement": "5th 20%", "referrer": "google.com", "referrer_domain": "google.com",
        "source": "Google", "utm_source": "newsletter", "utm_medium": "email", "utm_campaign": "spring sale",
        "utm_term": "", "utm_content": "", "ad_click": "gclid", "link": link_id(installation.domain, "spring"),
        "slug": "spring", "title": "Spring sale", "campaign": "season", "link_version": 1,
        "domain": installation.domain, "path": "/spring",
        "status": 302, "kind": "click", "outcome": "human", "verdict": "human", "variant": "",
    }  # fmt: skip
    until(
        lambda: installation.query(metrics=["clicks"], dimensions=["title"])[0]["dimensions"] == ["Spring sale"],
        "the link's title reaches the dictionary",
    )
    found = {name: installation.query(metrics=["clicks"], dimensions=[name])[0]["dimensions"][0] for name in expected}
    assert found == expected
    day = installation.query(metrics=["clicks", "visitors"], dimensions=["time:day"])[0]
    assert day["metrics"] == [1, 1]
    assert str(day["dimensions"][0]) in {str(before), str(datetime.now(UTC).date())}
    destination = installation.query(metrics=["clicks"], dimensions=["destination"])[0]["dimensions"][0]
    assert "secret" not in str(destination)  # a click id's value is passed on, never kept


def test_twenty_thousand_clicks_are_twenty_thousand_rows(installation: Installation) -> None:
    make_link(installation, "spring")
    before = humans(installation)
    answers = [sent.answer for sent in click_many(installation, 20_000)]
    assert Counter(answer and answer.status for answer in answers) == {302: 20_000}
    assert len({answer and answer.click_id for answer in answers}) == 20_000
    until(lambda: counted(installation) == 20_000, "all clicks are counted", 120)
    assert installation.redirector.stop() == 0
    found = take(installation.settings, 30)
    assert found.adds_up
    assert found.behind == 0
    assert [(source.closed, source.missing) for source in found.sources] == [(True, 0)]
    assert humans(installation) - before == 20_000
    installation.redirector.restart()


def humans(installation: Installation) -> int:
    """How many the whole ledger has."""
    return sum(partition.outcomes.get("human", 0) for partition in take(installation.settings, 30).partitions)


def click_many(installation: Installation, count: int) -> list[Sent]:
    """Send one click each of `count` people over eight connections, 20,000 at the most."""
    visits = [
        (
            Request(
                Kind.HUMAN,
                "/spring",
                (("User-Agent", PHONE), ("X-Forwarded-For", f"81.2.{number % 250}.{number // 250 + 1}")),
            ),
        )
        for number in range(count)
    ]
    sent: list[Sent] = []
    target = Target("127.0.0.1", installation.redirector.port, installation.domain)
    asyncio.run(send(visits, target, connections=8, record=sent.append))
    return sent


def test_everything_restarted_goes_on_counting(installation: Installation) -> None:
    make_link(installation, "spring")
    for number in range(10):
        assert follow(installation, "spring", **somebody(number)).status_code == 302
    for service in (installation.redirector, installation.worker, installation.api):
        assert service.stop() == 0
        service.restart()
    assert installation.ask("GET", f"/v1/links/{link_id(installation.domain, 'spring')}").json()["slug"] == "spring"
    for number in range(10, 15):
        assert follow(installation, "spring", **somebody(number)).status_code == 302
    until(lambda: counted(installation) == 15, "clicks from before and after are counted")
    assert take(installation.settings, 20).adds_up


def test_a_double_click_counts_once_and_a_scanner_not_at_all(installation: Installation) -> None:
    for slug in ("spring", "new", "kids"):
        make_link(installation, slug)
    for _ in range(3):
        follow(installation, "spring", **somebody(1))
    for slug in ("spring", "new", "kids"):
        follow(installation, f"{slug}?w_msg=m1&w_rcpt=r1", **somebody(2))
    until(lambda: installation.query(metrics=["events"], filters=CLICKS)[0]["metrics"] == [6], "all are rows")
    outcomes = installation.query(metrics=["events"], dimensions=["outcome"], filters=CLICKS)
    assert {str(row["dimensions"][0]): row["metrics"][0] for row in outcomes} == {"human": 1, "repeat": 2, "bot": 3}
    assert counted(installation) == 1


def test_what_does_not_exist_and_what_is_malformed_is_answered_clearly(installation: Installation) -> None:
    make_link(installation, "spring")  # a host without links has no events of its own name
    assert follow(installation, "nothing-here").status_code == 404
    assert follow(installation, "nothing-here", method="POST").status_code == 405
    assert follow(installation, "%ff%fe?%zz&=&&utm_source=%E4%80").status_code == 404
    wrong = installation.ask("POST", "/v1/query", metrics=["clicks"], dimensions=["chanel"], date_range="7d")
    assert wrong.status_code == 400
    assert wrong.json()["error"]["field"] == "dimensions[0]"
    assert "channel" in wrong.text
    taken = {"domain": installation.domain, "slug": "spring", "destination": "https://a.example/"}
    assert installation.ask("POST", "/v1/links", **taken).status_code == 409
    open_door = installation.ask("POST", "/v1/links", slug="bad", destination="javascript:alert(1)")
    assert open_door.status_code == 400
    assert open_door.json()["error"]["field"] == "destination"
    until(
        lambda: installation.query(metrics=["events"], filters=[["is", "kind", ["orphan"]]])[0]["metrics"] == [2],
        "orphans",
    )
    assert counted(installation) == 0
