"""`weir links` and `weir query` against an API in a process of its own, as a user types them."""

import io
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result

from api.client import Clash, Client, NotThere
from api.settings import ApiSettings, CliSettings
from deploy.cli import weir
from deploy.connected import api_client
from tests.fixtures.services import Service, running
from tests.integration.rows import clicks, insert, make_rows

pytestmark = pytest.mark.kafka
ROWS = make_rows(300, seed=5, start=datetime(2026, 10, 5, tzinfo=UTC), span=timedelta(days=2))
HEADER = "destination,slug,title,tags,expires_at\n"

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def service(installation: ApiSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    insert(installation, ROWS)
    with running("api", tmp_path_factory.mktemp("api") / "api.log", installation) as service:
        yield service


@pytest.fixture
def run(service: Service, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line with WEIR_API set to the service."""
    monkeypatch.setenv("WEIR_API", service.url)
    monkeypatch.setenv("COLUMNS", "160")

    def invoke(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(weir, arguments)
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result

    return invoke


def test_a_link_from_the_command_line(run: Run) -> None:
    made = json.loads(
        run("links", "add", "https://shop.example/x", "--slug", "cli", "--tag", "a", "--tag", "b", "--json").stdout
    )
    assert made["tags"] == ["a", "b"]
    shown = run("links", "show", "go.example/cli").stdout
    assert "https://go.example/cli → https://shop.example/x" in shown
    changed = run("links", "update", made["id"], "--title", "[red]é", "--disabled", "--if-version", "1", "--json")
    assert json.loads(changed.stdout)["enabled"] is False
    assert "[red]é" in run("links", "list", "--search", "/x").stdout  # text, not markup
    stale = run("links", "update", made["id"], "--title", "x", "--if-version", "1", code=1)
    assert "version 2" in stale.stderr
    taken = run("links", "add", "https://shop.example/y", "--slug", "cli", code=1)
    assert "taken" in taken.stderr
    run("links", "delete", "go.example/cli")
    assert "no link" in run("links", "show", "go.example/cli", code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["links", "show", "cli"], "neither the id"),
        (["links", "update", "go.example/cli"], "Say what to change"),
        (["links", "add", "https://x.example", "--expires", "soon"], "no date"),
        (["query", "--from", "2026-11-01"], "go together"),
        (["query", "--filter", "channel"], "no filter"),
    ],
)
def test_what_is_typed_wrong_is_told(run: Run, arguments: list[str], words: str) -> None:
    assert words in run(*arguments, code=2).stderr


def test_the_apis_refusals_are_told_with_their_hints(run: Run) -> None:
    assert "Did you mean `channel`?" in run("query", "--by", "chanel", code=1).stderr
    assert "destination" in run("links", "add", "ftp://x.example", code=1).stderr


def write(folder: Path, text: str) -> str:
    file = folder / "links.csv"
    file.write_text(HEADER + text)
    return str(file)


def test_a_file_is_imported_and_every_error_has_its_line(run: Run, tmp_path: Path) -> None:
    text = (
        "https://a.example/,file-a,A,x|y,2026-12-31\nnowhere,file-b,,,\nhttps://c.example/,file-c,,,soon\n"
        "https://d.example/,file-d,,,\nhttps://d.example/,file-d,,,\n"
    )
    result = run("links", "import", write(tmp_path, text), code=1)
    lines = [line for line in result.stderr.splitlines() if line.startswith("line ")]
    assert [line.split(":")[0] for line in lines] == ["line 3", "line 4", "line 6"]
    assert "2 links made, 3 refused." in result.stdout
    found = run("links", "list", "--search", "file-", "--json").stdout.splitlines()
    links: dict[str, Any] = {link["slug"]: link for link in map(json.loads, found)}
    assert links.keys() == {"file-a", "file-d"}
    assert links["file-a"]["tags"] == ["x", "y"]
    assert links["file-a"]["expires_at"] == 1798675200000


def test_all_or_nothing_makes_none_or_all(run: Run, tmp_path: Path) -> None:
    good = "".join(f"https://a.example/,all-{number},,,\n" for number in range(20))
    refused = run("links", "import", write(tmp_path, good + "nowhere,x,,,\n"), "--all-or-nothing", "--json", code=1)
    assert json.loads(refused.stdout)["made"] == 0
    assert run("links", "list", "--search", "all-", "--json").stdout == ""
    made = run("links", "import", write(tmp_path, good), "--all-or-nothing", "--json")
    assert json.loads(made.stdout) == {"made": 20, "errors": [], "taken_back": 0, "failure": "", "unknown": []}
    assert len(run("links", "list", "--search", "all-", "--json").stdout.splitlines()) == 20
    with api_client(CliSettings()) as client:
        paged = [link["slug"] for link in client.links(limit=7, q="all-")]
        assert len(paged) == len(set(paged)) == client.count_links(q="all-") == 20


def test_a_program_asks_and_changes_through_the_client(service: Service) -> None:
    with Client(service.url) as weir:
        asked = weir.query({"metrics": ["clicks"], "date_range": ["2026-10-01", "2026-10-31"]})
        assert [row["metrics"] for row in asked["results"]] == [[clicks(ROWS)]]
        span = {"from": "2026-10-01", "to": "2026-10-31", "metrics": "clicks"}
        for answer in (weir.breakdown("channel", **span), weir.timeseries(interval="week", **span)):
            assert sum(row["metrics"][0] for row in answer["results"]) == clicks(ROWS)
        raw = weir.clicks(**{"from": "2026-10-01", "to": "2026-10-31", "columns": "time,channel"})
        assert sum(click.keys() == {"time", "channel"} for click in raw) == clicks(ROWS)
        link = weir.add_link({"destination": "https://shop.example/x", "slug": "program"})
        changed = weir.change_link(link["id"], {"title": "Program", "if_version": 1})
        assert (
            weir.link(link["id"])
            == changed
            == {**link, "title": "Program", "version": 2} | {"updated_at": changed["updated_at"]}
        )
        with pytest.raises(Clash):
            weir.change_link(link["id"], {"title": "x", "if_version": 1})
        weir.delete_link(link["id"])
        with pytest.raises(NotThere):
            weir.link(link["id"])
        assert weir.ledger()["adds_up"] in {True, False}
        for _ in range(100):
            writes = [line["action"] for line in weir.writes(object=link["id"], limit=3)]
            if len(writes) == 4:
                break
            time.sleep(0.05)
        assert writes == ["link.delete", "link.update", "link.update", "link.create"]


def test_what_is_exported_can_be_imported_again(run: Run, tmp_path: Path) -> None:
    of_trip = {"campaign": "trip", "destination": "https://e.example/?q=%22,", "domain": "trip.example"}
    variants = [{"name": "é,", "destination": "https://v.example/", "weight": 3}]
    links = [
        {**of_trip, "slug": "a", "title": ' "é"\n', "tags": ["x|y", "z"], "expires_at": 1_798_675_200_123},
        {**of_trip, "slug": "b/c", "variants": variants, "passthrough": False, "status": 307, "trap": True},
    ]
    first, as_csv, last = tmp_path / "first.json", tmp_path / "links.csv", tmp_path / "last.json"
    first.write_text(json.dumps(links))
    run("links", "import", str(first), "--all-or-nothing")
    assert "2 links written" in run("links", "export", str(as_csv), "--campaign", "trip").stdout
    for link in links:
        run("links", "delete", f"trip.example/{link['slug']}")
    run("links", "import", str(as_csv))
    run("links", "export", str(last), "--domain", "trip.example")
    assert sorted(json.loads(last.read_text()), key=lambda link: str(link["slug"])) == links
    assert "neither .csv" in run("links", "export", str(tmp_path / "links.xls"), code=1).stderr


def test_a_file_that_is_none_is_told(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "links.csv"
    file.write_text("slug,titel\n")
    assert "no column `titel`" in run("links", "import", str(file), code=1).stderr


ASKED = ("query", "--from", "2026-10-05", "--to", "2026-10-06", "--zone", "UTC", "--by", "country")


def test_a_query_as_table_json_and_csv(run: Run) -> None:
    found = run(*ASKED).stdout
    swiss = clicks([row for row in ROWS if row["country"] == "CH"])
    assert any(line.split()[:2] == ["CH", str(swiss)] and "█" in line for line in found.splitlines())
    assert "(none)" in found
    assert "Not counted as clicks:" in found
    answer = json.loads(run(*ASKED, "--json", "--order", "clicks:asc").stdout)
    assert [row["metrics"][0] for row in answer["results"]] == sorted(row["metrics"][0] for row in answer["results"])
    rows = run(*ASKED, "--format", "csv", "--metrics", "clicks", "--filter", "country=CH").stdout.splitlines()
    assert rows == ["country,clicks", f"CH,{swiss}"]


def test_a_query_in_other_formats_and_compared(run: Run) -> None:
    swiss = clicks([row for row in ROWS if row["country"] == "CH"])
    asked = (*ASKED, "--metrics", "clicks", "--filter", "country=CH")
    assert json.loads(run(*asked, "--format", "ndjson").stdout) == {"country": "CH", "clicks": swiss}
    found = pyarrow.parquet.read_table(io.BytesIO(run(*asked, "--format", "parquet").stdout_bytes))
    assert found.to_pylist() == [{"country": "CH", "clicks": swiss}]
    day = [row for row in ROWS if row["country"] == "CH" and row["ts"].day == 6]
    before = swiss - clicks(day)
    later = ("--from", "2026-10-06", "--to", "2026-10-06", "--compare", "previous_period")
    table = run(*asked, *later).stdout
    assert f"{100 * (clicks(day) - before) / before:+,.1f}%" in table


def test_nothing_that_was_clicked_can_write_over_the_screen(run: Run, installation: ApiSettings) -> None:
    [row] = make_rows(1, seed=6, start=datetime(2026, 9, 1, tzinfo=UTC), span=timedelta(hours=1))
    insert(installation, [{**row, "outcome": "human", "utm_campaign": "\x1b[2J[bold]evil[/bold]\n"}])
    found = run("query", "--from", "2026-09-01", "--to", "2026-09-01", "--by", "utm_campaign").stdout
    assert "\x1b" not in found
    assert "�[2J[bold]evil[/bold]�" in found


def test_no_api_is_told_with_what_to_do(run: Run) -> None:
    assert "weir up" in run("query", "--api", "http://127.0.0.1:9", code=1).stderr
    assert "WEIR_API" in run("links", "--api", "nowhere", "list", code=1).stderr
