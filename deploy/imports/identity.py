"""Which line is it? Ids that let a log be imported twice, grown, rotated or compressed, and be counted once.

A click is known again by `src` and `seq`. For an import, `seq` is the number of the line and `src` is made from the
content: for line n, the first 40 bits of SHA-256 over the file from its beginning through line m, where m is n with all
but its seven highest binary digits cleared (so m = n up to line 127, and n - m < n ÷ 64 after). So:

- a grown log keeps the ids of its old lines (each rests on lines before it only), and only its new lines are new;
- the name, rotation, compression and line ends (CRLF) don't matter: the content is what is read;
- one pass over the file is enough, and it has few sources (1,100 for ten million lines);
- two files that begin with the same j lines and then differ have no other id in common while j < 128, and fewer than
  j ÷ 64 beyond. The common lines themselves are taken for the same ones. Where two servers' logs may begin alike
  (health checks at midnight), `source` (`--source web-1`) tells them apart.

The domain is hashed too: the same log for another domain is about other links.
"""

import hashlib

from ingest.events import SRC_BITS
from ingest.sequence import Stamp

KEPT_DIGITS = 7


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
        cleared = max(seq.bit_length() - KEPT_DIGITS, 0)
        if seq >> cleared << cleared == seq:
            src = int.from_bytes(self._content.digest()[: SRC_BITS // 8]) or 1
        self.stamp = Stamp(src, seq)
