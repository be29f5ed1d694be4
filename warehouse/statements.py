"""ClickHouse's SQL cut into tokens: enough to split a script and to find a clause, no more.

Follows ClickHouse's lexer: strings and quoted names with backslash escapes and doubled quotes, here-documents,
`--`, `#` and `/* */` comments (the last not nested). Whitespace and comments are not tokens.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, cast

TokenKind = Literal["word", "string", "name", "mark"]

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*|\#[!\ ][^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<string>'(?:[^'\\]|\\.|'')*(?:'|\Z)|\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z))
    |(?P<name>`(?:[^`\\]|\\.|``)*(?:`|\Z)|"(?:[^"\\]|\\.|"")*(?:"|\Z))
    |(?P<word>[\w$]+)
    |(?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


class Token(NamedTuple):
    """A piece of SQL: where it stands, what it is and how deep in parentheses."""

    kind: TokenKind
    text: str
    start: int
    end: int
    depth: int

    @property
    def keyword(self) -> str:
        """The word in upper case; empty for everything else."""
        return self.text.upper() if self.kind == "word" else ""


def tokens(sql: str) -> Iterator[Token]:
    """The tokens in order, made as they are asked for: what follows an INSERT's data marker need not be SQL.

    An opening parenthesis has the depth outside it, and so has its closing one.
    """
    depth = 0
    for match in _TOKEN.finditer(sql):
        kind, text = match.lastgroup, match.group()
        if kind == "space":
            continue
        if text in ")]}":
            depth = max(0, depth - 1)
        yield Token(cast("TokenKind", kind), text, match.start(), match.end(), depth)
        if text in "([{":
            depth += 1


def split(script: str) -> list[str]:
    """The statements of a script, without their semicolons; what holds only comments is none."""
    statements, first, last = [], None, 0
    for token in tokens(script):
        if token.text == ";" and token.kind == "mark":
            if first is not None:
                statements.append(script[first:last])
            first = None
            continue
        first = token.start if first is None else first
        last = token.end
    return statements if first is None else [*statements, script[first:last]]
