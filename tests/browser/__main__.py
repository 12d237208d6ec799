"""`python -m tests.browser`: have a browser for the tests, by the gentlest means that works here.

What the machine has; else, as root with apt-get, Debian's package; else Playwright's own download; else none, and the
reason is kept for the tests, which are then skipped with it (with GANTRY_SKIP_NOTHING=1 this fails instead).
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from tempfile import TemporaryFile
from typing import IO

from tests.browser.chromium import Found, Missing, keep, search
from tests.verdict import SKIP_NOTHING

PACKAGES = ("chromium", "fonts-dejavu-core")
APT_GET = ("apt-get", "-q", "-oAcquire::http::Timeout=20", "-oAcquire::Retries=1", "-oDPkg::Lock::Timeout=60")
UPDATE_SECONDS = 120
INSTALL_SECONDS = 600
DOWNLOAD_SECONDS = 300
CONNECT_MILLISECONDS = "10000"


def main() -> int:
    outcome = search()
    if isinstance(outcome, Missing) and not os.environ.get("CHROME"):
        outcome = _obtain(outcome)
    keep(outcome)
    if isinstance(outcome, Found):
        print(f"Browser: {outcome.executable} {outcome.version}")
        return 0
    sys.stdout.flush()
    print(f"No browser: {outcome.reason}", file=sys.stderr)
    if os.environ.get(SKIP_NOTHING) == "1":
        print(f"{SKIP_NOTHING} is set: that is a failure.", file=sys.stderr)
        return 1
    print("The tests that need one will be skipped.", file=sys.stderr)
    return 0


def _obtain(before: Missing) -> Found | Missing:
    failures = [before.reason]
    for step in (_with_apt_get, _with_playwright):
        failure = step()
        if failure:
            failures.append(failure)
            continue
        outcome = search()
        if isinstance(outcome, Found):
            return outcome
        failures.append(outcome.reason)
    return Missing("; ".join(dict.fromkeys(failures)))


def _with_apt_get() -> str:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return "Debian's package needs root and apt-get"
    print(
        f"Installing Debian's {' and '.join(PACKAGES)} with apt-get (the only step outside your own files).", flush=True
    )
    quietly = {"DEBIAN_FRONTEND": "noninteractive"}
    install = (*APT_GET, "install", "--yes", "--no-install-recommends", *PACKAGES)
    return _run("apt-get update", UPDATE_SECONDS, [*APT_GET, "update"], quietly) or _run(
        "apt-get install", INSTALL_SECONDS, install, quietly
    )


def _with_playwright() -> str:
    print("Downloading Playwright's Chromium (a few minutes at most).", flush=True)
    command = (sys.executable, "-m", "playwright", "install", "--no-shell", "chromium")
    short = {"PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": CONNECT_MILLISECONDS}
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        failure = _run("Playwright's download", DOWNLOAD_SECONDS, command, short, output)
        output.seek(0)
        error = next((line.strip() for line in output if line.startswith("Error:")), "")
    return f"{failure} ({error})" if failure and error else failure


def _run(
    what: str, seconds: float, command: Sequence[str], environment: Mapping[str, str], output: IO[str] | None = None
) -> str:
    """Run a command with all its children, for so long at most; the answer is what went wrong, or nothing."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env={**os.environ, **environment},
        start_new_session=True,
    ) as process:
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return f"{what} took longer than {seconds} s"
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            raise
    return f"{what} ended with {status}" if status else ""


if __name__ == "__main__":
    sys.exit(main())
