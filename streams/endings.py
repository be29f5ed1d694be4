"""How the worker ends: what it says, and the exit code from which whoever started it knows whether to do so again.

- 75 (`EX_TEMPFAIL`): ClickHouse or Kafka is away, or what is stored changed under us: again, for as long as it takes.
- 78 (`EX_CONFIG`): a setting, a user, the schema or a release is wrong: starting again changes nothing.
- 1: anything else, a fault of ours: again, and given up when it never lasts.
"""

import os
from collections.abc import Iterator
from traceback import extract_tb

from aiokafka import errors as aiokafka
from confluent_kafka import KafkaError, KafkaException

from streams.dead_ratio import TooManyDead
from streams.inserter import Gap
from streams.judge.lists import WrongLists
from streams.own.find import WrongAgents
from streams.own.load import WrongEnricher
from streams.publisher import NoTopic
from warehouse.client import WarehouseMisconfigured, WarehouseUnavailable
from warehouse.failures import Doubtful, Fenced, Misconfigured

WRONG = (
    Misconfigured,
    WarehouseMisconfigured,
    TooManyDead,
    WrongEnricher,
    WrongLists,
    WrongAgents,
    NoTopic,
    aiokafka.AuthenticationFailedError,
    aiokafka.SaslAuthenticationFailed,
    aiokafka.TopicAuthorizationFailedError,
    aiokafka.GroupAuthorizationFailedError,
)
WRONG_KAFKA = frozenset(
    {
        *(KafkaError._AUTHENTICATION, KafkaError._INVALID_ARG, KafkaError.SASL_AUTHENTICATION_FAILED),
        *(KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED),
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)
PASSING = (Doubtful, Fenced, Gap, WarehouseUnavailable, aiokafka.KafkaError, KafkaException, OSError)


def exit_code(error: BaseException) -> int:
    """The code for what ended the worker; where several things did at once, the one that says most."""
    codes = {_code(cause) for cause in causes(error)}
    return next((code for code in (os.EX_CONFIG, 1) if code in codes), os.EX_TEMPFAIL)


def _code(cause: BaseException) -> int:
    if isinstance(cause, WRONG) or (isinstance(cause, KafkaException) and cause.args[0].code() in WRONG_KAFKA):
        return os.EX_CONFIG
    return os.EX_TEMPFAIL if isinstance(cause, PASSING) else 1


def places(error: BaseException) -> str:
    """Where it was raised, as file and line, for whoever mends it."""
    frames = (extract_tb(cause.__traceback__)[-1:] for cause in causes(error))
    return " · ".join(f"{frame.filename}:{frame.lineno}" for found in frames for frame in found)


def reasons(error: BaseException) -> str:
    """What ended the worker, in one line."""
    return " · ".join(f"{type(cause).__name__}: {cause}" for cause in causes(error))


def causes(error: BaseException) -> Iterator[BaseException]:
    """The errors themselves, without the groups that hold them."""
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from causes(part)
    else:
        yield error
