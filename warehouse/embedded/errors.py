"""ClickHouse's errors: read from the engine's text, written as the HTTP interface writes them."""

import re

_TEXT = re.compile(r"\s*(?:Code: (?P<code>\d+)\. DB::Exception: )+(?P<message>.*)", re.DOTALL)
_VERSION = re.compile(r"\s*\(version [^()]*(?:\([^()]*\))?\)")
_NAMES = re.compile(r"(?P<message>.*?)(?:\.?\s*\((?P<name>[A-Z][A-Z0-9_]+)\))+\.?\s*", re.DOTALL)

BAD_ARGUMENTS = 36
NOT_IMPLEMENTED = 48
SYNTAX_ERROR = 62
UNKNOWN_FORMAT = 73
UNKNOWN_COMPRESSION_METHOD = 89
UNKNOWN_SETTING = 115
CANNOT_DECOMPRESS = 271
READONLY = 164
REQUIRED_PASSWORD = 194
QUERY_WITH_SAME_ID = 216
INTO_OUTFILE_NOT_ALLOWED = 358
AUTHENTICATION_FAILED = 516
UNKNOWN = 1002

_STATUSES = {
    # As ClickHouse's HTTP handler answers them; every other code is a 500.
    401: (REQUIRED_PASSWORD,),
    403: (192, 193, AUTHENTICATION_FAILED, 497),  # unknown user, wrong password, no privilege
    404: (
        46,
        47,
        50,
        56,
        60,
        63,
        UNKNOWN_FORMAT,
        78,
        81,
        UNKNOWN_SETTING,
    ),  # unknown function, identifier, type, table …
    408: (159,),  # timeout exceeded
    400: (
        *(6, 26, 27, 32, 33, 38, 41, 42, 43, 53, 69, 72, 80, 117, 130, 131, 349, 427, 456, 457),  # what can't be parsed
        BAD_ARGUMENTS,
        SYNTAX_ERROR,
    ),
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
        text = self.message.rstrip(". ")
        return f"Code: {self.code}. DB::Exception: {text}. ({self.name}) (version {version} (embedded))\n"


def read(text: str) -> QueryError:
    """The engine's text → the error; where the engine wrapped its own message in itself, once."""
    match = _TEXT.match(text)
    if not match:
        return QueryError(UNKNOWN, "UNKNOWN_EXCEPTION", text.strip())
    text = _VERSION.sub("", match["message"]).strip()
    named = _NAMES.fullmatch(text)
    message, name = (named["message"], named["name"]) if named else (text, "UNKNOWN_EXCEPTION")
    return QueryError(int(match["code"]), name, message)
