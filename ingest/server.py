"""The redirector's process: one uvicorn server, from its settings to its end."""

import os
import sys

import structlog
import uvicorn

from ingest.app import Redirector
from ingest.direct import KEEP_ALIVE_SECONDS, DirectHttp
from ingest.listen import BACKLOG, listen, serve
from ingest.protocol import LimitedHttp, PatientServer
from ingest.settings import IngestSettings
from ingest.spool import Slot, SlotError, take_slot

log = structlog.get_logger(__name__)


def main(settings: IngestSettings | None = None) -> None:
    """Serve until SIGTERM or SIGINT: then accept no more, answer what is there, deliver the events, and return.

    Exits with status 75 where the process can't go on by itself, so that its supervisor starts it anew.
    """
    settings = settings or IngestSettings()
    reasons: list[str] = []
    slot = own_slot(settings)
    with listen("redirector", settings.redirector_host, settings.redirector_port) as listener:
        serve(make_server(settings, slot, reasons), listener)
    slot.release()
    if reasons:
        log.critical("The redirector can't go on", reason=reasons[0])
        sys.exit(os.EX_TEMPFAIL)


def own_slot(settings: IngestSettings) -> Slot:
    """This process's place in the spool; ends the process with one clear line where there is none."""
    try:
        return take_slot(settings.spool)
    except SlotError as error:
        log.critical(str(error))
        sys.exit(os.EX_CONFIG)


def make_server(settings: IngestSettings, slot: Slot, reasons: list[str]) -> uvicorn.Server:
    """The server, not yet running; when it ends by itself, `reasons` says why."""

    def failed(reason: str) -> None:
        reasons.append(reason)
        server.should_exit = True

    server = PatientServer(
        uvicorn.Config(
            Redirector(settings, slot, failed),
            http=DirectHttp if settings.spool_sync == "no" else LimitedHttp,  # which can wait for the disk
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
