import pytest

from streams.judge.judge import Judge
from streams.judge.reasons import BIT, Reason
from streams.judge.sent import SentLayer
from tests.unit.streams.judge.clicks import seen

SENT = 1_790_000_000
LAYER = SentLayer()


@pytest.mark.parametrize(
    ("after_ms", "found"),
    [(0, True), (1999, True), (2000, True), (2001, False), (-1500, True), (-2001, False), (86_400_000, False)],
)
def test_sooner_than_anybody_reads(after_ms: int, found: bool) -> None:
    columns = seen(sent_at=SENT, ts=SENT * 1000 + after_ms)
    assert LAYER(columns).tolist() == [BIT[Reason.SENT_JUST_NOW] if found else 0]


def test_a_mail_whose_time_is_not_known() -> None:
    assert LAYER(seen(sent_at=0, ts=1000)).tolist() == [0]


def test_it_is_a_suspicion() -> None:
    made = Judge("test")(seen(sent_at=SENT, ts=SENT * 1000 + 500))
    assert (made["verdict"][0], made["reasons"][0]) == ("suspect", ("sent_just_now",))
