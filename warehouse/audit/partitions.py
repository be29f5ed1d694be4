"""The audit of the offsets: partition by partition, and hour by hour."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from warehouse.audit.findings import Double, Gap, HourAudit, PartitionAudit
from warehouse.audit.mark import Mark
from warehouse.audit.scan import Hour, Scan, Tail
from warehouse.audit.spans import Run, Span, blocks, holes, sift, total, union, without


def audit_partitions(
    scan: Scan, tail: Tail, hours: Sequence[Hour], watermarks: Mapping[int, tuple[int, int]], mark: Mark | None
) -> list[PartitionAudit]:
    """Every partition that the log or the ledger has; `hours` are the whole ledger's."""
    seen = scan.offsets(tail)
    by_partition: dict[int, list[Hour]] = defaultdict(list)
    for hour in hours:
        by_partition[hour.partition].append(hour)
    starts = mark.next if mark else {}
    sifted = {
        number: _sift(by_partition[number], seen.get(number, ()), starts.get(number, 0)) for number in by_partition
    }
    wanted = {(number, block) for number, (_, unsure) in sifted.items() for block in blocks(unsure)}
    closer = scan.offset_runs(tail, hours, wanted)
    return [
        _partition(
            PartitionAudit(number, *watermarks.get(number, (0, 0)), proven=starts.get(number, 0)),
            by_partition[number],
            [*sifted[number][0], *closer.get(number, ())] if number in sifted else [],
        )
        for number in sorted(watermarks.keys() | by_partition.keys())
    ]


def _sift(hours: Iterable[Hour], spans: Iterable[Span], start: int) -> tuple[list[Run], list[range]]:
    """What is certain, and what has to be looked at: below the mark as the hours say, above as the bitmaps do."""
    below, strange_hours = sift(hour.span for hour in hours)
    above, strange_blocks = sift(spans)
    unsure = union([*strange_hours, *strange_blocks])
    proven = [range(run.first, min(run.last + 1, start)) for run in below]
    certain = without([*proven, *(run.numbers for run in above)], unsure)
    return [Run(run.start, run.stop - 1) for run in certain], unsure


def _partition(log: PartitionAudit, hours: Sequence[Hour], runs: Sequence[Run]) -> PartitionAudit:
    if not hours:
        return log
    first, last = min(hour.first for hour in hours), max(hour.last for hour in hours)
    times = Counter[str]()
    for hour in hours:
        times.update(hour.outcomes)
    gaps = holes(range(min(first, log.log_first), last + 1), (run.numbers for run in runs))
    doubles = [run for run in runs if run.times > 1]
    distinct = last + 1 - min(first, log.log_first) - total(gaps)
    return dataclasses.replace(
        log,
        rows=distinct + sum((run.times - 1) * len(run.numbers) for run in doubles),
        distinct=distinct,
        first=first,
        last=last,
        outcomes=dict(times),
        gaps=[Gap(gap.start, gap.stop - 1, _hour_of(hours, gap.start - 1, gap.stop)) for gap in gaps],
        doubles=[Double(run.first, run.last, run.times, _hour_of(hours, run.first)) for run in doubles],
    )


def _hour_of(hours: Sequence[Hour], *offsets: int) -> int | None:
    """The hour in which Kafka took the first of the offsets that has a row."""
    found = (hour.hour for offset in offsets for hour in hours if hour.first <= offset <= hour.last)
    return next(found, None)


def by_hour(partition: PartitionAudit, hours: Iterable[Hour]) -> list[HourAudit]:
    """The partition's hours, with what is missing and doubled in each."""
    missing, doubled = Counter[int](), Counter[int]()
    for gap in partition.gaps:
        missing[gap.hour or 0] += gap.last - gap.first + 1
    for double in partition.doubles:
        doubled[double.hour or 0] += (double.rows - 1) * (double.last - double.first + 1)
    parts: dict[int, list[Hour]] = defaultdict(list)
    for hour in hours:
        if hour.partition == partition.partition:
            parts[hour.hour].append(hour)
    return [
        HourAudit(
            partition.partition,
            at,
            min(part.first for part in found),
            max(part.last for part in found),
            sum(part.rows for part in found),
            missing[at],
            doubled[at],
            dict(sum((Counter(part.outcomes) for part in found), Counter[str]())),
        )
        for at, found in sorted(parts.items())
    ]
