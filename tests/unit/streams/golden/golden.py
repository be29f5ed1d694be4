"""Pairs of files: raw clicks as `weir try` takes them, a log in its order, and their rows, a line each."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from deploy.trial import Line, attempt, read
from streams.chain import Chain
from streams.settings import StreamSettings
from warehouse.columns import Column

HERE = Path(__file__).parent

Row = Mapping[str, object]


async def rows(file: str, names: Sequence[str], chain: Chain, settings: StreamSettings) -> Sequence[Row]:
    """These columns of what the chain makes of a file's clicks."""
    lines = [line for line in read((HERE / f"{file}.ndjson").read_bytes().splitlines(), 0) if isinstance(line, Line)]
    made = (await attempt(lines, chain, settings)).rows
    columns: list[Column] = [made[name] for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def expected(file: str) -> Sequence[Row]:
    """What stands in the file beside it; a list is a tuple, as in a row."""
    decoded = map(msgspec.json.decode, (HERE / f"{file}.expected.ndjson").read_bytes().splitlines())
    return [
        {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()} for row in decoded
    ]
