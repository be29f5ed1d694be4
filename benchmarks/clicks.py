"""The data: raw clicks as the redirector makes them of `weir traffic`'s plan, always the same for a seed.

The plan's first visits are put through the redirector's own capture; beyond them they come again with new ids, visitors
and recipients. Four clicks in ten carry a token in their query that nobody else has, as mail senders' links do, so
that caches by query have something to miss.
"""

import random
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import count
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from deploy.traffic.mix import load_mix, load_networks
from deploy.traffic.plan import Planner
from deploy.traffic.request import Request as Planned
from ingest.address import NOWHERE, read
from ingest.answer import answer
from ingest.capture import Identity, Request, capture, text
from ingest.events import MAX_USER_AGENT, RawClick, click_id, encode, partition_key
from ingest.links import Link, LinkCommand, LinkFields, Operation, decide
from ingest.passthrough import take_apart
from ingest.sequence import Stamp
from ingest.visitor import Ids, objects

DOMAIN = "go.example"
DISTINCT = 50_000
"""Clicks that are captured one by one; captured clicks take 60 µs, varied ones 6."""
UNIQUE = 0.4
"""Share of the clicks with a query of their own."""
START_MS = 1_790_000_000_000
MS_A_CLICK = 5
SRC = 0xBE_0000_0001
DAY = "2026-11-22"


def clicks(number: int, seed: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of the records of `clicks.raw`."""
    rng = random.Random(seed)
    captured = _captured(min(number, DISTINCT), seed)
    for seq in range(1, number + 1):
        round_, place = divmod(seq - 1, len(captured))
        click = _varied(captured[place], round_, seq, rng)
        yield partition_key(click), encode(click)


def _varied(click: RawClick, round_: int, seq: int, rng: random.Random) -> RawClick:
    """The click with its own number, and in later rounds somebody else's."""
    ts = START_MS + MS_A_CLICK * seq
    fields: dict[str, object] = {"seq": seq, "ts": ts, "id": click_id(ts, SRC, seq)}
    if rng.random() < UNIQUE:
        fields["query"] = f"{click.query}&sid={rng.getrandbits(64):016x}".lstrip("&")[:2048]
    if round_ and click.visitor_id:
        fields["visitor_id"] = f"{int(click.visitor_id, 16) ^ round_:016x}"
        fields["address_id"] = f"{int(click.address_id, 16) ^ round_:016x}"
    if round_ and click.recipient:
        fields["recipient"] = f"{click.recipient}-{round_}"
    return replace(click, **fields)


@lru_cache(2)
def _captured(number: int, seed: int) -> Sequence[RawClick]:
    links, ids, sequence = _links(), Ids(seed.to_bytes(8)), count(1)
    planner = Planner(load_mix(), load_networks(), seed=seed, now=START_MS // 1000)
    visits = planner.visits(number)
    return [
        _capture(planned, links, ids, Stamp(SRC, next(sequence)))
        for visit in visits
        for planned in visit
        if planned.row
    ]


def _capture(planned: Planned, links: dict[str, Link], ids: Ids, stamp: Stamp) -> RawClick:
    """What the redirector makes of a request."""
    parts = urlsplit(planned.target, allow_fragments=False)
    headers = {name.lower().encode(): value.encode("latin-1") for name, value in planned.headers}
    client = headers[b"x-forwarded-for"].rpartition(b",")[2].strip().decode()
    request = Request(
        ts=START_MS,
        domain=DOMAIN,
        path=parts.path.encode("latin-1"),
        slug=parts.path[1:],
        headers=headers,
        query=take_apart(parts.query.encode("latin-1")),
        address=read(client) or NOWHERE,
        user_agent=text(headers.get(b"user-agent", b""), MAX_USER_AGENT),
    )
    identity = Identity(ids.of(request.address, request.user_agent, DOMAIN), DAY, False, objects(headers))
    link = links.get(request.slug)
    return capture(
        request, link, answer(link, request.ts, request.query.passed, identity.visitor.visitor_id), identity, stamp
    )


def _links() -> dict[str, Link]:
    """The plan's links by slug, as the links agent would make them."""
    made = {}
    for slug, fields in load_mix().links.items():
        command = LinkCommand(
            id=slug,
            operation=Operation.CREATE,
            domain=DOMAIN,
            slug=slug,
            at=START_MS,
            fields=msgspec.convert(fields, LinkFields),
        )
        reply = decide(None, command)
        if reply.link is None:
            raise ValueError(f"the mix's link {slug} is refused: {reply.error}")
        made[slug] = reply.link
    return made
