"""Lines that could not become clicks: counted by reason, the first shown, all kept aside without full addresses."""

import json
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TextIO

from deploy.imports.combined import Reason
from deploy.imports.redact import redact

SHOWN = 5


class Reject(NamedTuple):
    """One line."""

    line: int
    reason: Reason
    text: str
    """What is kept of it."""


class Rejects:
    """Takes rejected lines; the file is made with the first of them, and made anew by each run."""

    def __init__(self, path: Path | None) -> None:
        """`path` is where they are kept, as NDJSON; None keeps none."""
        self.path = path
        self.counts: Counter[Reason] = Counter()
        self.first: list[Reject] = []
        self._file: TextIO | None = None

    def add(self, line: int, reason: Reason, raw: bytes) -> None:
        """Take one; raises `OSError` where the file can't be written."""
        self.counts[reason] += 1
        reject = Reject(line, reason, redact(raw))
        if len(self.first) < SHOWN:
            self.first.append(reject)
        if self.path is not None:
            if self._file is None:
                self._file = self.path.open("w", encoding="utf-8")
            self._file.write(json.dumps(reject._asdict(), ensure_ascii=False) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()
