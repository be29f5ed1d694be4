"""A client of the API for commands: one request at a time, every failure as one exception that says what to do."""

from collections.abc import Iterator
from typing import Any

import httpx

from api.settings import CliSettings

SECONDS = 60.0


class ApiFailure(Exception):
    """The API refused or was not there; `str()` is for people, `error` is what the API said."""

    def __init__(self, message: str, error: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.error = error or {}


class Client:
    """Talks to one API; use as a context manager."""

    def __init__(self, settings: CliSettings) -> None:
        token = settings.api_token.get_secret_value()
        self._address = settings.api
        headers = {"authorization": f"Bearer {token}"} if token else {}
        # Not through the environment's proxies: the API is mostly on this machine.
        self._http = httpx.Client(base_url=settings.api, timeout=SECONDS, headers=headers, trust_env=False)

    def __enter__(self) -> "Client":
        """Connections are made as they are needed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close them."""
        self._http.close()

    def query(self, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to `POST /v1/query`."""
        return self._json("POST", "/v1/query", json=body)

    def query_csv(self, body: dict[str, Any]) -> str:
        """The same as CSV."""
        return self._answer("POST", "/v1/query?format=csv", json=body).text

    def add_link(self, link: dict[str, Any]) -> dict[str, Any]:
        """The link that was made."""
        return self._json("POST", "/v1/links", json=link)

    def add_links(self, links: list[dict[str, Any]], *, check_only: bool = False) -> list[dict[str, Any]]:
        """An answer for each of up to 1,000 links: `status`, and `link` or `error`."""
        body = {"links": links, "check_only": check_only}
        results: list[dict[str, Any]] = self._json("POST", "/v1/links/bulk", json=body)["results"]
        return results

    def links(self, **wanted: str | int) -> Iterator[dict[str, Any]]:
        """All links that fit, the newest first."""
        path = f"/v1/links?{httpx.QueryParams(wanted)}"
        while path:
            page = self._json("GET", path)
            yield from page["links"]
            path = page["next"]

    def count_links(self, **wanted: str | int) -> int:
        """How many links fit."""
        total: int = self._json("GET", "/v1/links", params=httpx.QueryParams({**wanted, "limit": 1}))["total"]
        return total

    def link(self, id_: str) -> dict[str, Any]:
        """The link of that id."""
        return self._json("GET", f"/v1/links/{id_}")

    def change_link(self, id_: str, fields: dict[str, Any]) -> dict[str, Any]:
        """The link after its change."""
        return self._json("PATCH", f"/v1/links/{id_}", json=fields)

    def delete_link(self, id_: str) -> None:
        """Delete the link."""
        self._answer("DELETE", f"/v1/links/{id_}")

    def _json(self, method: str, path: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx's own
        answer: dict[str, Any] = self._answer(method, path, **options).json()
        return answer

    def _answer(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        try:
            answer = self._http.request(method, path, **options)
        except httpx.InvalidURL as error:
            raise ApiFailure(f"`{self._address}` is no address: {error}. Set WEIR_API or --api.") from None
        except httpx.TimeoutException:
            raise ApiFailure(f"The API at {self._address} did not answer within {SECONDS:g} seconds.") from None
        except httpx.TransportError as error:
            raise ApiFailure(
                f"No API answers at {self._address} ({error}). Start one (`weir up`), or set WEIR_API or --api."
            ) from None
        if answer.is_error:
            raise self._failure(answer)
        return answer

    def _failure(self, answer: httpx.Response) -> ApiFailure:
        try:
            error = answer.json()["error"]
            return ApiFailure(describe(error), error)
        except (ValueError, KeyError, TypeError):
            said = f"{answer.status_code} {answer.reason_phrase}"
            return ApiFailure(
                f"What answers at {self._address} is not Weir's API ({said}). Set WEIR_API or --api to its address."
            )


def describe(error: dict[str, Any]) -> str:
    """An error of the API as a line for people: `field: message hint`."""
    field = f"{error['field']}: " if error.get("field") else ""
    hint = f" {error['hint']}" if error.get("hint") else ""
    return f"{field}{error['message']}{hint}"
