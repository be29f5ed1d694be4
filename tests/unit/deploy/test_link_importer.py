"""The import against a small API in memory that knows one rule: a slug is taken once."""

from typing import Any

from api.client import ApiFailure
from deploy.links.importer import BATCH, IN_FLIGHT, import_all_or_nothing, import_rows
from deploy.links.rows import Row


class Api:
    """Links by slug; `late` is taken by somebody else between the check and the import, `fatal` makes it go away."""

    def __init__(self, *taken: str, late: str = "", fatal: str = "") -> None:
        self.links = {slug: f"id of {slug}" for slug in taken}
        self.late, self.fatal = late, fatal

    def add_links(self, links: list[dict[str, Any]], *, check_only: bool = False) -> list[dict[str, Any]]:
        if not check_only and any(link["slug"] == self.fatal for link in links):
            raise ApiFailure("It has gone away.")
        return [self._add(link["slug"], check_only) for link in links]

    def delete_link(self, id_: str) -> None:
        del self.links[id_.removeprefix("id of ")]

    def _add(self, slug: str, check_only: bool) -> dict[str, Any]:
        if slug in self.links or (slug == self.late and not check_only):
            return {"status": 409, "error": {"code": "conflict", "message": f"{slug} is taken.", "field": "slug"}}
        if not check_only:
            self.links[slug] = f"id of {slug}"
        return {"status": 201, "link": {"id": f"id of {slug}"}}


def row(line: int, slug: str) -> Row:
    return Row(line, {"destination": "https://x.example/", "slug": slug})


def test_what_can_be_made_is_made_and_the_rest_is_listed_by_line() -> None:
    api, done = Api("b"), list[int]()
    outcome = import_rows(api, [row(2, "a"), row(3, "b"), Row(4, error="no cells"), row(5, "c")], done.append)
    assert outcome.made == ["id of a", "id of c"]
    assert outcome.errors == [(3, "slug: b is taken."), (4, "no cells")]
    assert sum(done) == 4


def test_a_long_file_goes_in_batches() -> None:
    api, done = Api(), list[int]()
    import_rows(api, [row(number, f"s{number}") for number in range(BATCH + 1)], done.append)
    assert done == [BATCH, 1]
    assert len(api.links) == BATCH + 1


def test_all_or_nothing_makes_nothing_where_one_is_refused() -> None:
    api = Api("b")
    outcome = import_all_or_nothing(api, [row(2, "a"), row(3, "b"), row(4, "a"), Row(5, error="bad")], lambda _: None)
    assert list(api.links) == ["b"]
    assert outcome.made == []
    assert outcome.errors == [(3, "slug: b is taken."), (4, "slug: `a` stands in line 2 already"), (5, "bad")]


def test_all_or_nothing_takes_back_what_was_made_before_a_late_refusal() -> None:
    api = Api("mine", late="c")
    outcome = import_all_or_nothing(api, [row(2, "a"), row(3, "b"), row(4, "c")], lambda _: None)
    assert list(api.links) == ["mine"]
    assert outcome.taken_back == 2
    assert outcome.errors == [(4, "slug: c is taken.")]


def test_all_or_nothing_makes_all() -> None:
    api, done = Api(), list[int]()
    outcome = import_all_or_nothing(api, [row(2, "a"), row(3, "b")], done.append)
    assert list(api.links) == ["a", "b"]
    assert not outcome.errors
    assert sum(done) == 4


def test_of_two_lines_with_one_slug_the_first_is_made() -> None:
    api = Api()
    outcome = import_rows(api, [row(2, "a"), row(3, "a"), row(4, "b")], lambda _: None)
    assert list(api.links) == ["a", "b"]
    assert outcome.errors == [(3, "slug: `a` stands in line 2 already")]


def test_an_api_that_goes_away_ends_the_import_with_what_is_known() -> None:
    """What was answered is counted, what was not is named by its lines, and the rest is not sent."""
    count = 3 * IN_FLIGHT * BATCH
    api = Api(fatal=f"s{BATCH}")
    outcome = import_rows(api, [row(number, f"s{number}") for number in range(count)], lambda _: None)
    assert outcome.failure == "It has gone away."
    assert outcome.unknown == list(range(BATCH, 2 * BATCH))
    assert BATCH <= len(outcome.made) == len(api.links) <= IN_FLIGHT * BATCH
    assert not outcome.complete


def test_all_or_nothing_takes_back_what_was_made_before_the_api_failed() -> None:
    api, done = Api("mine", fatal=f"s{BATCH}"), list[int]()
    outcome = import_all_or_nothing(api, [row(number, f"s{number}") for number in range(2 * BATCH)], done.append)
    assert list(api.links) == ["mine"]
    assert (outcome.failure, outcome.taken_back, outcome.made) == ("It has gone away.", BATCH, [])
    assert sum(done) == 3 * BATCH  # checked, sent, and one batch taken back
