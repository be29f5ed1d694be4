"""What is handed on of an answer that fails, at its start and half-way."""

import asyncio
from collections.abc import AsyncIterator, Iterable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from api.clicks.stream import HELD_BACK, Broken, Streamed, sound
from api.errors import Away

TAG = b"0123456789abcdef"
ERROR = b"\r\n__exception__\r\n%b\r\nCode: 241. DB::Exception: secret\n31 %b\r\n__exception__\r\n" % (TAG, TAG)
ROWS = b'{"n": 1}\n' * 20_000
Message = MutableMapping[str, Any]


async def chunked(body: bytes, size: int = 4096, end: Exception | None = None) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]
    if end:
        raise end


async def kept(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


@pytest.mark.parametrize("body", [b"", b"x", ROWS, ROWS[: HELD_BACK * 2], b"__exception__\r\n" * 3, ERROR + b"a"])
async def test_what_is_sound_is_handed_on_whole(body: bytes) -> None:
    assert await kept(sound(b"", chunked(body))) == body
    assert await kept(sound(body, chunked(b""))) == body


@pytest.mark.parametrize("size", [1, 100, 4096, 1 << 20])
async def test_an_error_at_the_end_is_not_handed_on(size: int) -> None:
    """ClickHouse writes it into the answer; some versions end the answer properly behind it."""
    body = b""
    with pytest.raises(Broken, match="Code: 241"):
        async for chunk in sound(b"", chunked(ROWS[:100_000] + ERROR, size)):
            body += chunk
    assert ROWS.startswith(body)


async def answered(chunks: AsyncIterator[bytes], method: str = "GET") -> list[Message]:
    """The messages of an answer whose client stays."""
    sent: list[Message] = []

    @asynccontextmanager
    async def opened() -> AsyncIterator[AsyncIterator[bytes]]:
        yield chunks

    async def send(message: Message) -> None:
        sent.append(message)

    answer = Streamed(opened(), {"content-type": "text/plain"}, start=b"<", end=b">")
    await answer({"type": "http", "method": method}, forever, send)
    return sent


async def forever() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


def body_of(messages: Iterable[Message]) -> bytes:
    return b"".join(message.get("body", b"") for message in messages)


async def test_a_whole_answer_has_its_end() -> None:
    sent = await answered(chunked(ROWS))
    assert body_of(sent) == b"<" + ROWS + b">"
    assert sent[-1]["more_body"] is False


@pytest.mark.parametrize("chunks", [chunked(ROWS, end=OSError("cut")), chunked(ROWS + ERROR)], ids=["cut", "error"])
async def test_an_answer_that_fails_half_way_has_none(chunks: AsyncIterator[bytes]) -> None:
    sent = await answered(chunks)
    assert (b"<" + ROWS).startswith(body_of(sent))
    assert all(message.get("more_body", True) for message in sent)


async def test_what_fails_before_its_first_byte_is_an_error() -> None:
    with pytest.raises(Away):
        await answered(chunked(b"", end=OSError("cut")))


async def test_who_asks_for_headers_gets_headers() -> None:
    sent = await answered(chunked(b"", end=AssertionError("it was asked")), method="HEAD")
    assert (sent[0]["status"], body_of(sent)) == (200, b"")
