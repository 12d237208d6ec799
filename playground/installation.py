"""Bring what a bare machine lacks: commands with a bound on their time, and Debian's packages where that is allowed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO

APT_GET = ("apt-get", "-q", "-oAcquire::http::Timeout=20", "-oAcquire::Retries=1", "-oDPkg::Lock::Timeout=60")
UPDATE_SECONDS = 120
INSTALL_SECONDS = 900


def with_apt_get(*packages: str) -> str:
    """Install Debian's packages, announced; the answer is what went wrong, or nothing. Only root with apt-get can."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return "Debian's packages need root and apt-get"
    print(f"Installing Debian's {' and '.join(packages)} with apt-get (a step outside your own files).", flush=True)
    quietly = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = (*APT_GET, "install", "--yes", "--no-install-recommends", *packages)
    return run("apt-get update", UPDATE_SECONDS, [*APT_GET, "update"], quietly) or run(
        "apt-get install", INSTALL_SECONDS, install, quietly
    )


def run(
    what: str, seconds: float, command: Sequence[str], environ: Mapping[str, str], output: IO[str] | None = None
) -> str:
    """Run a command with all its children, for so long at most; the answer is what went wrong, or nothing.

    What it prints goes to `output`, or where our own does.
    """
    try:
        process = subprocess.Popen(  # noqa: S603  - apt-get, mvn or playwright
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=dict(environ), start_new_session=True
        )
    except OSError as error:
        return f"{what} cannot be started: {error.strerror}"
    with process:
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return f"{what} took longer than {seconds:.0f} s"
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            raise
    return f"{what} ended with {status}" if status else ""
