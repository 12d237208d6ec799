"""Somebody in front of the workspace: the page, and Gantry's page in its frame."""

import re

import pyotp
from playwright.sync_api import Frame, FrameLocator, Locator, Page, expect

from playground.people import BOB_TOTP
from playground.workspace import PASSWORD
from tests.stage import Stage

FRAME = """(address) => {
  window.heard = [];
  window.addEventListener("message", (event) => heard.push({ data: event.data, origin: event.origin }));
  const frame = document.createElement("iframe");
  Object.assign(frame, { src: address, width: 600, height: 700 });
  document.body.replaceChildren(frame);
}"""


class Desk:
    """Do what a person does, and see what a person sees."""

    def __init__(self, page: Page, stage: Stage) -> None:
        self.page = page
        self.stage = stage

    # --- doing

    def open(self) -> "Desk":
        """Open the workspace signed out: it shows the login page."""
        self.page.goto(self.stage.origin)
        expect(self.username).to_be_visible()
        return self

    def open_parent(self) -> "Desk":
        """Open a page at the workspace's address that frames the login page and writes down what it is posted."""
        self.page.goto(a_page_of(self.stage.origin))
        self.page.evaluate(FRAME, f"{self.stage.url}/login")
        expect(self.frame.locator("h1:visible")).to_have_count(1)
        return self

    def sign_in(self, username: str = "alice", password: str = PASSWORD) -> None:
        """Fill in the login form and send it, in the tab that is in front: others take no clicks in their frames."""
        self.page.bring_to_front()
        self.username.fill(username)
        self.password.fill(password)
        self.button("Sign in").click()

    def enter_code(self, code: str) -> None:
        """Fill in the second factor's form and send it."""
        self.code.fill(code)
        self.button("Continue").click()

    def totp(self) -> str:
        """What bob's authenticator shows."""
        return pyotp.TOTP(BOB_TOTP).now()

    def mailed(self) -> str:
        """What stands in carol's newest e-mail."""
        mail = self.stage.workspace.last_mail("carol")
        assert mail is not None
        return mail.code

    def log_out(self) -> None:
        """Log out in the workspace."""
        self.page.bring_to_front()
        self.page.get_by_role("button", name="Log out").click()

    # --- seeing

    @property
    def frame(self) -> FrameLocator:
        """Gantry's page."""
        return self.page.frame_locator(f'iframe[src^="{self.stage.url}"]')

    @property
    def username(self) -> Locator:
        return self.frame.get_by_label(re.compile("^Username"))

    @property
    def password(self) -> Locator:
        return self.frame.locator("#password")

    @property
    def code(self) -> Locator:
        return self.frame.get_by_label("Code")

    @property
    def alert(self) -> Locator:
        return self.frame.get_by_role("alert")

    def button(self, name: str) -> Locator:
        """A button of Gantry's page."""
        return self.frame.get_by_role("button", name=name, exact=True)

    def inner(self) -> Frame:
        """Gantry's page as a frame that can be asked."""
        [frame] = [each for each in self.page.frames if each.url.startswith(self.stage.url)]
        return frame

    def is_signed_in(self, name: str) -> None:
        """The workspace greets somebody."""
        expect(self.page.get_by_text(f"You are signed in as {name}.")).to_be_visible()
        expect(self.page.locator(f'iframe[src^="{self.stage.url}"]')).to_have_count(0)

    def is_signed_out(self) -> None:
        """The workspace shows the login page."""
        expect(self.username).to_be_visible()

    def app_says(self, words: str | re.Pattern[str]) -> None:
        """The line of the mobile app above its web view."""
        expect(self.page.locator("#app")).to_have_text(words)

    def posted(self) -> list[dict[str, object]]:
        """What a page opened by `open_parent` was posted."""
        heard: list[dict[str, object]] = self.page.evaluate("heard")
        return heard

    def events(self) -> list[object]:
        """The events among them."""
        return [each["data"]["event"] for each in self.posted()]  # type: ignore[index]

    def wait_for_posts(self, count: int) -> None:
        """Until so many messages have come."""
        self.page.wait_for_function("(count) => heard.length >= count", arg=count)

    def trace(self, kind: str) -> list[str]:
        """What the workspace noted of one kind: titles with their results."""
        return [f"{each.title}: {each.result}" for each in self.stage.workspace.trace.entries if each.kind == kind]


def a_page_of(origin: str) -> str:
    """The address of a page of that server that does nothing by itself and has no policy."""
    # A page that Playwright makes up comes from no address at all, and Chromium keeps such pages off loopback.
    return f"{origin}/api/info"
