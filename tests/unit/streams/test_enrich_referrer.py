import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.enrich.referrer import Referrers, referrer
from streams.enrich.sources import RULES, SOURCES, Category, Sources, read_sources
from tests.unit.streams.clicks import click, columns


@pytest.mark.parametrize(
    ("value", "host", "domain", "source"),
    [
        ("https://www.google.com/", "google.com", "google.com", "Google"),
        ("https://www.google.co.uk/search?q=x", "google.co.uk", "google.co.uk", "Google"),
        ("https://news.google.com/", "news.google.com", "google.com", "Google"),
        ("https://mail.google.com/mail/u/0/", "mail.google.com", "google.com", "Gmail"),
        ("https://gemini.google.com/app", "gemini.google.com", "google.com", "Gemini"),
        ("https://shopping.google.com/", "shopping.google.com", "google.com", "Google Shopping"),
        ("HTTPS://WWW.Example.CO.UK:8443/Path", "example.co.uk", "example.co.uk", ""),
        ("https://l.facebook.com/", "l.facebook.com", "facebook.com", "Facebook"),
        ("https://t.co/abc", "t.co", "t.co", "X"),
        ("https://www.amazon.co.jp/dp/1", "amazon.co.jp", "amazon.co.jp", "Amazon"),
        ("https://you.github.io/", "you.github.io", "you.github.io", ""),
        ("https://google.blogspot.com/", "google.blogspot.com", "google.blogspot.com", ""),
        ("https://google.com.evil.example/", "google.com.evil.example", "evil.example", ""),
        ("https://notfacebook.com/", "notfacebook.com", "notfacebook.com", ""),
        ("https://my-shop.myshopify.com/", "my-shop.myshopify.com", "my-shop.myshopify.com", "Shopify"),
        ("https://chatgpt.com/", "chatgpt.com", "chatgpt.com", "ChatGPT"),
        ("https://www.example.com./", "example.com", "example.com", ""),
        ("https://xn--mnchen-3ya.de/", "xn--mnchen-3ya.de", "xn--mnchen-3ya.de", ""),
        ("https://münchen.de/", "münchen.de", "münchen.de", ""),
        ("example.com/page", "example.com", "example.com", ""),
        ("https://user:secret@example.com/", "example.com", "example.com", ""),
        ("android-app://com.google.android.gm/", "com.google.android.gm", "", "Gmail"),
        ("android-app://com.linkedin.android", "com.linkedin.android", "", "LinkedIn"),
        ("android-app://org.example.reader/http/x", "org.example.reader", "", ""),
        ("http://intranet/wiki", "intranet", "", ""),
        ("http://192.0.2.7/x", "192.0.2.7", "", ""),
        ("http://[2001:db8::1]:80/", "2001:db8::1", "", ""),
        ("https://co.uk/", "co.uk", "", ""),
        ("", "", "", ""),
        ("about:blank", "", "", ""),
        ("not a url", "", "", ""),
        ("javascript:alert(1)", "", "", ""),
        ("file:///etc/passwd", "", "", ""),
        ("https://[bad", "", "", ""),
        ("https://exa mple.com/", "", "", ""),
        ("https://<script>/", "", "", ""),
        ("https:///path", "", "", ""),
        ("ios-app://544007664/", "", "", ""),
    ],
)
def test_referrer(value: str, host: str, domain: str, source: str) -> None:
    assert referrer(value) == (host, domain, source)


@settings(deadline=None)  # the machine may be busy
@given(st.text(max_size=200))
def test_any_referrer_is_read(value: str) -> None:
    made = referrer(value)
    assert made.referrer_host == made.referrer_host.lower()


def test_a_batch() -> None:
    made = Referrers()(columns(click(referrer="https://www.bing.com/"), click()))
    assert made == {
        "referrer_host": ["bing.com", ""],
        "referrer_domain": ["bing.com", ""],
        "referrer_source": ["Bing", ""],
    }


def test_the_rules_know_enough_sites() -> None:
    lines = RULES.read_text(encoding="utf-8")
    assert lines.count("=") > 200
    assert {
        found.category
        for name in ("google", "facebook", "youtube", "amazon", "chatgpt", "gmail")
        if (found := SOURCES.of_utm(name))
    } == set(Category)


@pytest.mark.parametrize(
    ("utm_source", "name"),
    [
        ("google", "Google"),
        ("bing.com", "Bing"),
        ("www.reddit.com", "Reddit"),
        ("fb", "Facebook"),
        ("hacker news", "Hacker News"),
        ("t.co", "X"),
    ],
)
def test_a_source_by_name_domain_or_alias(utm_source: str, name: str) -> None:
    found = SOURCES.of_utm(utm_source)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("utm_source", ["", "spring", "goog", "*"])
def test_a_source_that_is_none(utm_source: str) -> None:
    assert SOURCES.of_utm(utm_source) is None


def test_a_site_has_one_name() -> None:
    with pytest.raises(ValueError, match=r"a\.example stands under two names"):
        Sources({"search": {"A": ["a.example"]}, "mail": {"B": ["a.example"]}})
    assert read_sources().of_app("com.nobody") is None
