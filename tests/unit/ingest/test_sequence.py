"""Start ids."""

from ingest.events import SRC_BITS
from ingest.sequence import new_src


def test_start_ids_fit_and_differ() -> None:
    ids = {new_src() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(1 <= src < 1 << SRC_BITS for src in ids)
