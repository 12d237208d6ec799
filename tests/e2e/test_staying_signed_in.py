"""After the sign-in: reloads, tabs, and a logout that stays one."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from playground.workspace import Fault
from tests.e2e.conftest import Complaints
from tests.e2e.desk import Desk
from tests.stage import Stage


@pytest.fixture(autouse=True)
def signed_out_checks(complaints: Complaints) -> None:
    complaints.expect(401)


@pytest.fixture
def alice(desk: Desk) -> Desk:
    desk.open().sign_in("alice")
    desk.is_signed_in("Alice Archer")
    return desk


def forget_the_workspaces_own_login(page: Page) -> None:
    """Leave Gantry's cookie as the only thing that knows who this is."""
    page.evaluate("localStorage.clear()")


@pytest.mark.parametrize("handoff", ["token", "retry"])
def test_ten_reloads_mint_one_token(desk: Desk, stage: Stage, page: Page, handoff: str) -> None:
    """Promise 30: ten reloads of the workspace mint nothing beside the one token of the sign-in."""
    stage.container(HANDOFF=handoff)
    desk.open().sign_in("alice")
    desk.is_signed_in("Alice Archer")
    for _ in range(10):
        page.reload()
        desk.is_signed_in("Alice Archer")
    assert stage.tokens("alice") == 1
    assert len(stage.workspace.calls("login")) == 1


def test_the_cookie_alone_brings_the_person_back(alice: Desk, stage: Stage, page: Page) -> None:
    """Promise 30: where the workspace's own login is lost, the four checks of a load sign in by the same token."""
    forget_the_workspaces_own_login(page)
    page.reload()
    alice.is_signed_in("Alice Archer")
    assert stage.tokens("alice") == 1
    assert len(stage.workspace.calls("login")) == 1


def test_logging_out_stays_logged_out(alice: Desk, stage: Stage, page: Page) -> None:
    """Promise 12: after a logout in the workspace the login page comes, and comes again after reloads."""
    alice.log_out()
    alice.is_signed_out()
    assert stage.tokens("alice") == 0
    for _ in range(2):
        stage.workspace.trace.clear()
        page.reload()
        alice.is_signed_out()
        checks = alice.trace("check")
        assert len(checks) == 4
        assert all(each.endswith(": 401 not signed in") for each in checks)


def test_logging_out_right_after_a_check_stays_logged_out(alice: Desk, stage: Stage, page: Page) -> None:
    """Promise 12: even within the second for which a live answer is remembered nobody is logged back in."""
    page.reload()
    alice.is_signed_in("Alice Archer")
    alice.log_out()
    alice.is_signed_out()
    assert stage.tokens("alice") == 0
    assert not any("Logged straight back in" in each for each in alice.trace("note"))


def test_somebody_else_signs_in_afterwards(alice: Desk, stage: Stage) -> None:
    """Promise 9: the next person at the same browser gets a session of their own."""
    alice.log_out()
    alice.is_signed_out()
    alice.sign_in("bob")
    alice.enter_code(alice.totp())
    alice.is_signed_in("Bob Baker")
    assert (stage.tokens("alice"), stage.tokens("bob")) == (0, 1)


def test_two_tabs_share_the_session(alice: Desk, context: BrowserContext, stage: Stage) -> None:
    """A second tab is signed in by what the first one has, and a logout in one ends both."""
    second = Desk(context.new_page(), stage)
    second.page.goto(stage.origin)
    second.is_signed_in("Alice Archer")
    assert stage.tokens("alice") == 1
    alice.log_out()
    alice.is_signed_out()
    second.page.reload()
    second.is_signed_out()


def test_two_tabs_with_open_forms(desk: Desk, context: BrowserContext, stage: Stage) -> None:
    """Two tabs whose forms were open both sign in, each with a token of its own."""
    second = Desk(context.new_page(), stage).open()
    desk.open().sign_in("alice")
    desk.is_signed_in("Alice Archer")
    second.sign_in("alice")
    second.is_signed_in("Alice Archer")
    assert stage.tokens("alice") == 2
    second.page.reload()
    second.is_signed_in("Alice Archer")


def test_signing_out_on_gantrys_page(alice: Desk, stage: Stage, page: Page) -> None:
    """`GET /logout` in the workspace's frame ends session and token by its one button, and links back."""
    page.evaluate(
        """(address) => {
          const frame = document.createElement("iframe");
          frame.src = address;
          document.body.append(frame);
        }""",
        f"{stage.url}/logout",
    )
    expect(alice.frame.get_by_role("heading")).to_have_text("Sign out?")
    alice.button("Sign out").click()
    expect(alice.frame.get_by_text("Your session has ended.")).to_be_visible()
    assert stage.tokens("alice") == 0
    alice.frame.get_by_role("link", name="Open localhost").click()
    alice.is_signed_out()


def test_an_outage_keeps_the_session(alice: Desk, stage: Stage, page: Page, complaints: Complaints) -> None:
    """Promise 35: a workspace whose `me` fails for a while costs nobody the session."""
    complaints.expect(503)
    forget_the_workspaces_own_login(page)
    stage.workspace.fault("me", Fault(status=502), times=None)
    page.reload()
    alice.is_signed_out()
    stage.workspace.clear_faults()
    page.reload()
    alice.is_signed_in("Alice Archer")
    assert stage.tokens("alice") == 1
