"""A client of Weir's API in one file, for commands and for programs of yours: copy it, it needs httpx and nothing else.

    with Client("http://127.0.0.1:8090", key="weir_3f9a1c20_…") as weir:
        answer = weir.query({"metrics": ["clicks"], "dimensions": ["channel"], "date_range": "7d"})
        for click in weir.clicks(range="24h", columns="time,channel,country"):
            ...

Answers are the JSON objects of the API, typed; a later release may put more into them. What goes wrong is an exception:

    ApiFailure               what was asked was not done; `error` is what the API said
    ├── Unreachable          nobody answers there, not in time, or not Weir
    ├── NotAllowed           401, 403: no valid key, or one for something else
    ├── NotThere             404
    ├── Clash                409, 412: the slug is taken, or the link was changed meanwhile
    ├── TooExpensive         422: the query ran into its limits
    └── TryLater             429, 503, 504, for longer than `patience`
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NotRequired, TypedDict

import httpx

SECONDS = 60.0
RETRY_AFTER = 1.0
"""Seconds until the next try, where the API does not say."""

Json = dict[str, Any]
Fields = Mapping[str, Any]
Asked = str | int | list[str]
"""A parameter of an address; a list is one that is given more than once, as `filter`."""


class ResultRow(TypedDict):
    """One group of an answer: values of the dimensions and of the metrics, in the order of the query."""

    dimensions: list[str | int]
    metrics: list[Any]
    comparison: NotRequired[Json | None]
    """`metrics` in the range that is compared with, and their `change` in per cent."""


class QueryAnswer(TypedDict):
    """Rows, what there is to know about them, and what was executed."""

    results: list[ResultRow]
    meta: Json
    query: Json


class Link(TypedDict):
    """A link as it is now; times are Unix milliseconds, 0 is none."""

    id: str
    domain: str
    slug: str
    address: str
    destination: str
    version: int
    title: str
    tags: list[str]
    campaign: str
    variants: list[Json]
    enabled: bool
    starts_at: int
    expires_at: int
    expired_url: str
    status: int
    passthrough: bool
    referrer_policy: str
    position: int
    position_of: int
    slot: str
    trap: bool
    created_at: int
    updated_at: int


class WriteLine(TypedDict):
    """A line of the audit log."""

    at: str
    id: str
    action: str
    object: str
    domain: str
    status: int
    key_id: str
    key_name: str
    request_id: str
    before: Json | None
    after: Json | None


class ApiFailure(Exception):
    """What was asked was not done; `str()` is for people, `error` what the API said, `status` its HTTP status or 0."""

    def __init__(self, message: str, error: Json | None = None, status: int = 0) -> None:
        super().__init__(message)
        self.error = error or {}
        self.status = status


class Unreachable(ApiFailure):
    """Nobody answers at that address, not in time, or it is not Weir's API."""


class NotAllowed(ApiFailure):
    """No valid key, or one that is made for something else."""


class NotThere(ApiFailure):
    """There is nothing of that name, or nothing that the key may see."""


class Clash(ApiFailure):
    """The slug is taken, or the link was changed meanwhile."""


class TooExpensive(ApiFailure):
    """The query ran into its limits of time or memory."""


class TryLater(ApiFailure):
    """Too many requests, or ClickHouse or Kafka is away."""


_BY_STATUS: Mapping[int, type[ApiFailure]] = {
    401: NotAllowed,
    403: NotAllowed,
    404: NotThere,
    409: Clash,
    412: Clash,
    422: TooExpensive,
    429: TryLater,
    503: TryLater,
    504: TryLater,
}


class Client:
    """Talks to one API, from any number of threads; use as a context manager.

    Where the API says that it did nothing and when to come back (429, and 503 but where a change may have been taken),
    it is asked again, for `patience` seconds in all. Every method raises `ApiFailure`.
    """

    def __init__(
        self,
        address: str,
        key: str = "",
        *,
        patience: float = 30.0,
        timeout: float = SECONDS,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._address = address
        self._patience = patience
        self._timeout = timeout
        self._sleep = sleep
        headers = {"authorization": f"Bearer {key}"} if key else {}
        # Not through the environment's proxies: the API is mostly on this machine.
        self._http = httpx.Client(
            base_url=address, timeout=timeout, headers=headers, trust_env=False, transport=transport
        )

    def __enter__(self) -> "Client":
        """Connections are made as they are needed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close them."""
        self._http.close()

    def query(self, body: Fields) -> QueryAnswer:
        """The answer to `POST /v1/query`."""
        answer: QueryAnswer = self._json("POST", "/v1/query", json=body)
        return answer

    def query_as(self, body: Fields, format_: str) -> bytes:
        """The same as `csv`, `ndjson`, `arrow` or `parquet`."""
        return self._answer("POST", "/v1/query", params={"format": format_}, json=body).content

    def query_csv(self, body: Fields) -> str:
        """The same as CSV."""
        return self.query_as(body, "csv").decode()

    def breakdown(self, dimension: str, **asked: Asked) -> QueryAnswer:
        """`GET /v1/breakdown/{dimension}`, as `breakdown("channel", range="7d", filter="country=CH")`."""
        answer: QueryAnswer = self._json("GET", f"/v1/breakdown/{dimension}", params=asked)
        return answer

    def timeseries(self, **asked: Asked) -> QueryAnswer:
        """`GET /v1/timeseries`, as `timeseries(interval="hour", range="24h")`."""
        answer: QueryAnswer = self._json("GET", "/v1/timeseries", params=asked)
        return answer

    def clicks(self, **asked: Asked) -> Iterator[Json]:
        """Raw clicks as they come, any number of them; raises `Unreachable` where the answer breaks off."""
        with self._stream("/v1/clicks", {**asked, "format": "ndjson"}) as answer:
            for line in answer.iter_lines():
                if line:
                    yield json.loads(line)

    def live(self, **asked: Asked) -> Iterator[tuple[str, Any]]:
        """Events of the live feed as they come, until the caller stops: `("clicks", […])`, `("figures", {…})` …

        Raises `Unreachable` where the connection ends.
        """
        with self._stream("/v1/live", asked, timeout=None) as answer:
            event, data = "message", list[str]()
            for line in answer.iter_lines():
                name, _, value = line.partition(":")
                if name == "event":
                    event = value.removeprefix(" ")
                elif name == "data":
                    data.append(value.removeprefix(" "))
                elif not line and data:
                    yield event, json.loads("\n".join(data))
                    event, data = "message", []
        raise Unreachable(f"The feed of the API at {self._address} has ended.")

    def ledger(self) -> Json:
        """The log against the rows; wants a key of scope `admin`."""
        found: Json = self._json("GET", "/v1/ledger")
        return found

    def writes(self, **wanted: str | int) -> Iterator[WriteLine]:
        """The audit log, the newest first; wants a key of scope `admin`."""
        yield from self._pages("/v1/audit-log", "writes", wanted)

    def add_link(self, link: Fields) -> Link:
        """The link that was made."""
        made: Link = self._json("POST", "/v1/links", json=link)
        return made

    def add_links(self, links: list[Json], *, check_only: bool = False) -> list[Json]:
        """An answer for each of up to 1,000 links: `status`, and `link` or `error`."""
        body = {"links": links, "check_only": check_only}
        results: list[Json] = self._json("POST", "/v1/links/bulk", json=body)["results"]
        return results

    def links(self, **wanted: str | int) -> Iterator[Link]:
        """All links that fit, the newest first, page by page."""
        yield from self._pages("/v1/links", "links", wanted)

    def count_links(self, **wanted: str | int) -> int:
        """How many links fit."""
        total: int = self._json("GET", "/v1/links", params={**wanted, "limit": 1})["total"]
        return total

    def link(self, id_: str) -> Link:
        """The link of that id."""
        found: Link = self._json("GET", f"/v1/links/{id_}")
        return found

    def change_link(self, id_: str, fields: Fields) -> Link:
        """The link after its change; `if_version` among the fields guards it."""
        changed: Link = self._json("PATCH", f"/v1/links/{id_}", json=fields)
        return changed

    def delete_link(self, id_: str) -> None:
        """Delete the link."""
        self._answer("DELETE", f"/v1/links/{id_}")

    def _pages(self, path: str, part: str, wanted: Mapping[str, str | int]) -> Iterator[Any]:
        following: str | None = f"{path}?{httpx.QueryParams(wanted)}"
        while following:
            page = self._json("GET", following)
            yield from page[part]
            following = page["next"]

    def _json(self, method: str, path: str, **options: Any) -> Any:  # noqa: ANN401 - httpx's own, and JSON
        return self._answer(method, path, **options).json()

    def _answer(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        waited = 0.0
        while True:
            with self._explained():
                answer = self._http.request(method, path, **options)
            if not answer.is_error:
                return answer
            failure, pause = self._failure(answer), _pause(answer)
            if pause is None or waited + pause > self._patience or "command_id" in failure.error:
                raise failure
            self._sleep(pause)
            waited += pause

    @contextmanager
    def _stream(self, path: str, asked: Mapping[str, Asked], **options: Any) -> Iterator[httpx.Response]:  # noqa: ANN401
        with self._explained(), self._http.stream("GET", path, params=asked, **options) as answer:
            if answer.is_error:
                answer.read()
                raise self._failure(answer)
            yield answer

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What httpx raises, in words that say what to do."""
        try:
            yield
        except httpx.InvalidURL as error:
            raise Unreachable(f"`{self._address}` is no address: {error}. Set WEIR_API or --api.") from None
        except httpx.TimeoutException:
            raise Unreachable(f"The API at {self._address} did not answer within {self._timeout:g} seconds.") from None
        except httpx.TransportError as error:
            raise Unreachable(
                f"No API answers at {self._address} ({error}). Start one (`weir up`), or set WEIR_API or --api."
            ) from None

    def _failure(self, answer: httpx.Response) -> ApiFailure:
        try:
            error = answer.json()["error"]
            return _BY_STATUS.get(answer.status_code, ApiFailure)(describe(error), error, answer.status_code)
        except (ValueError, KeyError, TypeError):
            said = f"{answer.status_code} {answer.reason_phrase}"
            return Unreachable(
                f"What answers at {self._address} is not Weir's API ({said}). Set WEIR_API or --api to its address.",
                status=answer.status_code,
            )


def describe(error: Mapping[str, Any]) -> str:
    """An error of the API as a line for people: `field: message hint`."""
    field = f"{error['field']}: " if error.get("field") else ""
    hint = f" {error['hint']}" if error.get("hint") else ""
    return f"{field}{error['message']}{hint}"


def _pause(answer: httpx.Response) -> float | None:
    """Seconds until it may be asked again; None: that would change nothing."""
    if answer.status_code not in {429, 503}:
        return None
    try:
        return max(float(answer.headers["retry-after"]), 0.0)
    except (KeyError, ValueError):
        return RETRY_AFTER
