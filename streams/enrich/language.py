"""Language: the one that the visitor likes best."""

import re

from streams.enrich.memo import Memo
from warehouse.columns import Columns, coded

TAG = re.compile(r"[a-z]{1,8}(?:-[a-z0-9]{1,8}){0,3}", re.ASCII)
"""A language tag of RFC 5646, without its rarer endings."""

QVALUE = re.compile(r"q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", re.ASCII)
"""A weight of RFC 9110, section 12.4.2."""


def weight(parameters: str) -> float:
    """The `q` of one entry: 1 where there is none, 0 (not wanted) where it can't be read."""
    if not parameters.strip():
        return 1.0
    match = QVALUE.fullmatch(parameters.strip())
    return float(match[1]) if match else 0.0


def language(accept_language: str) -> str:
    """The tag with the highest weight, the first of equals, lower-case: `en`, `pt-br`; empty where there is none.

    Follows RFC 9110, section 12.5.4; `*` and what is no language tag are passed over.
    """
    best, best_weight = "", 0.0
    for entry in accept_language.lower().split(","):
        tag, _, parameters = entry.partition(";")
        tag = tag.strip().replace("_", "-")
        if TAG.fullmatch(tag) and (heavier := weight(parameters)) > best_weight:
            best, best_weight = tag, heavier
    return best


class Language:
    """`language` from Accept-Language."""

    columns: tuple[str, ...] = ("language",)

    def __init__(self, cache_size: int = 20_000) -> None:
        self.cache = Memo(language, cache_size)

    def __call__(self, columns: Columns) -> Columns:
        """The language of every click."""
        return {"language": self.cache.of(coded(columns["accept_language"]))}
