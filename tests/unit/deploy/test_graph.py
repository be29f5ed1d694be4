"""`weir pipeline`: the graph is that of the app itself, with times where a worker has some."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from deploy.cli import weir
from deploy.graph import WRITES, graph, timed
from streams.settings import StreamSettings

METRICS = """
# TYPE weir_worker_rows_made counter
weir_worker_rows_made_total 200.0
# TYPE weir_worker_step_seconds summary
weir_worker_step_seconds_count{step="geo"} 4.0
weir_worker_step_seconds_sum{step="geo"} 0.0005
weir_worker_step_seconds_count{step="own.py:score"} 4.0
weir_worker_step_seconds_sum{step="own.py:score"} 0.01
# TYPE weir_worker_own_skipped counter
weir_worker_own_skipped_total{enricher="own.py:score"} 3.0
# TYPE weir_worker_insert_seconds histogram
weir_worker_insert_seconds_bucket{le="+Inf"} 1.0
weir_worker_insert_seconds_count 1.0
weir_worker_insert_seconds_sum 0.002
"""
STEPS = [
    *("decode", "look_around", "user_agent", "geo", "referrer", "parameters", "utm", "click_ids", "channel"),
    *("position", "language", "own.py:score", "judge", "insert"),
]


@pytest.fixture(autouse=True)
def _own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    (tmp_path / "own.py").write_text("def score(click): ...")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("deploy.commands.pipeline.configure", lambda _: None)  # it would be all later tests' too
    with capture_logs():
        yield


@contextmanager
def worker(metrics: str) -> Iterator[str]:
    """Something that tells metrics as a worker does."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/-/metrics" else 404)
            self.end_headers()
            self.wfile.write(metrics.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def run(*words: str, **environment: str) -> Result:
    settings = {f"WEIR_{name.upper()}": value for name, value in environment.items()}
    return CliRunner().invoke(weir, ["pipeline", *words], env={"WEIR_WORKER": "http://127.0.0.1:1", **settings})


def test_the_agents_are_those_of_the_app_and_the_steps_those_of_the_chain() -> None:
    found = asyncio.run(graph(StreamSettings(enrichers="own.py:score")))
    assert {agent.name for agent in found.agents} == set(WRITES)
    assert [agent.reads for agent in found.agents] == [("clicks.raw",), ("links.commands",), ("links",)]
    assert all(agent.purpose for agent in found.agents)
    assert [step.name for step in found.steps] == STEPS
    assert [step.name for step in found.steps if step.own] == ["own.py:score"]
    assert {step.micros for step in found.steps} == {None}


def test_times_are_a_rows_and_what_was_not_done_has_none() -> None:
    found = timed(asyncio.run(graph(StreamSettings(enrichers="own.py:score"))), "http://worker", METRICS)
    times = {step.name: step.micros for step in found.steps}
    assert times == dict.fromkeys(STEPS) | {"geo": 2.5, "own.py:score": 50.0, "insert": 10.0}
    assert [step.skipped for step in found.steps if step.own] == [3]
    assert (found.worker, found.rows) == ("http://worker", 200)


def test_steps_that_only_the_worker_has_are_shown_where_it_runs_them() -> None:
    publish = 'weir_worker_step_seconds_sum{step="publish"} 0.1\n# TYPE weir_worker_own_skipped counter'
    metrics = METRICS.replace("# TYPE weir_worker_own_skipped counter", publish)
    found = timed(asyncio.run(graph(StreamSettings())), "http://worker", metrics)
    assert [step.name for step in found.steps] == [*STEPS, "publish"]
    assert [(step.micros, step.skipped) for step in found.steps if step.own] == [(50.0, 3)]
    assert found.steps[-1].micros == 500.0


def test_the_graph_is_printed_with_the_times_of_a_worker() -> None:
    with worker(METRICS) as address:
        result = run(worker=address, enrichers="own.py:score")
    assert result.exit_code == 0, result.output
    assert "clicks.raw ──► clicks ──► events, dead_letters, clicks.dead" in result.stdout
    [line] = [line.split() for line in result.stdout.splitlines() if "own.py:score" in line]
    assert " ".join(line[:-1]) == "own.py:score own, 3 skipped 50.00"
    assert "over 200 rows" in result.stdout


def test_without_a_worker_there_are_no_times() -> None:
    result = run()
    assert result.exit_code == 0
    assert "No worker answers at http://127.0.0.1:1 (WEIR_WORKER), so there are no times." in result.stdout


def test_a_worker_that_was_asked_for_has_to_answer() -> None:
    result = run("--worker", "http://127.0.0.1:1")
    assert (result.exit_code, result.stderr) == (1, "Error: No worker answers at http://127.0.0.1:1.\n")


def test_json_is_the_graph_as_data() -> None:
    with worker("") as address:
        found = json.loads(run("--json", "--worker", address).stdout)
    assert (found["worker"], found["rows"]) == (address, 0)
    assert [step["name"] for step in found["steps"]] == [name for name in STEPS if name != "own.py:score"]


def test_a_wrong_enricher_is_told() -> None:
    assert run(enrichers="no_such:score").stderr.startswith("Error: WEIR_ENRICHERS: no_such:score: ")
