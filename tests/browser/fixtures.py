"""The browser as fixtures; a test that asks for one is marked `browser` and skipped, with the reason, if there is none.

    def test_a_page(browser: Browser) -> None:
        page = browser.new_page()

Take a page or a context (`browser.new_context()`) of your own and close nothing else: the browser is the session's.
`start_browser` starts another one with further arguments and closes it after the test.
"""

from collections.abc import Iterator
from typing import Protocol

import pytest
from playwright.sync_api import Browser, BrowserType, sync_playwright

from tests.browser.chromium import Found, Missing, for_this_run, launch
from tests.verdict import missing, note


class StartBrowser(Protocol):
    """For instance `start_browser("--test-third-party-cookie-phaseout")`."""

    def __call__(self, *arguments: str) -> Browser: ...


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "found_browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def found_browser(pytestconfig: pytest.Config) -> Found:
    outcome = for_this_run()
    if isinstance(outcome, Missing):
        missing(pytestconfig, "browser", outcome.reason)
    note(pytestconfig, "browser", f"{outcome.executable} {outcome.version}")
    return outcome


@pytest.fixture(scope="session")
def chromium(found_browser: Found) -> Iterator[BrowserType]:
    with sync_playwright() as playwright:
        yield playwright.chromium


@pytest.fixture(scope="session")
def browser(chromium: BrowserType, found_browser: Found) -> Iterator[Browser]:
    """The session's browser, headless."""
    started = launch(chromium, found_browser.executable)
    yield started
    started.close()


@pytest.fixture
def start_browser(chromium: BrowserType, found_browser: Found) -> Iterator[StartBrowser]:
    """Start a browser with arguments of the test's own."""
    started: list[Browser] = []

    def start(*arguments: str) -> Browser:
        started.append(launch(chromium, found_browser.executable, *arguments))
        return started[-1]

    yield start
    for each in started:
        each.close()
