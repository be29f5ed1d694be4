"""A short seeded selection of the faults, and one fault that must be found. `python -m tests.faults` runs them all."""

from pathlib import Path

import pytest

from deploy.broker import LocalKafka
from tests.faults.__main__ import line
from tests.faults.jobs import shares
from tests.faults.play import play
from tests.faults.row import Row
from tests.faults.rows import ROWS, chosen
from tests.faults.stage import Stage

SELECTED = {"1": 2, "2": 3, "12": 1, "13": 0}
"""Row → seed."""


@pytest.mark.kafka
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SELECTED)
def test_it_survives(name: str, kafka_server: LocalKafka, tmp_path: Path) -> None:
    (row,) = [row for row in ROWS if row.name == name]
    (result,) = play(row, [SELECTED[name]], kafka_server, tmp_path)
    assert result.passed, line(result)
    assert result.injected


def doubled(stage: Stage) -> None:
    """Ten rows are written a second time, past the ledger."""
    stage.driver.pause()
    stage.wait_counted()
    stage.note("rows doubled")
    stage.execute("INSERT INTO events SELECT * FROM events WHERE kafka_partition = 0 ORDER BY kafka_offset LIMIT 10")
    stage.driver.resume()


@pytest.mark.kafka
@pytest.mark.timeout(300)
def test_the_oracle_sees_what_no_worker_can_mend(kafka_server: LocalKafka, tmp_path: Path) -> None:
    (result,) = play(Row("0", doubled), [1], kafka_server, tmp_path)
    assert any("10 doubled" in miss for miss in result.misses), line(result)


def test_rows_have_names_of_their_own_and_say_what_they_do() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert all(row.text for row in ROWS)


def test_rows_are_chosen_by_name_or_number() -> None:
    assert [row.name for row in chosen(("12",))] == ["12", "12-parts"]
    assert [row.name for row in chosen(("12-parts",))] == ["12-parts"]
    assert chosen(()) == list(ROWS)
    with pytest.raises(KeyError):
        chosen(("no such row",))


def test_runs_are_shared_out_so_that_no_stage_grows_old() -> None:
    (row,) = chosen(("13",))
    assert shares([row], range(5, 28)) == [("13", range(5, 15)), ("13", range(15, 25)), ("13", range(25, 28))]
