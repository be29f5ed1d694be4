"""All feeds of this process: one for each question that somebody follows."""

from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from api.errors import TooMany
from api.live.feed import Ask, Feed

MAX_FEEDS = 100
"""Different questions a second."""
MAX_FOLLOWERS = 5000


class Hub:
    """Feeds by their questions; a feed ends with its last follower, all of them with the server."""

    def __init__(self) -> None:
        self._feeds: dict[Hashable, Feed] = {}
        self.stopped = False

    @asynccontextmanager
    async def feed(self, question: Hashable, ask: Ask) -> AsyncIterator[Feed]:
        """The feed of a question, as long as the context lasts; raises `TooMany`."""
        known = self._feeds.get(question)
        followers = sum(feed.followers for feed in self._feeds.values())
        if self.stopped or followers >= MAX_FOLLOWERS or (known is None and len(self._feeds) >= MAX_FEEDS):
            raise TooMany("There are too many live feeds.", retry_after=5, hint="Follow with fewer filters or clients.")
        feed = self._feeds[question] = known or Feed(ask)
        feed.followers += 1
        try:
            yield feed
        finally:
            feed.followers -= 1
            if not feed.followers:
                feed.end()
                self._feeds.pop(question, None)

    def stop(self) -> None:
        """End all feeds: their followers are let go, and none is let in."""
        self.stopped = True
        for feed in [*self._feeds.values()]:
            feed.end()
