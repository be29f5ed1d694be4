"""The client against answers as the API gives them: what is raised, when it asks again, and when it does not."""

from typing import Any

import httpx
import pytest

from api import client as client_module
from api.client import ApiFailure, Clash, Client, NotAllowed, NotThere, TooExpensive, TryLater, Unreachable
from api.contract.openapi import errors_of, openapi
from api.links.endpoints import ROUTES


class Told:
    """An API that gives one answer after the other, and a clock that only the client moves."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = iter(answers)
        self.asked: list[str] = []
        self.slept: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        return next(self.answers)


def error(status: int, *, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": "x", "message": "It went wrong.", **more}}, headers=headers)


def talking(told: Told, patience: float = 30.0) -> Client:
    return Client("http://api.test", patience=patience, transport=httpx.MockTransport(told), sleep=told.slept.append)


@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (400, ApiFailure),
        (401, NotAllowed),
        (403, NotAllowed),
        (404, NotThere),
        (409, Clash),
        (412, Clash),
        (422, TooExpensive),
        (500, ApiFailure),
        (504, TryLater),
    ],
)
def test_what_goes_wrong_is_an_exception(status: int, raised: type[ApiFailure]) -> None:
    told = Told(error(status, field="slug", hint="Choose another."))
    with pytest.raises(ApiFailure) as caught:
        talking(told).add_link({})
    assert type(caught.value) is raised
    assert caught.value.status == status
    assert str(caught.value) == "slug: It went wrong. Choose another."
    assert caught.value.error["field"] == "slug"
    assert len(told.asked) == 1


def test_it_comes_back_when_it_is_told_to() -> None:
    told = Told(
        error(429, headers={"retry-after": "7"}),
        error(503, headers={"retry-after": "5"}),
        error(503),
        httpx.Response(200, json={"id": "1"}),
    )
    assert talking(told).link("1")["id"] == "1"
    assert told.slept == [7.0, 5.0, 1.0]


def test_it_comes_back_for_so_long_and_no_longer() -> None:
    told = Told(*(error(429, headers={"retry-after": "4"}) for _ in range(9)))
    with pytest.raises(TryLater):
        talking(told, patience=10.0).query({})
    assert told.slept == [4.0, 4.0]
    with pytest.raises(TryLater):
        talking(told, patience=0).query({})
    assert len(told.slept) == 2


def test_a_change_that_may_have_been_taken_is_not_sent_again() -> None:
    told = Told(error(503, headers={"retry-after": "5"}, command_id="c"))
    with pytest.raises(TryLater) as caught:
        talking(told).add_link({})
    assert caught.value.error["command_id"] == "c"
    assert not told.slept


def test_what_is_not_weir_is_told() -> None:
    for answer in (httpx.Response(404, text="<html>"), httpx.Response(500, json=[]), httpx.Response(401, json={})):
        with pytest.raises(Unreachable, match="not Weir's API"):
            talking(Told(answer)).link("1")


def test_pages_are_followed() -> None:
    told = Told(
        httpx.Response(200, json={"links": [{"id": "2"}], "total": 2, "next": "/v1/links?after=x"}),
        httpx.Response(200, json={"links": [{"id": "1"}], "total": 2, "next": None}),
    )
    assert [link["id"] for link in talking(told).links(q="a")] == ["2", "1"]


def test_streams_are_read_as_they_come() -> None:
    told = Told(
        httpx.Response(200, text='{"a": 1}\n{"a": 2}\n'),
        httpx.Response(200, text=': hello\n\nevent: click\ndata: {"a":\ndata:  3}\n\n'),
        error(401),
    )
    client = talking(told)
    assert [click["a"] for click in client.clicks(range="24h")] == [1, 2]
    feed = client.live()
    assert next(feed) == ("click", {"a": 3})
    with pytest.raises(Unreachable, match="ended"):
        next(feed)
    with pytest.raises(NotAllowed):
        next(client.clicks())


def test_a_link_has_the_fields_that_the_description_says() -> None:
    shown = openapi(ROUTES, "0")["components"]["schemas"]["ShownLink"]
    assert client_module.Link.__annotations__.keys() == shown["properties"].keys() == set(shown["required"])


def test_every_error_of_the_description_is_known() -> None:
    statuses = {
        error.status for route in ROUTES for operation in route.operations.values() for error in errors_of(operation)
    }
    assert statuses - client_module._BY_STATUS.keys() == {400, 413, 415, 500}
