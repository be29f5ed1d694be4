"""The API as a process: `main()` serves until it is told to stop."""

import os
import sys

import structlog
import uvicorn

from api.app import create_app
from api.settings import ApiSettings
from ingest.listen import listen, serve

STOP_SECONDS = 10
"""What a query may still take when the process is told to stop."""

log = structlog.get_logger(__name__)


def main(settings: ApiSettings | None = None) -> None:
    """Serve until SIGTERM or SIGINT, answer what is there, and return.

    Exits with status 78 where the settings would lay the API open to other machines by accident.
    """
    settings = settings or ApiSettings()
    if settings.is_exposed():
        log.critical(
            f"Whoever reaches {settings.api_host} could read and change everything. Set WEIR_API_TOKEN, or"
            " WEIR_API_OPEN=true if that is what you want."
        )
        sys.exit(os.EX_CONFIG)
    config = uvicorn.Config(
        create_app(settings),
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    with listen("api", settings.api_host, settings.api_port) as listener:
        serve(uvicorn.Server(config), listener)
