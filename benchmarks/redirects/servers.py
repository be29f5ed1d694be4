"""The contenders: each one process, with all its threads on one core."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import httpx
import psutil

from benchmarks.environments import ROOT
from benchmarks.ground import Ground, wait_for
from benchmarks.redirects.requests import DOMAIN
from deploy.preflight import HOST, free_port
from deploy.process import Process
from deploy.settings import environment
from deploy.stack import WEIR, is_ready
from ingest.kafka import KafkaSettings

LOADING_SECONDS = 300.0
SPOOL = "spool"
"""Folder of the redirectors' spool, on the ground."""
NGINX = """\
daemon off;
pid {folder}/nginx.pid;
error_log stderr crit;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  log_format click escape=json '{{"ts":"$msec","id":"$request_id","path":"$uri","query":"$args","status":"$status",'
    '"client":"$http_x_forwarded_for","user_agent":"$http_user_agent","referrer":"$http_referer",'
    '"language":"$http_accept_language"}}';
  access_log {folder}/access.log click;
  keepalive_requests 1000000000;
  server {{ listen {host}:{port}; location / {{ return 302 https://shop.example/en/products/1$is_args$args; }} }}
}}
"""


class Cpu(NamedTuple):
    """CPU seconds of a process."""

    main: float
    """Of the thread that answers."""
    others: float
    """Of all the others: librdkafka's, that is."""

    def __sub__(self, other: "Cpu") -> "Cpu":
        return Cpu(self.main - other.main, self.others - other.others)

    @property
    def all(self) -> float:
        """Of the process."""
        return self.main + self.others


class Server:
    """A contender that serves."""

    def __init__(self, title: str, process: Process, port: int, started: float) -> None:
        self.title, self.process, self.port = title, process, port
        self.seconds = time.monotonic() - started
        """From its start until it was ready."""

    @property
    def cpu(self) -> Cpu:
        """Of the process that answers, so far."""
        process = psutil.Process(self.process.pid)
        process = next(iter(process.children()), process)  # nginx has its worker answer
        times = {thread.id: thread.user_time + thread.system_time for thread in process.threads()}
        main = times.pop(process.pid)
        return Cpu(main, sum(times.values()))

    @property
    def resident(self) -> int:
        """Bytes of memory."""
        found: int = psutil.Process(self.process.pid).memory_info().rss
        return found


def redirector(ground: Ground, core: int, kafka: KafkaSettings, **more: str) -> Server:
    """Weir's redirector with all links of that Kafka; `more` are settings."""
    port = free_port()
    own = {
        "WEIR_REDIRECTOR_PORT": str(port),
        "WEIR_DEFAULT_DOMAIN": DOMAIN,
        "WEIR_TRUSTED_PROXIES": HOST,
        "WEIR_SPOOL": str(ground.path / SPOOL),
        "WEIR_LOG_LEVEL": "error",
    }
    return _start(
        ground, core, "Weir's redirector", (*WEIR, "run", "redirector"), port,
        env=environment(kafka) | own | more, ready=lambda: is_ready(f"http://{HOST}:{port}/-/ready"),
    )  # fmt: skip


def bare(ground: Ground, core: int) -> Server:
    """A bare ASGI application that redirects, under uvicorn with the redirector's settings."""
    port = free_port()
    command = (sys.executable, "-P", "-m", "benchmarks.contenders.bare_asgi", str(port))
    return _start(ground, core, "bare uvicorn", command, port, env={"PYTHONPATH": str(ROOT)})


def nginx(ground: Ground, core: int) -> Server | None:
    """nginx that redirects and logs a line of JSON on the disk; None where it is not installed."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    if found is None:
        return None
    port, folder = free_port(), ground.path / "nginx"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "access.log").unlink(missing_ok=True)
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, host=HOST, port=port))
    return _start(ground, core, "nginx, JSON access log", (found, "-p", str(folder), "-c", str(configuration)), port)


def _start(
    ground: Ground,
    core: int,
    title: str,
    command: tuple[str, ...],
    port: int,
    *,
    env: Mapping[str, str] | None = None,
    ready: Callable[[], bool] | None = None,
) -> Server:
    started = time.monotonic()
    process = ground.run(title.replace(" ", "-").replace("'", ""), command, env or {})
    os.sched_setaffinity(process.pid, {core})  # at once, so that every thread inherits it
    wait_for(ready or (lambda: _answers(port)), process, LOADING_SECONDS)
    return Server(title, process, port, started)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://{HOST}:{port}/", timeout=1.0, trust_env=False).is_redirect
    except httpx.HTTPError:
        return False
