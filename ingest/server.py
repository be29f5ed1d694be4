"""The redirector's process: one uvicorn server, from its settings to its end."""

import logging
import signal
import socket
import sys

import structlog
import uvicorn

from ingest.app import Redirector
from ingest.protocol import LimitedHttp
from ingest.settings import IngestSettings

KEEP_ALIVE_SECONDS = 75
"""Longer than the 60 s after which most load balancers close an idle connection, so that they do it first."""

BACKLOG = 2048

log = structlog.get_logger(__name__)


def main(settings: IngestSettings | None = None) -> None:
    """Serve until SIGTERM or SIGINT: then accept no more, answer what is there, deliver the events, and return.

    Exits with status 1 where the process can't go on by itself, so that its supervisor starts it anew.
    """
    settings = settings or IngestSettings()
    log_to_stderr()
    # uvicorn raises the signal again once it has stopped; we have done by then what it asks for.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    with listen(settings) as listener:
        reasons: list[str] = []
        server = make_server(settings, reasons)
        host, port = listener.getsockname()[:2]
        log.info("The redirector listens", url=f"http://{f'[{host}]' if ':' in host else host}:{port}")
        server.run(sockets=[listener])
    if reasons:
        log.critical("The redirector can't go on", reason=reasons[0])
        sys.exit(1)


def make_server(settings: IngestSettings, reasons: list[str]) -> uvicorn.Server:
    """The server, not yet running; when it ends by itself, `reasons` says why."""

    def failed(reason: str) -> None:
        reasons.append(reason)
        server.should_exit = True

    server = uvicorn.Server(
        uvicorn.Config(
            Redirector(settings, failed),
            http=LimitedHttp,
            loop="uvloop",
            ws="none",
            lifespan="on",
            # Who the client is, is decided in `ingest.address`, by rules of our own.
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_config=None,
            log_level="error",
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=settings.redirector_stop_seconds,
        )
    )
    return server


def listen(settings: IngestSettings) -> socket.socket:
    """The socket that clients connect to; ends the process with a clear line where it can't be had."""
    host, port = settings.redirector_host, settings.redirector_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        sys.exit(f"weir: the redirector can't listen on {host}:{port} ({error}); see WEIR_REDIRECTOR_HOST and _PORT")


def log_to_stderr() -> None:
    """Logs for people on a terminal, a JSON object a line elsewhere."""
    terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if terminal else [structlog.processors.dict_tracebacks]),
            structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
