"""Caches: what the enrichers and the judge remember from batch to batch, and how much of it helps, for the metrics."""

from collections.abc import Mapping, Sequence
from typing import Any

from streams import metrics
from streams.enrich.enricher import Enricher, step_name
from streams.enrich.memo import Memo
from streams.judge.judge import Judge
from streams.judge.lists import ListLayer

AnyMemo = Memo[Any, Any]


def caches(enrichers: Sequence[Enricher], judge: Judge) -> Mapping[str, AnyMemo]:
    """Every cache by the name that metrics call it: its enricher's, or `judge` and the layer's file."""
    steps: dict[str, object] = {step_name(enricher): enricher for enricher in enrichers}
    steps |= {_layer_name(layer): layer for layer in judge.layers} | {"judge": judge}
    found = {name: getattr(step, "cache", None) for name, step in steps.items()}
    return {name: memo for name, memo in found.items() if isinstance(memo, Memo)}


def _layer_name(layer: object) -> str:
    file = type(layer).__module__.rpartition(".")[2]
    return f"judge.{file}.{layer.column}" if isinstance(layer, ListLayer) else f"judge.{file}"


class CacheCounts:
    """Tells the metrics what caches did."""

    def __init__(self, named: Mapping[str, AnyMemo]) -> None:
        self._named = named
        self._told = dict.fromkeys(named, (0, 0))

    def tell(self) -> None:
        """Add what came since the last time."""
        for name, memo in self._named.items():
            hits, misses = self._told[name]
            metrics.CACHE_HITS.labels(name).inc(memo.hits - hits)
            metrics.CACHE_MISSES.labels(name).inc(memo.misses - misses)
            metrics.CACHE_ENTRIES.labels(name).set(memo.held)
            self._told[name] = memo.hits, memo.misses
