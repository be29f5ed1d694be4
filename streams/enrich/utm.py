"""UTM: the five campaign parameters, as spelled and in one canonical spelling."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, cast
from urllib.parse import unquote_plus

import yaml

from streams.enrich.memo import Memo
from warehouse.columns import Columns, coded, spread

FIELDS = ("source", "medium", "campaign", "term", "content")
DEFAULT_TAXONOMY = Path(__file__).with_name("taxonomy.yml")

Taxonomy = Mapping[str, Mapping[str, str]]
"""Field → spelling → canonical value."""


class Utm(NamedTuple):
    """The five parameters of one click, canonical, then as spelled; empty where the query has none."""

    utm_source: str
    utm_medium: str
    utm_campaign: str
    utm_term: str
    utm_content: str
    utm_source_raw: str
    utm_medium_raw: str
    utm_campaign_raw: str
    utm_term_raw: str
    utm_content_raw: str


KEYS = {f"{prefix}utm_{field}": i for i, field in enumerate(FIELDS) for prefix in ("", "amp;")}
"""Parameter → place in `FIELDS`; `amp;` is what an `&amp;` in the address of a link turns into."""


def normalised(value: str) -> str:
    """Lower-case, without spaces at the ends, runs of spaces made one."""
    return " ".join(value.lower().split())


def read_taxonomy(path: Path = DEFAULT_TAXONOMY) -> Taxonomy:
    """The taxonomy file as a lookup by field and spelling.

    Raises `ValueError`, saying what is wrong where, when the file is not one.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"The taxonomy {path} can't be read: {error}") from error
    if not isinstance(content, dict) or not content.keys() <= set(FIELDS):
        raise ValueError(f"The taxonomy {path} must hold the fields {', '.join(FIELDS)} and no others.")
    return {field: _spellings(path, field, content.get(field) or {}) for field in FIELDS}


def _spellings(path: Path, field: str, entries: object) -> Mapping[str, str]:
    """One field of the taxonomy, turned from canonical → spellings to spelling → canonical."""
    if not isinstance(entries, dict):
        raise ValueError(f"The taxonomy {path}: `{field}` must map a canonical value to a list of spellings.")
    found: dict[str, str] = {}
    for canonical, spellings in entries.items():
        if not isinstance(spellings, list):
            raise ValueError(f"The taxonomy {path}: `{field}: {canonical}` must be a list of spellings.")
        for spelling in map(normalised, map(str, spellings)):
            if found.setdefault(spelling, normalised(str(canonical))) != normalised(str(canonical)):
                raise ValueError(f"The taxonomy {path}: `{spelling}` stands for two values of `{field}`.")
    return found


Encoded = tuple[str, str, str, str, str]
"""The five values as they stand in a query."""


def blank(encoded: str) -> bool:
    """Whether there is nothing to be read in a value."""
    return not unquote_plus(encoded).strip()


def encoded_values(query: str) -> Encoded:
    """The five values of a raw query, as they stand there; names are compared without regard to case.

    Of a repeated parameter the first that is not blank counts.
    """
    values = [""] * len(FIELDS)
    for pair in query.split("&"):
        name, _, encoded = pair.partition("=")
        place = KEYS.get(name.lower())
        if place is not None and (not values[place] or blank(values[place])):
            values[place] = encoded
    return cast(Encoded, tuple(values))


def utm(values: Encoded, taxonomy: Taxonomy) -> Utm:
    """The ten columns of five values.

    `+` is a space; a malformed escape stays as it is, bytes that are not UTF-8 become replacement characters.
    """
    raw = [unquote_plus(encoded) for encoded in values]
    canonical = map(normalised, raw)
    return Utm(*(taxonomy[field].get(value, value) for field, value in zip(FIELDS, canonical, strict=True)), *raw)


class UtmParameters:
    """The ten `utm_` columns from the query's parameters."""

    columns: tuple[str, ...] = Utm._fields

    def __init__(self, taxonomy: Taxonomy, cache_size: int = 50_000) -> None:
        self.cache: Memo[str, Utm] = Memo(lambda query: utm(encoded_values(query), taxonomy), cache_size)

    def __call__(self, columns: Columns) -> Columns:
        """The UTM columns of every click."""
        return spread(self.columns, self.cache.of(coded(columns["parameters"])))
