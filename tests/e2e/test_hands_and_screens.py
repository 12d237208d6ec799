"""Phones and keyboards: nothing scrolls sideways, and nobody needs a mouse."""

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.conftest import Complaints
from tests.e2e.desk import Desk
from tests.stage import Stage

OVERFLOW = "() => document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
LONG = "x" * 120


@pytest.fixture(autouse=True)
def signed_out_checks(complaints: Complaints) -> None:
    complaints.expect(401)


def fits(desk: Desk) -> bool:
    """Neither the workspace nor Gantry's page scrolls sideways."""
    return bool(desk.page.evaluate(OVERFLOW) <= 0 and desk.inner().evaluate(OVERFLOW) <= 0)


@pytest.mark.parametrize("width", [320, 375])
def test_signing_in_on_a_phone(desk: Desk, page: Page, stage: Stage, width: int) -> None:
    """At 375 and 320 px every page of a sign-in fits, with long names and errors, and the sign-in works."""
    page.set_viewport_size({"width": width, "height": 640})
    desk.open()
    assert fits(desk)
    desk.sign_in(LONG, "wrong-password")
    expect(desk.alert).to_be_visible()
    assert fits(desk)
    desk.sign_in("bob")
    expect(desk.code).to_be_visible()
    assert fits(desk)
    desk.enter_code("000000")
    expect(desk.alert).to_be_visible()
    assert fits(desk)
    desk.enter_code(desk.totp())
    desk.is_signed_in("Bob Baker")
    assert page.evaluate(OVERFLOW) <= 0


@pytest.mark.parametrize("width", [320, 375])
def test_a_refused_handoff_on_a_phone(desk: Desk, page: Page, width: int) -> None:
    """At 375 and 320 px the handoff page fits, with whatever words the workspace says."""

    def refuse(route: Route) -> None:
        route.fulfill(json={"error": 403, "message": LONG})

    page.route("**/_client/resume", refuse)
    page.set_viewport_size({"width": width, "height": 640})
    desk.open().sign_in("alice")
    expect(desk.frame.locator("q")).to_be_visible()
    assert fits(desk)


@pytest.mark.parametrize("width", [320, 375])
@pytest.mark.parametrize("path", ["/", "/login", "/logout"])
def test_pages_of_their_own_on_a_phone(page: Page, stage: Stage, path: str, width: int) -> None:
    """At 375 and 320 px the pages that stand alone fit, with a long brand name."""
    stage.container(BRAND_NAME="Gesellschaft für Raumfahrtangelegenheiten " + "x" * 60)
    page.set_viewport_size({"width": width, "height": 640})
    page.goto(stage.url + path)
    expect(page.get_by_role("heading")).to_be_visible()
    assert page.evaluate(OVERFLOW) <= 0


def test_signing_in_by_keyboard_alone(desk: Desk, page: Page) -> None:
    """Tab, letters and Enter are enough for password, a mistake, second factor and sign-in."""
    desk.open()
    page.keyboard.press("Tab")
    for _ in range(80):
        if desk.inner().evaluate("document.hasFocus() && document.activeElement.id === 'username'"):
            break
        page.keyboard.press("Tab")
    expect(desk.username).to_be_focused()
    page.keyboard.type("bob")
    page.keyboard.press("Tab")
    expect(desk.password).to_be_focused()
    page.keyboard.type("wrong-password")
    page.keyboard.press("Enter")
    expect(desk.alert).to_be_visible()
    expect(desk.password).to_be_focused()
    page.keyboard.type("gantry-demo")
    page.keyboard.press("Enter")
    expect(desk.code).to_be_focused()
    page.keyboard.type(desk.totp())
    page.keyboard.press("Enter")
    desk.is_signed_in("Bob Baker")


def test_every_control_can_be_reached(desk: Desk, page: Page) -> None:
    """Tab goes from the name to the password, the button beside it and the form's own, in this order."""
    desk.open()
    desk.username.focus()
    order = []
    for _ in range(3):
        page.keyboard.press("Tab")
        order.append(desk.inner().evaluate("document.activeElement.id || document.activeElement.type"))
    assert order == ["password", "show", "submit"]


def test_an_error_is_announced(desk: Desk) -> None:
    """An error is an alert, stands in the title and is what the faulty field is described by."""
    desk.open().sign_in("alice", "wrong-password")
    expect(desk.alert).to_have_attribute("aria-live", "assertive")
    assert desk.inner().title().startswith("Error: Sign in")
    expect(desk.frame.locator(f"#{desk.password.get_attribute('aria-describedby')}")).to_be_visible()


def test_a_browser_is_answered_in_its_language(browser: Browser, stage: Stage) -> None:
    """A browser that is set to Portuguese of Portugal reads the page in Portuguese."""
    stage.container()
    context = browser.new_context(locale="pt-PT")
    page = context.new_page()
    page.goto(stage.url + "/logout")
    expect(page.get_by_role("heading")).to_have_text("Sair?")
    assert page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == ["pt-BR", "ltr"]
    context.close()
