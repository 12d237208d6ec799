"""The workspace's *Custom Script for Logout Flow*, as the page on logout has it, in the browser.

Rocket.Chat runs it in its page when somebody logs out. The stand-in has no such setting, so the script is evaluated in
its page right before or right after the client's own logout.
"""

import pytest
from playwright.sync_api import Page, Response, expect

from tests.docs.pages import DOCS, blocks
from tests.e2e.conftest import Complaints
from tests.e2e.desk import Desk
from tests.stage import COOKIE, Stage

ADDRESS = "https://<id>.execute-api.<region>.amazonaws.com/api/logout"


@pytest.fixture(autouse=True)
def signed_out_checks(complaints: Complaints) -> None:
    complaints.expect(401)


@pytest.fixture
def script(stage: Stage) -> str:
    """The script of the page, with this Gantry's address in the place of yours."""
    text, _ = scripts()
    assert text.count(ADDRESS) == 1
    return text.replace(ADDRESS, f"{stage.url}/logout")


def scripts() -> list[str]:
    """The script, and the other last line for it."""
    return [block.text for block in blocks(DOCS / "logout.md") if block.language == "js"]


@pytest.fixture
def alice(desk: Desk) -> Desk:
    desk.open().sign_in("alice")
    desk.is_signed_in("Alice Archer")
    return desk


def run(page: Page, script: str) -> Response:
    """Evaluate the script as the body of a function, as Rocket.Chat does, and return what Gantry answered."""
    with page.expect_response(lambda response: response.url.endswith("/logout")) as answered:
        page.evaluate(f"() => {{ {script} }}")
    return answered.value


def has_cookie(page: Page, stage: Stage) -> bool:
    return any(each["name"] == COOKIE for each in page.context.cookies(stage.url))


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_script_around_a_logout(alice: Desk, stage: Stage, page: Page, script: str, when: str) -> None:
    """Run right before or right after the workspace's logout, the script is answered 200 and nobody is signed in."""
    assert has_cookie(page, stage)
    if when == "before":
        assert run(page, script).status == 200
    alice.log_out()
    alice.is_signed_out()
    if when == "after":
        assert run(page, script).status == 200
    assert not has_cookie(page, stage)
    assert stage.tokens("alice") == 0
    page.reload()
    alice.is_signed_out()


def test_the_script_ends_what_a_lost_logout_leaves(alice: Desk, stage: Stage, page: Page, script: str) -> None:
    """Where the workspace's own logout is lost, the script alone ends session and token."""
    page.evaluate("localStorage.clear()")
    page.reload()
    alice.is_signed_in("Alice Archer")
    assert run(page, script).status == 200
    assert not has_cookie(page, stage)
    assert stage.tokens("alice") == 0
    page.evaluate("localStorage.clear()")
    page.reload()
    alice.is_signed_out()


def test_the_script_is_silent_where_gantry_is_not_there(
    alice: Desk, page: Page, script: str, complaints: Complaints
) -> None:
    """Where nobody answers, no error escapes the script, and the workspace's logout works."""
    complaints.expect(line=r"net::ERR_FAILED <.*/logout>")
    page.route("**/logout", lambda route: route.abort() if route.request.method == "POST" else route.fallback())
    with page.expect_event("requestfailed", lambda request: request.url.endswith("/logout")):
        page.evaluate(f"() => {{ {script} }}")
    page.unroute("**/logout")
    alice.log_out()
    alice.is_signed_out()
    expect(alice.password).to_have_value("")


def test_the_script_with_a_second_person(alice: Desk, stage: Stage, page: Page, script: str) -> None:
    """After the script the next person signs in at the same browser, with a session of their own."""
    run(page, script)
    alice.log_out()
    alice.is_signed_out()
    alice.sign_in("bob")
    alice.enter_code(alice.totp())
    alice.is_signed_in("Bob Baker")
    assert (stage.tokens("alice"), stage.tokens("bob")) == (0, 1)


def test_the_other_last_line_goes_on_to_the_portal(alice: Desk, stage: Stage, page: Page, script: str) -> None:
    """With the last line for single sign-out the browser ends at the portal, and the session has ended before."""
    _, ending = scripts()
    last = script.splitlines()[-1]
    assert last.endswith(".catch(() => {});")
    longer = script.replace(last, last.replace(".catch(() => {});", ending))
    page.route("https://portal.example.com/**", lambda route: route.fulfill(body="<p>Signed out of the portal</p>"))
    page.evaluate(f"() => {{ {longer} }}")
    expect(page.get_by_text("Signed out of the portal")).to_be_visible()
    assert page.url == "https://portal.example.com/logout"
    assert not has_cookie(page, stage)
    assert stage.tokens("alice") == 0
