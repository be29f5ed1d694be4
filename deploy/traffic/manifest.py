"""The manifest: what was sent, a JSON object a line, so that anybody can hold the count against it.

No full address is in it: of the visitor, only what the request must be counted as.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from deploy.traffic.request import Kind
from deploy.traffic.sender import Sent


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request: a line of the manifest."""

    kind: Kind
    """What the generator meant by it."""
    row: bool
    """Whether it must be one row in `events`. A request without an answer (`status` 0) may be one or none."""
    sent_at: int
    """Unix milliseconds."""
    status: int = 0
    """HTTP status of the answer; 0: there was none."""
    click_id: str = ""
    """What the redirector called it (`X-Click-Id`); empty where it does not say so or made no event."""
    method: str = "GET"
    target: str
    """Path and query as sent."""
    link: str = ""
    """Slug of the link, where there is one."""
    source: str = ""
    channel: str = ""
    country: str = ""
    device: str = ""
    position: int = 0
    position_of: int = 0
    slot: str = ""
    opted_out: bool = False


def record(sent: Sent) -> Record:
    """A request that was sent, as a line."""
    request, expected = sent.request, sent.request.expected
    return Record(
        kind=request.kind,
        row=request.row,
        sent_at=sent.sent_at,
        status=sent.answer.status if sent.answer else 0,
        click_id=sent.answer.click_id if sent.answer else "",
        method=request.method,
        target=request.target,
        link=expected.link,
        source=expected.source,
        channel=expected.channel,
        country=expected.country,
        device=expected.device,
        position=expected.position,
        position_of=expected.position_of,
        slot=expected.slot,
        opted_out=expected.opted_out,
    )


class Manifest:
    """Writes the manifest, and keeps the sums that are printed at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._encode = msgspec.json.Encoder().encode
        self.answers: Counter[tuple[Kind, int]] = Counter()
        """(kind, status) → requests; status 0: no answer."""
        self.rows = 0
        """Requests that must each be one row."""
        self.seconds: list[float] = []
        """Until each answer."""

    def __enter__(self) -> Self:
        self._file: BinaryIO = self._path.open("wb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, sent: Sent) -> None:
        """Take one more request."""
        line = record(sent)
        self._file.write(self._encode(line) + b"\n")
        self.answers[line.kind, line.status] += 1
        self.rows += line.row and line.status != 0
        if sent.answer:
            self.seconds.append(sent.seconds)


def read_manifest(path: Path) -> Iterator[Record]:
    """The lines of a manifest."""
    decode = msgspec.json.Decoder(Record).decode
    with path.open("rb") as file:
        for line in file:
            yield decode(line)
