"""The manifest says what was sent, and no address."""

from pathlib import Path

from deploy.traffic.manifest import Manifest, read_manifest, record
from deploy.traffic.mix import load_mix, load_networks
from deploy.traffic.plan import Planner
from deploy.traffic.request import Kind
from deploy.traffic.run import Run, summarise
from deploy.traffic.sender import Sent, Target
from deploy.traffic.wire import Answer

SENT = [
    Sent(request, 1_790_000_000_123, Answer(302, f"id-{number}") if number % 10 else None, 0.001)
    for number, request in enumerate(
        request
        for visit in Planner(load_mix(), load_networks(), seed=5, now=1_790_000_000).visits(300)
        for request in visit
    )
]


def test_a_line_for_each_request_and_read_back_the_same(tmp_path: Path) -> None:
    path = tmp_path / "sent.ndjson"
    with Manifest(path) as manifest:
        for sent in SENT:
            manifest.add(sent)
    assert list(read_manifest(path)) == [record(sent) for sent in SENT]
    assert manifest.rows == sum(sent.request.row for sent in SENT if sent.answer)
    addresses = [dict(sent.request.headers)["X-Forwarded-For"] for sent in SENT]
    text = path.read_text()
    assert not any(address in text for address in addresses)


def test_the_sums(tmp_path: Path) -> None:
    with Manifest(tmp_path / "sent.ndjson") as manifest:
        for sent in SENT:
            manifest.add(sent)
    what = Run(Target("127.0.0.1", 80, "localhost"), seed=5, clicks=300)
    sums = summarise(what, manifest, 2.0, tmp_path / "sent.ndjson")
    assert sums["requests"] == len(SENT)
    assert sums["unanswered"] == sum(sent.answer is None for sent in SENT)
    humans = sum(sent.request.kind is Kind.HUMAN for sent in SENT)
    assert sum(sums["kinds"]["human"].values()) == humans
    assert sums["requests_per_second"] == round(len(SENT) / 2)
