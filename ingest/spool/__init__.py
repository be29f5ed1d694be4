"""The spool: what a redirector has promised stands here before it answers, until Kafka has it.

    <spool>/0/            a slot: one process at a time owns it, by the lock on its file `lock`
        lock
        partitions        how many partitions the raw topic had when Kafka was last asked
        <src>-<n>.spool   segments: events of the process with that start id, in the order of their numbers

A segment is a memory-mapped file of fixed size, so an event costs a copy and no system call, and survives the process
that wrote it. It does not survive the machine's loss of power for the last seconds, unless `WEIR_SPOOL_SYNC` says so.
"""

from ingest.spool.segment import Frame, Segment, SegmentFull
from ingest.spool.slot import Slot, SlotError, take_slot
from ingest.spool.spool import Spool

__all__ = ["Frame", "Segment", "SegmentFull", "Slot", "SlotError", "Spool", "take_slot"]
