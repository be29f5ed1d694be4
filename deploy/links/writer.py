"""Links as files that `weir links import` reads again: CSV, JSON (a list), or NDJSON."""

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

import msgspec

from deploy.links.rows import COLUMNS, EPOCH, TAG_MARK, FileError
from ingest.links import Link, LinkFields

FIELDS = ("domain", "slug", *LinkFields.__struct_fields__)
_DEFAULTS: Mapping[str, object] = {
    field.name: field.default for field in msgspec.structs.fields(Link) if field.default is not msgspec.NODEFAULT
}

Shown = Mapping[str, Any]
"""A link as the API shows it."""


def write_links(path: Path, links: Iterable[Shown], progress: Callable[[int], None]) -> int:
    """Write the file, by its name's ending; how many links it has. Raises `FileError` and `OSError`."""
    writers: dict[str, Callable[[TextIO, Iterable[dict[str, Any]]], None]] = {
        ".csv": _csv,
        ".json": _json,
        ".ndjson": _ndjson,
        ".jsonl": _ndjson,
    }
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise FileError(f"`{path.name}` is neither .csv nor .json, .ndjson or .jsonl.")
    count = 0

    def counted() -> Iterable[dict[str, Any]]:
        nonlocal count
        for link in links:
            count += 1
            progress(1)
            yield given(link)

    with path.open("w", encoding="utf-8", newline="") as file:
        writer(file, counted())
    return count


def given(link: Shown) -> dict[str, Any]:
    """What has to be given to make the link anew: its fields that are not as they would be anyway."""
    found = {name: link[name] for name in FIELDS if name in link}
    return {name: value for name, value in found.items() if value != _default(name)}


def _default(name: str) -> object:
    default = _DEFAULTS.get(name, "")
    return list(default) if isinstance(default, tuple) else default


def _csv(file: TextIO, links: Iterable[dict[str, Any]]) -> None:
    rows = csv.DictWriter(file, COLUMNS, restval="")
    rows.writeheader()
    rows.writerows({name: _CELLS.get(name, _plain)(value) for name, value in link.items()} for link in links)


def _json(file: TextIO, links: Iterable[dict[str, Any]]) -> None:
    between = "[\n"
    for link in links:
        file.write(between + json.dumps(link, ensure_ascii=False))
        between = ",\n"
    file.write("\n]\n" if between == ",\n" else "[]\n")


def _ndjson(file: TextIO, links: Iterable[dict[str, Any]]) -> None:
    file.writelines(json.dumps(link, ensure_ascii=False) + "\n" for link in links)


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _moment(millis: int) -> str:
    """ISO 8601 in UTC, or the number itself where no calendar reaches so far."""
    try:
        return (EPOCH + timedelta(milliseconds=millis)).isoformat(timespec="milliseconds")
    except OverflowError:
        return str(millis)


def _tags(tags: list[str]) -> str:
    plain = all(tag == tag.strip() and tag and TAG_MARK not in tag and not tag.startswith("[") for tag in tags)
    return TAG_MARK.join(tags) if plain else json.dumps(tags, ensure_ascii=False)


def _variants(variants: list[Shown]) -> str:
    return json.dumps(variants, ensure_ascii=False)


_CELLS: Mapping[str, Callable[[Any], str]] = {
    "starts_at": _moment, "expires_at": _moment, "tags": _tags, "variants": _variants,
}  # fmt: skip
