"""The API as a process: `main()` serves until it is told to stop."""

import sys

import structlog
import uvicorn

from api.app import create_app
from api.settings import ApiSettings

log = structlog.get_logger()


def main() -> None:
    """Serve the API on `WEIR_API_HOST`:`WEIR_API_PORT`; exits with 2 where that would lay it open by accident."""
    settings = ApiSettings()
    if settings.is_exposed():
        log.error(
            "api_exposed",
            host=settings.api_host,
            mend="Set WEIR_API_TOKEN, or WEIR_API_OPEN=true if everyone who reaches the port may use the API.",
        )
        sys.exit(2)
    uvicorn.run(
        create_app(settings), host=settings.api_host, port=settings.api_port, access_log=False, log_level="warning"
    )


if __name__ == "__main__":
    main()
