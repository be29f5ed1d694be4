"""A container's health check: `python -m deploy.image.healthy PORT` exits with 0 where `/-/ready` answers 200.

The image has no curl, and this imports nothing beyond the standard library: it runs every few seconds.
"""

import http.client
import sys

TIMEOUT_SECONDS = 3.0


def is_ready(port: int) -> bool:
    """Whether the service on this port of loopback says that it is ready; no proxy of the environment is asked."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/-/ready")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not is_ready(int(sys.argv[1])))
