"""Every metric of the redirector, for Prometheus at `/-/metrics`."""

from prometheus_client import CollectorRegistry, Counter, Gauge

REGISTRY = CollectorRegistry()

ANSWERS = Counter(
    "weir_redirector_answers", "Answers to GET and HEAD, by what they were.", ("kind", "method"), registry=REGISTRY
)
REFUSED = Counter(
    "weir_redirector_refused", "Requests refused before a link was looked up, by HTTP status.", ("status",),
    registry=REGISTRY,
)  # fmt: skip
ACCEPTED = Counter("weir_redirector_accepted", "Events handed to the producer.", registry=REGISTRY)
NOT_ACCEPTED = Counter(
    "weir_redirector_not_accepted", "Events that the producer could not take, by reason.", ("reason",),
    registry=REGISTRY,
)  # fmt: skip
DELIVERED = Counter("weir_redirector_delivered", "Events that Kafka has acknowledged.", registry=REGISTRY)
UNDELIVERED = Counter("weir_redirector_undelivered", "Events that Kafka has refused for good.", registry=REGISTRY)
IN_FLIGHT = Gauge("weir_redirector_in_flight", "Events handed to the producer and not acknowledged.", registry=REGISTRY)
LINKS = Gauge("weir_redirector_links", "Links in memory.", registry=REGISTRY)
BAD_RECORDS = Counter(
    "weir_redirector_bad_records", "Records of links and salts that could not be read, by topic.", ("topic",),
    registry=REGISTRY,
)  # fmt: skip
LOCAL_SALT = Gauge(
    "weir_redirector_local_salt", "1 while ids are made with a salt of this process alone.", registry=REGISTRY
)
READY = Gauge("weir_redirector_ready", "1 when all links have been read.", registry=REGISTRY)
