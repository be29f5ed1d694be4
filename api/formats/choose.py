"""Which format an answer is sent in: `?format=` if it is there, else `Accept`, else JSON."""

from dataclasses import dataclass

from starlette.requests import Request

from api.errors import BadRequest, NotAcceptable, suggest


@dataclass(frozen=True)
class Format:
    """One way to write an answer; `clickhouse` is ClickHouse's name of it, for what it writes itself."""

    name: str
    media_type: str
    clickhouse: str
    is_text: bool = True

    @property
    def media(self) -> str:
        """The media type without its parameters."""
        return self.media_type.partition(";")[0]

    def headers(self, title: str) -> dict[str, str]:
        """What a client is told beside the status; `title` is the file's name where a browser would save one."""
        headers = {"content-type": self.media_type, "vary": "Accept"}
        if self is not JSON:
            headers["content-disposition"] = f'attachment; filename="{title}.{self.name}"'
        return headers


JSON = Format("json", "application/json", "JSONEachRow")
CSV = Format("csv", "text/csv; charset=utf-8; header=present", "CSVWithNames")
NDJSON = Format("ndjson", "application/x-ndjson", "JSONEachRow")
ARROW = Format("arrow", "application/vnd.apache.arrow.stream", "ArrowStream", is_text=False)
PARQUET = Format("parquet", "application/vnd.apache.parquet", "Parquet", is_text=False)

FORMATS = {format_.name: format_ for format_ in (JSON, CSV, NDJSON, ARROW, PARQUET)}
"""Name in `?format=` → format; where `Accept` likes several equally, the first of them is sent."""


def chosen(request: Request) -> Format:
    """The format of a request's answer; raises `BadRequest` naming `format`, or `NotAcceptable`."""
    name = request.query_params.get("format")
    if name is None:
        return accepted(request.headers.get("accept", "*/*"))
    if name not in FORMATS:
        raise BadRequest(f"There is no format `{name[:64]}`.", field="format", hint=suggest(name, FORMATS))
    return FORMATS[name]


def accepted(accept: str) -> Format:
    """The format that an `Accept` header likes best (RFC 9110, 12.5.1); raises `NotAcceptable`."""
    wanted = [_read(part) for part in accept.split(",") if part.strip()] or [("*/*", 1.0)]
    best = max(FORMATS.values(), key=lambda format_: _quality(format_, wanted))
    if not _quality(best, wanted):
        raise NotAcceptable(
            "An answer can't be sent in any of the formats that `Accept` names.",
            hint="Name one of those in `available`, or add `?format=`.",
            available=[format_.media for format_ in FORMATS.values()],
        )
    return best


def _read(part: str) -> tuple[str, float]:
    """`text/csv;q=0.5` → media range and quality; a quality that is no number is none."""
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((piece[2:] for piece in parameters if piece.startswith("q=")), "1")
    try:
        return media, min(max(float(quality), 0.0), 1.0)
    except ValueError:
        return media, 0.0


def _quality(format_: Format, wanted: list[tuple[str, float]]) -> float:
    """How much a format is liked: the most exact range that it fits decides."""
    for fitting in (format_.media, f"{format_.media.partition('/')[0]}/*", "*/*"):
        found = [quality for range_, quality in wanted if range_ == fitting]
        if found:
            return max(found)
    return 0.0
