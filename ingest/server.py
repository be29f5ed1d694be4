"""The redirector's process: uvicorn servers, from the settings to their end."""

import asyncio
import contextlib
import gc
import os
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import structlog
import uvicorn

from ingest.app import Redirector
from ingest.direct import KEEP_ALIVE_SECONDS, DirectHttp
from ingest.listen import BACKLOG, listen, serve
from ingest.protocol import LimitedHttp, PatientServer
from ingest.settings import IngestSettings
from ingest.spool import Slot, SlotError, take_slot
from ingest.workers import Workers

LOOK_SECONDS = 0.02
MARGIN_SECONDS = 5.0

log = structlog.get_logger(__name__)


def main(settings: IngestSettings | None = None) -> None:
    """Serve until SIGTERM or SIGINT: then accept no more, answer what is there, deliver the events, and return.

    Exits with status 75 where a process can't go on by itself, so that its supervisor starts it anew; several
    processes have a parent that does so.
    """
    settings = settings or IngestSettings()
    with listen("redirector", settings.redirector_host, settings.redirector_port) as listener:
        if settings.redirector_processes == 1:
            code = run(settings, listener)
        else:
            # It waits for requests and for Kafka, each.
            stop_seconds = 2 * settings.redirector_stop_seconds + MARGIN_SECONDS
            code = Workers(settings.redirector_processes, partial(run, settings, listener), stop_seconds).run()
    if code:
        sys.exit(code)


def run(settings: IngestSettings, listener: socket.socket, number: int = 0) -> int:
    """Be the redirector's process of this number until SIGTERM or SIGINT; the exit status."""
    slot = own_slot(settings)
    reasons: list[str] = []

    def failed(reason: str) -> None:
        reasons.append(reason)
        server.should_exit = True

    app = Redirector(settings, slot, failed)
    server = Server(settings, app)
    with contextlib.ExitStack() as stack:
        if settings.redirector_admin_port:
            port = settings.redirector_admin_port + number
            admin = listen("redirector", settings.redirector_host, port, variables="WEIR_REDIRECTOR_ADMIN_PORT")
            server.pages = _config(settings, app.pages), stack.enter_context(admin)
        gc.collect()
        gc.freeze()  # what was imported stays: no collection has to look at it while a visitor waits
        serve(server, listener)
    slot.release()
    if reasons:
        log.critical("The redirector can't go on", reason=reasons[0])
        return os.EX_TEMPFAIL
    return 0


def own_slot(settings: IngestSettings) -> Slot:
    """This process's place in the spool; ends the process with one clear line where there is none."""
    try:
        return take_slot(settings.spool)
    except SlotError as error:
        log.critical(str(error))
        sys.exit(os.EX_CONFIG)


class Server(PatientServer):
    """The redirector's server, with Weir's own pages on a port of their own where that is wanted.

    A process that has siblings accepts no visitor before it is ready: until then one of them does.
    """

    pages: tuple[uvicorn.Config, socket.socket] | None = None
    """The application of Weir's own pages, and where it is served."""

    def __init__(self, settings: IngestSettings, app: Redirector) -> None:
        super().__init__(_config(settings, app), settings.redirector_patience_seconds)
        self._app = app
        self._has_siblings = settings.redirector_processes > 1
        self._protocol = DirectHttp if settings.spool_sync == "no" else LimitedHttp  # which can wait for the disk

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, and accept."""
        await super().startup(sockets=[])
        if self.pages:
            await self._accept(*self.pages)
        while self._has_siblings and not (self._app.is_ready or self.should_exit):  # noqa: ASYNC110 - read by threads
            await asyncio.sleep(LOOK_SECONDS)
        for listener in sockets or []:
            await self._accept(self.config, listener)

    async def _accept(self, config: uvicorn.Config, listener: socket.socket) -> None:
        protocol = partial(self._protocol, config, self.server_state, self.lifespan.state)
        loop = asyncio.get_running_loop()
        self.servers.append(await loop.create_server(protocol, sock=listener, backlog=BACKLOG))


def _config(settings: IngestSettings, app: Callable[..., Any]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop",
        ws="none",
        lifespan="on",
        # Who the client is, is decided in `ingest.address`, by rules of our own.
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        log_level="error",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.redirector_stop_seconds,
    )
