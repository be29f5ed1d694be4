"""The benchmarks' own arithmetic, their data, and what they say."""

import dataclasses
import json
import re
from array import array
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from benchmarks import clicks
from benchmarks.contenders import bare_consumer, faust_take, in_process
from benchmarks.environments import LOCKS, PEERS
from benchmarks.figures import Absolute, Ratio, Spread, ratio_of
from benchmarks.latency import Sent, _tail
from benchmarks.machine import Machine
from benchmarks.memory import Memory, Sample
from benchmarks.present import as_json, markdown
from benchmarks.race import ALONE, BARE, CONTENDERS, FAUST, WORKER, Run
from benchmarks.speed import Speed
from benchmarks.stream import Plan, Report
from deploy.commands.bench import (
    ENRICH,
    FIGURES,
    MEASURED,
    OF_REDIRECTS,
    QUALITY,
    REDIRECTOR,
    chosen_of,
    command,
    placed,
)
from ingest.events import RawClick, decode, partition_key

ROOT = Path(__file__).parents[3]
QUIET = Machine("2026-11-22T05:00+00:00", "a processor", 2, 1 << 34, 0.1, "3.11.7", {"faust-streaming": "0.15.3"})


@pytest.fixture(scope="module")
def records() -> list[tuple[bytes, bytes]]:
    return list(clicks.clicks(3000, 7))


@pytest.fixture(scope="module")
def decoded(records: list[tuple[bytes, bytes]]) -> list[RawClick]:
    return [decode(value) for _, value in records]


def test_a_seed_makes_the_same_records_again(records: list[tuple[bytes, bytes]]) -> None:
    assert list(clicks.clicks(3000, 7)) == records
    assert list(clicks.clicks(3000, 8)) != records


def test_every_record_is_a_raw_click_under_its_own_key(
    records: list[tuple[bytes, bytes]], decoded: list[RawClick]
) -> None:
    assert [key for key, _ in records] == [partition_key(raw) for raw in decoded]
    assert [raw.seq for raw in decoded] == list(range(1, 3001))


def test_a_third_of_the_queries_is_unique_and_browsers_and_networks_are_many(decoded: list[RawClick]) -> None:
    assert len({raw.query for raw in decoded}) > 0.3 * len(decoded)
    assert len({raw.user_agent for raw in decoded}) > 100
    assert len({raw.network for raw in decoded}) > 100


def test_beyond_the_captured_clicks_come_other_visitors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clicks, "DISTINCT", 500)
    found = [decode(value) for _, value in clicks.clicks(1000, 7)]
    first, second = found[:500], found[500:]
    assert [raw.path for raw in first] == [raw.path for raw in second]
    same = [a for a, b in zip(first, second, strict=True) if a.visitor_id and a.visitor_id == b.visitor_id]
    assert not same


def test_the_ratio_is_made_round_by_round() -> None:
    assert ratio_of([10, 40, 90], [1, 2, 3]) == Spread(10, 20, 30)


@pytest.mark.parametrize(
    ("value", "at_least", "reached"),
    [(10, True, "goal"), (9, True, "floor"), (7.9, True, "missed"), (7.9, False, "goal"), (9, False, "missed")],
)
def test_a_ratio_says_what_it_reached(value: float, at_least: bool, reached: str) -> None:
    floor, goal = (8, 10) if at_least else (8.5, 8)
    assert Ratio("W1", "a ÷ b", floor, goal, Spread(0, value, 99), at_least=at_least).reached == reached


def run(contender: str, wall: float, cpu: float) -> Run:
    return Run(contender, 1_000_000, wall, cpu, warehouse_cpu=5.0)


def test_the_speeds_ratios_are_of_those_who_ran() -> None:
    runs = {
        WORKER.name: [run("weir", 10, 20), run("weir", 10, 22)],
        FAUST.name: [run("faust", 80, 90), run("faust", 160, 110)],
        ALONE.name: [run("alone", 20, 18), run("alone", 20, 18)],
    }
    found = {ratio.title: ratio for ratio in Speed(runs, {}, {BARE.name: "not installed"}).ratios()}
    assert found["worker ÷ Faust `take()`"].values == Spread(8, 12, 16)
    assert found["worker's own cost above functions and insert"].values.median == pytest.approx(3.0)
    assert not any("bare" in title or "Quix" in title for title in found)


def test_latency_is_from_the_producer_to_the_first_look_that_has_the_offset() -> None:
    sent = Sent(2)
    sent.at = [array("d", [1.0, 2.0, 3.0]), array("d", [2.5])]
    looks = [(1.5, {}), (2.2, {0: 0}), (3.5, {0: 1, 1: 0}), (4.0, {0: 2, 1: 0})]
    tail = _tail(sent, looks, start=2.0, rate=10.0)
    assert (tail.p50, tail.p99) == (1.0, 1.5)  # 2.5 → 3.5, 3.0 → 4.0 and 2.0 → 3.5; the first is before the start


def test_memory_is_shown_along_the_run() -> None:
    held = Memory(tuple(Sample(rows, 2.0 * rows, float(rows)) for rows in range(0, 101, 5)))
    assert held.most == 100
    assert [sample.rows for sample in held.along()] == [0, 10, 25, 50, 75, 100]


@pytest.fixture
def report() -> Report:
    ratio = Ratio("W1", "worker ÷ Faust", 8, 10, Spread(8.5, 9.25, 11))
    absolute = Absolute("Weir's worker", {"events/s": Spread(50_000, 60_000, 70_000)})
    steps = {
        "chain": 10e-6,
        "insert": 6e-6,
        "decode": 3e-6,
        "column hints: Map(String, String)": 2e-7,
        "body bytes": 550,
    }
    return Report(Plan(), QUIET, [ratio], [absolute], steps, absent={"bytewax": "not installed: no wheels"})


def test_the_report_has_the_figures_the_machine_and_who_is_missing(report: Report) -> None:
    text = markdown(report)
    assert "| W1 | worker ÷ Faust | 9.25  (8.50–11.00) | ≥ 8 | ≥ 10 | floor |" in text
    assert "| Weir's worker | 60,000  (50,000–70,000) | events/s |" in text
    assert "| decode | 3.00 | 19% |" in text
    assert "| hints: Map | 0.200 |" in text
    assert "2 cores" in text
    assert "bytewax is missing: not installed: no wheels" in text
    assert "busy" not in text


def test_a_busy_machine_is_marked(report: Report) -> None:
    report.machine = dataclasses.replace(QUIET, load=3.0)
    assert "busy" in markdown(report)


def test_json_has_what_each_ratio_reached(report: Report) -> None:
    found = json.loads(as_json(report))
    assert found["ratios"][0]["reached"] == "floor"
    assert found["machine"]["cores"] == 2


def test_saving_replaces_the_measured_part_of_a_page() -> None:
    page = "before\n<!-- one -->\nold\n<!-- /one -->\nafter\n<!-- two -->\n"
    assert placed(page, "new", "one") == "before\n<!-- one -->\n\nnew\n<!-- /one -->\nafter\n<!-- two -->\n"
    assert placed("", "new", "one") == "new"


def test_figures_are_chosen_by_name_whatever_the_case() -> None:
    context, parameter = click.Context(command), click.Option(["--only"])
    chosen = chosen_of(FIGURES)
    assert chosen(context, parameter, "w1, Memory") == ("W1", "memory")
    with pytest.raises(click.BadParameter, match="w9 is none of W1"):
        chosen(context, parameter, "W1,w9")
    with pytest.raises(click.BadParameter, match="nothing is none of"):
        chosen(context, parameter, " ")


def test_contenders_of_weirs_own_environment_are_checked_with_the_rest() -> None:
    own = {name.rpartition(".")[2] for name in (bare_consumer.__name__, faust_take.__name__, in_process.__name__)}
    assert own == {contender.module for contender in CONTENDERS if contender.module and not contender.peer}


def test_help_names_every_figure() -> None:
    said = CliRunner().invoke(command, ["stream", "--help"]).output
    assert all(name in said for name in FIGURES)


@pytest.mark.parametrize("peer", PEERS)
def test_every_peers_requirement_is_pinned_and_hashed(peer: str) -> None:
    lock = (LOCKS / PEERS[peer].lock).read_text()
    pinned = re.findall(r"^(\S+)==\S+ .*\\$", lock, re.MULTILINE)
    named = re.findall(r"^[a-z]\S*", lock, re.MULTILINE)
    assert len(pinned) == len(named) > 20
    assert lock.count("--hash=sha256:") >= len(named)


def test_the_page_explains_every_figure_and_has_its_place_for_tables() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text()
    assert all(f"| {name} |" in page for name in (*FIGURES, *OF_REDIRECTS))
    places = (MEASURED, ENRICH, QUALITY, REDIRECTOR)
    assert all(page.index(f"<!-- {name} -->") < page.index(f"<!-- /{name} -->") for name in places)
