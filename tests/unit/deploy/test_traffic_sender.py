"""Sending over real connections to a small server that answers as it is told."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable

import pytest

from deploy.traffic.request import Kind, Request, Visit
from deploy.traffic.sender import MAX_UNANSWERED, Pace, Sent, Target, send
from deploy.traffic.wire import encode

FOUND = b"HTTP/1.1 302 Found\r\nX-Click-Id: abc-%d\r\nContent-Length: 0\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\n"
CHUNKED = b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nNot \r\n6\r\nfound\n\r\n0\r\n\r\n"

Answer = Callable[[int, bytes], bytes]
"""(how many requests came before on any connection, the request) → the answer; empty: hang up."""


class Server:
    """Answers each request by a function, and remembers requests and connections."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while request := await reader.readuntil(b"\r\n\r\n"):
                self.requests.append(request)
                answer = self._answer(len(self.requests) - 1, request)
                if not answer:
                    break
                writer.write(answer)
        writer.close()


@contextlib.asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[tuple[Server, Target]]:
    server = Server(answer)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    host, port = listening.sockets[0].getsockname()
    async with listening:
        yield server, Target(host, port, "go.example")


def visit(*methods: str) -> Visit:
    return tuple(Request(Kind.HUMAN, "/x", (("User-Agent", "t\xff"),), method=method) for method in methods or ("GET",))


async def sent_by(target: Target, visits: list[Visit], **options: float) -> list[Sent]:
    sent: list[Sent] = []
    await send(visits, target, record=sent.append, **options)  # type: ignore[arg-type]  # connections is whole here
    return sent


def test_a_request_on_the_wire() -> None:
    request = Request(Kind.DIRTY, "/a?b=\xff", (("User-Agent", "x\xe4"),))
    assert encode(request, "go.example") == b"GET /a?b=\xff HTTP/1.1\r\nHost: go.example\r\nUser-Agent: x\xe4\r\n\r\n"


async def test_every_request_is_sent_once_over_kept_connections() -> None:
    async with serving(lambda number, _: FOUND % number) as (server, target):
        sent = await sent_by(target, [visit()] * 500, connections=4)
    assert len(sent) == len(server.requests) == 500
    assert server.connections == 4
    assert {one.answer.click_id for one in sent if one.answer} == {f"abc-{number}" for number in range(500)}


@pytest.mark.parametrize("answer", [NOT_FOUND + b"Not found\n", CHUNKED])
async def test_bodies_are_read_past(answer: bytes) -> None:
    async with serving(lambda *_: answer) as (server, target):
        sent = await sent_by(target, [visit()] * 10, connections=1)
    assert [one.answer and one.answer.status for one in sent] == [404] * 10
    assert server.connections == 1


async def test_an_answer_to_head_has_no_body_whatever_it_says() -> None:
    async with serving(lambda _, request: NOT_FOUND if request.startswith(b"HEAD") else FOUND % 0) as (server, target):
        sent = await sent_by(target, [visit("HEAD", "HEAD", "GET", "POST")], connections=1)
    assert [one.answer and one.answer.status for one in sent] == [404, 404, 302, 302]
    assert server.connections == 1


async def test_a_server_that_says_close_is_asked_on_a_new_connection() -> None:
    closing = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    async with serving(lambda *_: closing) as (server, target):
        sent = await sent_by(target, [visit()] * 3, connections=1)
    assert Counter(one.answer and one.answer.status for one in sent) == {400: 3}
    assert server.connections == 3


async def test_a_request_without_an_answer_is_told_and_not_sent_again() -> None:
    async with serving(lambda number, _: b"" if number == 2 else FOUND % number) as (server, target):
        sent = await sent_by(target, [visit()] * 6, connections=1)
    assert [one.answer is None for one in sent] == [False, False, True, False, False, False]
    assert len(server.requests) == 6


@pytest.mark.parametrize("answer", [b"", b"220 mail.example ESMTP\r\n"])
async def test_a_server_that_never_answers_http_ends_it(answer: bytes) -> None:
    async with serving(lambda *_: answer) as (_, target):
        with pytest.raises(ConnectionError):
            await sent_by(target, [visit()] * (MAX_UNANSWERED * 3), connections=2)


async def test_nobody_there() -> None:
    async with serving(lambda *_: b"") as (_, target):
        pass
    with pytest.raises(ConnectionRefusedError):
        await sent_by(target, [visit()])


async def test_the_requests_of_a_visit_follow_each_other() -> None:
    visits = [tuple(Request(Kind.HUMAN, f"/{visit}/{step}", ()) for step in range(3)) for visit in range(50)]
    async with serving(lambda number, _: FOUND % number) as (server, target):
        await sent_by(target, visits, connections=8)
    targets = [request.split()[1].decode() for request in server.requests]
    assert len(targets) == 150
    for visit in range(50):
        assert [target for target in targets if target.startswith(f"/{visit}/")] == [f"/{visit}/{n}" for n in range(3)]


async def test_the_rate_is_kept() -> None:
    async with serving(lambda number, _: FOUND % number) as (_, target):
        started = time.monotonic()
        await sent_by(target, [visit()] * 60, rate=200.0, connections=8)
    assert 0.29 < time.monotonic() - started < 3


async def test_a_pause_is_not_made_up_for_in_a_burst() -> None:
    pace = Pace(100.0)
    await pace.turn(1)
    await asyncio.sleep(0.1)
    started = time.monotonic()
    for _ in range(5):
        await pace.turn(1)
    assert time.monotonic() - started > 0.025
