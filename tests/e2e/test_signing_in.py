"""People sign in through the frame, and are told what keeps them from it."""

import pytest
from playwright.sync_api import Page, expect

from playground.workspace import Fault
from tests.e2e.conftest import Complaints
from tests.e2e.desk import Desk
from tests.stage import Stage


@pytest.fixture(autouse=True)
def signed_out_checks(complaints: Complaints) -> None:
    complaints.expect(401)


@pytest.mark.parametrize("handoff", ["token", "retry"])
def test_alice_signs_in(desk: Desk, stage: Stage, handoff: str) -> None:
    """A right password takes alice into the workspace by either handoff, with one token minted."""
    stage.container(HANDOFF=handoff)
    desk.open().sign_in("alice")
    desk.is_signed_in("Alice Archer")
    assert stage.tokens("alice") == 1


@pytest.mark.parametrize("handoff", ["token", "retry"])
def test_bob_signs_in_with_totp(desk: Desk, stage: Stage, handoff: str) -> None:
    """Bob is asked for his authenticator's code, with the cursor in its field, and gets in by either handoff."""
    stage.container(HANDOFF=handoff)
    desk.open().sign_in("bob")
    expect(desk.code).to_be_focused()
    desk.enter_code(desk.totp())
    desk.is_signed_in("Bob Baker")
    assert stage.tokens("bob") == 1


@pytest.mark.parametrize("handoff", ["token", "retry"])
def test_carol_signs_in_with_a_mailed_code(desk: Desk, stage: Stage, handoff: str) -> None:
    """Carol is told that a code was sent, and gets in with it by either handoff."""
    stage.container(HANDOFF=handoff)
    desk.open().sign_in("carol@example.org")
    expect(desk.frame.get_by_text("A code was just sent to your e-mail address.")).to_be_visible()
    desk.enter_code(desk.mailed())
    desk.is_signed_in("Carol Chen")


def test_a_wrong_password_is_said_and_the_password_field_waits(desk: Desk) -> None:
    """After a wrong password the name is still there, the password field is empty, described and focused."""
    desk.open().sign_in("alice", "wrong-password")
    expect(desk.alert).to_have_text("Username or password is wrong. Check both and try again.")
    expect(desk.username).to_have_value("alice")
    expect(desk.password).to_have_value("")
    expect(desk.password).to_be_focused()
    expect(desk.password).to_have_attribute("aria-invalid", "true")
    expect(desk.password).to_have_attribute("aria-describedby", "error")
    desk.sign_in("alice")
    desk.is_signed_in("Alice Archer")


def test_a_wrong_code_is_said_and_the_code_field_waits(desk: Desk) -> None:
    """After a wrong code the same form is there with the cursor in its field, and a right code signs in."""
    desk.open().sign_in("bob")
    desk.enter_code("000000")
    expect(desk.alert).to_have_text("This code is wrong or has run out. Check it and try again, or start over.")
    expect(desk.code).to_be_focused()
    desk.enter_code(desk.totp())
    desk.is_signed_in("Bob Baker")


def test_who_has_no_code_can_start_over(desk: Desk) -> None:
    """The code form leads back to the login page."""
    desk.open().sign_in("bob")
    desk.frame.get_by_role("link", name="Start over").click()
    desk.sign_in("alice")
    desk.is_signed_in("Alice Archer")


def test_dave_is_told_that_his_account_is_deactivated(desk: Desk, stage: Stage) -> None:
    """A deactivated person is refused with the way on."""
    desk.open().sign_in("dave")
    expect(desk.alert).to_contain_text("This account is deactivated.")
    assert stage.tokens("dave") == 0


def test_the_workspace_is_down(desk: Desk, stage: Stage, complaints: Complaints) -> None:
    """Promise 35: an outage is said beside the form, and the next try works."""
    complaints.expect(503)
    desk.open()
    stage.workspace.fault("login", Fault(status=502))
    desk.sign_in("alice")
    expect(desk.alert).to_contain_text("does not work right now. Nothing was changed.")
    expect(desk.username).to_have_value("alice")
    desk.sign_in("alice")
    desk.is_signed_in("Alice Archer")


def test_too_many_attempts_are_said(desk: Desk, stage: Stage, complaints: Complaints) -> None:
    """A banned name is told to wait."""
    complaints.expect(429)
    stage.workspace.settings["Block_Multiple_Failed_Logins_Attempts_Until_Block_by_User"] = 1
    desk.open().sign_in("alice", "wrong-password")
    expect(desk.alert).to_contain_text("Username or password is wrong.")
    desk.sign_in("alice")
    expect(desk.alert).to_have_text("Too many failed attempts. Wait a few minutes, then try again.")


def test_a_double_click_signs_in_once(desk: Desk, stage: Stage, complaints: Complaints) -> None:
    """Two clicks on the button send one form."""
    desk.open()
    desk.username.fill("alice")
    desk.password.fill("gantry-demo")
    desk.button("Sign in").dblclick()
    desk.is_signed_in("Alice Archer")
    assert complaints.posts.count(f"{stage.url}/login") == 1
    assert stage.tokens("alice") == 1


def test_a_form_on_its_way_says_so(desk: Desk, stage: Stage) -> None:
    """After the first press the button says what happens and takes no second one, by click or Enter."""
    desk.open()
    desk.username.fill("alice")
    desk.password.fill("gantry-demo")
    seen = desk.inner().evaluate(
        """() => {
          const form = document.querySelector("form");
          const button = form.querySelector("[type=submit]");
          let sent = 0;
          window.addEventListener("submit", (event) => { sent += event.defaultPrevented ? 0 : 1; });
          button.click();
          const text = button.textContent;
          button.click();
          form.requestSubmit();
          return { sent, text, disabled: button.getAttribute("aria-disabled") };
        }"""
    )
    assert seen == {"sent": 1, "text": "Signing in …", "disabled": "true"}
    desk.is_signed_in("Alice Archer")
    assert stage.tokens("alice") == 1


def test_a_strange_username_is_text(desk: Desk) -> None:
    """Promise 25: a username full of markup is shown again as it was typed, and does nothing."""
    name = "\"><img src=x onerror=\"console.error('ran')\"></script><script>console.error('ran')</script>"
    desk.open().sign_in(name, "wrong-password")
    expect(desk.alert).to_be_visible()
    expect(desk.username).to_have_value(name)


def test_the_password_can_be_looked_at(desk: Desk) -> None:
    """The button beside the password shows it and hides it again, and says which."""
    desk.open()
    desk.password.fill("gantry-demo")
    desk.button("Show password").click()
    expect(desk.password).to_have_attribute("type", "text")
    expect(desk.frame.get_by_role("status")).to_have_text("Your password is shown.")
    hide = desk.button("Hide password")
    expect(hide).to_have_text("Hide")
    hide.click()
    expect(desk.button("Show password")).to_have_text("Show")
    expect(desk.frame.get_by_role("status")).to_have_text("Your password is hidden.")
    expect(desk.password).to_have_attribute("type", "password")
    expect(desk.password).to_be_focused()


def test_no_token_in_any_address(desk: Desk, stage: Stage, complaints: Complaints, page: Page) -> None:
    """Promise 26: of all the addresses that the browser asks for, none holds the token or the password."""
    desk.open().sign_in("alice")
    desk.is_signed_in("Alice Archer")
    token = page.evaluate("localStorage.getItem('Meteor.loginToken')")
    assert len(token) == 43
    assert len(complaints.addresses) > 5
    for secret in (token, "gantry-demo"):
        assert not any(secret in address for address in complaints.addresses)
    stage.confidential.add(token)


def test_back_after_signing_in(desk: Desk, stage: Stage, page: Page) -> None:
    """Going back after a sign-in posts no form again: the way forward is still signed in, by the same token."""
    page.goto(f"{stage.origin}/channel/general")
    desk.is_signed_out()
    desk.open().sign_in("alice")
    desk.is_signed_in("Alice Archer")
    page.go_back()
    desk.is_signed_in("Alice Archer")
    page.go_forward()
    desk.is_signed_in("Alice Archer")
    assert len(stage.workspace.calls("login")) == 1
    assert stage.tokens("alice") == 1
