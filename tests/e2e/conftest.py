"""Gantry in the stand-in workspace in Chromium, in real time, and an ear for all that the browser complains of.

The workspace is on localhost and Gantry on 127.0.0.1: two sites, so the session's cookie is a third-party one.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, WebError, expect

import app
from playground.workspace import Workspace, serve
from tests.api_gateway import Gateway
from tests.e2e.desk import Desk
from tests.secrets_manager import AWS, SecretsManager
from tests.stage import Log, Stage, closing

PATIENCE_MILLISECONDS = 20_000
expect.set_options(timeout=PATIENCE_MILLISECONDS)  # small machines pause
VIOLATION = "the page broke its own policy"
LISTEN = f"""
document.addEventListener("securitypolicyviolation", (event) => {{
  console.error({VIOLATION!r}, event.violatedDirective, event.blockedURI, event.sourceFile, event.lineNumber);
}});
"""
RESOURCE = re.compile(r"Failed to load resource: the server responded with a status of (\d{3}) \(.*\) <.*>")


class Complaints:
    """What a browser has to complain of; a test declares the statuses and lines that it provokes."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.addresses: list[str] = []
        self.posts: list[str] = []
        self._statuses: set[int] = set()
        self._patterns: list[str] = []

    def expect(self, *statuses: int, line: str | None = None) -> None:
        """The browser's own line for these statuses is no fault, nor is a line that matches."""
        self._statuses.update(statuses)
        self._patterns += [line] if line else []

    def hear(self, context: BrowserContext) -> None:
        """Listen to every page and frame of a context."""
        context.add_init_script(LISTEN)
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("request", self._request)

    @property
    def unexpected(self) -> list[str]:
        """What no test has declared."""
        return [line for line in self.lines if not self._is_expected(line)]

    def _is_expected(self, line: str) -> bool:
        status = RESOURCE.fullmatch(line)
        if status and int(status[1]) in self._statuses:
            return True
        return any(re.search(pattern, line) for pattern in self._patterns)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.lines.append(f"{message.text} <{message.location['url']}>")

    def _error(self, error: WebError) -> None:
        self.lines.append(f"uncaught: {error.error}")

    def _request(self, request: Request) -> None:
        self.addresses.append(request.url)
        if request.method == "POST":
            self.posts.append(request.url)


MakeStage = Callable[[Workspace], Stage]


@pytest.fixture
def make_stage(
    gateway: Gateway,
    secrets_manager: SecretsManager,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MakeStage]:
    """Put a workspace on the stage; at the end nothing confidential and no fault is in the log."""
    for name, value in {**AWS, "AWS_ENDPOINT_URL": secrets_manager.url}.items():
        monkeypatch.setenv(name, value)
    log = Log(lambda: capsys.readouterr().out)
    use = partial(monkeypatch.setattr, app, "gantry")
    with ExitStack() as ended:
        made: list[Stage] = []

        def make(workspace: Workspace) -> Stage:
            serving = ended.enter_context(serve(workspace))
            made.append(ended.enter_context(closing(Stage(workspace, serving, gateway, secrets_manager, use, log))))
            return made[-1]

        yield make
        assert log.events("fault") == []
        for each in made:
            each.assert_discreet()


@pytest.fixture
def stage(make_stage: MakeStage) -> Stage:
    return make_stage(Workspace(rate_limits=False))


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """No uncaught exception, no CSP violation, no console error but those that the test provokes."""
    heard = Complaints()
    yield heard
    assert heard.unexpected == []


@pytest.fixture
def context(stage: Stage, browser: Browser, complaints: Complaints) -> Iterator[BrowserContext]:
    """A browser window of its own: no cookie, nothing stored."""
    opened = browser.new_context(viewport={"width": 1280, "height": 800})
    opened.set_default_timeout(PATIENCE_MILLISECONDS)
    complaints.hear(opened)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def desk(page: Page, stage: Stage) -> Desk:
    """Somebody in front of the workspace."""
    return Desk(page, stage)
