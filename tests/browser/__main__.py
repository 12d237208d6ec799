"""`python -m tests.browser`: have a browser for the tests, by the gentlest means that works here.

What the machine has; else, as root with apt-get, Debian's package; else Playwright's own download; else none, and the
reason is kept for the tests, which are then skipped with it (with GANTRY_SKIP_NOTHING=1 this fails instead).
"""

import os
import sys
from functools import partial
from tempfile import TemporaryFile

from playground.installation import run, with_apt_get
from tests.browser.chromium import Found, Missing, keep, search
from tests.verdict import SKIP_NOTHING

# libatomic1 is for Playwright's driver.
PACKAGES = ("chromium", "fonts-dejavu-core", "libatomic1")
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
    for step in (partial(with_apt_get, *PACKAGES), _with_playwright):
        failure = step()
        if failure:
            failures.append(failure)
            continue
        outcome = search()
        if isinstance(outcome, Found):
            return outcome
        failures.append(outcome.reason)
    return Missing("; ".join(dict.fromkeys(failures)))


def _with_playwright() -> str:
    print("Downloading Playwright's Chromium (a few minutes at most).", flush=True)
    command = (sys.executable, "-m", "playwright", "install", "--no-shell", "chromium")
    short = {**os.environ, "PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": CONNECT_MILLISECONDS}
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        failure = run("Playwright's download", DOWNLOAD_SECONDS, command, short, output)
        output.seek(0)
        error = next((line.strip() for line in output if line.startswith("Error:")), "")
    return f"{failure} ({error})" if failure and error else failure


if __name__ == "__main__":
    sys.exit(main())
