"""ClickHouse's errors: read from the engine's text, written as the HTTP interface writes them."""

import re

_TEXT = re.compile(r"\s*(?:Code: (?P<code>\d+)\. DB::Exception: )+(?P<message>.*)", re.DOTALL)
_VERSION = re.compile(r"\s*\(version [^()]*(?:\([^()]*\))?\)")
_NAME = re.compile(r"\s*\(([A-Z][A-Z0-9_]+)\)\s*(?=\([A-Z][A-Z0-9_]+\)\s*$)")

BAD_ARGUMENTS = 36
NOT_IMPLEMENTED = 48
SYNTAX_ERROR = 62
UNKNOWN_COMPRESSION_METHOD = 89
UNKNOWN_SETTING = 115
CANNOT_DECOMPRESS = 271
READONLY = 164
REQUIRED_PASSWORD = 194
QUERY_WITH_SAME_ID = 216
INTO_OUTFILE_NOT_ALLOWED = 358
QUERY_WAS_CANCELLED = 394
AUTHENTICATION_FAILED = 516
UNKNOWN = 1002

_STATUSES = {
    # As ClickHouse's HTTP handler answers them; every other code is a 500.
    401: (REQUIRED_PASSWORD,),
    403: (192, 193, AUTHENTICATION_FAILED, 497),  # unknown user, wrong password, no privilege
    404: (46, 47, 50, 56, 60, 63, 73, 78, 81, UNKNOWN_SETTING),  # unknown function, identifier, type, table …
    408: (159,),  # timeout exceeded
    400: (6, 26, 27, 32, 33, 38, 41, 42, 43, 53, 69, 72, 80, 117, 130, 131, 349, 427, 456, 457, BAD_ARGUMENTS, SYNTAX_ERROR),
    501: (NOT_IMPLEMENTED,),
    503: (202, 209),  # too many queries at once, socket timeout
}
_STATUS_OF = {code: status for status, codes in _STATUSES.items() for code in codes}


class QueryError(Exception):
    """A query was refused or failed: ClickHouse's code, its symbolic name and a text for the user."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(message)
        self.code, self.name, self.message = code, name, message

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return _STATUS_OF.get(self.code, 500)

    def body(self, version: str) -> str:
        """The answer's body: the line that every client of ClickHouse knows."""
        return f"Code: {self.code}. DB::Exception: {self.message} ({self.name}) (version {version} (embedded))\n"


def read(text: str) -> QueryError:
    """The engine's text → the error; where the engine wrapped its own message in itself, once."""
    match = _TEXT.match(text)
    if not match:
        return QueryError(UNKNOWN, "UNKNOWN_EXCEPTION", text.strip())
    message = _NAME.sub("", _VERSION.sub("", match["message"]).strip())
    message, _, name = message.rpartition(" (")
    return QueryError(int(match["code"]), name.rstrip(")") or "UNKNOWN_EXCEPTION", message)
