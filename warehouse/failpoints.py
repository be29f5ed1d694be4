"""Failpoints: places at which a process can be made to die or to hang, so that tests can harm it exactly there.

`WEIR_FAILPOINT=after-insert:3` ends the process, as `kill -9` would, when it reaches `after-insert` for the third time;
`after-insert:3:hang` lets the thread that gets there say so and wait for ever. Without the setting a failpoint is one
comparison.
"""

import enum
import os
import re
import signal
import time

_SETTING = re.compile(r"(?P<place>[a-z-]+)(:(?P<count>\d+))?(?P<hang>:hang)?")


class Failpoint(enum.StrEnum):
    """Where a worker, the roller or an erasure can be harmed."""

    AFTER_FENCE = "after-fence"
    """A partition is fenced, nothing else of taking it over has happened."""
    BEFORE_LETTERS = "before-letters"
    """Undecodable records are found, their payloads are nowhere yet."""
    BEFORE_INSERT = "before-insert"
    """Rows are built and not sent."""
    AFTER_INSERT = "after-insert"
    """Rows are stored; nobody has been told."""
    BEFORE_COMMIT = "before-commit"
    """Rows are marked done; Kafka has not been told."""
    AFTER_COMMIT = "after-commit"
    """Kafka has been told."""
    BEFORE_SEAL = "before-seal"
    """A statement of a roll is made and not sent."""
    AFTER_SEAL = "after-seal"
    """Its rows are stored, under seals that nobody reads."""
    BEFORE_PUBLISH = "before-publish"
    """All rows of a roll are stored and have been counted."""
    AFTER_PUBLISH = "after-publish"
    """The roll counts; the roller does not know yet."""
    BEFORE_CLEAN = "before-clean"
    """Dead seals are found, their rows are still there."""
    AFTER_LINES = "after-lines"
    """What is erased is written down; it is all there still."""
    AFTER_DELETE = "after-delete"
    """It is deleted; the rollups have it still."""
    AFTER_VOID = "after-void"
    """They are void; nobody has searched for what is left."""


OF_WORKERS = (
    Failpoint.AFTER_FENCE,
    Failpoint.BEFORE_LETTERS,
    Failpoint.BEFORE_INSERT,
    Failpoint.AFTER_INSERT,
    Failpoint.BEFORE_COMMIT,
    Failpoint.AFTER_COMMIT,
)
"""Those that a worker reaches."""


class _Armed:
    place: Failpoint | None = None
    left: int = 0
    hangs: bool = False


def arm(setting: str) -> None:
    """Harm this process as the setting says; empty: nowhere. Raises `ValueError` for one that makes no sense."""
    if not setting:
        _Armed.place = None
        return
    if (found := _SETTING.fullmatch(setting)) is None:
        raise ValueError(f"{setting!r} is no failpoint: it must be like after-insert:3 or after-insert:3:hang")
    _Armed.place = Failpoint(found["place"])
    _Armed.left = int(found["count"] or 1)
    _Armed.hangs = found["hang"] is not None


def reach(place: Failpoint) -> None:
    """Die or hang here, if this is the place and the time."""
    if _Armed.place is not place:
        return
    _Armed.left -= 1
    if _Armed.left > 0:
        return
    if not _Armed.hangs:
        os.kill(os.getpid(), signal.SIGKILL)
    os.write(2, f"hanging at {place}\n".encode())
    while True:
        time.sleep(60)
