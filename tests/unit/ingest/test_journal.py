"""The journal of the links: whatever tears it, what is read back is the table as it was at some moment."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.linkstore.journal import CHUNK, FEW, Batch, Journal

TOPIC = UUID(int=7)
Table = dict[str, bytes]

names = st.sampled_from([f"go.example/{letter}" for letter in "abcde"])
changes = st.dictionaries(names, st.binary(max_size=8), max_size=3)
histories = st.lists(changes, min_size=1, max_size=8)


def take_into(table: Table, links: Mapping[str, bytes]) -> None:
    for name, packed in links.items():
        if packed:
            table[name] = packed
        else:
            table.pop(name, None)


def load(path: Path) -> tuple[Journal, Table, bool]:
    journal, table = Journal(path), Table()
    return journal, table, journal.load(lambda links: take_into(table, links))


def written(path: Path, table: Table, at: int = 1) -> Journal:
    """A journal with a whole snapshot of `table`, at offset 0 of partition 0."""
    journal = Journal(path)
    journal.rewrite(TOPIC, Batch({}, {0: 0}, at), table.items())
    assert journal.step(10)
    return journal


def finish(journal: Journal) -> None:
    assert journal.step(10)


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    journal = written(tmp_path / "j", {"go.example/a": b"1", "go.example/b": b"2"}, at=5)
    journal.append(Batch({"go.example/a": b"", "go.example/c": b"3"}, {0: 2, 1: 9}, 6))
    journal.append(Batch({}, {1: 10}))
    journal.abandon()
    again, table, whole = load(tmp_path / "j")
    assert whole
    assert table == {"go.example/b": b"2", "go.example/c": b"3"}
    assert (again.topic_id, again.positions, again.current_at) == (TOPIC, {0: 2, 1: 10}, 6)


@settings(deadline=None)
@given(st.dictionaries(names, st.binary(min_size=1, max_size=8)), histories, st.data())
def test_a_torn_journal_is_the_table_at_its_positions(base: Table, history: list[Table], data: st.DataObject) -> None:
    """Cut anywhere, with anything behind the cut; and what is appended then is read behind it."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "j"
        journal = written(path, base)
        tables, table = [dict(base)], dict(base)
        for number, batch in enumerate(history, 1):
            journal.append(Batch(batch, {0: number}))
            take_into(table, batch)
            tables.append(dict(table))
        journal.abandon()
        content = path.read_bytes()
        cut = data.draw(st.integers(0, len(content)))
        path.write_bytes(content[:cut] + data.draw(st.sampled_from([b"", b"\0" * 100, b"\xff" * 9, b"x"])))

        again, found, whole = load(path)
        if not whole:
            assert not again.positions
            return
        assert found == tables[again.positions[0]]
        again.go_on()
        again.append(Batch({"go.example/new": b"n"}, {0: 99}))
        again.abandon()
        last, found_last, _ = load(path)
        assert last.positions == {0: 99}
        assert found_last == {**found, "go.example/new": b"n"}


@given(histories)
def test_batches_taken_twice_change_nothing(history: list[Table]) -> None:
    once, twice = Table(), Table()
    for batch in history:
        take_into(once, batch)
    for batch in (*history, *history):
        take_into(twice, batch)
    assert twice == once


@pytest.mark.parametrize("content", [b"", b"\0" * 64, b"nonsense" * 9])
def test_a_file_that_is_none_is_no_snapshot(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "j").write_bytes(content)
    assert load(tmp_path / "j")[1:] == ({}, False)
    assert load(tmp_path / "never")[1:] == ({}, False)


def test_a_snapshot_of_another_format_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "j", {"go.example/a": b"1"}).abandon()
    monkeypatch.setattr("ingest.linkstore.journal.FORMAT", 99)
    assert not load(tmp_path / "j")[2]


def test_damage_among_the_first_links_leaves_no_snapshot(tmp_path: Path) -> None:
    """Positions without all the links before them would lose links for good."""
    path = tmp_path / "j"
    written(path, {f"go.example/{number}": b"x" * 50 for number in range(3 * CHUNK)}).abandon()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert not load(path)[2]


def test_a_crash_while_it_is_written_anew_loses_nothing(tmp_path: Path) -> None:
    """After every step of it the disk has a whole snapshot: the old one with what was appended, or the new one."""
    path, table = tmp_path / "j", {f"go.example/{number}": b"old" for number in range(3 * CHUNK)}
    journal = written(path, table)
    journal.rewrite(uuid4(), Batch({}, {0: 1}), [(name, b"new") for name in table])
    done, steps = False, 0
    while not done:
        change = {f"go.example/while-{steps}": b"1"}
        journal.append(Batch(change, {0: 2 + steps}))
        table |= change
        done = journal.step(0)
        steps += 1
        crashed, found, whole = load(path)
        assert whole
        assert crashed.positions == {0: 1 + steps}
        assert found.keys() == table.keys()
        assert set(found.values()) <= ({b"new", b"1"} if done else {b"old", b"1"})
    assert steps > 3
    journal.append(Batch({"go.example/after": b"1"}, {0: 99}))
    journal.abandon()
    last, found, _ = load(path)
    assert last.positions == {0: 99}
    assert found.keys() == {*table, "go.example/after"}
    assert [file.name for file in tmp_path.iterdir()] == ["j"]


def test_much_that_is_out_of_date_makes_it_stale_until_it_is_written_anew(tmp_path: Path) -> None:
    journal = written(tmp_path / "j", {"go.example/a": b"1"})
    for number in range(FEW):
        assert not journal.is_stale(1)
        journal.append(Batch({"go.example/a": b"2"}, {0: number}))
        if journal.is_stale(1):
            break
    size = (tmp_path / "j").stat().st_size
    journal.rewrite(TOPIC, Batch({}, {0: 3}), [("go.example/a", b"2")])
    assert not journal.is_stale(1)
    finish(journal)
    assert not journal.is_stale(1)
    assert (tmp_path / "j").stat().st_size < size / 100
    journal.abandon()
