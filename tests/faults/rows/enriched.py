"""The topic `clicks.enriched`: what is stored is told there, whatever dies between."""

from ingest.follow import Follower
from ingest.kafka import CLICKS_ENRICHED
from streams.enriched import decode
from tests.faults.rows.processes import killed, killed_at_a_failpoint
from tests.faults.stage import Missed, Stage

TOLD_SECONDS = 30.0
STORED = """
SELECT toString(topic_id), kafka_partition, kafka_offset FROM events
WHERE edition = 0 AND outcome NOT IN ('dead', 'source') FORMAT TSV
"""

Row = tuple[str, int, int]
"""Topic's id, partition, offset of the raw record."""


def told(stage: Stage) -> None:
    """The worker dies between a row and its record in `clicks.enriched`, before or after the commit, or anywhere.

    Every row is told there, once or more; nothing else is.
    """
    if stage.case == "anywhere":
        killed(stage)
    else:
        killed_at_a_failpoint(stage)
    stage.driver.pause()
    stage.wait_counted()
    stored, heard = _stored(stage), set[Row]()
    copies = 0

    def hear(_key: bytes, value: bytes | None) -> None:
        nonlocal copies
        click = decode(value or b"")
        row = (str(click.topic_id), click.kafka_partition, click.kafka_offset)
        copies += row in heard
        heard.add(row)

    follower = Follower(stage.kafka, CLICKS_ENRICHED, hear)
    follower.start()
    stage.wait(lambda: stored <= heard, TOLD_SECONDS, "not every row was told")
    follower.stop()
    stage.note(f"{len(stored)} rows were told, {copies} of them again")
    if invented := heard - stored:
        raise Missed(f"{len(invented)} clicks were told that are no rows")
    stage.driver.resume()


def _stored(stage: Stage) -> set[Row]:
    rows = (line.split("\t") for line in stage.execute(STORED).splitlines())
    return {(topic, int(partition), int(offset)) for topic, partition, offset in rows}
