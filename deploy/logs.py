"""Logs of every process: one line an event to stderr, for people or for machines."""

import contextlib
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Literal

import structlog
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from structlog.typing import EventDict, Processor, WrappedLogger

QUIET_SECONDS = 30.0
REMEMBERED = 1000
"""Different lines of libraries that are remembered."""


class LogSettings(BaseSettings):
    """How the services log, from the environment; read once at start."""

    model_config = SettingsConfigDict(env_prefix="WEIR_", frozen=True, extra="ignore", env_ignore_empty=True)

    log_format: Literal["console", "json"] = Field(
        "console", description="Lines for people, or a JSON object a line for a log collector."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="What is logged at all; libraries' own lines only from warning on, unless it is debug."
    )


def configure(settings: LogSettings) -> None:
    """Send structlog's events and the standard library's records to stderr in one form."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    if settings.log_format == "json":
        shared.append(structlog.processors.dict_tracebacks)
        last: Processor = structlog.processors.JSONRenderer()
    else:
        last = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), timestamp_key="time", exception_formatter=structlog.dev.plain_traceback
        )
    structlog.configure(
        processors=[Throttle(), *shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: Lines(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    if level > logging.DEBUG:
        handler.addFilter(in_one_line)
        handler.addFilter(Repeats())
    quiet = level if level == logging.DEBUG else max(level, logging.WARNING)
    logging.basicConfig(handlers=[handler], level=quiet, force=True)


class Lines(structlog.PrintLogger):
    """Writes lines to a file. One that can't be written, because the disk is full, is lost: whoever says it goes on."""

    def msg(self, message: str) -> None:
        """Write a line."""
        with contextlib.suppress(OSError):
            super().msg(message)

    debug = info = warning = warn = error = critical = fatal = exception = log = failure = err = msg


class Throttle:
    """A structlog processor: what keeps on going wrong for the same `cause` is said once in half a minute.

    Only lines with a `cause` are held back, of whatever part of the process; the next that is said has their number.
    """

    def __init__(self, seconds: float = QUIET_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._said: dict[tuple[str, str], float] = {}
        self._held_back: Counter[tuple[str, str]] = Counter()

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Pass a line on, or raise `structlog.DropEvent`."""
        if "cause" not in event:
            return event
        what, now = (str(event["event"]), str(event["cause"])), self._clock()
        if what in self._said and now < self._said[what] + self._seconds:
            self._held_back[what] += 1
            raise structlog.DropEvent
        self._said[what] = now
        if times := self._held_back.pop(what, 0):
            event["held_back"] = times
        return event


def in_one_line(record: logging.LogRecord) -> bool:
    """Libraries' errors without their tracebacks, and without Faust's word on each service that a stop cancels."""
    record.exc_info = record.exc_text = None
    return "CancelledError" not in record.getMessage()


class Repeats(logging.Filter):
    """What a library says again in the same words is said once in half a minute, with how often it was held back.

    Without Kafka aiokafka alone writes a hundred lines a second.
    """

    def __init__(self, seconds: float = QUIET_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds, self._clock = seconds, clock
        self._said: dict[str, float] = {}
        self._held_back: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is to be said; where others were held back, it says how many."""
        text, now = record.getMessage(), self._clock()
        if now < self._said.get(text, -self._seconds) + self._seconds:
            self._held_back[text] += 1
            return False
        if len(self._said) >= REMEMBERED:
            self._said.clear()
            self._held_back.clear()
        self._said[text] = now
        if times := self._held_back.pop(text, 0):
            record.msg, record.args = f"{text} (and {times} times more since)", None
        return True
