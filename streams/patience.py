"""Patience: what passes is tried again, after growing pauses and for a limited time."""

import dataclasses
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential_jitter

from warehouse.failures import Doubtful

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Patience:
    """How long, and after which pauses."""

    seconds: float
    """After so long the last `Doubtful` is raised."""
    pause: float
    """Seconds before the first retry; each later one waits up to twice as long, at most five."""

    async def __call__(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """The result of the first attempt that is not `Doubtful`."""
        async for trial in AsyncRetrying(
            retry=retry_if_exception_type(Doubtful),
            stop=stop_after_delay(self.seconds),
            wait=wait_exponential_jitter(multiplier=self.pause, max=5, jitter=self.pause),
            reraise=True,
        ):
            with trial:
                return await attempt()
        raise AssertionError("unreachable: the last attempt returns or raises")
