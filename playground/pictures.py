"""`python -m playground.pictures`: the screenshots of the documentation, taken of a playground of their own.

What differs from run to run is written over before a picture is taken: times, durations, codes and the beginnings of
tokens. All else is what the pages show.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, FrameLocator, Page, expect, sync_playwright

from playground.people import PASSWORD
from tests.browser.chromium import Missing, for_this_run, launch

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "pictures"
NAMES = ("login", "second-factor", "handoff", "inspector")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LARGEST_BYTES = 150_000
_WORDS = ("BRAND_NAME=Example Works", "DEMO_PORT=8000", "DEMO_WORKSPACE_PORT=3000")
_SMALL = {"width": 960, "height": 640}
_LARGE = {"width": 1280, "height": 720}
# The countdown beside the codes stands still.
_STILL = "window.setInterval = () => 0;"
_STEADY = """() => {
  const set = (chosen, text) => document.querySelectorAll(chosen).forEach((each, index) => {
    each.textContent = text(index);
  });
  set('.entry time', (index) => `09:30:0${Math.floor(index / 10)}.${(index % 10) * 100 + 100}`.slice(0, 12));
  set('.entry .took', () => '');
  set('.person .code:not(.none)', () => '123456');
  set('.person .left', () => '30 s');
  set('#since', () => '9:30 AM');
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    texts.currentNode.data = texts.currentNode.data.replace(/(?<![\\w-])[\\w-]{6}…/g, 'a1b2c3…');
  }
}"""


def path_of(name: str, scheme: str) -> Path:
    """Where a picture is."""
    return FOLDER / (f"{name}.png" if scheme == "light" else f"{name}-{scheme}.png")


@contextmanager
def playground() -> Iterator[str]:
    """A playground at the addresses that the README names; the workspace's."""
    process = subprocess.Popen(  # noqa: S603  - our own module
        [sys.executable, "-m", "playground", *_WORDS], cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            lines = process.stdout or ()
            found = (re.match(r"Workspace +(http://\S+)", line) for line in lines)
            address = next((match[1] for match in found if match), None)
            if address is None:
                sys.exit("The playground does not start, so there are no pictures.")
            yield address
        finally:
            process.terminate()


@contextmanager
def window(browser: Browser, address: str, scheme: Literal["light", "dark"], *, large: bool = False) -> Iterator[Page]:
    """A window of the workspace with its login page; the panel is there in a large one alone."""
    size = _LARGE if large else _SMALL
    context = browser.new_context(
        viewport={"width": size["width"], "height": size["height"]},
        color_scheme=scheme,
        reduced_motion="reduce",
        locale="en-US",
        timezone_id="UTC",
    )
    context.add_init_script(_STILL)
    page = context.new_page()
    page.goto(address)
    expect(gantry(page).get_by_role("button", name="Sign in", exact=True)).to_be_visible()
    if not large:
        page.get_by_role("button", name="Hide inspector").click()
    yield page
    context.close()


def gantry(page: Page) -> FrameLocator:
    """Gantry's page within the workspace's."""
    return page.frame_locator("#frame iframe")


def sign_in(page: Page, username: str) -> None:
    """As a person does."""
    frame = gantry(page)
    frame.locator("#username").fill(username)
    frame.locator("#password").fill(PASSWORD)
    frame.get_by_role("button", name="Sign in", exact=True).click()


def take(page: Page, name: str, scheme: str) -> None:
    """Take a picture of what is there now."""
    page.mouse.move(0, 0)  # over nothing that would look different for it
    page.evaluate(_STEADY)
    path = path_of(name, scheme)
    path.write_bytes(page.screenshot(animations="disabled", caret="hide"))
    size = path.stat().st_size
    print(f"{path.relative_to(ROOT)}  {size // 1000} kB", flush=True)
    if size > LARGEST_BYTES:
        sys.exit(f"{path.name} is larger than {LARGEST_BYTES // 1000} kB.")


def login(browser: Browser, address: str, scheme: Literal["light", "dark"]) -> None:
    """The login page, with a name in its form."""
    with window(browser, address, scheme) as page:
        gantry(page).locator("#username").fill("alice")
        take(page, "login", scheme)


def second_factor(browser: Browser, address: str, scheme: Literal["light", "dark"]) -> None:
    """The form for a code, before one is typed."""
    with window(browser, address, scheme) as page:
        sign_in(page, "bob")
        expect(gantry(page).get_by_label("Code")).to_be_visible()
        take(page, "second-factor", scheme)


def handoff(browser: Browser, address: str, scheme: Literal["light", "dark"]) -> None:
    """The page that hands the token over, while the workspace takes its time."""
    with window(browser, address, scheme) as page:
        page.route("**/_client/resume", lambda route: None)
        sign_in(page, "alice")
        expect(gantry(page).locator("#waiting")).to_be_visible()
        take(page, "handoff", scheme)
        page.unroute_all(behavior="ignoreErrors")


def inspector(browser: Browser, address: str, scheme: Literal["light", "dark"]) -> None:
    """The panel after a sign-in."""
    with window(browser, address, scheme, large=True) as page:
        page.get_by_role("button", name="Clear").click()
        expect(page.locator(".entry")).to_have_count(0)
        sign_in(page, "alice")
        expect(page.get_by_text("You are signed in as Alice Archer.")).to_be_visible()
        expect(page.locator(".entry.login.good")).to_have_count(1)
        expect(page.locator(".entry.log")).to_have_count(1)
        take(page, "inspector", scheme)
        page.get_by_role("button", name="Log out").click()
        expect(gantry(page).locator("#username")).to_be_visible()


def main() -> None:
    """Take all of them, light and dark."""
    found = for_this_run()
    if isinstance(found, Missing):
        sys.exit(f"There is no browser, so there are no pictures: {found.reason}")
    FOLDER.mkdir(exist_ok=True)
    with playground() as address, sync_playwright() as playwright:
        browser = launch(playwright.chromium, found.executable, "--disable-partial-raster")
        for scheme in SCHEMES:
            for picture in (login, second_factor, handoff, inspector):
                picture(browser, address, scheme)
        browser.close()


if __name__ == "__main__":
    main()
