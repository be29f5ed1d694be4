"""The redirectors' clocks, by which a day has its salt."""

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ingest.follow import Follower
from ingest.kafka import SALTS
from tests.faults.stage import Missed, Stage

ZONE = "America/New_York"
SHORT_DAYS = ("2027-03-14 01:59:56", "2027-11-07 01:59:56")
"""Just before the clocks of the zone are set forward, and back."""
BEFORE_MIDNIGHT = 6.0
READ_SECONDS = 20.0
HOUR = 3600.0

WRONG = {
    "visitors have several ids on a day": """
        SELECT count() FROM (
            SELECT salt_day, extract(query, '&v=([0-9]+)') AS visitor FROM events WHERE kind = 'click' AND edition = 0
            GROUP BY salt_day, visitor HAVING uniqExact(visitor_id) > 1 OR uniqExact(address_id) > 1)""",
    "visitors have one id on several days": """
        SELECT count() FROM (
            SELECT visitor_id FROM events WHERE kind = 'click' AND edition = 0
            GROUP BY visitor_id HAVING uniqExact(salt_day) > 1)""",
    "clicks have the salt of another day": f"""
        SELECT count() FROM events WHERE kind = 'click' AND edition = 0 AND toDate(ts, '{ZONE}') != salt_day""",
    "clicks have ids of a salt that one redirector made for itself": """
        SELECT countIf(salt_local) FROM events WHERE kind = 'click' AND edition = 0""",
}
"""What must not be, and how many of it are found."""


def clocks_stepped(stage: Stage) -> None:
    """The clocks of redirectors step by an hour, one of them or all; or they pass a midnight, also of a day on which
    the clocks of the zone are set.

    Ids of a day are the same in all redirectors, whatever their clocks say about the hour; the salt of the next day is
    there before midnight, so that none has to use one of its own.
    """
    if stage.case == "a day of 23 or 25 hours":
        _restarted_at(stage, datetime.fromisoformat(stage.random.choice(SHORT_DAYS)).replace(tzinfo=ZoneInfo(ZONE)))
        stage.sleep(BEFORE_MIDNIGHT, BEFORE_MIDNIGHT + 2)
        _pass_midnight(stage)
        _restarted_at(stage, None)
    elif stage.case == "over midnight":
        _pass_midnight(stage)
        _step(stage, 0.0)
    else:
        only = stage.random.choice((0, 1, None))
        for ahead in (HOUR if stage.case == "ahead" else -HOUR, 0.0):
            stage.sleep(0.5, 2.0)
            _step(stage, ahead, only)
    stage.sleep(0.5, 2.0)
    stage.clients.pause()
    stage.wait_counted()
    found = {what: int(stage.execute(sql)) for what, sql in WRONG.items()}
    stage.clients.resume()
    if any(found.values()):
        raise Missed("; ".join(f"{count} {what}" for what, count in found.items() if count))


def _step(stage: Stage, ahead: float, only: int | None = None) -> None:
    """Set the clock of one redirector, or of all of them."""
    for number in range(len(stage.redirectors.services)) if only is None else (only,):
        stage.clock_of(number).write_text(str(ahead))
    stage.note(f"{'all clocks' if only is None else f'the clock of redirector-{only + 1}'} {ahead:+.0f} s")


def _restarted_at(stage: Stage, moment: datetime | None) -> None:
    """All redirectors are stopped and start again at that time; None: the right one.

    No click comes before they are ready: they would answer it, with a salt of their own.
    """
    stage.clients.pause()
    stage.clients.close()
    _step(stage, moment.timestamp() - time.time() if moment else 0.0)
    for redirector in stage.redirectors.services:
        redirector.start()
    stage.clients.wait_ready()
    stage.clients.resume()


def _pass_midnight(stage: Stage) -> None:
    """Step to some seconds before midnight; the next day's salt has to come before."""
    ahead = float(stage.clock_of(0).read_text())
    now = datetime.fromtimestamp(time.time() + ahead, ZoneInfo(ZONE))
    tomorrow = now.date() + timedelta(days=1)
    midnight = datetime.combine(tomorrow, datetime.min.time(), ZoneInfo(ZONE)).astimezone(UTC)
    _step(stage, midnight.timestamp() - time.time() - BEFORE_MIDNIGHT)
    time.sleep(BEFORE_MIDNIGHT / 2)
    if tomorrow.isoformat() not in salt_days(stage):
        raise Missed(f"the salt of {tomorrow} is not there shortly before its day")
    stage.sleep(BEFORE_MIDNIGHT, BEFORE_MIDNIGHT + 2)
    stage.note(f"it was midnight, {tomorrow} begins")


def salt_days(stage: Stage) -> set[str]:
    """The days that have a salt on the topic."""
    days = set[str]()
    follower = Follower(stage.kafka, SALTS, lambda key, _: days.add(key.decode()))
    follower.start()
    stage.wait(lambda: follower.is_caught_up, READ_SECONDS, "the salts could not be read")
    follower.stop()
    return days
