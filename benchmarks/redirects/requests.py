"""The requests, as bytes: people's clicks of `weir traffic`'s plan, on links of which few are asked for often."""

import random
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b

import msgspec

from deploy.traffic.mix import load_mix, load_networks
from deploy.traffic.plan import Planner
from deploy.traffic.request import Kind
from deploy.traffic.wire import encode
from ingest.links import Link, link_id, link_key

encode_link = msgspec.json.Encoder().encode

DOMAIN = "go.example"
DISTINCT = 100_000
"""Requests that differ; they come again and again."""
START = 1_790_000_000
"""Unix seconds from which the plan's mails count back."""
SEPARATOR = b"\0"
"""Between requests in a file; in none of them."""


def requests(number: int, links: int, seed: int) -> Iterator[bytes]:
    """GETs of people with their headers, the client's address behind a proxy's, for some of so many links.

    Link n is asked for about 1/n as often as the first (Zipf's law).
    """
    rng = random.Random(seed)
    left = number
    for visit in Planner(load_mix(), load_networks(), seed=seed, now=START).visits(2 * number):
        for planned in visit:
            if planned.kind is Kind.HUMAN and left:
                left -= 1
                _, mark, query = planned.target.partition("?")
                slug = slug_of(int(links ** rng.random()) - 1)
                yield encode(replace(planned, target=f"/{slug}{mark}{query}"), DOMAIN)


def slug_of(number: int) -> str:
    """The slug of a link: 64 bits, as a random one is spelled."""
    return urlsafe_b64encode(blake2b(number.to_bytes(8), digest_size=8).digest()).decode().rstrip("=").replace("-", "~")


def link_record(number: int) -> tuple[bytes, bytes]:
    """Key and value of a link on the topic `links`."""
    slug = slug_of(number)
    return link_key(DOMAIN, slug), encode_link(
        Link(
            id=link_id(DOMAIN, slug),
            domain=DOMAIN,
            slug=slug,
            version=1,
            destination=f"https://shop.example/en/products/{number}?utm_source=newsletter&utm_campaign=spring",
            title=f"Product {number}",
            tags=("spring",),
            campaign="spring",
            created_at=START * 1000,
            updated_at=START * 1000,
            command_id=f"{number:032x}",
        )
    )
