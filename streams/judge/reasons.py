"""Reasons: why a click may be no person's, and the one published table of what each makes of it."""

import enum
from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from warehouse.columns import Coded
from warehouse.events import Verdict


class Reason(enum.StrEnum):
    """Why a click may be no person's; the first two are its users' own word on it."""

    ALLOWED = "allowed"
    """It is on the list of those that the users allow."""
    DENIED = "denied"
    """It is on the list of those that the users deny."""
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
    """Not built as browsers build theirs."""
    SCANNER_NETWORK = "scanner_network"
    """The network is one from which mails are scanned."""
    BURST = "burst"
    """One of several links of a mail, or from one address, that were followed within seconds."""
    TRAP = "trap"
    """A link that people do not see, or a click beside one on such a link."""
    RATE = "rate"
    """One of more clicks from one address within a second than people make."""
    PREFETCH = "prefetch"
    """A purpose header says that nobody has clicked yet."""
    NETWORK_BURST = "network_burst"
    """One of several links that one hosting or scanner's network followed within seconds."""
    SENT_JUST_NOW = "sent_just_now"
    """The mail had been sent a moment before."""
    HOSTING_NETWORK = "hosting_network"
    """The network is one where servers stand."""
    HOSTED_DESKTOP = "hosted_desktop"
    """A browser in a network where servers stand, and desktops that people use from afar."""


class Weight(NamedTuple):
    """What a reason makes of a click."""

    verdict: Verdict
    score: int
    """How sure it is that this was no person, 1 to 100; 0 where it says that it was."""


WEIGHTS = {
    Reason.ALLOWED: Weight(Verdict.HUMAN, 0),
    Reason.DENIED: Weight(Verdict.BOT, 100),
    Reason.EMPTY_USER_AGENT: Weight(Verdict.BOT, 95),
    Reason.KNOWN_CRAWLER: Weight(Verdict.BOT, 100),
    Reason.CRAWLER_WORDS: Weight(Verdict.BOT, 95),
    Reason.AUTOMATION: Weight(Verdict.BOT, 95),
    Reason.HTTP_LIBRARY: Weight(Verdict.BOT, 95),
    Reason.MALFORMED_USER_AGENT: Weight(Verdict.BOT, 90),
    Reason.SCANNER_NETWORK: Weight(Verdict.BOT, 85),
    Reason.BURST: Weight(Verdict.BOT, 90),
    Reason.TRAP: Weight(Verdict.BOT, 95),
    Reason.RATE: Weight(Verdict.BOT, 80),
    Reason.PREFETCH: Weight(Verdict.PREFETCH, 90),
    Reason.NETWORK_BURST: Weight(Verdict.SUSPECT, 70),
    Reason.SENT_JUST_NOW: Weight(Verdict.SUSPECT, 60),
    Reason.HOSTING_NETWORK: Weight(Verdict.SUSPECT, 50),
    Reason.HOSTED_DESKTOP: Weight(Verdict.SUSPECT, 30),
}
"""The published table: reason → class and score, the stronger class first; the first that fired decides."""

STRENGTH = (Verdict.BOT, Verdict.PREFETCH, Verdict.SUSPECT, Verdict.HUMAN)
"""Which class wins where reasons of several fired: the first. Only `allowed` is stronger than any."""

Reasons = tuple[Reason, ...]

Bits = NDArray[np.int64]
"""The reasons of every click of a batch, a set of them as a number each: `|` puts together what several layers find."""

BIT = {reason: 1 << place for place, reason in enumerate(WEIGHTS)}
"""Reason → its bit."""


def bits_of(reasons: Collection[Reason]) -> int:
    """Reasons as a number."""
    return sum(BIT[reason] for reason in set(reasons))


def reasons_of(bits: int) -> Reasons:
    """The reasons in a number, in the table's order."""
    return tuple(reason for reason, bit in BIT.items() if bits & bit)


def every_row(found: Coded[int]) -> Bits:
    """What was found once a distinct value, for every row."""
    return np.array(found.values, np.int64)[found.codes]


def verdict(reasons: Collection[Reason]) -> Verdict:
    """The class of the strongest reason; human where there is none."""
    return next((weight.verdict for reason, weight in WEIGHTS.items() if reason in reasons), Verdict.HUMAN)


def score(reasons: Collection[Reason]) -> int:
    """How sure they are that this was no person, 0 to 100: as the surest of them is, unless its users allow it."""
    return 0 if Reason.ALLOWED in reasons else max((WEIGHTS[reason].score for reason in reasons), default=0)
