"""Slots: one process at a time in each, in the lowest that is free."""

import subprocess
import sys
from pathlib import Path

import pytest

from ingest.spool import SlotError, take_slot
from ingest.spool.slot import slots_of, try_slot

HOLD = "import sys; from pathlib import Path; from ingest.spool import take_slot; s = take_slot(Path(sys.argv[1])); "


def test_the_lowest_free_one_is_taken(tmp_path: Path) -> None:
    first, second = take_slot(tmp_path / "spool"), take_slot(tmp_path / "spool")
    assert (first.path.name, second.path.name) == ("0", "1")
    first.release()
    third = take_slot(tmp_path / "spool")
    assert third.path.name == "0"
    assert [path.name for path in slots_of(tmp_path / "spool")] == ["0", "1"]


def test_a_dead_process_holds_none(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD + "print(s.path.name, flush=True); sys.stdin.read()", str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "0\n"
        assert try_slot(tmp_path / "0") is None
        holder.kill()
    slot = try_slot(tmp_path / "0")
    assert slot is not None
    slot.release()


def test_the_number_of_partitions_is_remembered(tmp_path: Path) -> None:
    slot = take_slot(tmp_path)
    assert slot.partitions == 0
    slot.keep_partitions(12)
    assert slot.partitions == 12
    (slot.path / "partitions").write_text("nonsense")
    assert slot.partitions == 0


def test_a_folder_that_can_t_be_written_is_refused_with_the_settings_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SlotError, match="WEIR_SPOOL"):
        take_slot(tmp_path / "file")


def test_what_is_kept_is_for_the_owner_alone(tmp_path: Path) -> None:
    slot = take_slot(tmp_path)
    assert slot.path.stat().st_mode & 0o077 == 0
    assert (slot.path / "lock").stat().st_mode & 0o077 == 0
