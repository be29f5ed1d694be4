"""Kafka's clock."""

import time
from datetime import UTC, datetime, timedelta

from tests.faults.stage import Missed, Stage

HOUR = 3600.0
BEFORE_MIDNIGHT = 4.0
LATE_SECONDS = 10.0
"""Until what was sent last is counted, on a machine that is busy with other things."""


def stepped(stage: Stage) -> None:
    """Kafka's clock steps an hour ahead or back, and is right again later; or it passes midnight at a month's end.

    The log's clock never runs back, and holds end by a clock that nobody sets where nothing follows: a click is neither
    late in the answers nor judged without what came after it, and every insert is of one month.
    """
    stage.sleep(1.0, 3.0)
    if stage.case == "over a month's end":
        stage.driver.pause()
        stage.stream.renew()
        _step(stage, _to_next_month(stage.stream.ahead) - BEFORE_MIDNIGHT)
        stage.driver.resume()
        stage.sleep(2 * BEFORE_MIDNIGHT, 3 * BEFORE_MIDNIGHT)
        return
    by = HOUR if stage.case == "ahead" else -HOUR
    for seconds in (by, -by):
        _step(stage, seconds)
        stage.sleep(1.0, 4.0)
        stage.driver.pause()
        began = time.monotonic()
        stage.wait_counted()
        if (waited := time.monotonic() - began) > LATE_SECONDS:
            raise Missed(f"the last clicks became visible after {waited:.1f} s")
        stage.driver.resume()


def _step(stage: Stage, seconds: float) -> None:
    stage.stream.ahead += seconds
    stage.note(f"Kafka's clock {seconds:+.0f} s")


def _to_next_month(ahead: float) -> float:
    now = datetime.now(UTC) + timedelta(seconds=ahead)
    first = (now.replace(day=1, hour=0, minute=0, second=0) + timedelta(days=32)).replace(day=1)
    return (first - now).total_seconds()
