"""Links written to a file and read again are the same links."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.links.commands import shown
from deploy.links.rows import FileError, read_rows
from deploy.links.writer import given as fields_of
from deploy.links.writer import write_links
from ingest.links import Link, Variant, link_id

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
variants = st.builds(
    Variant, name=texts.filter(bool), destination=st.just("https://v.example/"), weight=st.integers(0, 9)
)
links = st.builds(
    Link,
    id=st.just(link_id("go.example", "a")),
    domain=st.just("go.example"),
    slug=st.just("a/b"),
    destination=st.sampled_from(["https://e.example/?a=1,2&b=%22", "https://e.example/"]),
    version=st.integers(1, 9),
    variants=st.lists(variants, max_size=2).map(tuple),
    title=texts,
    tags=st.lists(texts, max_size=3).map(tuple),
    campaign=texts,
    enabled=st.booleans(),
    starts_at=st.integers(0, 2**53),
    expires_at=st.integers(0, 2**43),
    expired_url=st.sampled_from(["", "https://late.example/"]),
    status=st.sampled_from([301, 302]),
    passthrough=st.booleans(),
    referrer_policy=st.sampled_from(["", "origin"]),
    position=st.integers(0, 9),
    position_of=st.integers(0, 9),
    slot=texts,
    trap=st.booleans(),
    created_at=st.integers(0, 9),
)


def as_the_api_shows(link: Link) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(shown(link, "https://{domain}/{slug}")))
    return found


def written(folder: Path, name: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    done = list[int]()
    assert write_links(folder / name, found, done.append) == sum(done) == len(found)
    rows = list(read_rows(folder / name))
    assert not [row.error for row in rows if row.error]
    return [row.link for row in rows]


@pytest.mark.parametrize("name", ["l.csv", "l.json", "l.ndjson"])
@settings(deadline=None, max_examples=50)
@given(found=st.lists(links, max_size=3))
def test_what_is_exported_is_imported_as_it_was(name: str, found: list[Link]) -> None:
    listed = [as_the_api_shows(link) for link in found]
    with TemporaryDirectory() as folder:
        assert written(Path(folder), name, listed) == [fields_of(link) for link in listed]


def test_only_what_a_link_is_made_from_is_written() -> None:
    plain = Link(id="0" * 16, domain="go.example", slug="a", destination="https://e.example/", version=7, created_at=9)
    assert fields_of(as_the_api_shows(plain)) == {
        "domain": "go.example", "slug": "a", "destination": "https://e.example/",
    }  # fmt: skip


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="neither"):
        write_links(tmp_path / "links.txt", [], lambda _: None)
    assert not list(tmp_path.iterdir())
