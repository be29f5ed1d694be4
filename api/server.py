"""The API as a process: `main()` serves until it is told to stop."""

import socket

import structlog
import uvicorn
from starlette.applications import Starlette

from api.app import create_app
from api.settings import ApiSettings
from ingest.listen import listen, serve

STOP_SECONDS = 10
"""What a query may still take when the process is told to stop."""

log = structlog.get_logger(__name__)


class Server(uvicorn.Server):
    """Ends the live feeds before it waits for the answers that are under way: they would never end."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let answers end, and return."""
        app = self.config.app
        if isinstance(app, Starlette):
            app.state.live.stop()
        await super().shutdown(sockets)


def main(settings: ApiSettings | None = None) -> None:
    """Serve until SIGTERM or SIGINT, answer what is there, and return."""
    settings = settings or ApiSettings()
    if not (settings.admits_anybody() or settings.api_token.get_secret_value()):
        log.info(f"On {settings.api_host} only keys are let in: `weir api-keys add` makes one.")
    config = uvicorn.Config(
        create_app(settings),
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    with listen("api", settings.api_host, settings.api_port) as listener:
        serve(Server(config), listener)
