"""Every metric of the worker, by name."""

from prometheus_client import Counter, Gauge, Histogram, Summary

SECONDS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

STORED = Counter("weir_worker_rows_stored", "Rows written to `events`, by what they count as.", ["outcome"])
POSITION = Gauge("weir_worker_position", "The first offset that is not stored yet.", ["partition"])
INSERT_SECONDS = Histogram("weir_worker_insert_seconds", "Time of an insert, taken or not.", buckets=SECONDS)
CHAIN_SECONDS = Histogram("weir_worker_chain_seconds", "Time from decoded clicks to rows, a batch.", buckets=SECONDS)
STEP_SECONDS = Summary("weir_worker_step_seconds", "Time of a step of the chain, a batch; own ones by name.", ["step"])
MADE = Counter("weir_worker_rows_made", "Rows that came out of the chain, stored or not.")
OWN_SKIPPED = Counter(
    "weir_worker_own_skipped", "Clicks that went on without an enricher of one's own, because it raised.", ["enricher"]
)
PUBLISHED = Counter("weir_worker_published", "Records that Kafka has taken for `clicks.enriched`.")
UNPUBLISHED = Counter("weir_worker_unpublished", "Enriched clicks that are too large for `clicks.enriched`.")
HELD = Gauge("weir_worker_held_bytes", "What records take that were fetched and are not stored yet, roughly.")
WINDOWS = Gauge("weir_worker_window_bytes", "Memory that the windows of a partition may take.", ["partition"])
CACHE_HITS = Counter(
    "weir_worker_cache_hits", "Distinct values of a batch that a cache knew already; geo is asked twice.", ["cache"]
)
CACHE_MISSES = Counter("weir_worker_cache_misses", "Those that had to be worked out.", ["cache"])
CACHE_ENTRIES = Gauge("weir_worker_cache_entries", "Values in a cache; at most WEIR_CACHE_SIZE.", ["cache"])
SPLITS = Counter("weir_worker_splits", "Inserts that were cut in halves, by why.", ["cause"])
DOUBTS = Counter("weir_worker_doubts", "Inserts whose fate the ledger had to be asked for.", ["cause"])
