"""Files of links: CSV with a header line, JSON (a list), or NDJSON; each link with the line it came from."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TAG_MARK = "|"
"""Stands between the tags of a CSV's cell."""

TRUE, FALSE = {"true", "yes", "1", "on"}, {"false", "no", "0", "off"}


class FileError(ValueError):
    """The file as a whole can't be read; the message says what to do."""


@dataclass(frozen=True)
class Row:
    """One link of a file, or what is wrong with it."""

    line: int
    """Line of the file, from 1; in a JSON list the entry's number."""
    link: dict[str, Any] = field(default_factory=dict)
    error: str = ""


def read_rows(path: Path) -> Iterator[Row]:
    """The file's links, by its name's ending; raises `FileError`."""
    readers: dict[str, Callable[[TextIO], Iterator[Row]]] = {
        ".csv": _csv,
        ".json": _json,
        ".ndjson": _ndjson,
        ".jsonl": _ndjson,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise FileError(f"`{path.name}` is neither .csv nor .json, .ndjson or .jsonl.")
    try:
        # utf-8-sig: spreadsheets put a byte-order mark before a CSV.
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from reader(file)
    except UnicodeDecodeError as error:
        raise FileError(f"`{path.name}` is not UTF-8: {error}.") from None
    except csv.Error as error:
        raise FileError(f"`{path.name}` is no CSV: {error}.") from None


def moment(text: str) -> int:
    """A date or a moment in ISO 8601, UTC if it names no offset, or Unix milliseconds → Unix milliseconds."""
    if text.isascii() and text.isdigit() and len(text) > 8:
        return int(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{text}` is no date, write it as 2026-12-31 or 2026-12-31T18:00:00+01:00") from None
    return ((found if found.tzinfo else found.replace(tzinfo=UTC)) - EPOCH) // timedelta(milliseconds=1)


def _boolean(text: str) -> bool:
    if text.lower() not in TRUE | FALSE:
        raise ValueError(f"`{text}` is neither true nor false")
    return text.lower() in TRUE


def _whole(text: str) -> int:
    if not text.lstrip("-").isdigit():
        raise ValueError(f"`{text}` is no whole number")
    return int(text)


def _tags(text: str) -> list[Any]:
    if text.startswith("["):
        return _list(text)
    return [tag.strip() for tag in text.split(TAG_MARK) if tag.strip()]


def _list(text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise ValueError(f"`{text}` is no list in JSON")
    return found


COLUMNS: dict[str, Callable[[str], Any]] = {
    "domain": str,
    "slug": str,
    "destination": str,
    "variants": _list,
    "title": str,
    "tags": _tags,
    "campaign": str,
    "enabled": _boolean,
    "starts_at": moment,
    "expires_at": moment,
    "expired_url": str,
    "status": _whole,
    "passthrough": _boolean,
    "referrer_policy": str,
    "position": _whole,
    "position_of": _whole,
    "slot": str,
    "trap": _boolean,
}
"""Column of a CSV → how its text is read; an empty cell is a field that is not given. Tags are joined by `|`, or a list
in JSON; variants are such a list."""

AS_WRITTEN = {"title", "campaign", "slot"}
"""Columns whose cells keep the white space around them."""


def _csv(file: TextIO) -> Iterator[Row]:
    rows = csv.reader(file, strict=True)
    header = [name.strip().lower() for name in next(rows, [])]
    if unknown := [name for name in header if name not in COLUMNS]:
        raise FileError(f"There is no column `{unknown[0]}`. Columns are: {', '.join(COLUMNS)}.")
    if "destination" not in header:
        raise FileError("The first line has to name the columns, `destination` among them.")
    for cells in rows:
        if any(cells):
            yield _csv_row(rows.line_num, header, cells)


def _csv_row(line: int, header: list[str], cells: list[str]) -> Row:
    if len(cells) != len(header):
        return Row(line, error=f"{len(cells)} cells where the header has {len(header)}")
    link: dict[str, Any] = {}
    for name, cell in zip(header, cells, strict=True):
        try:
            if text := cell if name in AS_WRITTEN else cell.strip():
                link[name] = COLUMNS[name](text)
        except ValueError as error:
            return Row(line, error=f"{name}: {error}")
    return Row(line, link)


def _json(file: TextIO) -> Iterator[Row]:
    try:
        entries = json.load(file)
    except (ValueError, RecursionError) as error:
        raise FileError(f"The file is no JSON: {error}.") from None
    if not isinstance(entries, list):
        raise FileError("The file has to hold a list of links.")
    for number, entry in enumerate(entries, 1):
        yield _entry(number, entry)


def _ndjson(file: TextIO) -> Iterator[Row]:
    for number, line in enumerate(file, 1):
        if line.strip():
            try:
                yield _entry(number, json.loads(line))
            except (ValueError, RecursionError) as error:
                yield Row(number, error=f"no JSON: {error}")


def _entry(number: int, entry: object) -> Row:
    return Row(number, entry) if isinstance(entry, dict) else Row(number, error="a link has to be an object")
