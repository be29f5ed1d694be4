"""Every metric of the redirector, for Prometheus at `/-/metrics`.

Events are counted in plain dictionaries, which the registry reads when it is asked: a counter of prometheus-client
takes a lock, and would take it several times a request.
"""

from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

REGISTRY = CollectorRegistry()


class Tally(Collector):
    """A counter with labels: `TALLY.counts["click", "GET"] += 1`. Each set of labels is counted by one thread only."""

    def __init__(self, name: str, documentation: str, *labels: str) -> None:
        self._name, self._documentation, self._labelnames = name, documentation, labels
        self.counts: Counter[tuple[str, ...]] = Counter()
        REGISTRY.register(self)

    def describe(self) -> Iterator[CounterMetricFamily]:
        """The metric without counts."""
        yield CounterMetricFamily(self._name, self._documentation, labels=self._labelnames)

    def collect(self) -> Iterator[Metric]:
        """The counts as they stand; without labels there is a count from the beginning."""
        [family] = self.describe()
        for labels, count in (self.counts.copy() or ({} if self._labelnames else {(): 0})).items():
            family.add_metric(labels, count)
        yield family


ANSWERS = Tally("weir_redirector_answers", "Answers to GET and HEAD, by what they were.", "kind", "method")
REFUSED = Tally("weir_redirector_refused", "Requests refused without an event, by HTTP status.", "status")
SLOW = Tally("weir_redirector_slow_closed", "Connections closed because a request or an answer stood still.")
ACCEPTED = Tally("weir_redirector_accepted", "Events that stand in the spool: they will be counted.")
NOT_ACCEPTED = Tally("weir_redirector_not_accepted", "Requests answered that will not be counted, by reason.", "reason")
DELIVERED = Tally("weir_redirector_delivered", "Events that Kafka has acknowledged.")
UNDELIVERED = Tally("weir_redirector_undelivered", "Events that Kafka did not take, each time: they are sent again.")
RESENT = Tally("weir_redirector_resent", "Events of processes that died, sent again from the spool.")
DAMAGED = Tally("weir_redirector_damaged", "Events of the spool that could not be read any more.")
UNSYNCED = Tally("weir_redirector_unsynced", "Events answered though the disk did not take them (WEIR_SPOOL_SYNC).")
BAD_RECORDS = Tally("weir_redirector_bad_records", "Records of links and salts that could not be read.", "topic")

IN_FLIGHT = Gauge("weir_redirector_in_flight", "Events handed to the producer and not acknowledged.", registry=REGISTRY)
WAITING = Gauge("weir_redirector_waiting", "Events in the spool that Kafka has not acknowledged.", registry=REGISTRY)
SPOOL_BYTES = Gauge("weir_redirector_spool_bytes", "Disk that the spool has reserved.", registry=REGISTRY)
SPREAD_KEYS = Gauge(
    "weir_redirector_spread_keys", "Networks so busy that their clicks are spread over partitions.", registry=REGISTRY
)
LEFTOVER_BYTES = Gauge(
    "weir_redirector_leftover_bytes", "Files of dead processes in the spool that are to be sent.", registry=REGISTRY
)
SPOOL_LIMIT = Gauge("weir_redirector_spool_limit_bytes", "Disk that the spool may reserve.", registry=REGISTRY)
DELIVERY = Histogram(
    "weir_redirector_delivery_seconds",
    "From handing a few events to the producer until Kafka has all of them.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300),
    registry=REGISTRY,
)
LINKS = Gauge("weir_redirector_links", "Links in memory.", registry=REGISTRY)
LINKS_CURRENT = Gauge(
    "weir_redirector_links_current_seconds",
    "Unix time of which the links are known to be, or newer.",
    registry=REGISTRY,
)
SNAPSHOT_FAILS = Gauge(
    "weir_redirector_snapshot_fails", "1: the local snapshot of the links can't be written.", registry=REGISTRY
)
LOCAL_SALT = Gauge("weir_redirector_local_salt", "1: ids are made with a salt of this process.", registry=REGISTRY)
SIGNING_KEYS = Gauge("weir_redirector_signing_keys", "Keys whose signed links are valid.", registry=REGISTRY)
SIGNING_KEYS_BROKEN = Gauge(
    "weir_redirector_signing_keys_broken",
    "1: the file of signing keys can't be read, and older keys are in use.",
    registry=REGISTRY,
)
READY = Gauge("weir_redirector_ready", "1: links and salts have been read.", registry=REGISTRY)
