"""The whole graph, top to bottom. Somebody who reads only this file knows the system.

    clicks.raw ──► decode ► look up ► hold ► enrich ► judge ──► events (ClickHouse: raw table and ledger)
                       └─► dead_letters, clicks.dead           └─► clicks.enriched (if wanted, once it is stored)
    links.commands ──► decide ──► links ──► links (ClickHouse: slugs, titles and campaigns as dimensions)

Delivery guarantee: every offset of `clicks.raw` is one row of `events`, through any crash. A link's change is applied
once; its row in ClickHouse, dead letters and `clicks.enriched` are written at least once.
"""

import asyncio
from collections.abc import Callable
from typing import cast

import faust
from faust.types import StreamT

from ingest.kafka import CLICKS_DEAD, CLICKS_RAW, LINK_COMMANDS, LINK_REPLIES, LINKS, topic_id
from streams.batch import Batch
from streams.broker import app_of, sender, stopping
from streams.chain import Chain
from streams.dead_ratio import DeadRatio
from streams.enrich.chain import enrichers
from streams.intake import ClickIntake
from streams.judge.judge import Judge
from streams.judge.lists import read_lists
from streams.judge.version import rules_version
from streams.letters import Letters
from streams.links import LinkBook, link_rows
from streams.own.load import own_enrichers, with_own
from streams.partition import Limits
from streams.publisher import Publisher
from streams.settings import StreamSettings
from streams.transport import App, BatchSchema, Consumer
from streams.windows.rules import WindowRules
from warehouse.ledger import Ledger


def click_chain(settings: StreamSettings, ledger: Ledger, letters: Letters | None = None) -> Chain:
    """What is done to every click until it is a row; each step sees what those before it found."""
    windows = WindowRules.of(settings)  # how far around it a click is compared, and how long it is held for that
    own, lists = own_enrichers(settings.enrichers), read_lists(settings.lists)
    steps = enrichers(geo_dir=settings.geo_dir, taxonomy=settings.taxonomy, cache_size=settings.cache_size)
    version = with_own(rules_version(settings.taxonomy, windows, settings.lists), own)
    return Chain(
        ledger=ledger,  # knows which re-sent clicks were counted already
        letters=letters,  # of what can't be decoded
        dead_ratio=DeadRatio(settings.dead_ratio),  # stops a worker that can hardly decode anything
        windows=windows,  # bursts, traps and repeats, restored from the rows
        enrichers=steps,  # who, where, from which channel, at which position: their order is in `enrich.chain`
        own=own,  # the users', which see all that and may add reasons
        judge=Judge(version, settings.cache_size, lists),  # last: it looks at everything, the users' lists too
    )


def pipeline(settings: StreamSettings, ledger: Ledger, fail: Callable[[BaseException], None]) -> faust.App:
    """The Faust app with all its agents; `fail` stops the process, which reads on at the ledger's end when it is back.

    Call it in the event loop that will run the app.
    """
    app = app_of(
        settings,
        settings.group,
        App,
        stream_buffer_maxsize=4,  # batches, not messages
        broker_session_timeout=settings.session_timeout,
        broker_heartbeat_interval=settings.session_timeout / 6,
        topic_allow_declare=False,  # `weir topics` makes and checks them
    )
    consumer = cast(Consumer, app.consumer)

    # The topics, in the order of the flow. A batched one is handed to its agent as the log's own batches.
    clicks_raw = app.topic(settings.topic(CLICKS_RAW.name), schema=BatchSchema())
    clicks_dead = app.topic(settings.topic(CLICKS_DEAD.name), key_serializer="raw", value_serializer="raw")
    link_commands = app.topic(settings.topic(LINK_COMMANDS.name), schema=BatchSchema())
    link_replies = app.topic(settings.topic(LINK_REPLIES.name), key_serializer="raw", value_serializer="raw")
    links_out = app.topic(settings.topic(LINKS.name), key_serializer="raw", value_serializer="raw")
    links = app.topic(settings.topic(LINKS.name), schema=BatchSchema())

    # Where clicks are counted: one counter a partition inserts the chain's rows, and says how far it is.
    letters = Letters(ledger, sender(clicks_dead))
    intake = ClickIntake(
        topic_id=lambda: asyncio.to_thread(topic_id, settings, CLICKS_RAW),
        ledger=ledger,
        work=click_chain(settings, ledger, letters),
        letters=letters,  # of what can't be stored
        log_end=lambda partition: consumer.log_end(clicks_raw.get_topic_name(), partition),
        done=lambda partition, offset: consumer.mark_done(clicks_raw.get_topic_name(), partition, offset),
        fail=fail,
        limits=Limits.of(settings),
        publisher=Publisher(settings, settings.group) if settings.enriched else None,  # for others, once it is stored
    )
    consumer.intakes[clicks_raw.get_topic_name()] = intake  # reading starts where the ledger ends

    @app.agent(clicks_raw)
    async def clicks(batches: StreamT[Batch]) -> None:
        """Hand each batch to its partition's counter; never waits, the transport fetches no more than it can hold."""
        async for batch in batches:
            with stopping(consumer, fail):
                intake.put(batch)

    book = LinkBook(settings, write=sender(links_out), reply=sender(link_replies))

    @app.agent(link_commands)
    async def decide_links(batches: StreamT[Batch]) -> None:
        """The only writer of `links`: takes the commands of a key in order, so that a slug is taken once."""
        async for batch in batches:
            with stopping(consumer, fail):
                await book.take(batch)
                consumer.mark_done(batch.topic, batch.partition, batch.next)

    @app.agent(links)
    async def store_links(batches: StreamT[Batch]) -> None:
        """Bring links to ClickHouse; done means stored, so a crash stores some again and the table keeps one."""
        async for batch in batches:
            with stopping(consumer, fail):
                await ledger.replace("links", link_rows(batch.records))
                consumer.mark_done(batch.topic, batch.partition, batch.next)

    return app
