"""The roller as a process: rolls, answers an operator, and exits non-zero on what it can't mend."""

import asyncio
import os
import threading

import structlog
import uvicorn

from streams import health
from streams.roller.settings import RollerSettings
from streams.roller.work import Work
from streams.server import STOP_SECONDS, Exit, Health, process
from warehouse import failpoints
from warehouse.client import connect
from warehouse.failures import Doubtful, TooLarge, judge

log = structlog.get_logger()


class Turns:
    """Turn after turn until a stop is wanted; what passes is waited for."""

    def __init__(self, work: Work, seconds: float, leave: Exit) -> None:
        self._work, self._seconds, self._leave = work, seconds, leave
        self.well = False
        """Whether the last turn went to its end."""

    async def run(self) -> None:
        """Raises what no waiting mends: a `warehouse.failures.Failure`."""
        while not self._leave.wanted.is_set():
            more = await self._turn()
            if not more:
                await self._pause()

    async def _turn(self) -> bool:
        try:
            more = await asyncio.to_thread(self._work.turn, self._leave.wanted.is_set)
        except Exception as error:
            failure = judge(error, writing=True)
            if not isinstance(failure, Doubtful | TooLarge):
                raise failure from error
            if self.well:
                log.warning("ClickHouse does not answer, or not in time; trying again", reason=str(failure))
            self.well = False
            return False
        self.well = True
        return more

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._leave.wanted.wait(), self._seconds)
        except TimeoutError:
            return


async def serve(settings: RollerSettings, leave: Exit) -> None:
    """Run the roller until `leave.wanted`."""
    with connect(settings) as client:
        turns = Turns(Work(client, settings.time_zone, settings.roll_megabytes), settings.roll_seconds, leave)
        app = health.create_app(lambda: turns.well)
        web = Health(
            uvicorn.Config(app, host=settings.roller_host, port=settings.roller_port, log_config=None, access_log=False)
        )
        serving = asyncio.create_task(web.serve())
        rolling = asyncio.create_task(turns.run())
        wanted = asyncio.create_task(leave.wanted.wait())
        try:
            await asyncio.wait({rolling, wanted}, return_when=asyncio.FIRST_COMPLETED)
            # A statement that is under way may take minutes; what it leaves unpublished does no harm.
            threading.Timer(STOP_SECONDS, os._exit, [leave.code]).start()
            await rolling
        finally:
            wanted.cancel()
            web.should_exit = True
            await serving


def main(settings: RollerSettings | None = None) -> None:
    """Run the roller in the foreground; exits 0 after SIGTERM or Ctrl-C, else as `streams.endings` says."""
    chosen = settings or RollerSettings()
    failpoints.arm(chosen.failpoint)
    process(lambda leave: serve(chosen, leave), "the roller")
