"""The embedded warehouse's process: one engine, one uvicorn server, from its settings to its end."""

import signal
import sys

import structlog
import uvicorn

from warehouse.embedded.app import make_app
from warehouse.embedded.engine import Engine, EngineBusy
from warehouse.embedded.settings import EmbeddedSettings

log = structlog.get_logger()

STOP_SECONDS = 20
"""SELECTs that still run so long after SIGTERM are ended; inserts never are."""


class _Server(uvicorn.Server):
    """Says where it listens, once it does."""

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]  # sockets are passed on
        await super().startup(sockets)  # type: ignore[arg-type]  # as they came
        for server in self.servers:
            for socket in server.sockets:
                log.info("the warehouse is ready", address="http://{}:{}".format(*socket.getsockname()[:2]))


def main(settings: EmbeddedSettings | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C; then finish what runs, close the engine and return.

    Exits with 1 and says why where another process has the folder.
    """
    settings = settings or EmbeddedSettings()
    engine = Engine(settings.path, threads=settings.threads, memory=settings.memory)
    try:
        engine.open()
    except EngineBusy as error:
        log.error(str(error))
        sys.exit(1)
    # uvicorn raises the signal again once it has stopped; what it asks for is done then.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    config = uvicorn.Config(
        make_app(settings, engine),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        server_header=False,
        h11_max_incomplete_event_size=1024 * 1024,
        http="httptools",
        timeout_keep_alive=30,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    try:
        _Server(config).run()
    finally:
        engine.close()


if __name__ == "__main__":
    main()
