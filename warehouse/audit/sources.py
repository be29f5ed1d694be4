"""The audit of the sources: each redirector process numbers its events from 1 without gaps, and says how far Kafka has
acknowledged all of them."""

from collections.abc import Iterable, Mapping, Sequence

from warehouse.audit.findings import Double, Gap, SourceAudit
from warehouse.audit.mark import SourceMark
from warehouse.audit.scan import Scan, Seen, Tail
from warehouse.audit.spans import BLOCK, Run, blocks, holes, sift, total, union
from warehouse.retention.book import joined

HOUR_SECONDS = 3600
NONE = SourceMark()


def audit_sources(
    scan: Scan, tail: Tail, before: Mapping[int, SourceMark], dropped: Mapping[int, SourceMark]
) -> tuple[list[SourceAudit], dict[int, SourceMark]]:
    """Every source, and what is known of each now.

    What the tail and the mark leave open is looked up in all rows of all topics: a source may have begun in a topic
    that was made again since, and numbers that the mark did not have room for may have been forgotten. Numbers whose
    rows were `dropped` by retention are as good as rows.
    """
    before = {src: joined(before.get(src, NONE), dropped.get(src, NONE)) for src in before.keys() | dropped.keys()}
    seen = scan.sources(tail)
    runs = _closely(scan, tail, seen, {})
    marks = {
        src: _put_together(before.get(src, NONE), seen.get(src, Seen()), runs.get(src, ()))
        for src in before.keys() | seen.keys()
    }
    unsettled = {
        src: _lost(mark)
        for src, mark in marks.items()
        if _lost(mark) or (src in before and _again(before[src], runs.get(src, ())))
    }
    if unsettled:
        runs |= _closely(scan, None, scan.sources(None, unsettled), unsettled)
        for src in unsettled:
            said = Seen(mark=marks[src].mark, closed=marks[src].closed, heard=marks[src].heard)
            marks[src] = _put_together(dropped.get(src, NONE), said, runs.get(src, ()))
    audited = [_source(src, marks[src], runs.get(src, ())) for src in sorted(marks)]
    return [source for source in audited if source.mark or source.doubles], marks


def _closely(
    scan: Scan, tail: Tail | None, seen: Mapping[int, Seen], lost: Mapping[int, Sequence[range]]
) -> dict[int, list[Run]]:
    """The numbers of each source as runs; a block that is strange or next to a loss is looked at closely."""
    sifted = {src: sift(one.spans) for src, one in seen.items()}
    edges = {
        src: [range(max(1, number), number + 1) for gap in gaps for number in (gap.start - 1, gap.stop)]
        for src, gaps in lost.items()
    }
    wanted = {(src, block) for src, (_, unsure) in sifted.items() for block in blocks([*unsure, *edges.get(src, ())])}
    closer = scan.source_runs(tail, wanted)
    return {
        src: [*(run for run in certain if (src, run.first // BLOCK) not in wanted), *closer.get(src, ())]
        for src, (certain, _) in sifted.items()
    }


def _put_together(before: SourceMark, seen: Seen, runs: Iterable[Run]) -> SourceMark:
    known = union([*before.known, *(run.numbers for run in runs)])
    begun = known[0].stop - 1 if known and known[0].start == 1 else 0
    return SourceMark(
        complete=begun,
        ahead=tuple(known[1:] if begun else known),
        mark=max(before.mark, seen.mark),
        closed=before.closed or seen.closed,
        heard=max(before.heard, seen.heard),
    )


def _lost(source: SourceMark) -> list[range]:
    """Numbers that must have a row and have none; of a process that ended, all up to its highest are such."""
    end = max(source.mark, source.last) if source.closed else source.mark
    return holes(range(1, end + 1), source.known)


def _again(before: SourceMark, runs: Iterable[Run]) -> bool:
    """Whether something counts now that had a row before: nobody remembers what that one counted as."""
    counted = union(run.numbers for run in runs if run.times)
    return total(union([*before.known, *counted])) < total(before.known) + total(counted)


def _source(src: int, mark: SourceMark, runs: Sequence[Run]) -> SourceAudit:
    lost = _lost(mark)
    ends, starts = {run.last: run.at for run in runs}, {run.first: run.at for run in runs}
    return SourceAudit(
        src,
        mark.mark,
        mark.closed,
        mark.last,
        [Gap(gap.start, gap.stop - 1, _hour(ends.get(gap.start - 1) or starts.get(gap.stop))) for gap in lost],
        [Double(run.first, run.last, run.times, _hour(run.at)) for run in runs if run.times > 1],
        mark.heard or None,
    )


def _hour(at: int | None) -> int | None:
    return at - at % HOUR_SECONDS if at else None
