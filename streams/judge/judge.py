"""The judge: asks every layer about the clicks of a batch, and says what each record is."""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

import numpy as np

from ingest.events import Kind
from streams.enrich.memo import Memo
from streams.judge.lists import NO_LISTS, ListLayer, Lists
from streams.judge.networks import NetworkLayer
from streams.judge.outcomes import DEAD, Judgement, judgement
from streams.judge.purposes import PurposeLayer
from streams.judge.reasons import Bits, reasons_of
from streams.judge.sent import SentLayer
from streams.judge.user_agents import UserAgentLayer
from warehouse.columns import Coded, Columns, coded, spread, together
from warehouse.events import JUDGED_COLUMNS

Layer = Callable[[Columns], Bits]
"""One kind of evidence: the reasons that it has against each click of a batch. Pure, as an enricher is."""

DUPLICATE_FLAG, DEAD_FLAG, FLAGS = 1, 2, 2
"""Beside the reasons' bits, below them: what else a record's judgement depends on, and how many bits that takes."""


class Judge:
    """`JUDGED_COLUMNS` of a batch: every layer is evaluated, none short-circuits another."""

    columns: tuple[str, ...] = JUDGED_COLUMNS

    def __init__(self, version: str, cache_size: int = 50_000, lists: Lists = NO_LISTS) -> None:
        self.version = version
        self.layers: tuple[Layer, ...] = (
            UserAgentLayer(cache_size),  # programs that say so
            PurposeLayer(cache_size),  # nobody has clicked yet
            NetworkLayer(),  # scanners and servers
            SentLayer(),  # sooner than a person can be
            *(ListLayer(column, matchers, cache_size) for column, matchers in lists.items()),  # the users' own word
        )
        self.cache: Memo[tuple[Kind, int], Judgement] = Memo(_judgement_of, cache_size)

    def __call__(
        self,
        columns: Columns,
        *,
        dead: Collection[int] = (),
        duplicates: Collection[int] = (),
        marks: Mapping[int, int] = MappingProxyType({}),
    ) -> Columns:
        """The six columns of every record.

        `dead` and `duplicates` are the places in the batch of records that can't be decoded, and of clicks that came
        before; `marks` has, by place, what a click's neighbours give away (`streams.windows`), as reasons' bits.
        """
        kinds = coded(columns["kind"])
        found = np.zeros(len(kinds), np.int64)
        found[list(marks)] = list(marks.values())
        for layer in self.layers:
            found |= layer(columns)
        found <<= FLAGS
        found[list(duplicates)] |= DUPLICATE_FLAG
        found[list(dead)] |= DEAD_FLAG
        return {
            **spread(Judgement._fields, self.cache.of(together(kinds, coded(found)))),
            "rules_version": Coded.constant(self.version, len(kinds)),
        }


def _judgement_of(key: tuple[Kind, int]) -> Judgement:
    kind, bits = key
    return (
        DEAD if bits & DEAD_FLAG else judgement(kind, reasons_of(bits >> FLAGS), duplicate=bool(bits & DUPLICATE_FLAG))
    )
