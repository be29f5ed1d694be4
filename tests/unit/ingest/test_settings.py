"""Settings of the redirector: what can't be is refused by name."""

import ipaddress

import pytest
from pydantic import ValidationError

from ingest.settings import IngestSettings


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_DEFAULT_DOMAIN", "Go.Example")
    monkeypatch.setenv("WEIR_TIME_ZONE", "Asia/Kathmandu")
    monkeypatch.setenv("WEIR_TRUSTED_PROXIES", "10.0.0.0/8, 2001:db8::1,")
    monkeypatch.setenv("WEIR_REDIRECTOR_PORT", "0")
    settings = IngestSettings()
    assert settings.default_domain == "go.example"
    assert settings.zone().key == "Asia/Kathmandu"
    assert settings.proxies() == (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8::1/128"))
    assert settings.redirector_port == 0


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("time_zone", "Europe/Atlantis", "no such time zone"),
        ("time_zone", "../etc/passwd", "no such time zone"),
        ("trusted_proxies", "10.0.0.1/8", "host bits set"),
        ("trusted_proxies", "everybody", "everybody"),
        ("default_domain", "a b", "host"),
        ("redirector_port", "65536", "65535"),
    ],
)
def test_a_wrong_setting_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str) -> None:
    monkeypatch.setenv(f"WEIR_{name.upper()}", value)
    with pytest.raises(ValidationError, match=why) as refused:
        IngestSettings()
    assert refused.value.errors()[0]["loc"] == (name,)
