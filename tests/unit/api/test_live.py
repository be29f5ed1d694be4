"""The live feed without its neighbours: who is told what, when, and how often is asked for it."""

import asyncio
import json
from collections.abc import Mapping, MutableMapping
from typing import Any

import pytest

from api.errors import Away, TooMany
from api.live import stream
from api.live.feed import KEPT, Feed, TooSlow
from api.live.hub import MAX_FEEDS, Hub
from api.live.stream import Followed
from api.live.tick import Fresh, Tick, tick, trouble

Answer = tuple[Mapping[str, Any], list[Mapping[str, Any]]]


class Source:
    """Answers at once, with one more click each time; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None

    async def __call__(self) -> Answer:
        self.asked += 1
        if self.error:
            raise self.error
        return {"clicks": self.asked}, [{"click_id": number} for number in range(self.asked, 0, -1)]


async def first(feed: Feed, count: int, last: int | None = None) -> list[Tick]:
    found = []
    async for one in feed.follow(last):
        found.append(one)
        if len(found) == count:
            break
    return found


def told(one: Tick) -> dict[str, Any]:
    """The events of a tick by name."""
    events = [
        dict(line.split(": ", 1) for line in event.splitlines()) for event in one.body.decode().split("\n\n")[:-1]
    ]
    return {event["event"]: json.loads(event["data"]) for event in events}


def test_a_tick_has_its_id_on_its_last_event_only() -> None:
    body = tick(1, 1700000000, {"clicks": 2}, [{"title": "two\nlines"}]).body.decode()
    assert body == (
        'event: clicks\ndata: [{"title": "two\\nlines"}]\n\nevent: figures\nid: 1700000000\ndata: {"clicks": 2}\n\n'
    )
    assert "event: clicks" not in tick(1, 1, {}, []).body.decode()
    assert trouble(1, 5, {"code": "away"}).body == b'event: trouble\nid: 5\ndata: {"code": "away"}\n\n'


def test_a_click_is_told_once_the_oldest_first() -> None:
    fresh = Fresh()
    assert [click["click_id"] for click in fresh.among([{"click_id": 2}, {"click_id": 1}])] == [1, 2]
    assert [click["click_id"] for click in fresh.among([{"click_id": 3}, {"click_id": 2}])] == [3]
    assert fresh.among([]) == []


async def test_a_thousand_followers_are_one_question() -> None:
    source = Source()
    hub = Hub()

    async def follower() -> list[Tick]:
        async with hub.feed("question", source) as feed:
            return await first(feed, 2)

    found = await asyncio.gather(*(follower() for _ in range(1000)))
    assert source.asked == 2
    assert all(ticks == found[0] for ticks in found)
    assert [told(one)["figures"] for one in found[0]] == [{"clicks": 1}, {"clicks": 2}]
    assert [told(one)["clicks"] for one in found[0]] == [[{"click_id": 1}], [{"click_id": 2}]]
    await asyncio.sleep(1.2)
    assert source.asked == 2, "it goes on though nobody follows"


async def test_who_comes_back_gets_what_was_missed() -> None:
    feed = Feed(Source(), seconds=0.01)
    begun = await first(feed, 3)
    assert [one.id for one in begun] == sorted({one.id for one in begun})
    again = await first(feed, 3, last=begun[0].id)
    assert again[:2] == begun[1:]
    new = await first(feed, 1)
    assert new[0].number >= begun[-1].number
    assert len(await first(feed, 1, last=10**12)) == 1, "an id from the future is nobody's"
    feed.end()


async def test_who_is_a_minute_behind_is_let_go() -> None:
    feed = Feed(Source(), seconds=0)
    ticks = feed.follow(None)
    await anext(ticks)
    await asyncio.sleep(0)
    while (await first(feed, 1))[0].number <= KEPT + 2:
        await asyncio.sleep(0)
    with pytest.raises(TooSlow):
        await anext(ticks)
    feed.end()


async def test_trouble_is_told_and_passes() -> None:
    source = Source()
    source.error = Away("ClickHouse does not answer.", what="clickhouse")
    feed = Feed(source, seconds=0.01)
    [one] = await first(feed, 1)
    assert told(one)["trouble"]["code"] == "away"
    source.error = None
    last = (await first(feed, 3))[-1]
    assert told(last)["figures"]["clicks"] > 1
    feed.end()


async def test_a_fault_ends_the_feed_rather_than_its_followers_hope() -> None:
    source = Source()
    source.error = ZeroDivisionError()
    assert await first(Feed(source), 1) == []


async def test_there_is_an_end_to_feeds_and_none_after_the_servers() -> None:
    hub = Hub()
    feeds = [hub.feed(number, Source()) for number in range(MAX_FEEDS)]
    for feed in feeds:
        await feed.__aenter__()
    with pytest.raises(TooMany):
        await hub.feed("one more", Source()).__aenter__()
    async with hub.feed(0, Source()) as shared:
        following = asyncio.create_task(first(shared, 1000))
        await asyncio.sleep(0.05)
        hub.stop()
        assert 1 <= len(await following) < 1000
    for feed in feeds:
        await feed.__aexit__(None, None, None)
    with pytest.raises(TooMany):
        await hub.feed(0, Source()).__aenter__()


Message = MutableMapping[str, Any]


class Client:
    """One side of a connection: takes what is sent, as fast as it is told to, until it leaves."""

    def __init__(self) -> None:
        self.body, self.whole = b"", False
        self.takes, self.leaves = asyncio.Event(), asyncio.Event()
        self.takes.set()

    async def send(self, message: Message) -> None:
        await self.takes.wait()
        self.body += message.get("body", b"")
        self.whole = message["type"] == "http.response.body" and not message.get("more_body", False)

    async def receive(self) -> Message:
        await self.leaves.wait()
        return {"type": "http.disconnect"}


class Room:
    """A context around a feed, as the hub's."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed

    async def __aenter__(self) -> Feed:
        return self.feed

    async def __aexit__(self, *_: object) -> None:
        self.feed.end()


async def followed(feed: Feed, client: Client, *, let_in: list[bool]) -> None:
    answer = Followed(Room(feed), None, is_let_in=lambda: all(let_in))
    async with asyncio.timeout(5):
        await answer({"type": "http", "method": "GET"}, client.receive, client.send)


async def test_a_client_that_takes_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "SEND_SECONDS", 0.05)
    client = Client()
    asyncio.get_running_loop().call_later(0.2, client.takes.clear)
    await followed(Feed(Source(), seconds=0.01), client, let_in=[])
    assert b"event: figures" in client.body
    assert not client.whole


async def test_a_client_that_leaves_ends_it() -> None:
    client = Client()
    asyncio.get_running_loop().call_later(0.2, client.leaves.set)
    await followed(Feed(Source(), seconds=0.01), client, let_in=[])
    assert b"event: figures" in client.body


async def test_a_key_that_is_revoked_ends_it() -> None:
    client, let_in = Client(), [True]
    asyncio.get_running_loop().call_later(0.2, let_in.append, False)
    await followed(Feed(Source(), seconds=0.01), client, let_in=let_in)
    assert b"event: figures" in client.body
    assert client.whole


async def test_silence_is_bridged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BEAT_SECONDS", 0.02)
    client = Client()
    asyncio.get_running_loop().call_later(0.3, client.leaves.set)
    await followed(Feed(Source(), seconds=60), client, let_in=[])
    assert client.body.startswith(b"retry: 2000\n\n")
    assert client.body.count(b": still here\n\n") > 2
