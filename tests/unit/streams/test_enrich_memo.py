from hypothesis import given, settings
from hypothesis import strategies as st

from streams.enrich.memo import Memo
from warehouse.columns import Coded


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.integers(0, 40)), st.integers(1, 20))
def test_a_memo_answers_as_its_function_does(keys: list[int], size: int) -> None:
    memo: Memo[int, int] = Memo(lambda key: key * 2, size)
    assert memo.of(Coded.of(keys)) == [key * 2 for key in keys]
    assert memo.lookups == len(set(keys))
    assert memo.hits + memo.misses == memo.lookups


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.integers()), st.integers(2, 20))
def test_a_memo_holds_no_more_than_its_size(keys: list[int], size: int) -> None:
    memo: Memo[int, float] = Memo(lambda key: key + 0.5, size)
    memo.of(Coded.of(keys))
    assert memo.held <= size


def test_what_is_in_use_stays() -> None:
    memo = Memo(str, 10)
    for other in range(100):
        memo.of(Coded.of(["often", other]))
    assert memo.misses == 101


def test_what_was_forgotten_is_worked_out_again() -> None:
    answers = iter("ab")
    memo: Memo[str, str] = Memo(lambda _: next(answers), 10)
    assert memo.of(Coded.of(["k", "k"])) == ["a", "a"]
    memo.forget()
    assert memo.of(Coded.of(["k"])) == ["b"]
