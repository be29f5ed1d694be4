"""Failpoints: places at which a process can be made to die, so that tests can crash it exactly there.

`WEIR_FAILPOINT=after-insert:3` ends the process, as `kill -9` would, when it reaches `after-insert` for the third time.
Without the setting a failpoint is one comparison.
"""

import enum
import os
import signal


class Failpoint(enum.StrEnum):
    """Where a worker can be made to die."""

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


class _Armed:
    place: Failpoint | None = None
    left: int = 0


def arm(setting: str) -> None:
    """Make this process die as the setting says; empty: nowhere. Raises `ValueError` for a place that is none."""
    name, _, count = setting.partition(":")
    _Armed.place = Failpoint(name) if name else None
    _Armed.left = int(count or 1)


def reach(place: Failpoint) -> None:
    """Die here, if this is the place and the time."""
    if _Armed.place is not place:
        return
    _Armed.left -= 1
    if _Armed.left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
