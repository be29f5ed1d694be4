"""Destinations and domains: what is refused, what is normalised, and that normalising is done after once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.links import MAX_DESTINATION, DestinationError, DomainError, check_destination, normalise_domain

REFUSED = {
    "javascript:alert(1)": "`javascript:` can't be a destination",
    "JaVaScRiPt:alert(1)": "can't be a destination",
    "data:text/html,<script>": "`data:` can't be a destination",
    "ftp://example.com/": "`ftp:` can't be a destination",
    "file:///etc/passwd": "`file:` can't be a destination",
    "//evil.example/": "begin with http:// or https://",
    "/path": "begin with http:// or https://",
    "example.com": "begin with http:// or https://",
    "": "begin with http:// or https://",
    "https:example.com": "begin with http:// or https://",
    "https:/example.com": "begin with http:// or https://",
    "https://": "host is missing",
    "https:///path": "host is missing",
    "https://?q": "host is missing",
    "https://user@example.com/": "user name or password",
    "https://user:password@example.com/": "user name or password",
    "https://example.com@evil.example/": "user name or password",
    r"https://example.com\@evil.example/": "backslash",
    r"https:\\example.com": "backslash",
    " https://example.com/": "white space",
    "https://example.com/a b": "white space",
    "https://example.com/\r\nSet-Cookie: a=b": "white space",
    "https://example.com/\u2028": "white space",
    "https://example.com/\x00": "control character",
    "https://example.com/\x7f": "control character",
    "https://example.com/\x9f": "control character",
    "https://example.com/\u202egpj": "invisible",
    "https://example.com/\ud800": "control character",
    "https://exa%6dple.com/": "no host name can have",
    "https://-example.com/": "no host name can have",
    "https://a..b/": "no host name can have",
    "https://" + "a" * 64 + ".com/": "no host name can have",
    "https://example.com:0/": "port",
    "https://example.com:65536/": "port",
    "https://example.com:80a/": "port",
    "https://example.com:/": "port",
    "https://[::1/": "host is none",
    "https://[::zz]/": "no IPv6 address",
    "https://[fe80::1%25eth0]/": "zone",
    "https://[fe80::1%eth0]/": "zone",
    "https://xn--a-.example/é\u200b": "invisible",
    "https://ex⁄ample.com/": "international domain name",
    "https://example.com/" + "a" * MAX_DESTINATION: "longer than 2048 characters",
    "https://example.com/" + "é" * 1000: "once it is encoded",
}

NORMALISED = {
    "https://example.com": "https://example.com",
    "HTTPS://Example.COM/Path?Q=A#F": "https://example.com/Path?Q=A#F",
    "http://localhost:8080/": "http://localhost:8080/",
    "https://example.com./": "https://example.com/",
    "https://example.com:0443/": "https://example.com:443/",
    "https://münchen.example/straße?q=ü#é": "https://xn--mnchen-3ya.example/stra%C3%9Fe?q=%C3%BC#%C3%A9",
    "https://faß.de/": "https://xn--fa-hia.de/",
    "https://例え.テスト/": "https://xn--r8jz45g.xn--zckzah/",
    "https://EXAMPLE。com/": "https://example.com/",
    "http://192.0.2.7/": "http://192.0.2.7/",
    "http://[2001:DB8:0::1]:80/x": "http://[2001:db8::1]:80/x",
    "https://example.com/%E4?a=+%zz&b&&c=;'\"<>^`{|}": "https://example.com/%E4?a=+%zz&b&&c=;'\"<>^`{|}",
    "https://example.com?a=@&b=//evil": "https://example.com?a=@&b=//evil",
    "https://my_shop.example/": "https://my_shop.example/",
}


@pytest.mark.parametrize("url", REFUSED)
def test_refused_with_a_reason(url: str) -> None:
    with pytest.raises(DestinationError) as refused:
        check_destination(url)
    assert REFUSED[url] in str(refused.value)


@pytest.mark.parametrize("url", NORMALISED)
def test_normalised(url: str) -> None:
    assert check_destination(url) == NORMALISED[url]


def test_the_longest_destination() -> None:
    longest = "https://example.com/".ljust(MAX_DESTINATION, "a")
    assert check_destination(longest) == longest


@given(st.text(max_size=60) | st.from_regex(r"https?://[a-zé.:@\[\]0-9]{0,12}[/?#]?.{0,20}", fullmatch=True))
def test_any_text_is_refused_or_becomes_a_safe_address(text: str) -> None:
    try:
        checked = check_destination(text)
    except DestinationError as refused:
        assert str(refused)
        return
    assert checked.startswith(("http://", "https://"))
    assert all("!" <= char <= "~" and char != "\\" for char in checked)
    assert "@" not in checked.split("/")[2].split("?")[0].split("#")[0]
    assert check_destination(checked) == checked


@given(st.from_regex(r"[/?#][!-\[\]-~]{0,40}", fullmatch=True))
def test_printable_ascii_behind_the_host_stays_as_it_is(rest: str) -> None:
    assert check_destination(f"https://example.com{rest}") == f"https://example.com{rest}"


@pytest.mark.parametrize(
    ("host", "normal"),
    [
        ("Example.COM", "example.com"),
        ("example.com:8443", "example.com"),
        ("example.com.", "example.com"),
        ("LOCALHOST", "localhost"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("[::1]:80", "[::1]"),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_domains_are_normalised(host: str, normal: str) -> None:
    assert normalise_domain(host) == normal
    assert normalise_domain(normal) == normal


@pytest.mark.parametrize("host", ["", ".", "a/b", "a b", "a:b", "a,b", "-a", "a\x00", "a" * 254, "[::1", "user@host"])
def test_what_is_no_domain(host: str) -> None:
    with pytest.raises(DomainError):
        normalise_domain(host)
