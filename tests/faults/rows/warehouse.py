"""ClickHouse that is down, hangs, dies, forgets, or is set back."""

import re
import shutil
import signal
from collections.abc import Collection
from pathlib import Path

from tests.faults.proxy import LostReply
from tests.faults.rows.processes import INSERT, SPRUNG_SECONDS
from tests.faults.stage import Missed, Stage

LOST_SECONDS = 8
"""How old a part may be that a machine loses: what it had not written to its disk yet."""
HANG_SECONDS = 7.0
"""A second more than the session of a worker in this row."""
FOUND_SECONDS = 75.0
"""Holes must be found within this time even where nothing is read or written."""


def down(stage: Stage) -> None:
    """ClickHouse is away for longer than the worker's patience.

    The worker stops, is started again, and stops again; no commit moves, and it reads on where the ledger ends.
    """
    if stage.case == "stopped":
        stage.server.stop()
    else:
        stage.server.kill()
    stage.note(f"ClickHouse {stage.case}")
    stage.sleep(5.0, 9.0)
    stage.server.start()
    stage.note("ClickHouse is back")


def hanging(stage: Stage) -> None:
    """ClickHouse takes connections and answers nothing, for longer than an insert may take and than a session lasts.

    Every request has its limit, so the worker is in doubt, never stuck; what hangs is not waited for when it is over.
    Nobody leaves Kafka's group for it: no partition is handed out anew.
    """
    before = _assignments(stage)
    if stage.case == "frozen":
        stage.server.process.send_signal(signal.SIGSTOP)
    else:
        stage.clickhouse_proxy.silence()
    stage.note(f"ClickHouse {stage.case}")
    stage.sleep(HANG_SECONDS, HANG_SECONDS + 4)
    if stage.case == "frozen":
        stage.server.process.send_signal(signal.SIGCONT)
    else:
        stage.clickhouse_proxy.heal()
    stage.note("it answers again")
    stage.driver.pause()
    stage.wait_counted()
    stage.driver.resume()
    if assignments := _assignments(stage) - before:
        raise Missed(f"partitions were handed out {assignments} times because ClickHouse hung")


def _assignments(stage: Stage) -> int:
    """How often workers were given partitions, by their own logs."""
    return sum(len(re.findall(r"\] counting\b", worker.log.read_text())) for worker in stage.crew.services)


def reply_lost(stage: Stage) -> None:
    """The whole insert reaches ClickHouse, and its reply is lost: the connection breaks, or nothing ever comes.

    Nobody can say whether it was taken, so the ledger is asked; the client's own retry meets the same token.
    """
    for _ in range(3):
        trap = stage.clickhouse_proxy.set(LostReply(INSERT, hang=stage.case == "nothing comes"))
        if not trap.sprung.wait(SPRUNG_SECONDS):
            raise Missed("no insert came by")
        stage.note("a reply is lost")
        stage.sleep(0.0, 1.0)


def killed(stage: Stage) -> None:
    """kill -9 of ClickHouse while inserts are under way, once or twice; it is started again after a moment.

    Its fences are empty then, so every writer is refused, fences again and reads what is stored before it goes on.
    """
    for _ in range(stage.random.randint(1, 2)):
        stage.sleep(0.2, 2.0)
        stage.server.kill()
        stage.note("ClickHouse is killed")
        stage.sleep(0.0, 1.0)
        stage.server.start()


def parts_lost(stage: Stage) -> None:
    """ClickHouse's machine dies, and some of the last acknowledged parts were not on its disk yet (it never fsyncs).

    The rows are holes in the ledger: before the ends, in the middle, or at the beginning. They are found and read again
    from Kafka, in a partition without traffic too.
    """
    quiet = stage.case == "without traffic"
    stage.sleep(1.0, 4.0)
    if quiet:
        stage.driver.pause()
        stage.wait_counted()
    folder = Path(stage.execute(f"SELECT data_paths[1] FROM system.tables WHERE {_events(stage, 'name')}"))
    stage.wait(lambda: bool(_young_blocks(stage)), LOST_SECONDS, "nothing is inserted")
    blocks = _young_blocks(stage)
    stage.server.kill()
    lost = stage.random.sample(sorted(blocks), stage.random.randint(1, min(6, len(blocks))))
    _lose(folder, lost)
    stage.note(f"lost {sum(blocks[block] for block in lost)} rows, blocks {lost} of {min(blocks)}–{max(blocks)}")
    stage.server.start()
    if quiet:
        stage.wait(lambda: stage.audit().adds_up and not stage.audit().behind, FOUND_SECONDS, "holes were not found")
        stage.driver.resume()


def _young_blocks(stage: Stage) -> dict[int, int]:
    """Rows of each insert into `events` of the last seconds, by its block number."""
    found = stage.execute(
        f"SELECT min_block_number, rows FROM system.parts WHERE {_events(stage, 'table')} AND level = 0"
        f" AND modification_time > now() - {LOST_SECONDS}"
    )
    return {int(block): int(rows) for block, rows in (line.split("\t") for line in found.splitlines())}


def _events(stage: Stage, column: str) -> str:
    return f"database = '{stage.warehouse.clickhouse_database}' AND {column} = 'events'"


def _lose(folder: Path, blocks: Collection[int]) -> None:
    """Remove the parts of these blocks and what was merged from them; what else was merged in stands in older parts."""
    for part in folder.glob("*-*_*_*_*"):
        low, high = (int(number) for number in part.name.split("_")[-3:-1])
        if any(low <= block <= high for block in blocks):
            shutil.rmtree(part)


def restored(stage: Stage) -> None:
    """ClickHouse is set back to an older copy of its folder, as from a backup.

    Its ledger ends before Kafka's committed offsets: the worker goes back to where it ends.
    """
    stage.server.stop()
    backup = stage.folder / "backup"
    shutil.copytree(stage.server.folder, backup, symlinks=True)
    stage.server.start()
    stage.note("backup taken")
    stage.sleep(2.0, 5.0)
    stage.server.kill()
    shutil.rmtree(stage.server.folder)
    backup.rename(stage.server.folder)
    stage.server.start()
    stage.note("restored")


def letters_unavailable(stage: Stage) -> None:
    """The table of dead letters can't be written while poison comes in.

    A record's row stands only after its letter, so the partition waits; nothing is committed beyond the poison.
    """
    stage.execute("RENAME TABLE dead_letters TO dead_letters_away")
    stage.note("dead_letters is away")
    stage.sleep(3.0, 8.0)
    stage.execute("RENAME TABLE dead_letters_away TO dead_letters")
    stage.note("and back")
