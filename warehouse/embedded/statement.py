"""What a query is: whether data follows it, which format it asks for, and how it is put to the engine.

chDB takes the data of an INSERT from a file and gives an answer of any size only into a file, so a pipe or an unlinked
file stands in for both: `FROM INFILE '/dev/fd/N'`, `INTO OUTFILE '/dev/fd/N'`. Users may write neither themselves.
"""

import dataclasses
import enum
import re
from collections.abc import Iterator

from warehouse.embedded import errors
from warehouse.embedded.errors import QueryError
from warehouse.statements import Token, tokens

_SHOWING = {"SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK"}
_DATA_GAP = re.compile(r"[ \t\f]*\r?\n?")


class Kind(enum.Enum):
    """How a statement is run."""

    SELECT = "select"
    """Its answer may be of any size: it is streamed."""
    INSERT = "insert"
    """Data follows."""
    SHOW = "show"
    """Its answer is small."""
    KILL = "kill"
    """It must not wait behind the queries that it ends."""
    OTHER = "other"
    """It has no answer."""


@dataclasses.dataclass(frozen=True)
class Statement:
    """One statement, without its data and without `;`."""

    kind: Kind
    text: str
    """As written; of a SELECT without its FORMAT clause."""
    format: str = ""
    """The format that the statement names: of its answer, or of the data of an INSERT."""
    data_start: int = 0
    """INSERT: where the data begins in what was parsed."""
    _infile_at: int = 0

    def into(self, descriptor: int, default_format: str) -> str:
        """A SELECT that writes its answer to an open file descriptor."""
        return f"{self.text}\nINTO OUTFILE '/dev/fd/{descriptor}' APPEND FORMAT {self.format or default_format}"

    def reading(self, descriptor: int) -> str:
        """An INSERT that reads its data from an open file descriptor."""
        head, tail = self.text[: self._infile_at], self.text[self._infile_at :]
        return f"{head} FROM INFILE '/dev/fd/{descriptor}' {tail}"


def parse(text: str) -> Statement:
    """The first statement of a request. `text` has one character a byte, so that positions hold for binary data too.

    Raises `QueryError` for what the HTTP interface does not take: several statements, files named by the user.
    """
    stream = tokens(text)
    seen: list[Token] = []
    for token in stream:
        seen.append(token)
        if token.keyword == "INSERT" and len(seen) == 1:
            return _insert(text, stream)
        _refuse_files(seen)
    return _without_data(text, seen)


def _refuse_files(seen: list[Token]) -> None:
    words = [token.keyword for token in seen[-3:-1]]
    if words in (["INTO", "OUTFILE"], ["FROM", "INFILE"]) and seen[-1].kind == "string":
        raise QueryError(
            errors.INTO_OUTFILE_NOT_ALLOWED, "INTO_OUTFILE_NOT_ALLOWED", "Files are not allowed over HTTP."
        )


def _without_data(text: str, seen: list[Token]) -> Statement:
    end = len(text)
    while seen and seen[-1].text == ";":
        end = seen.pop().start
    if not seen:
        raise QueryError(errors.SYNTAX_ERROR, "SYNTAX_ERROR", "Empty query")
    if any(token.text == ";" and token.kind == "mark" for token in seen):
        raise QueryError(errors.SYNTAX_ERROR, "SYNTAX_ERROR", "Syntax error: Multi-statements are not allowed")
    clause = _format_clause(seen)
    format_ = clause[1].text if clause else ""
    first = next((token.keyword for token in seen if token.text != "("), "")
    text = text[:end]
    if first == "KILL":
        return Statement(Kind.KILL, text, format_)
    if first in {"SELECT", "FROM"} or (first == "WITH" and not any(token.keyword == "INSERT" for token in seen)):
        if clause:
            text = text[: clause[0].start] + text[clause[1].end :]
        return Statement(Kind.SELECT, text, format_)
    return Statement(Kind.SHOW if first in _SHOWING else Kind.OTHER, text, format_)


def _format_clause(seen: list[Token]) -> tuple[Token, Token] | None:
    """`FORMAT name`, which stands last or before SETTINGS; a column may be called `format` as well."""
    for index in range(len(seen) - 2, max(0, len(seen) - 64), -1):
        if seen[index].keyword == "FORMAT" and seen[index].depth == 0 and seen[index + 1].kind == "word":
            after = seen[index + 2].keyword if index + 2 < len(seen) else "SETTINGS"
            return (seen[index], seen[index + 1]) if after == "SETTINGS" else None
    return None


def _insert(text: str, stream: Iterator[Token]) -> Statement:
    """`INSERT INTO name [(columns)] [SETTINGS …] [SELECT … input()] (VALUES | FORMAT name) data`, and the like."""
    seen: list[Token] = []
    infile_at = 0
    for token in stream:
        seen.append(token)
        _refuse_files(seen)
        if not _past_name(seen):
            continue
        if token.keyword in {"SETTINGS", "SELECT", "WITH", "VALUES", "FORMAT"}:
            infile_at = infile_at or token.start
        words = {word.keyword for word in seen}
        if words & {"SELECT", "WITH"} and "INPUT" not in words:
            continue
        if token.keyword == "VALUES":
            return Statement(Kind.INSERT, text[: token.start] + "FORMAT Values", "Values", token.end, infile_at)
        if token.keyword == "FORMAT" and (name := next(stream, None)) is not None:
            gap = _DATA_GAP.match(text, name.end)
            return Statement(Kind.INSERT, text[: name.end], name.text, gap.end() if gap else name.end, infile_at)
    return _without_data(text, [Token("word", "INSERT", 0, 6, 0), *seen])


def _past_name(seen: list[Token]) -> bool:
    """Whether the last token stands after the table's name, outside of parentheses: a clause's keyword, not a name."""
    name_at = 1 if seen[0].keyword == "INTO" else 0
    before = seen[-2] if len(seen) > 1 else seen[0]
    return (
        len(seen) > name_at + 1
        and seen[-1].depth == 0
        and before.text != "."
        and before.keyword not in {"INTO", "TABLE", "FUNCTION"}
    )
