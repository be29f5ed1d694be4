"""The embedded warehouse's process: one engine, one uvicorn server, from its settings to its end."""

import os
import signal
import sys

import structlog
import uvicorn

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

    Exits with 78 where the settings would lay it open to other machines or chDB is not installed, with 75 where another
    process has the folder or the engine does not answer any more, with 1 where the folder can't be used; each in one
    line that says what to do.
    """
    settings = settings or EmbeddedSettings()
    if settings.is_exposed():
        log.critical(
            "Whoever reaches WEIR_WAREHOUSE_HOST could read and write everything. Set WEIR_WAREHOUSE_PASSWORD."
        )
        sys.exit(os.EX_CONFIG)
    try:
        _serve(settings)
    except ModuleNotFoundError as error:
        log.critical(f"The embedded warehouse needs the package {error.name}: install weir[local].")
        sys.exit(os.EX_CONFIG)


def _serve(settings: EmbeddedSettings) -> None:
    # chDB is an optional package and takes a second to load: only who serves needs it.
    from warehouse.embedded.app import make_app  # noqa: PLC0415
    from warehouse.embedded.engine import Engine, EngineBusy  # noqa: PLC0415
    from warehouse.embedded.pulse import Pulse  # noqa: PLC0415

    engine = Engine(settings.path, threads=settings.threads, memory=settings.memory)
    try:
        engine.open()
    except (EngineBusy, OSError, ValueError) as error:
        log.critical(str(error))
        sys.exit(os.EX_TEMPFAIL if isinstance(error, EngineBusy) else 1)
    os.chdir(engine.files)  # the engine makes the files that a query names, even one that is then refused
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
        loop="asyncio",  # uvloop closes the descriptor of a read pipe twice: the second may hit a file of the engine's
        timeout_keep_alive=30,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    pulse = Pulse(engine.answer, _gone)
    pulse.start()
    try:
        _Server(config).run()
    finally:
        pulse.stop()
        engine.close()


def _gone(reason: str) -> None:
    """End at once: what an orderly end would wait for does not answer."""
    log.critical("the engine is gone, the warehouse ends to be started again", reason=reason)
    os._exit(os.EX_TEMPFAIL)


if __name__ == "__main__":
    main()
