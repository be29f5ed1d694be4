"""The spool: its disk is full, it is as large as it may be, or its end is torn."""

import time
from pathlib import Path
from uuid import uuid4

from ingest.spool.segment import FRAME_MAGIC, HEADER, Frame, Segment
from ingest.spool.slot import slots_of, try_slot
from tests.faults.clients import waiting
from tests.faults.stage import Damage, Missed, Stage

FULL_SECONDS = 60.0
ROOM_SECONDS = 20.0
DEATH_SECONDS = 20.0
NOT_ACCEPTED = "weir_redirector_not_accepted_total"
ALARM = "clicks are redirected and not counted"
"""What the log has to say."""
BOOT_AT = 32
"""Where a segment's header has the id of the machine's start."""


def disk_full(stage: Stage) -> None:
    """The spool's disk is full while Kafka is silent: a redirector's spool has to grow, or the redirector dies, and its
    successor, which has its links from the snapshot, finds no room at all. Its log is on that disk too.

    Redirects are answered and promise nothing, and a metric says so; when there is room, clicks are accepted again.
    """
    stage.kafka_proxy.silence()
    stage.sleep(0.5, 1.5)
    stage.disk.fill(left=stage.random.choice((0, 100_000)))
    stage.note("Kafka is silent, and the spool's disk is full")
    if stage.case == "at its start":
        stage.redirectors.services[0].kill()
        stage.note("the redirector is killed")
    _only_redirected(stage)
    stage.disk.empty()
    stage.note("there is room again")
    _accepted_again(stage)
    stage.sleep(0.5, 2.0)
    _heal(stage)
    stage.clients.wait_ready()


def as_large_as_it_may_be(stage: Stage) -> None:
    """Kafka is silent for so long that the spool has its full size.

    Redirects are answered and promise nothing, a metric and the log say so; when Kafka is back the spool is sent, and
    clicks are accepted again.
    """
    stage.kafka_proxy.silence()
    stage.note("Kafka is silent")
    _only_redirected(stage)
    if not any(ALARM in redirector.log.read_text() for redirector in stage.redirectors.services):
        raise Missed("no log says that clicks are not counted")
    _heal(stage)
    _accepted_again(stage)


def _only_redirected(stage: Stage) -> None:
    """Wait until nothing is promised any more, and see that it is said, and that redirects go on."""
    stage.wait(lambda: _last(stage) == {"redirected"}, FULL_SECONDS, "clicks are still promised, or refused")
    began = time.monotonic()
    stage.sleep(1.0, 2.0)
    answers = stage.clients.since(began)
    stage.note(f"then {answers}")
    if set(answers.kinds) != {"redirected"}:
        raise Missed(f"without room for a click: {answers}")
    for redirector in stage.redirectors.services:
        if not redirector.metric(NOT_ACCEPTED):
            raise Missed(f"{redirector.name} counts none that it does not accept")


def _accepted_again(stage: Stage) -> None:
    took = stage.wait(lambda: _last(stage) == {"promised"}, ROOM_SECONDS, "clicks are not accepted again")
    stage.note(f"accepted again after {took:.1f} s")


def _last(stage: Stage) -> set[str]:
    """The kinds of answers of the last half second."""
    return set(stage.clients.since(time.monotonic() - 0.5).kinds)


def _heal(stage: Stage) -> None:
    stage.kafka_proxy.cut()
    stage.kafka_proxy.heal()
    stage.note("Kafka answers again")


def torn(stage: Stage) -> None:
    """A redirector dies while Kafka is silent, and what it leaves is harmed before its successor comes.

    A frame that was not finished was never promised: nothing is lost. Of frames that are damaged only these are lost,
    and the audit names them; what follows in the spool is sent. Where the machine lost its power, nobody knows what
    stood behind the last whole frame: that source stays open, and is named so.
    """
    redirector = stage.random.choice(stage.redirectors.services)
    stage.kafka_proxy.silence()
    stage.wait(lambda: waiting(redirector) > 20, 30, "nothing waits for Kafka")
    stage.sleep(0.0, 1.0)
    redirector.supervised = False
    redirector.kill()
    if not redirector.process.wait(DEATH_SECONDS):
        raise Missed(f"{redirector.name} does not die")
    stage.note(f"{redirector.name} is killed")
    _harm(stage, _left_behind(stage))
    _heal(stage)
    redirector.start()
    stage.clients.wait_ready()


def _left_behind(stage: Stage) -> Segment:
    """The last segment that the process had begun whose slot nobody holds."""
    [slot] = [slot for path in slots_of(stage.spool) if (slot := try_slot(path))]
    slot.release()
    segments = [segment for path in sorted(slot.path.glob("*.spool")) if (segment := Segment.open(path, _src(path)))]
    return [segment for segment in segments if segment.first][-1]


def _src(path: Path) -> int:
    """The start id in a segment's name."""
    return int(path.name.partition("-")[0], 16)


def _harm(stage: Stage, segment: Segment) -> None:
    frames = _frames(segment)
    places = [HEADER.size, *(frame.next for frame in frames)]
    waiting = [number for number, frame in enumerate(frames) if frame.seq > segment.mark]
    segment.close()
    if stage.case == "unfinished":
        _write(segment.path, places[-1], FRAME_MAGIC + b"\0\1\0\0half")
        return
    first = stage.random.choice(waiting[1:-1]) if stage.case in {"in the middle", "power lost"} else len(frames) - 1
    lost = frames[first:] if stage.case == "power lost" else frames[first : first + 1]
    if stage.case == "power lost":
        _write(segment.path, places[first], bytes(segment.size - places[first]))
        _write(segment.path, BOOT_AT, uuid4().bytes)
    elif stage.case == "cut":
        with segment.path.open("r+b") as file:
            file.truncate(stage.random.randint(places[first] + 1, places[first + 1] - 1))
    else:
        at = stage.random.randint(places[first], places[first + 1] - 1)
        _write(segment.path, at, bytes([segment.path.read_bytes()[at] ^ 0xFF]))
    seqs = {frame.seq for frame in lost}
    stage.note(f"of {len(waiting)} frames that wait {len(lost)} are lost: {stage.case}")
    stage.clients.forgive((segment.src, seq) for seq in seqs)
    # Behind the last whole frame of a process nobody misses anything: there the close gets its number.
    named = seqs if stage.case == "in the middle" else ()
    stage.damage[segment.src] = Damage(named, is_open=stage.case == "power lost")


def _frames(segment: Segment) -> list[Frame]:
    frames, place = [], HEADER.size
    while frame := segment.frame(place):
        frames.append(frame)
        place = frame.next
    return frames


def _write(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)
