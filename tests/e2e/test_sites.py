"""Sites: cookies across sites, with third-party cookies blocked, and pages opened at the top level."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.fixtures import StartBrowser
from tests.e2e.conftest import PATIENCE_MILLISECONDS, Complaints
from tests.e2e.desk import Desk
from tests.stage import COOKIE, Stage


@pytest.fixture
def strict(stage: Stage, start_browser: StartBrowser, complaints: Complaints) -> Iterator[BrowserContext]:
    """A browser that blocks third-party cookies."""
    opened = start_browser("--test-third-party-cookie-phaseout").new_context()
    opened.set_default_timeout(PATIENCE_MILLISECONDS)
    complaints.expect(401)
    complaints.hear(opened)
    yield opened
    opened.close()


@pytest.mark.parametrize("handoff", ["token", "retry"])
def test_third_party_cookies_are_blocked(strict: BrowserContext, stage: Stage, handoff: str) -> None:
    """Promise 8: with third-party cookies blocked the partitioned cookie comes with every check all the same."""
    stage.container(HANDOFF=handoff)
    page = strict.new_page()
    desk = Desk(page, stage).open()
    desk.sign_in("alice")
    desk.is_signed_in("Alice Archer")
    page.evaluate("localStorage.clear()")
    page.reload()
    desk.is_signed_in("Alice Archer")
    assert stage.tokens("alice") == 1
    desk.log_out()
    desk.is_signed_out()


def test_the_block_is_real(strict: BrowserContext, stage: Stage) -> None:
    """With third-party cookies blocked a cookie without a partition is not sent: the block above is at work."""
    page = strict.new_page()

    def without_partition(route: Route) -> None:
        answer = route.fetch()
        headers = dict(answer.headers)
        headers["set-cookie"] = headers.get("set-cookie", "").replace("; Partitioned", "")
        route.fulfill(response=answer, headers=headers)

    desk = Desk(page, stage).open()
    page.route(f"{stage.url}/login", without_partition)
    desk.sign_in("alice")
    desk.is_signed_in("Alice Archer")
    page.evaluate("localStorage.clear()")
    page.reload()
    desk.is_signed_out()


def test_the_cookie_lies_in_the_workspaces_partition(desk: Desk, stage: Stage, complaints: Complaints) -> None:
    """Promise 8: the cookie is Secure, HttpOnly, SameSite=None, and in the partition of the workspace's site."""
    complaints.expect(401)
    desk.open().sign_in("alice")
    desk.is_signed_in("Alice Archer")
    [cookie] = [each for each in desk.page.context.cookies(stage.url) if each["name"] == COOKIE]
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, True, "None", "/")
    assert cookie.get("partitionKey") == "http://localhost"


def test_at_the_top_level_there_is_no_form(page: Page, stage: Stage) -> None:
    """Promise 40: the login page opened by its own address takes no password and leads to the workspace."""
    page.goto(f"{stage.url}/login")
    expect(page.get_by_role("heading")).to_have_text("Sign in from the workspace")
    expect(page.locator("input")).to_have_count(0)
    assert page.get_by_role("link", name="Open localhost").get_attribute("href") == stage.origin


def test_at_the_top_level_of_an_old_browser(page: Page, stage: Stage) -> None:
    """Promise 40: without Fetch Metadata the page's own script takes the form away."""

    def without_metadata(route: Route) -> None:
        headers = {name: value for name, value in route.request.headers.items() if not name.startswith("sec-fetch-")}
        route.fulfill(response=route.fetch(headers=headers))

    page.route(f"{stage.url}/login", without_metadata)
    served = page.goto(f"{stage.url}/login")
    assert served is not None
    assert 'name="password"' in served.text()
    expect(page.get_by_role("heading")).to_have_text("Sign in from the workspace")
    expect(page.locator("input")).to_have_count(0)


def test_a_form_posted_at_the_top_level_mints_nothing(page: Page, stage: Stage, complaints: Complaints) -> None:
    """Promise 40: a form that is sent from the top level all the same signs nobody in."""
    complaints.expect(403)
    page.goto(f"{stage.url}/login")
    page.evaluate(
        """() => {
          const form = document.createElement("form");
          form.method = "post";
          for (const [name, value] of [["username", "alice"], ["password", "gantry-demo"]]) {
            form.append(Object.assign(document.createElement("input"), { name, value }));
          }
          document.body.append(form);
          form.submit();
        }"""
    )
    expect(page.get_by_role("heading")).to_have_text("Sign in from the workspace")
    expect(page.locator("input")).to_have_count(0)
    assert stage.workspace.calls("login") == []
    assert stage.tokens("alice") == 0
    assert not page.context.cookies()


def test_on_one_site_the_top_level_signs_in(page: Page, stage: Stage) -> None:
    """With COOKIE_SITE=same the login page works by its own address, and its page leads to the workspace."""
    stage.container(COOKIE_SITE="same")
    page.goto(f"{stage.url}/login")
    page.get_by_label("Username or e-mail").fill("alice")
    page.locator("#password").fill("gantry-demo")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading")).to_have_text("You are signed in")
    assert page.context.cookies(stage.url)[0]["sameSite"] == "Lax"


def test_the_administrators_page(page: Page, stage: Stage) -> None:
    """The page at `/` shows the two addresses that this very playground was connected with."""
    page.goto(f"{stage.url}/")
    for name in ("Accounts_iframe_url", "Accounts_Iframe_api_url"):
        expect(page.get_by_text(str(stage.workspace.settings[name]), exact=True)).to_be_visible()
