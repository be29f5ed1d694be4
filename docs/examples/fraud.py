"""Click fraud on paid ads: a score that grows with the paid clicks that one address makes within an hour.

    WEIR_ENRICHERS=docs/examples/fraud.py:PaidClicks

Adds the field `paid_clicks` (how many so far, this one among them) and, from the fourth on, the reason
`own:paid_clicks` of the class suspect. It is a class, so each partition that a worker takes over has an object of its
own, whose window begins empty: after a restart or a rebalance it takes up to an hour until it counts in full again. Who
opted out has no address id, and is not counted.
"""

from collections import OrderedDict, deque

from streams.extension import Added, Click, OwnReason, Verdict

WINDOW_MS = 3_600_000
USUAL = 3
"""So many paid clicks of one address within the window are nothing special."""
ADDRESSES = 50_000
"""Addresses that are remembered at the most, the latest; each at most `MOST` times."""
MOST = 50


class PaidClicks:
    """How often each address clicked on a paid ad within the window."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, deque[int]] = OrderedDict()

    def __call__(self, click: Click) -> Added | None:
        """Count a click, and say how many there are by now."""
        if not (click.channel.startswith("Paid") and click.address_id):
            return None
        count = self._count(click.address_id, click.ts)
        fields = {"paid_clicks": str(count)}
        return Added(fields, (reason(count),)) if count > USUAL else Added(fields)

    def _count(self, address: str, now: int) -> int:
        times = self._times.setdefault(address, deque(maxlen=MOST))
        self._times.move_to_end(address)
        while times and times[0] <= now - WINDOW_MS:
            times.popleft()
        times.append(now)
        if len(self._times) > ADDRESSES:
            self._times.popitem(last=False)
        return len(times)


def reason(count: int) -> OwnReason:
    """The reason for so many clicks: the more, the surer."""
    return OwnReason("paid_clicks", Verdict.SUSPECT, min(100, 30 + 10 * (count - USUAL)))
