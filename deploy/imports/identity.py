"""Which line is it? Ids that let a log be imported twice, grown, rotated or compressed, and be counted once.

A click's id is made of `ts`, `src` and `seq`. For an import, `seq` is the number of the line and `src` is made from the
content: the first 40 bits of SHA-256 over the file from its beginning through line 2^⌊log2 n⌋, for line n. So:

- a grown log keeps the ids of its old lines (each rests on lines before it only), and only its new lines are new;
- the name, rotation, compression and line ends (CRLF) don't matter: the content is what is read;
- a file has few sources (24 for ten million lines), and one pass over it is enough;
- two files that differ in a line have different sources from the next power of two on. Before it, two clicks could
  only be taken for one another where both files begin with the same lines *and* have different ones with the same
  number at the same second: two servers' logs that begin with the same health checks. `source` (`--source web-1`)
  tells such apart.

The domain is hashed too: the same log for another domain is about other links.
"""

import hashlib

from ingest.events import SRC_BITS
from ingest.sequence import Stamp


class LineIds:
    """Stamps one line after the other; lines are given without their ends, all of them and in order."""

    def __init__(self, domain: str, source: str = "") -> None:
        self._content = hashlib.sha256(f"{domain}\n{source}\n".encode())
        self.stamp = Stamp(src=0, seq=0)
        """Of the last line."""

    def next(self, line: bytes) -> None:
        """Take one more line in."""
        src, seq = self.stamp.src, self.stamp.seq + 1
        self._content.update(line + b"\n")
        if seq & (seq - 1) == 0:  # a power of two
            src = int.from_bytes(self._content.digest()[: SRC_BITS // 8]) or 1
        self.stamp = Stamp(src, seq)
