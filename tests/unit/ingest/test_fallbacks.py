"""Fallbacks: which address a domain's misses lead to."""

import pytest

from ingest.fallbacks import Fallbacks
from ingest.settings import IngestSettings

TEXT = "go.example=https://example.com/lost?a=b, Bücher.example = https://bücher.example/,*=https://e.example/#x"


@pytest.mark.parametrize(
    ("host", "domain", "address"),
    [
        ("go.example", "localhost", b"https://example.com/lost?a=b"),
        ("other.example", "go.example", b"https://example.com/lost?a=b"),
        ("xn--bcher-kva.example", "localhost", b"https://xn--bcher-kva.example/"),
        ("", "localhost", b"https://e.example/#x"),
    ],
)
def test_the_host_s_own_comes_first_then_its_domain_s_then_that_of_all_others(
    host: str, domain: str, address: bytes
) -> None:
    assert Fallbacks(TEXT).of(host, domain) == address


def test_without_one_there_is_none() -> None:
    assert Fallbacks("").of("go.example", "localhost") == b""
    assert Fallbacks("go.example=https://example.com/").of("", "localhost") == b""


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("https://example.com/lost", "`https://example.com/lost` is none"),
        ("go.example", "write domain=address"),
        ("go.example=javascript:alert(1)", "only http and https"),
        ("go.example=//evil.example", "it has to begin with http"),
        ("go.example=https://a@evil.example/", "user name"),
        ("go example=https://example.com/", "is no domain"),
        ("go.example=https://example.com/,b", "`b` is none"),
    ],
)
def test_what_is_wrong_is_named_and_so_is_the_setting(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Fallbacks(text)
    with pytest.raises(ValueError, match="fallbacks"):
        IngestSettings(fallbacks=text)
