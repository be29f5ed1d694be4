"""Every metric of the roller, by name."""

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300)

SEALED = Counter("weir_roller_sealed_units", "Units that were sealed from raw rows.", ["family"])
MERGED = Counter("weir_roller_merged_units", "Sealed units that late clicks were added to.", ["family"])
EVENTS = Counter("weir_roller_events", "Events in both.", ["family"])
REOPENED = Counter("weir_roller_reopened_units", "Units whose rows were not what had been sealed.", ["family"])
TROUBLES = Counter("weir_roller_troubles", "Rolls that were not published.", ["family"])
ROLL_SECONDS = Histogram("weir_roller_roll_seconds", "Time of a roll of one family.", buckets=SECONDS)
BEHIND = Gauge(
    "weir_roller_behind", "Stored offsets that a book does not count yet; answers read them raw.", ["family"]
)
WAITING = Gauge("weir_roller_waiting_units", "Units that have ended and wait for the next roll.", ["family"])
