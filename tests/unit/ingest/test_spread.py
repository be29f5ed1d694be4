"""Busy keys are spread by address, others are not, and it ends when they are busy no more."""

from ingest.events import Kind, RawClick, partition_key, partition_of
from ingest.spread import PARTS, SAMPLE, WINDOW, Spread

PARTITIONS = 4
BUSY, QUIET = "192.0.2.0/24", "10.{}.{}.0/24"


class Traffic:
    """Clicks of a process, of which a share comes from one network."""

    def __init__(self) -> None:
        self.spread = Spread()
        self.seq = self.ts = 0

    def click(self, network: str, address: int = 0) -> tuple[RawClick, bytes]:
        self.seq += 1
        address_id = f"{address * 0x9E37_79B9_7F4A_7C15 % (1 << 64):016x}" if address else ""
        click = RawClick(kind=Kind.CLICK, src=1, seq=self.seq, ts=self.ts, network=network, address_id=address_id)
        return click, self.spread.key(partition_key(click), click.seq, click.ts, click.address_id, PARTITIONS)

    def play(self, busy_of_ten: int, seconds: int = 30) -> list[tuple[RawClick, bytes]]:
        """So many clicks that it is decided anew once, as the last of them comes."""
        made = []
        end = self.ts + seconds * 1000
        for number in range(SAMPLE * WINDOW):
            # Sampled clicks have numbers that 16 divides: what comes from where must not go in step with them.
            busy = number * 7919 % 9973 < busy_of_ten * 997
            network = BUSY if busy else QUIET.format(number % 200, number % 199)
            self.ts += (end - self.ts) // (SAMPLE * WINDOW - number)
            made.append(self.click(network, number % 500 + 1))
        return made


def test_a_busy_network_s_clicks_reach_all_partitions_and_an_address_s_one() -> None:
    traffic = Traffic()
    assert {key for click, key in traffic.play(6) if click.network == BUSY} == {partition_key(traffic.click(BUSY)[0])}
    later = traffic.play(6)
    keys = {key for click, key in later if click.network == BUSY}
    assert len(keys) == PARTS
    assert {partition_of(key, PARTITIONS) for key in keys} == set(range(PARTITIONS))
    by_address: dict[str, set[bytes]] = {}
    for click, key in later:
        if click.network == BUSY:
            by_address.setdefault(click.address_id, set()).add(key)
    assert all(len(found) == 1 for found in by_address.values())
    assert all(key == partition_key(click) for click, key in later if click.network != BUSY)


def test_who_has_no_address_id_is_spread_by_number() -> None:
    traffic = Traffic()
    traffic.play(6)
    assert len({traffic.click(BUSY)[1] for _ in range(PARTS)}) == PARTS


def test_below_a_partition_s_share_nothing_is_spread_and_it_ends_at_half_of_that() -> None:
    traffic = Traffic()
    traffic.play(2)
    assert traffic.click(BUSY)[1] == partition_key(traffic.click(BUSY)[0])
    traffic.play(4)
    traffic.play(2)
    assert traffic.click(BUSY)[1] != partition_key(traffic.click(BUSY)[0])
    traffic.play(1)
    assert traffic.click(BUSY)[1] == partition_key(traffic.click(BUSY)[0])


def test_little_traffic_is_not_spread_wherever_it_comes_from() -> None:
    traffic = Traffic()
    traffic.play(10, seconds=70)
    assert traffic.click(BUSY)[1] == partition_key(traffic.click(BUSY)[0])
    traffic.play(10, seconds=50)
    assert traffic.click(BUSY)[1] != partition_key(traffic.click(BUSY)[0])
