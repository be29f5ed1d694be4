"""An answer that was cut off says nothing about how far a partition is stored."""

from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from warehouse.failures import Doubtful
from warehouse.ledger import Ledger, Partition


class CutOff:
    """A connection on which answers end before their first row."""

    async def query(self, *_: Any, **__: Any) -> Any:
        return SimpleNamespace(result_rows=[])


async def test_a_position_without_a_row_is_a_doubt_and_no_fault_of_ours() -> None:
    ledger = Ledger(cast(Any, CutOff()), timeout=5.0)
    with pytest.raises(Doubtful, match="did not answer"):
        await ledger.position(Partition(UUID(int=1), 0), 0)
