from pathlib import Path

from prometheus_client import REGISTRY

from streams.caches import CacheCounts, caches
from streams.enrich.chain import enrichers
from streams.enrich.memo import Memo
from streams.judge.judge import Judge
from streams.judge.lists import read_lists
from warehouse.columns import Coded

SIZE = 100


def told(name: str) -> list[float | None]:
    """Hits, misses and entries of a cache, as Prometheus gets them."""
    kinds = ("hits_total", "misses_total", "entries")
    return [REGISTRY.get_sample_value(f"weir_worker_cache_{kind}", {"cache": name}) for kind in kinds]


def test_every_cache_is_counted_under_its_steps_name_and_sized_by_the_setting(tmp_path: Path) -> None:
    file = tmp_path / "lists.toml"
    file.write_text("[deny]\nasns = [64500]\n[allow]\nreferrers = ['example.com']")
    found = caches(enrichers(cache_size=SIZE), Judge("test", SIZE, read_lists(file)))
    assert sorted(found) == [
        *("channel", "click_ids", "geo", "judge", "judge.lists.asn", "judge.lists.referrer_host", "judge.purposes"),
        *("judge.user_agents", "language", "position", "referrer", "user_agent", "utm"),
    ]
    assert {memo.size for memo in found.values()} == {SIZE}


def test_what_caches_did_is_told_once() -> None:
    memo: Memo[int, int] = Memo(lambda key: key + 1, SIZE)
    counts = CacheCounts({"one of a test": memo})
    counts.tell()
    assert told("one of a test") == [0, 0, 0]
    memo.of(Coded.of([1, 2, 1]))
    counts.tell()
    memo.of(Coded.of([2, 3]))
    counts.tell()
    counts.tell()
    assert told("one of a test") == [1, 3, 3]
