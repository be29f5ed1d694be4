"""Metrics: counted in dictionaries, read by Prometheus."""

from prometheus_client import generate_latest

from ingest import metrics


def test_counts_are_shown_by_their_labels() -> None:
    metrics.UNDELIVERED.counts.clear()  # of other tests
    metrics.REFUSED.counts["418",] += 3
    shown = generate_latest(metrics.REGISTRY).decode()
    assert 'weir_redirector_refused_total{status="418"} 3.0' in shown
    assert "weir_redirector_undelivered_total 0.0" in shown
