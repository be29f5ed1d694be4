"""Failpoints, in processes that may be harmed."""

import signal
import subprocess
import sys

import pytest

from warehouse.failpoints import arm

REACH_THREE_TIMES = """
import sys
from warehouse.failpoints import Failpoint, arm, reach
arm(sys.argv[1])
for count in (1, 2, 3):
    reach(Failpoint.BEFORE_INSERT)
    print(count, flush=True)
"""


def run(setting: str) -> tuple[str, int | None]:
    """What it printed, and how it ended; None: it had to be killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", REACH_THREE_TIMES, setting], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        said, _ = process.communicate(timeout=2)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0], None
    return said, process.returncode


@pytest.mark.parametrize(
    ("setting", "said", "code"),
    [
        ("", "1\n2\n3\n", 0),
        ("after-insert", "1\n2\n3\n", 0),
        ("before-insert", "", -signal.SIGKILL),
        ("before-insert:3", "1\n2\n", -signal.SIGKILL),
        ("before-insert:hang", "hanging at before-insert\n", None),
        ("before-insert:2:hang", "1\nhanging at before-insert\n", None),
    ],
)
def test_a_process_dies_or_hangs_where_it_is_told_to(setting: str, said: str, code: int | None) -> None:
    assert run(setting) == (said, code)


@pytest.mark.parametrize("setting", ["nowhere", "before-insert:often", "before-insert:2:sleep"])
def test_a_setting_that_is_none_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        arm(setting)
