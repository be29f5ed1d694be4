"""The limit on guessing: how often a network may ask for what is not there. Hits are not looked at."""

CAPACITY = 65_536
"""Networks that are remembered, some 10 MB of them. Who has more networks than that is not held up by one anyway."""

MINUTE = 60.0


class Misses:
    """Counts misses by network. Each may miss `per_minute` times at once, and goes on at that pace; 0: no limit.

    Of a network only the time is kept at which all of its misses are paid off, each at a minute's share.
    """

    def __init__(self, per_minute: int, capacity: int = CAPACITY) -> None:
        self._price = MINUTE / per_minute if per_minute else 0.0
        self._capacity = capacity
        self._paid_off: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._paid_off)

    def wait(self, network: str, now: float) -> float:
        """Count a miss at `now` (seconds of a clock that never goes back); 0, or how long the network has to wait."""
        paid_off = max(self._paid_off.pop(network, now), now) + self._price
        if paid_off - now > MINUTE:
            self._paid_off[network] = paid_off - self._price  # a refused one costs nothing
            return paid_off - now - MINUTE
        if len(self._paid_off) >= self._capacity:
            del self._paid_off[next(iter(self._paid_off))]  # the one that has been quiet for longest
        self._paid_off[network] = paid_off
        return 0.0
