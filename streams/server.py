"""The worker as a process: start the pipeline, stop it in order, and exit non-zero on what it can't mend."""

import asyncio
import contextlib
import gc
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Generator
from typing import cast

import faust
import structlog
import uvicorn

from ingest.kafka import CLICKS_RAW, watermarks
from streams import health
from streams.endings import exit_code, places, reasons
from streams.pipeline import pipeline
from streams.settings import StreamSettings
from streams.transport import Consumer
from streams.watchdog import Watchdog
from warehouse import failpoints
from warehouse.client import connect_async
from warehouse.ledger import Ledger

log = structlog.get_logger()

STOP_SECONDS = 28.0
"""After this an orderly stop has failed and the process ends anyway: what was in flight is read again."""


class Exit:
    """Why and how the process is to end."""

    def __init__(self, what: str = "the worker") -> None:
        self._what = what
        self.wanted = asyncio.Event()
        self.code = 0

    def stop(self) -> None:
        """An orderly stop, as SIGTERM asks for."""
        self.wanted.set()

    def fail(self, error: BaseException) -> None:
        """Stop for an error that can't be mended here: one clear line, and a code that says whether to start again."""
        if self.code == 0:
            self.code = exit_code(error)
            known = {} if self.code != 1 else {"at": places(error)}  # what nobody thought of is to be found
            log.critical(f"{self._what} stops", reason=reasons(error), **known)
        self.wanted.set()

    def at_once(self, reason: str) -> None:
        """End now, from whatever thread: what waits for an orderly stop may be what hangs."""
        log.critical(f"{self._what} ends", reason=reason)
        os._exit(1)


class Health(uvicorn.Server):
    """Uvicorn beside the worker: the signals stay the worker's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Take none."""
        yield


async def serve(settings: StreamSettings, leave: Exit) -> None:
    """Run the worker until `leave.wanted`."""
    client = await connect_async(settings)
    try:
        await _serve(settings, Ledger(client, timeout=settings.insert_timeout), leave)
    finally:
        await client.close()


async def _serve(settings: StreamSettings, ledger: Ledger, leave: Exit) -> None:
    app = pipeline(settings, ledger, leave.fail)
    consumer = cast(Consumer, app.consumer)
    gc.collect()
    gc.freeze()  # tables and patterns stay: no collection has to look at them again
    gc.set_threshold(50_000, 20, 100)  # batches are made and dropped whole: cycles are rare, passes over them dear
    watchdog = Watchdog(
        reading=lambda: consumer.reading,
        positions=lambda: consumer.positions(settings.topic(CLICKS_RAW.name)),
        ends=lambda: {number: end for number, (_, end) in watermarks(settings, CLICKS_RAW).items()},
        end=leave.at_once,
    )
    watchdog.start()
    where = settings.worker_host, settings.worker_port
    await run(app, leave, lambda: consumer.reading, where, stopping=watchdog.stop)


async def run(
    app: faust.App,
    leave: Exit,
    ready: Callable[[], bool],
    where: tuple[str, int],
    *,
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Run a Faust app until `leave.wanted`, and answer an operator at `where`; `stopping` is called before its stop."""
    host, port = where
    config = uvicorn.Config(health.create_app(ready), host=host, port=port, log_config=None, access_log=False)
    web = Health(config)
    serving = asyncio.create_task(web.serve())
    try:
        await app.start()
        await until_over(app, leave)
        threading.Timer(STOP_SECONDS, os._exit, [leave.code or 1]).start()
        stopping()
        await app.stop()
    finally:
        web.should_exit = True
        await serving


async def until_over(app: faust.App, leave: Exit) -> None:
    """Wait until a stop is wanted, or Faust has stopped by itself."""
    crashed = asyncio.create_task(app._crashed.wait())
    wanted = asyncio.create_task(leave.wanted.wait())
    await asyncio.wait({crashed, wanted}, return_when=asyncio.FIRST_COMPLETED)
    crashed.cancel()
    if not leave.wanted.is_set():
        leave.fail(app._crash_reason or RuntimeError("Faust crashed"))


def main(settings: StreamSettings | None = None) -> None:
    """Run the worker in the foreground; exits 0 after SIGTERM or Ctrl-C, else as `streams.endings` says."""
    chosen = settings or StreamSettings()
    failpoints.arm(chosen.failpoint)
    process(lambda leave: serve(chosen, leave))


def process(serve: Callable[[Exit], Awaitable[None]], what: str = "the worker") -> None:
    """Serve until SIGTERM or Ctrl-C, then end this process; what fails is one clear line and an exit code."""

    async def served() -> int:
        leave = Exit(what)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, leave.stop)
        try:
            await serve(leave)
        except Exception as error:  # noqa: BLE001  # the process's last frame: one clear line, never a traceback
            leave.fail(error)
        return leave.code

    os._exit(asyncio.run(served()))
