"""Spans of time: sorted lists of half-open stretches that do not touch each other. Pure."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

Span = tuple[int, int]
"""From a moment up to but without another, Unix milliseconds."""


def without(spans: Iterable[Span], taken: Sequence[Span]) -> list[Span]:
    """What is left of spans when others are taken out of them."""
    found: list[Span] = []
    for start, end in spans:
        at = start
        for gone_from, gone_to in taken:
            if gone_to > at and gone_from < end:
                if gone_from > at:
                    found.append((at, gone_from))
                at = gone_to
        if at < end:
            found.append((at, end))
    return found


def common(spans: Iterable[Span], others: Sequence[Span]) -> list[Span]:
    """What lies in both."""
    return [
        (max(start, first), min(end, last))
        for start, end in spans
        for first, last in others
        if max(start, first) < min(end, last)
    ]


def joined(spans: Iterable[Span], limit: int = 0) -> list[Span]:
    """The spans in order, those that touch made one; if there are more than `limit`, those closest to each other too.

    What is joined then holds more than the spans did.
    """
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    if not limit or len(found) <= limit:
        return found
    gaps = [later[0] - earlier[1] for earlier, later in pairwise(found)]
    widest = sorted(sorted(range(len(gaps)), key=lambda place: -gaps[place])[: limit - 1])
    firsts, lasts = [0, *(place + 1 for place in widest)], [*widest, len(found) - 1]
    return [(found[first][0], found[last][1]) for first, last in zip(firsts, lasts, strict=True)]
