"""ClickHouse's errors told apart by what a writer does about them.

    Failure ─┬─ Doubtful    it passes: ask the ledger what stands, and write the rest
             ├─ TooLarge    as above, in smaller inserts
             ├─ Unstorable  it is certain rows: split until they stand alone, and bury those
             ├─ Fenced      another writer has the partition: fence again, once
             └─ Refused     it stays: stop, and say what to do
               └─ Misconfigured  as above, and starting again would not help either

An insert of ours is one block in ClickHouse's Native format with the table's own types. So nothing is parsed in it, and
ClickHouse finds fault with a row only where somebody added a constraint or a column of his own to `events`. (A view of
his own that fails leaves the rows stored and misses them: then the ledger says that all is well.)
"""

import re

import aiohttp
from clickhouse_connect.driver.exceptions import DatabaseError, DataError, Error

LONGEST = 500
"""Characters of ClickHouse's own words that are passed on."""

VIOLATED_CONSTRAINT = 469
OUR_CONSTRAINT = re.compile(r"Constraint `?fenced`? ")
"""A constraint of somebody else's may refuse rows too; only this one is the fence."""

PASSING = frozenset(
    {
        *(3, 33, 40, 271),  # the body was cut or spoiled on its way: our own encoding is never short
        *(76, 75, 74, 243),  # a file can't be opened, written or read, no space on the disk
        *(159, 160, 209, 210, 279, 425),  # timeouts, the network, no replica answers, the operating system
        *(201, 202, 203, 439),  # a quota is used up, too many queries, no thread
        # Too many parts: merges are behind. In halves it would be more of them.
        *(252, 236, 394, 286, 319, 285, 242, 999, 225),  # aborted, killed, quorum, read-only replica, Keeper
    }
)
"""Codes of what passes. Not told apart further: whatever it was, the ledger says what stands."""

TOO_MUCH = frozenset({158, 173, 241, 307, 396})
"""Too many rows, no memory, memory limit, too many bytes, either of them in a result."""
TOO_MUCH_STATUS = re.compile(r"HTTP status 413\b")
"""A proxy before ClickHouse takes no body of this size."""

ROWS = frozenset(
    {
        *(6, 26, 27, 32, 38, 41, 72, 376, 441, 467, 675, 676),  # a cast of a text: number, empty, date, UUID, bool, IP
        *(53, 69, 70, 117, 131, 128, 153, 190, 321, 349, 407, 691),  # type, range, size, division by zero, NULL, Enum
        395,  # throwIf
    }
)
"""Codes of what depends on a row's values: a column that somebody added can't be worked out from them."""

SCHEMA = frozenset({8, 10, 16, 47, 60, 81})
LOGIN = frozenset({192, 193, 194, 516})
RIGHTS = frozenset({164, 497})
SETTINGS = frozenset({115, 452})

ADVICE = {
    SCHEMA: "The schema is not this version's: run `weir migrate`.",
    LOGIN: "Check WEIR_CLICKHOUSE_USER and WEIR_CLICKHOUSE_PASSWORD.",
    RIGHTS: "Let WEIR_CLICKHOUSE_USER be a user that may read and write the database WEIR_CLICKHOUSE_DATABASE.",
    SETTINGS: "Let that user's profile allow the settings that Weir sends, and use the ClickHouse that it is made for.",
}
"""What no waiting mends, and what the operator does about it."""


class Failure(Exception):
    """ClickHouse did not do what it was asked to."""


class Doubtful(Failure):
    """Nobody can say whether the insert was taken: a lost answer, a timeout, an error that passes."""


class TooLarge(Failure):
    """The insert is more than ClickHouse can take at once now; a part of it may stand."""


class Unstorable(Failure):
    """Certain rows can't be stored."""

    def __init__(self, reason: str, *, sent: bool = True) -> None:
        super().__init__(reason)
        self.sent = sent
        """False: found before anything was sent. True: a part may stand."""


class Fenced(Failure):
    """Another writer has fenced the partition since; nothing was written."""


class Refused(Failure):
    """ClickHouse refused for a reason that trying again does not mend."""


class Misconfigured(Refused):
    """Refused until somebody changes a setting, a user or the schema; the message says which."""


def judge(error: Exception, *, writing: bool) -> Exception:
    """What an error of the client means: a `Failure`, or itself where it is neither the client's nor the network's.

    What is too large or unstorable is so only where rows were written; for a question it is a failure like others.
    """
    if isinstance(error, DatabaseError) and (error.code is not None or TOO_MUCH_STATUS.search(str(error))):
        failure = _by_code(error.code, str(error).partition("\n")[0][:LONGEST])
        if not writing and isinstance(failure, TooLarge | Unstorable):
            return (Doubtful if isinstance(failure, TooLarge) else Refused)(str(failure))
        return failure
    if isinstance(error, DataError):
        return Refused(str(error)[:LONGEST])
    if isinstance(error, Error | OSError | TimeoutError | aiohttp.ClientError):
        return Doubtful(str(error)[:LONGEST] or type(error).__name__)
    return error


def _by_code(code: int | None, text: str) -> Failure:
    if code == VIOLATED_CONSTRAINT:
        return Fenced(text) if OUR_CONSTRAINT.search(text) else Unstorable(text)
    if code is None or code in TOO_MUCH:
        return TooLarge(text)
    if code in ROWS:
        return Unstorable(text)
    if code in PASSING:
        return Doubtful(text)
    for codes, advice in ADVICE.items():
        if code in codes:
            return Misconfigured(f"{advice} ClickHouse said: {text}")
    return Refused(text)
