"""Who puts the load on: wrk where it is installed and answers set the pace, else a process of ours."""

import shutil
import subprocess
import sys
from pathlib import Path

import click
import msgspec

from benchmarks.environments import ROOT
from benchmarks.redirects.load import PATIENCE_SECONDS, Load, Task

SCRIPT = Path(__file__).with_name("wrk.lua")
MARGIN_SECONDS = 30.0


def wrk() -> str | None:
    """Path of wrk (a Debian package), if there is one."""
    return shutil.which("wrk")


def run(task: Task) -> Load:
    """Put the load on and wait for its end. Raises `click.ClickException`."""
    tool = wrk()
    if tool and not task.rate:
        command = [tool, "-t1", f"-c{task.connections}", f"-d{task.seconds:.0f}s", "-s", str(SCRIPT)]
        command += [f"http://{task.host}:{task.port}", "--", task.requests]
    else:
        command = [sys.executable, "-P", "-m", "benchmarks.redirects.load", msgspec.json.encode(task).decode()]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        timeout=task.seconds + PATIENCE_SECONDS + MARGIN_SECONDS,
    )
    said = done.stdout.strip().splitlines()
    if done.returncode or not said:
        raise click.ClickException(f"The load could not be put on:\n{done.stderr[-2000:] or done.stdout[-2000:]}")
    return msgspec.json.decode(said[-1], type=Load)
