"""The redirector's process: one uvicorn server, from its settings to its end."""

import os
import sys

import structlog
import uvicorn

from ingest.app import Redirector
from ingest.direct import KEEP_ALIVE_SECONDS, DirectHttp
from ingest.listen import BACKLOG, listen, serve
from ingest.protocol import PatientServer
from ingest.settings import IngestSettings

log = structlog.get_logger(__name__)


def main(settings: IngestSettings | None = None) -> None:
    """Serve until SIGTERM or SIGINT: then accept no more, answer what is there, deliver the events, and return.

    Exits with status 75 where the process can't go on by itself, so that its supervisor starts it anew.
    """
    settings = settings or IngestSettings()
    reasons: list[str] = []
    with listen("redirector", settings.redirector_host, settings.redirector_port) as listener:
        serve(make_server(settings, reasons), listener)
    if reasons:
        log.critical("The redirector can't go on", reason=reasons[0])
        sys.exit(os.EX_TEMPFAIL)


def make_server(settings: IngestSettings, reasons: list[str]) -> uvicorn.Server:
    """The server, not yet running; when it ends by itself, `reasons` says why."""

    def failed(reason: str) -> None:
        reasons.append(reason)
        server.should_exit = True

    server = PatientServer(
        uvicorn.Config(
            Redirector(settings, failed),
            http=DirectHttp,
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
        ),
        settings.redirector_patience_seconds,
    )
    return server
