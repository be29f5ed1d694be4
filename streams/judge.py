"""The judge: what each record counts as, and what gave a program away. Nothing is dropped, every reason is kept."""

import enum
import hashlib
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import crawleruseragents
import numpy as np
import re2
from numpy.typing import NDArray

from ingest.events import Kind
from streams.enrich import channel, click_ids, sources
from streams.enrich.memo import Memo
from streams.windows.rules import WindowRules
from warehouse.columns import Coded, Columns, coded, spread, together
from warehouse.events import COUNTED, JUDGED_COLUMNS, Outcome, Verdict

RULES = Path(__file__).with_name("bots.toml")
SET_MEMORY = 64 << 20
"""Bytes that re2 may use to match 1,500 patterns at once: with its default of 8 MiB a match takes ten times as long."""


class Reason(enum.StrEnum):
    """Why a click may be no person's."""

    EMPTY_USER_AGENT = "empty_user_agent"
    """No browser leaves it out."""
    KNOWN_CRAWLER = "known_crawler"
    """The user agent is in the list of the package crawler-user-agents."""
    CRAWLER_WORDS = "crawler_words"
    """The user agent says that it is a robot."""
    AUTOMATION = "automation"
    """A browser that is driven by a program."""
    HTTP_LIBRARY = "http_library"
    """The HTTP client of a program."""
    MALFORMED_USER_AGENT = "malformed_user_agent"
    """Too short to be a browser's."""
    PREFETCH = "prefetch"
    """A purpose header says that nobody has clicked yet."""
    BURST = "burst"
    """One of several links of a mail, or from one address, that were followed within seconds."""
    TRAP = "trap"
    """A link that people do not see, or a click beside one on such a link."""
    RATE = "rate"
    """One of more clicks from one address within a second than people make."""


class Weight(NamedTuple):
    """What a reason makes of a click."""

    verdict: Verdict
    score: int
    """How sure it is that this was no person, 1 to 100."""


WEIGHTS = {
    Reason.EMPTY_USER_AGENT: Weight(Verdict.BOT, 95),
    Reason.KNOWN_CRAWLER: Weight(Verdict.BOT, 100),
    Reason.CRAWLER_WORDS: Weight(Verdict.BOT, 95),
    Reason.AUTOMATION: Weight(Verdict.BOT, 95),
    Reason.HTTP_LIBRARY: Weight(Verdict.BOT, 95),
    Reason.MALFORMED_USER_AGENT: Weight(Verdict.BOT, 90),
    Reason.PREFETCH: Weight(Verdict.PREFETCH, 90),
    Reason.BURST: Weight(Verdict.BOT, 90),
    Reason.TRAP: Weight(Verdict.BOT, 95),
    Reason.RATE: Weight(Verdict.BOT, 80),
}
"""The published table: reason → class and score."""

STRENGTH = (Verdict.BOT, Verdict.PREFETCH, Verdict.SUSPECT, Verdict.HUMAN)
"""Which class wins when reasons of several fired: the first."""

UNJUDGED = {
    Kind.HEARTBEAT: Outcome.SOURCE,
    Kind.CLOSE: Outcome.SOURCE,
    Kind.ORPHAN: Outcome.ORPHAN,
    Kind.EXPIRED: Outcome.EXPIRED,
    Kind.DISABLED: Outcome.DISABLED,
}
"""Kinds that are no click: nothing is judged, the outcome follows from the kind."""

Reasons = tuple[Reason, ...]
Layer = Callable[[Columns], Coded[Reasons]]
"""One kind of evidence: the reasons that it has against each click of a batch. Pure, as an enricher is."""


class Judgement(NamedTuple):
    """What one record is."""

    kind: str
    outcome: str
    verdict: str
    score: int
    reasons: tuple[str, ...]


def verdict(reasons: Collection[Reason]) -> Verdict:
    """The class of the strongest reason; human where there is none."""
    classes = {WEIGHTS[reason].verdict for reason in reasons}
    return next((name for name in STRENGTH if name in classes), Verdict.HUMAN)


DEAD = Judgement("unknown", Outcome.DEAD.value, Verdict.NONE.value, 0, ())
"""A record that can't be decoded."""


def judgement(kind: Kind, reasons: Reasons, *, duplicate: bool = False) -> Judgement:
    """The one outcome of a record, the first that holds (SEMANTICS, Outcomes), with verdict, score and reasons.

    Which of the counted ones are repeats is found afterwards (`repeated`), since only a counted click opens a window.
    A duplicate keeps the verdict that it would have had. A request for a link that is not there can be one too: a log
    that is imported twice must not add orphans.
    """
    if kind in UNJUDGED:
        outcome = UNJUDGED[kind]
        outcome = Outcome.DUPLICATE if duplicate and outcome is not Outcome.SOURCE else outcome
        return Judgement(kind.value, outcome.value, Verdict.NONE.value, 0, ())
    found = verdict(reasons)
    outcome = Outcome.DUPLICATE if duplicate else Outcome(found.value)
    score = max((WEIGHTS[reason].score for reason in reasons), default=0)
    return Judgement(kind.value, outcome.value, found.value, score, tuple(reason.value for reason in reasons))


def counted(outcomes: Coded[str]) -> NDArray[np.bool_]:
    """Which records count as clicks."""
    return np.array([outcome in COUNTED for outcome in outcomes.values], np.bool_)[outcomes.codes]


def repeated(outcomes: Coded[str], places: NDArray[np.intp]) -> Coded[str]:
    """The outcomes with these counted clicks made repeats, which come right before the counted ones in their order."""
    return outcomes.at(places, Outcome.REPEAT.value) if len(places) else outcomes


def _patterns(patterns: Sequence[str]) -> re2._Regexp:
    options = re2.Options()
    options.case_sensitive = False
    return re2.compile("|".join(f"(?:{pattern})" for pattern in patterns), options)


class UserAgentLayer:
    """Reasons by the user agent."""

    def __init__(self, cache_size: int, rules: Path = RULES) -> None:
        tables = tomllib.loads(rules.read_text(encoding="utf-8"))
        self._words = [
            (Reason(name), _patterns(table["patterns"])) for name, table in tables.items() if "patterns" in table
        ]
        self._crawlers = _crawlers()
        self.cache: Memo[str, Reasons] = Memo(self.reasons, cache_size)

    def reasons(self, user_agent: str) -> Reasons:
        """All reasons that one user agent gives."""
        if not user_agent.strip():
            return (Reason.EMPTY_USER_AGENT,)
        known = (Reason.KNOWN_CRAWLER,) if self._crawlers.Match(user_agent) else ()
        return known + tuple(reason for reason, pattern in self._words if pattern.search(user_agent))

    def __call__(self, columns: Columns) -> Coded[Reasons]:
        """The reasons of every click."""
        return self.cache.of(coded(columns["user_agent"]))


class PurposeLayer:
    """Reasons by the purpose headers."""

    def __init__(self, cache_size: int, rules: Path = RULES) -> None:
        tables = tomllib.loads(rules.read_text(encoding="utf-8"))
        self._rules = [
            (Reason(name), _patterns(table["purpose_patterns"]))
            for name, table in tables.items()
            if "purpose_patterns" in table
        ]
        self.cache: Memo[str, Reasons] = Memo(self.reasons, cache_size)

    def reasons(self, purpose: str) -> Reasons:
        """All reasons that the purpose headers of one request give."""
        return tuple(reason for reason, pattern in self._rules if pattern.search(purpose)) if purpose else ()

    def __call__(self, columns: Columns) -> Coded[Reasons]:
        """The reasons of every click."""
        return self.cache.of(coded(columns["purpose"]))


def _crawlers() -> re2.Set:
    options = re2.Options()
    options.max_mem = SET_MEMORY
    options.log_errors = False
    known = re2.Set.SearchSet(options)
    for crawler in crawleruseragents.CRAWLER_USER_AGENTS_DATA:
        known.Add(crawler["pattern"])
    known.Compile()
    return known


def rules_version(taxonomy: Path, windows: WindowRules) -> str:
    """Version of all rules that judge and that name the channel: twelve hexadecimal digits, from their content."""
    digest = hashlib.sha256(channel.DIALECT.encode())
    for file in (RULES, click_ids.RULES, sources.RULES, taxonomy):
        digest.update(file.read_bytes())
    for crawler in crawleruseragents.CRAWLER_USER_AGENTS_DATA:
        digest.update(crawler["pattern"].encode())
    digest.update(repr((sorted(WEIGHTS.items()), windows)).encode())
    return digest.hexdigest()[:12]


class Judge:
    """`JUDGED_COLUMNS` of a batch: every layer is evaluated, none short-circuits another."""

    columns: tuple[str, ...] = JUDGED_COLUMNS

    def __init__(self, version: str, cache_size: int = 50_000) -> None:
        self._version = version
        self.layers: tuple[Layer, ...] = (UserAgentLayer(cache_size), PurposeLayer(cache_size))
        self._cache = Memo(_judgement_of, cache_size)

    def __call__(
        self,
        columns: Columns,
        *,
        dead: Collection[int] = (),
        duplicates: Collection[int] = (),
        marks: Mapping[int, Reasons] = MappingProxyType({}),
    ) -> Columns:
        """The six columns of every record.

        `dead` and `duplicates` are the places in the batch of records that can't be decoded, and of clicks that came
        before; `marks` has, by place, what a click's neighbours give away (`streams.windows`).
        """
        kinds = coded(columns["kind"])
        flags = [_flags(places, len(kinds)) for places in (dead, duplicates)]
        layers = [*(layer(columns) for layer in self.layers), _marked(marks, len(kinds))]
        found = together(kinds, *flags, *layers)
        return {
            **spread(Judgement._fields, self._cache.of(found)),
            "rules_version": Coded.constant(self._version, len(kinds)),
        }


def _judgement_of(key: tuple[Any, ...]) -> Judgement:
    kind, dead, duplicate, *layers = key
    return DEAD if dead else judgement(kind, tuple(chain.from_iterable(layers)), duplicate=duplicate)


def _flags(places: Collection[int], length: int) -> Coded[bool]:
    flags = Coded.constant(False, length)  # the value of the rows
    return flags.at(np.array(list(places), np.intp), True) if len(places) else flags


def _marked(marks: Mapping[int, Reasons], length: int) -> Coded[Reasons]:
    distinct = {reasons: code for code, reasons in enumerate(dict.fromkeys(marks.values()), 1)}
    codes = np.zeros(length, np.uint32)
    codes[list(marks)] = [distinct[reasons] for reasons in marks.values()]
    return Coded([(), *distinct], codes)
