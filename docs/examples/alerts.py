"""An alert when people suddenly follow a link: more clicks in a minute than five times its usual, and more than fifty.

    WEIR_ENRICHED=true weir run worker
    weir run agents docs/examples/alerts.py

Reads `clicks.enriched` and writes to the topic `alerts`, a JSON object a record, keyed by the link's id. What is usual
is a moving average over some ten minutes. It is kept in memory and begins anew with the process; of a link's first
minute nothing is said.
"""

import dataclasses

import msgspec
from faust.types import StreamT

from streams.agents import EnrichedClick, Weir

MINUTE_MS = 60_000
LEAST = 50
TIMES = 5
WEIGHT = 0.1
"""How much a minute counts in the average."""


@dataclasses.dataclass(frozen=True)
class Alert:
    """A link that is followed much more than usual."""

    link_id: str
    minute: int
    """Its beginning, Unix milliseconds."""
    clicks: int
    """In that minute so far."""
    usual: float
    """Clicks a minute."""


@dataclasses.dataclass
class Rate:
    """How often one link is followed."""

    minute: int
    clicks: int = 0
    usual: float | None = None
    """None: its first minute is not over yet."""
    told: bool = False


class Watch:
    """The rates of all links, by click time."""

    def __init__(self) -> None:
        self._rates: dict[str, Rate] = {}
        self._read: dict[tuple[str, int], int] = {}

    def is_new(self, click: EnrichedClick) -> bool:
        """Whether it was not read before: the topic has each at least once, in the order of the raw log's partition."""
        partition = click.topic_id, click.kafka_partition
        if click.kafka_offset <= self._read.get(partition, -1):
            return False
        self._read[partition] = click.kafka_offset
        return True

    def seen(self, click: EnrichedClick) -> Alert | None:
        """Count a click; an alert where it is one too many, once a minute. Late ones are not counted."""
        minute = click.ts - click.ts % MINUTE_MS
        rate = self._rates.setdefault(click.link_id, Rate(minute))
        if minute > rate.minute:
            self._begin(rate, minute)
        if minute < rate.minute:
            return None
        rate.clicks += 1
        if rate.usual is None or rate.told or rate.clicks <= max(LEAST, TIMES * rate.usual):
            return None
        rate.told = True
        return Alert(click.link_id, minute, rate.clicks, round(rate.usual, 2))

    def _begin(self, rate: Rate, minute: int) -> None:
        """Take the minute that is over into the average, and those in which nothing was."""
        usual = rate.clicks if rate.usual is None else rate.usual + WEIGHT * (rate.clicks - rate.usual)
        rate.usual = usual * (1 - WEIGHT) ** ((minute - rate.minute) // MINUTE_MS - 1)
        rate.minute, rate.clicks, rate.told = minute, 0, False


def agents(weir: Weir) -> None:
    """What `weir run agents` calls."""
    alerts = weir.app.topic("alerts", key_serializer="raw", value_serializer="raw")
    watch = Watch()

    @weir.app.agent(weir.enriched)
    async def watch_rates(clicks: StreamT[EnrichedClick]) -> None:
        async for click in clicks:
            if not watch.is_new(click) or click.outcome not in {"human", "suspect"}:
                continue
            if alert := watch.seen(click):
                await alerts.send(key=alert.link_id.encode(), value=msgspec.json.encode(alert))
