"""The table of faults: every row that can be run, in the order of `docs/faults.md`.

A later issue adds a function to one of these files, and a line here.
"""

from tests.faults.driver import Traffic
from tests.faults.row import Part, Row
from tests.faults.rows import (
    chaos,
    clock,
    disks,
    enriched,
    log,
    network,
    processes,
    redirector,
    rolling,
    salts,
    spool,
    strangers,
    traffic,
    upgrade,
    warehouse,
)
from warehouse.failpoints import OF_WORKERS

HEAVY = Traffic(rate=250, padding=3600)
TORN = ("unfinished", "cut", "damaged", "in the middle", "power lost")
CLICKED = Traffic(rate=150)
POISONED = Traffic(poison=0.02)
CLICKHOUSE, KAFKA = Part.CLICKHOUSE, Part.KAFKA
BY_PROXY = frozenset({CLICKHOUSE})
IMPATIENT = {"clickhouse_patience": "3", "insert_timeout": "2"}
PATIENT = {"clickhouse_patience": "600", "insert_timeout": "50"}
STEADY = {"clickhouse_patience": "60", "insert_timeout": "2", "session_timeout": "6"}
ENRICHED = ("after-insert", "before-commit", "after-commit", "anywhere")
WEDGES = ("before-insert", "after-insert", "before-commit", "after-fence")

ROWS = (
    Row("1", redirector.killed, cases=("one", "all", "while it sends again"), traffic=CLICKED, redirectors=2),
    Row(
        "1-port",
        redirector.child_killed,
        cases=("children", "the parent"),
        traffic=CLICKED,
        redirectors=1,
        edge={"redirector_processes": "3"},
    ),
    Row("2", processes.killed_at_a_failpoint, cases=OF_WORKERS, traffic=POISONED),
    Row("2-anywhere", processes.killed, traffic=POISONED),
    Row("2-enriched", enriched.told, cases=ENRICHED, traffic=POISONED, settings={"enriched": "true"}),
    Row("3", processes.terminated, cases=("goes on", "never comes"), through_proxy=BY_PROXY),
    Row("4", processes.frozen, cases=("in a body", "anywhere"), workers=2, through_proxy=BY_PROXY),
    Row(
        "5",
        redirector.kafka_away,
        cases=("stopped", "killed", "a redirector dies meanwhile", "a redirector is stopped meanwhile"),
        traffic=CLICKED,
        redirectors=2,
    ),
    Row("6", redirector.kafka_silent, cases=("frozen", "silent"), traffic=CLICKED, redirectors=2),
    Row(
        "7",
        redirector.acknowledgement_lost,
        cases=("it breaks", "nothing comes", "it dies"),
        traffic=CLICKED,
        redirectors=2,
    ),
    Row("8", warehouse.down, cases=("stopped", "killed"), settings=IMPATIENT),
    Row("9", warehouse.hanging, cases=("frozen", "silent"), workers=2, settings=STEADY, through_proxy=BY_PROXY),
    Row("10", warehouse.reply_lost, cases=("it breaks", "nothing comes"), settings=IMPATIENT, through_proxy=BY_PROXY),
    Row("11", rolling.killed_at_a_failpoint, cases=rolling.PLACES, traffic=POISONED, rollers=2),
    Row("11-clickhouse", rolling.clickhouse_killed, rollers=2),
    Row("12", warehouse.killed),
    Row("12-parts", warehouse.parts_lost, cases=("under load", "without traffic"), commits_may_lead=True),
    Row("13", processes.join_and_leave, workers=3),
    Row("14", log.offsets_set, cases=("to 0", "back", "ahead"), commits_may_lead=True),
    Row("15", warehouse.restored, commits_may_lead=True),
    Row("16", log.topic_made_again, cases=("at once", "a while later", "worker away"), commits_may_lead=True),
    Row(
        "17",
        spool.disk_full,
        cases=("it grows", "at its start"),
        traffic=HEAVY,
        redirectors=1,
        small_disk=Part.SPOOL,
    ),
    Row("17-cap", spool.as_large_as_it_may_be, traffic=HEAVY, redirectors=1, edge={"spool_megabytes": "32"}),
    Row("18-clickhouse", disks.clickhouse_full, settings=IMPATIENT, small_disk=CLICKHOUSE),
    Row("18-kafka", disks.kafka_full, small_disk=KAFKA),
    Row("19", spool.torn, cases=TORN, traffic=CLICKED, redirectors=2),
    Row("20", clock.stepped, cases=("ahead", "back", "over a month's end"), clock=True),
    Row(
        "20-salts",
        salts.clocks_stepped,
        cases=("ahead", "back", "over midnight", "a day of 23 or 25 hours"),
        traffic=CLICKED,
        redirectors=2,
        edge={"time_zone": salts.ZONE},
        clocks=True,
    ),
    Row("21", network.cut, cases=("cut", "silent"), workers=2, settings=IMPATIENT, through_proxy=BY_PROXY | {KAFKA}),
    Row("22", chaos.anything, traffic=CLICKED, workers=2, through_proxy=BY_PROXY | {KAFKA}, redirectors=2),
    Row("23", traffic.poison, traffic=Traffic(poison=0.2, large_poison=0.02)),
    Row("24", traffic.only_poison),
    Row("25", warehouse.letters_unavailable, traffic=POISONED),
    Row("28", strangers.slow, traffic=CLICKED, redirectors=2, strangers=strangers.STRANGERS // 2),
    Row("33", strangers.guessing, traffic=CLICKED, redirectors=2),
    Row("38-link", traffic.crowd, traffic=Traffic(800, link=0.9, visitors=0)),
    Row("38-message", traffic.crowd, traffic=Traffic(800, message=0.9, visitors=0)),
    Row("38-network", traffic.crowd, traffic=Traffic(800, network=0.5, visitors=0)),
    Row("39", processes.wedged, cases=("no answer", *WEDGES), settings=PATIENT, through_proxy=BY_PROXY),
    Row("40", upgrade.rolled, cases=("in order", "some are killed"), workers=2),
)


def chosen(names: tuple[str, ...]) -> list[Row]:
    """Rows by name or by number; all of them where none is named. Raises `KeyError` with a name that is none."""
    for name in names:
        if not any(name in (row.name, str(row.number)) for row in ROWS):
            raise KeyError(name)
    return [row for row in ROWS if not names or row.name in names or str(row.number) in names]
