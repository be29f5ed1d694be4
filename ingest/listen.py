"""A service's HTTP side: the socket that clients connect to, the address that it got, and serving until the end."""

import signal
import socket
import sys

import structlog
import uvicorn

BACKLOG = 2048

log = structlog.get_logger(__name__)


def listen(service: str, host: str, port: int, variables: str = "") -> socket.socket:
    """Listen on an address (port 0: a free one), and log where; ends the process with one clear line where it can't.

    `variables` names the settings, otherwise `WEIR_<SERVICE>_HOST` and `WEIR_<SERVICE>_PORT`. The line has the address
    as `url`, so that whoever let the port be chosen can read it there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        variable = f"WEIR_{service.upper()}"
        variables = variables or f"{variable}_HOST and {variable}_PORT"
        log.critical(
            f"The {service} can't listen: set {variables} to an address that is free",
            address=f"{host}:{port}",
            error=error.strerror,
        )
        sys.exit(1)
    log.info(f"The {service} listens", url=url_of(listener))
    return listener


def url_of(listener: socket.socket) -> str:
    """Where a listening socket is to be reached, as `http://host:port`."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def serve(server: uvicorn.Server, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT, answer what is there, and return."""
    # uvicorn raises the signal again once it has stopped; what it asks for is done by then.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    server.run(sockets=[listener])
