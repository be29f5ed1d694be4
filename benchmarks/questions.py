"""The six questions of Q2, as bodies of `POST /v1/query`, and how fast an API answers them."""

import asyncio
import dataclasses
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import click
import httpx

from benchmarks.stored import BEGIN, SECONDS

BOTH = ["clicks", "visitors"]
MONTH = [BEGIN.isoformat(), (BEGIN + timedelta(seconds=SECONDS)).isoformat()]
"""This month up to now: its last day is not over."""

CHANNELS = "channels"
QUESTIONS: Mapping[str, Mapping[str, Any]] = {
    "series": {"metrics": BOTH, "dimensions": ["time:day"]},
    CHANNELS: {"metrics": BOTH, "dimensions": ["channel"]},
    "countries": {"metrics": BOTH, "dimensions": ["country"]},
    "devices": {"metrics": BOTH, "dimensions": ["device"]},
    "positions": {"metrics": ["clicks", "share"], "dimensions": ["position"]},
    "top links": {"metrics": ["clicks"], "dimensions": ["link"], "pagination": {"limit": 10}},
}


@dataclasses.dataclass(frozen=True)
class Asked:
    """One question, asked some times."""

    name: str
    seconds: Sequence[float]
    table: str
    """What answered."""
    rows_read: int
    answer: Sequence[Any]


async def ask(api: str, name: str, times: int) -> Asked:
    """Ask one question so many times, one after the other, after a first time that does not count."""
    async with _client(api) as client:
        found, seconds = {}, []
        for _ in range(times + 1):
            began = time.perf_counter()
            found = await _answer(client, name)
            seconds.append(time.perf_counter() - began)
    meta = found["meta"]
    return Asked(name, seconds[1:], str(meta["table"]), meta["rows_read"], found["results"])


async def ask_side_by_side(api: str, clients: int, seconds: float) -> Sequence[float]:
    """Let so many clients ask the six in turn, each beginning elsewhere, for so long; what each answer took, in s."""
    until = time.perf_counter() + seconds
    found = await asyncio.gather(*(_visit(api, number, until) for number in range(clients)))
    return [took for one in found for took in one]


async def _visit(api: str, number: int, until: float) -> list[float]:
    names, took = list(QUESTIONS), []
    async with _client(api) as client:
        while time.perf_counter() < until:
            number += 1
            began = time.perf_counter()
            await _answer(client, names[number % len(names)])
            took.append(time.perf_counter() - began)
    return took


def _client(api: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=api, timeout=120.0, trust_env=False)


async def _answer(client: httpx.AsyncClient, name: str) -> Mapping[str, Any]:
    answer = await client.post("/v1/query", json={**QUESTIONS[name], "date_range": MONTH})
    if answer.status_code != httpx.codes.OK:
        raise click.ClickException(f"The API did not answer the question for {name}: {answer.text}")
    found: Mapping[str, Any] = answer.json()
    return found
