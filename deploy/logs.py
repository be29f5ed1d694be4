"""Logs of every process: one line an event to stderr, for people or for machines."""

import logging
import sys
from typing import Literal

import structlog
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from structlog.typing import Processor


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
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
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
    quiet = level if level == logging.DEBUG else max(level, logging.WARNING)
    logging.basicConfig(handlers=[handler], level=quiet, force=True)


def in_one_line(record: logging.LogRecord) -> bool:
    """Libraries' errors without their tracebacks, and without Faust's word on each service that a stop cancels."""
    record.exc_info = record.exc_text = None
    return "CancelledError" not in record.getMessage()
