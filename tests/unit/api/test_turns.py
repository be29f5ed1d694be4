"""How many queries of a key run at once: its own wait for each other, and for nobody else's."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from api.errors import TooMany
from api.keys.caller import Caller
from api.keys.turns import WAITING, Turns

GREEDY, OTHER = Caller("greedy", key="1"), Caller("other", key="2")


def query(turns: Turns, caller: Caller, running: list[str], done: asyncio.Event) -> Awaitable[None]:
    async def run() -> None:
        async with turns.of(caller):
            running.append(caller.name)
            await done.wait()
            running.remove(caller.name)

    return asyncio.create_task(run())


async def settle(condition: Callable[[], bool]) -> None:
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it does not come to that")


async def test_a_keys_queries_wait_for_each_other_and_for_nobody_else() -> None:
    turns, running, done = Turns(2, seconds=60), list[str](), asyncio.Event()
    waiting = [query(turns, GREEDY, running, done) for _ in range(2 + 2 * WAITING)]
    await settle(lambda: len(running) == 2)
    with pytest.raises(TooMany, match="2 queries"):
        await query(turns, GREEDY, running, done)
    waiting.append(query(turns, OTHER, running, done))
    waiting += [query(turns, Caller("WEIR_API_TOKEN"), running, done) for _ in range(9)]
    await settle(lambda: len(running) == 2 + 1 + 9)
    done.set()
    await asyncio.gather(*waiting)
    assert not running


async def test_nobody_waits_for_ever() -> None:
    turns, running, done = Turns(1, seconds=0.02), list[str](), asyncio.Event()
    first = query(turns, GREEDY, running, done)
    await settle(lambda: len(running) == 1)
    with pytest.raises(TooMany):
        await query(turns, GREEDY, running, done)
    done.set()
    await first
    await query(turns, GREEDY, running, done)
