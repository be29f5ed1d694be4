"""The spool of a living process: numbers without gaps, reading from anywhere, and no promise without room."""

from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ingest.spool.segment import Segment
from ingest.spool.spool import Place, Spool

SMALL = 1 << 12


def appended(spool: Spool, count: int, size: int = 100) -> None:
    for _ in range(count):
        assert spool.append(spool.taken % 4, b"%0*d" % (size, spool.taken + 1))


def whole(spool: Spool) -> Place:
    place = spool.seek(1)
    assert place is not None
    return place


def test_events_are_read_across_segments(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1 << 20, SMALL)
    appended(spool, 200)
    frames, end = spool.read(whole(spool), 1000)
    assert [frame.seq for frame in frames] == list(range(1, 201))
    assert [int(frame.event) for frame in frames] == list(range(1, 201))
    assert (end, spool.read(end, 10)) == (spool.end, ([], end))
    place = spool.seek(77)
    assert place is not None
    assert [frame.seq for frame in spool.read(place, 3)[0]] == [77, 78, 79]


def test_a_place_at_the_end_sees_what_comes_after(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1 << 20, SMALL)
    appended(spool, 31)
    place = spool.end
    assert place is not None
    appended(spool, 50)
    assert [frame.seq for frame in spool.read(place, 100)[0]] == list(range(32, 82))


def test_beyond_its_limit_nothing_is_taken_until_kafka_has_some(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 4 * SMALL, SMALL)
    taken = sum(spool.append(0, b"x" * 100) for _ in range(1000))
    assert 4 * SMALL // 125 - 4 <= taken == spool.taken
    assert (spool.refused, spool.reserved) == ("spool_full", 4 * SMALL)
    for done in spool.release(taken // 4 + 1):
        done.remove()
    assert spool.append(0, b"x" * 100)
    assert spool.taken == taken + 1


def test_what_kafka_has_is_let_go_and_the_rest_stays(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1 << 20, SMALL)
    appended(spool, 100)
    for segment in spool.release(70):
        assert segment.last <= 70
        segment.remove()
    first = min(tmp_path.glob("*.spool"))
    opened = Segment.open(first, spool.src)
    assert opened is not None
    assert opened.first <= 71
    assert opened.mark == 70
    opened.close()
    spool.close(70, keep=False)
    assert list(tmp_path.glob("*.spool"))


def test_nothing_is_left_of_a_process_that_delivered_everything(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1 << 20, SMALL)
    appended(spool, 100)
    spool.keep(spool.make())
    spool.close(100, keep=False)
    assert not list(tmp_path.glob("*.spool"))


def test_a_spare_is_wanted_in_time_and_used(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1 << 20, SMALL)
    wanted = [spool.wants_spare]
    appended(spool, 20)
    wanted.append(spool.wants_spare)
    spool.keep(spool.make())
    wanted.append(spool.wants_spare)
    assert wanted == [False, True, False]
    files = set(tmp_path.iterdir())
    appended(spool, 20)
    assert set(tmp_path.iterdir()) == files


def test_a_disk_that_can_t_be_had_is_told_and_asked_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path / "gone", 1 << 20, SMALL)
    refused = [spool.append(0, b"x")]
    assert (spool.refused, spool.taken, spool.end) == ("disk", 0, None)
    (tmp_path / "gone").mkdir()
    refused.append(spool.append(0, b"x"))
    assert refused == [False, False]
    monkeypatch.setattr("ingest.spool.spool.time.monotonic", lambda: 1e12)
    assert spool.append(0, b"x")
    assert spool.taken == 1


def test_what_is_to_be_synced(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1 << 20, SMALL)
    appended(spool, 100)
    assert [segment.last for segment in spool.unsynced()][-1] == 100
    assert len(spool.unsynced()) == 1
    appended(spool, 40)
    assert len(spool.unsynced()) == 2
    appended(spool, 40)
    spool.release(180)
    assert len(spool.unsynced()) == 1


class Life(RuleBasedStateMachine):
    """Appending, acknowledging and reading in any order: what is above the mark is always there, whole and in order."""

    @initialize(folder=st.uuids())
    def begin(self, folder: object) -> None:
        self.folder = Life.base / str(folder)
        self.folder.mkdir(exist_ok=True)
        self.spool = Spool(self.folder, 6 * SMALL, SMALL)
        self.events: list[bytes] = []
        self.mark = 0

    base: Path

    @rule(event=st.binary(min_size=1, max_size=1500), partition=st.integers(0, 9))
    def append(self, event: bytes, partition: int) -> None:
        if self.spool.append(partition, event):
            self.events.append(event)

    @rule(share=st.floats(0, 1))
    def acknowledge(self, share: float) -> None:
        self.mark += int((len(self.events) - self.mark) * share)
        for segment in self.spool.release(self.mark):
            segment.remove()

    @precondition(lambda self: self.mark < len(self.events))
    @rule(share=st.floats(0, 0.99), limit=st.integers(1, 40))
    def read(self, share: float, limit: int) -> None:
        start = self.mark + 1 + int((len(self.events) - self.mark) * share)
        place = self.spool.seek(start)
        assert place is not None
        frames, _ = self.spool.read(place, limit)
        expected = self.events[start - 1 : start - 1 + limit]
        assert [(frame.seq, frame.event) for frame in frames] == list(enumerate(expected, start))

    @invariant()
    def is_numbered(self) -> None:
        assert self.spool.taken == len(self.events)
        assert self.spool.reserved <= 6 * SMALL

    def teardown(self) -> None:
        self.spool.close(self.mark, keep=False)
        left = list(self.folder.glob("*.spool"))
        assert bool(left) == (self.mark < len(self.events))
        for path in left:
            path.unlink()


def test_any_life(tmp_path: Path) -> None:
    Life.base = tmp_path
    Life.TestCase.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
    Life.TestCase("runTest").runTest()
