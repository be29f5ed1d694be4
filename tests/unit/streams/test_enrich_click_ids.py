import pytest

from streams.enrich.click_ids import CLICK_IDS, ClickIds, Means, ad_click
from tests.unit.streams.clicks import click, columns

PUBLISHED = {
    "google": (Means.PAID, "gclid gbraid wbraid gad_source"),
    "bing": (Means.PAID, "msclkid"),
    "yandex": (Means.PAID, "yclid"),
    "tiktok": (Means.PAID, "ttclid"),
    "x": (Means.PAID, "twclid"),
    "linkedin": (Means.PAID, "li_fat_id"),
    "reddit": (Means.PAID, "rdt_cid"),
    "pinterest": (Means.PAID, "epik"),
    "snapchat": (Means.PAID, "sccid"),
    "facebook": (Means.SOCIAL, "fbclid"),
    "instagram": (Means.SOCIAL, "igshid"),
    "impact": (Means.AFFILIATES, "irclid"),
    "mailchimp": (Means.EMAIL, "mc_cid"),
    "klaviyo": (Means.EMAIL, "_kx"),
}


def test_the_known_click_ids_are_the_published_ones() -> None:
    expected = {name: (source, means) for source, (means, names) in PUBLISHED.items() for name in names.split()}
    expected["dclid"] = ("google", Means.DISPLAY)
    assert {name: (known.source, known.means) for name, known in CLICK_IDS.items()} == expected


@pytest.mark.parametrize("name", CLICK_IDS)
def test_each_is_found_by_its_presence(name: str) -> None:
    assert ad_click(f"{name}=") == name
    assert ad_click(f"a=1&{name.upper()}=x&b=2") == name
    assert ad_click(name) == name


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ""),
        ("a=1&b=2", ""),
        ("utm_source=gclid", ""),
        ("xgclid=1", ""),
        ("gclidx=1", ""),
        ("fbclid=&gclid=", "gclid"),
        ("utm_source=a&amp;fbclid=", "fbclid"),
        ("ScCid=", "sccid"),
        ("=gclid", ""),
        ("&&&", ""),
    ],
)
def test_ad_click(query: str, expected: str) -> None:
    assert ad_click(query) == expected


def test_a_batch() -> None:
    assert ClickIds()(columns(click(query="gclid="), click(query="x=1"))) == {"ad_click": ["gclid", ""]}
