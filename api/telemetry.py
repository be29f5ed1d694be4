"""What the API counts about itself, for `/-/metrics`: every name in one place."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Telemetry:
    """The API's counters, in a registry of their own so that an app can be made more than once in a process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "weir_api_requests", "Answers of the API.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "weir_api_request_seconds",
            "Time from a request to the end of its answer.",
            ["route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.rows_read = Counter("weir_api_rows_read", "Rows that ClickHouse read for queries.", registry=self.registry)
        self.keys_age = Gauge(
            "weir_api_keys_age_seconds", "Time since the table of keys was read.", registry=self.registry
        )
        self.writes_waiting = Gauge(
            "weir_api_writes_waiting",
            "Lines of the audit log that ClickHouse does not have yet.",
            registry=self.registry,
        )
        self.writes_lost = Counter(
            "weir_api_writes_lost", "Lines of the audit log that only the API's own log has.", registry=self.registry
        )
        self.commands = Counter(
            "weir_api_link_commands",
            "Commands to change a link, by the status of their reply; `none`: no reply in time.",
            ["operation", "status"],
            registry=self.registry,
        )


class Measured:
    """ASGI middleware that counts and times answers by route (never by path: that is anybody's to write)."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self.app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, then count."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500
        started = time.perf_counter()

        async def noting_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, noting_status)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self._telemetry.requests.labels(_method(scope["method"]), route, status).inc()
            self._telemetry.seconds.labels(route).observe(time.perf_counter() - started)


def _method(method: str) -> str:
    return method if method in {"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"} else "other"
