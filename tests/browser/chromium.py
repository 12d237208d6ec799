"""Find a Chromium or Chrome that starts, and say why there is none."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from playwright._impl._driver import compute_driver_executable
from playwright.sync_api import Browser, BrowserType, Error, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# Tests talk to loopback alone: nothing in the browser should try to reach its vendor.
ARGUMENTS = (
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
START_MILLISECONDS = 30_000
# Beside the environment's own files: removed and made again with it.
RECORD = Path(sys.prefix) / "browser.json"


@dataclass(frozen=True)
class Found:
    executable: str
    version: str


@dataclass(frozen=True)
class Missing:
    reason: str


def launch(chromium: BrowserType, executable: str, *arguments: str) -> Browser:
    """Start the browser headless, with the arguments that every test wants and these."""
    # Playwright adds --no-sandbox unless told otherwise. Root and most containers need it, and the pages are our own.
    return chromium.launch(executable_path=executable, args=[*ARGUMENTS, *arguments], timeout=START_MILLISECONDS)


def search() -> Found | Missing:
    """The first browser of this machine that starts and runs a script; `CHROME` names the only one to try."""
    driver = subprocess.run(
        [*compute_driver_executable(), "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if driver.returncode:
        # Playwright brings a Node.js of its own, which needs a library or two that the barest machines lack.
        return Missing(f"Playwright's driver does not start: {driver.stderr.strip() or driver.returncode}")
    with sync_playwright() as playwright:
        named = os.environ.get("CHROME")
        candidates = [named] if named else _candidates(playwright.chromium)
        failures = []
        for executable in candidates:
            try:
                return Found(executable, _try(playwright.chromium, executable))
            except Error as error:
                failures.append(f"{executable} does not start: {_first_line(error)}")
    return Missing("; ".join(failures) or "neither Chromium nor Chrome is on the PATH")


def recorded() -> Found | Missing | None:
    """What the last set-up came to, unless that browser is gone or none was set up."""
    try:
        record = json.loads(RECORD.read_text("utf-8"))
    except FileNotFoundError:
        return None
    if "reason" in record:
        return Missing(record["reason"])
    found = Found(record["executable"], record["version"])
    return found if os.access(found.executable, os.X_OK) else None


def keep(outcome: Found | Missing) -> None:
    RECORD.write_text(json.dumps(asdict(outcome)), "utf-8")


def for_this_run() -> Found | Missing:
    """What a test run uses: `CHROME`, the browser that was set up, or else whatever starts here."""
    known = None if os.environ.get("CHROME") else recorded()
    if isinstance(known, Found):
        return known
    outcome = search()
    return known if known and isinstance(outcome, Missing) else outcome


def _candidates(chromium: BrowserType) -> list[str]:
    on_the_path = [path for name in NAMES if (path := shutil.which(name))]
    downloaded = chromium.executable_path
    return [*on_the_path, *([downloaded] if os.access(downloaded, os.X_OK) else [])]


def _try(chromium: BrowserType, executable: str) -> str:
    browser = launch(chromium, executable)
    try:
        page = browser.new_page()
        page.set_default_timeout(START_MILLISECONDS)
        page.set_content("<title>ready</title>")
        if page.title() != "ready":
            raise Error("it shows no page")
        return browser.version
    finally:
        browser.close()


def _first_line(error: Error) -> str:
    lines = [line.strip() for line in error.message.splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
