"""Slugs: which ones a link may have."""

import pytest

from ingest.links import SlugError, check_slug


@pytest.mark.parametrize(
    "slug", ["a", "a/b", "A-Z_0.9~", "-", "s", "-a/b", "sale/x", "favicon.icon", "a" * 128, "a//b"]
)
def test_slugs_that_a_link_may_have(slug: str) -> None:
    assert check_slug(slug) == slug


@pytest.mark.parametrize(
    ("slug", "why"),
    [
        ("", "1 to 128"),
        ("a" * 129, "1 to 128"),
        ("/a", "not at its beginning"),
        ("a b", "characters"),
        ("a?b", "characters"),
        ("ä", "characters"),
        ("a\n", "characters"),
        ("-/live", "Weir's own pages"),
        ("s/x.y", "signed links"),
        (".well-known/x", "every host"),
        (".well-known", "every host"),
        ("favicon.ico", "every host"),
        ("robots.txt", "every host"),
        (".", "folded away"),
        ("a/../b", "folded away"),
    ],
)
def test_slugs_that_it_may_not_have(slug: str, why: str) -> None:
    with pytest.raises(SlugError, match=why):
        check_slug(slug)
