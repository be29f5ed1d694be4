"""What ends the worker decides by its exit code whether it is started again."""

import os

import pytest
from aiokafka.errors import KafkaConnectionError, SaslAuthenticationFailed
from confluent_kafka import KafkaError, KafkaException

from streams.dead_ratio import TooManyDead
from streams.endings import exit_code, places, reasons
from streams.inserter import Gap
from streams.judge.lists import WrongLists
from warehouse.client import WarehouseMisconfigured, WarehouseUnavailable
from warehouse.failures import Doubtful, Misconfigured, Refused

TABLE: list[tuple[BaseException, int]] = [
    (Doubtful("away"), os.EX_TEMPFAIL),
    (WarehouseUnavailable("away"), os.EX_TEMPFAIL),
    (KafkaConnectionError("away"), os.EX_TEMPFAIL),
    (KafkaException(KafkaError(KafkaError._TRANSPORT)), os.EX_TEMPFAIL),
    (ConnectionRefusedError(), os.EX_TEMPFAIL),
    (Gap("rows are gone"), os.EX_TEMPFAIL),
    (Misconfigured("run `weir migrate`"), os.EX_CONFIG),
    (WarehouseMisconfigured("password"), os.EX_CONFIG),
    (TooManyDead("900 of 1000"), os.EX_CONFIG),
    (WrongLists("WEIR_LISTS: entry 2"), os.EX_CONFIG),
    (SaslAuthenticationFailed("password"), os.EX_CONFIG),
    (KafkaException(KafkaError(KafkaError._AUTHENTICATION)), os.EX_CONFIG),
    (Refused("syntax"), 1),
    (KeyError("a fault of ours"), 1),
    (ExceptionGroup("both", [Doubtful("away"), ExceptionGroup("in", [Gap("x")])]), os.EX_TEMPFAIL),
    (ExceptionGroup("both", [Doubtful("away"), KeyError("x")]), 1),
    (ExceptionGroup("both", [Doubtful("away"), KeyError("x"), Misconfigured("y")]), os.EX_CONFIG),
]


@pytest.mark.parametrize(("error", "code"), TABLE)
def test_the_code_says_whether_starting_again_helps(error: BaseException, code: int) -> None:
    assert exit_code(error) == code


def test_all_reasons_stand_in_one_line() -> None:
    assert reasons(ExceptionGroup("both", [Gap("a"), ValueError("b")])) == "Gap: a · ValueError: b"


def test_what_nobody_thought_of_says_where_it_came_from() -> None:
    try:
        raise IndexError("a fault of ours")
    except IndexError as error:
        assert places(error).startswith(f"{__file__}:")
    assert places(KeyError("never raised")) == ""
