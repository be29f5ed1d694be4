"""Keys: what they look like, who is let in with them, how often."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from api.errors import ApiError, Away, Unauthorized
from api.keys.admission import ANYBODY, TOKEN, Admission
from api.keys.caller import Scope
from api.keys.key import Key, digest, find, make
from api.keys.rate import WINDOW, Rates
from api.keys.table import revoked
from api.settings import ApiSettings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY, TEXT = make("shop", [Scope.READ], ["go.example"], now=NOW)
BEARER = f"Bearer {TEXT}"


def admission(*keys: Key, read_at: float | None = 0.0, **settings: Any) -> Admission:
    found = Admission(ApiSettings(**settings))
    if read_at is not None:
        found.take(keys, read_at)
    return found


def test_a_key_is_recognised_by_its_beginning_and_stored_as_a_hash() -> None:
    assert TEXT.startswith(f"weir_{KEY.key_id}_")
    assert KEY.digest == digest(TEXT)
    assert TEXT.rpartition("_")[2] not in repr(KEY)
    assert make("shop", [], [], now=NOW)[1] != TEXT


def test_whoever_has_the_key_has_its_scopes_and_domains() -> None:
    caller = admission(KEY).admit(BEARER, now=NOW, at=0)
    assert (caller.name, caller.key) == ("shop", KEY.key_id)
    assert caller.scopes == {"read"}
    assert caller.domains == ("go.example",)


@given(st.text() | st.just(TEXT[:-1] + "x") | st.just(TEXT + "0") | st.just(TEXT.upper()) | st.just(TEXT[:14]))
def test_no_other_text_is_the_key(text: str) -> None:
    if text != TEXT:
        assert find({KEY.key_id: KEY}, text) is None
    with pytest.raises(ApiError):
        admission(KEY).admit(f"Basic {text}", now=NOW, at=0)


@pytest.mark.parametrize("key", [revoked(KEY, NOW), make("old", [Scope.READ], [], now=NOW, expires_at=NOW)[0]])
def test_a_revoked_or_expired_key_is_none(key: Key) -> None:
    with pytest.raises(Unauthorized):
        admission(key).admit(BEARER, now=NOW, at=0)


def test_a_key_is_good_up_to_the_moment_it_expires() -> None:
    key, text = make("soon", [Scope.READ], [], now=NOW, expires_at=NOW + timedelta(seconds=1))
    assert admission(key).admit(f"bearer {text}", now=NOW, at=0).name == "soon"
    with pytest.raises(Unauthorized):
        admission(key).admit(f"bearer {text}", now=NOW + timedelta(seconds=1), at=0)


def test_keys_stay_good_for_a_while_when_they_can_not_be_read_and_no_longer() -> None:
    asked = admission(KEY, api_keys_seconds=60)
    assert asked.admit(BEARER, now=NOW, at=60).name == "shop"
    with pytest.raises(Away):
        asked.admit(BEARER, now=NOW, at=60.1)
    with pytest.raises(Away):
        admission(KEY, read_at=None).admit(BEARER, now=NOW, at=0)


def test_the_token_is_good_whatever_the_table_says() -> None:
    asked = admission(read_at=None, api_token=SecretStr("sesame"))
    assert asked.admit("Bearer sesame", now=NOW, at=0) is TOKEN
    for wrong in ("Bearer sesame2", "Bearer ", "sesame", ""):
        with pytest.raises(Unauthorized):
            asked.admit(wrong, now=NOW, at=0)


def test_on_loopback_nobody_needs_a_key_until_the_first_is_made() -> None:
    assert admission().admit("", now=NOW, at=0) is ANYBODY
    for keys in ([KEY], [revoked(KEY, NOW)]):
        with pytest.raises(Unauthorized):
            admission(*keys).admit("", now=NOW, at=0)
    with pytest.raises(Unauthorized):
        admission(api_host="0.0.0.0").admit("", now=NOW, at=0)
    assert admission(KEY, api_open=True).admit("", now=NOW, at=0) is ANYBODY


def test_who_may_not_is_not_let_in_with_a_key_that_is_none_where_all_is_open() -> None:
    with pytest.raises(Unauthorized):
        admission(api_open=True).admit("Bearer weir_x", now=NOW, at=0)


@given(st.integers(1, 500), st.lists(st.floats(0, 30), max_size=80))
def test_no_window_has_more_than_twice_the_quota_and_patience_is_rewarded(quota: int, pauses: list[float]) -> None:
    """A full bucket and what comes in while it is emptied: the most that any window of a bucket can have."""
    rates, at, let_through = Rates(quota), 0.0, []
    for pause in [*pauses, *[0.0] * 40]:
        at += pause
        turn = rates.take("a", at)
        assert turn is not None
        assert 0 <= turn.left <= quota
        if turn.allowed:
            let_through.append(at)
        else:
            again = rates.take("a", at + turn.wait)
            assert again is not None
            assert again.allowed
            at += turn.wait
            let_through.append(at)
    for start in let_through:
        assert sum(start <= moment < start + WINDOW for moment in let_through) <= 2 * quota


def test_a_key_that_asks_too_often_waits_and_others_do_not() -> None:
    rates = Rates(3)
    turns = [rates.take("a", 10.0) for _ in range(4)]
    assert [turn.allowed for turn in turns if turn] == [True, True, True, False]
    last = turns[-1]
    assert last is not None
    assert dict(last.headers) == {"ratelimit-policy": '"key";q=3;w=60', "ratelimit": '"key";r=0;t=20'}
    other = rates.take("b", 10.0)
    assert other is not None
    assert other.left == 2
    assert Rates(0).take("a", 0.0) is None
