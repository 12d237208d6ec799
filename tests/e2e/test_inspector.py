"""The faults of the playground's panel, each switched on and off in the browser: what people see while it lasts.

Whoever is signed in stays so, whatever is broken; who signs in reads a sentence, or waits.
"""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from playground.workspace import Workspace
from playground.workspace.keys import SessionKeys
from playground.workspace.line import Line
from playground.workspace.mongodb import MongoStore
from playground.workspace.switches import SLOW_SECONDS
from tests.database.fixtures import FreshDatabase
from tests.e2e.conftest import Complaints, MakeStage
from tests.e2e.desk import Desk
from tests.stage import Stage


@pytest.fixture(autouse=True)
def signed_out_checks(complaints: Complaints) -> None:
    complaints.expect(401)


def turn(page: Page, label: str, *, on: bool) -> None:
    """Press the button of a fault, and see that it says so."""
    button = page.get_by_role("button", name=label, exact=True)
    expect(button).to_have_attribute("aria-pressed", str(not on).lower())
    button.click()
    expect(button).to_have_attribute("aria-pressed", str(on).lower())


def took(stage: Stage) -> list[float]:
    """How many milliseconds each call of Gantry has taken."""
    return [each.took for each in stage.workspace.trace.entries if each.kind == "call" and each.took is not None]


def cookie_alone(page: Page) -> None:
    """Load the page with nothing but Gantry's cookie.

    A check that is still under way would log in and store that login anew, so the workspace's own page is left first.
    """
    workspace, nowhere = page.url, f"{page.evaluate('location.origin')}/nowhere"
    page.route(nowhere, lambda route: route.fulfill(content_type="text/html", body='<link rel="icon" href="data:,">'))
    page.goto(nowhere)
    page.evaluate("localStorage.clear()")
    page.goto(workspace)


def test_the_workspace_is_down(desk: Desk, page: Page, complaints: Complaints) -> None:
    """Promise 35: whoever signs in is told so, the session outlasts it, and nothing has to be restarted."""
    complaints.expect(503)
    desk.open()
    turn(page, "Workspace down", on=True)
    desk.sign_in()
    expect(desk.alert).to_contain_text("does not work right now")
    turn(page, "Workspace down", on=False)
    desk.sign_in()
    desk.is_signed_in("Alice Archer")
    turn(page, "Workspace down", on=True)
    page.reload()
    desk.is_signed_in("Alice Archer")
    expect(page.locator(".entry.check").filter(has_text="503")).not_to_have_count(0)
    turn(page, "Workspace down", on=False)
    cookie_alone(page)
    desk.is_signed_in("Alice Archer")


def test_the_workspace_is_slow(desk: Desk, page: Page, stage: Stage) -> None:
    """Whoever signs in waits as long as the workspace takes, and comes in; switched off, it is fast again."""
    desk.open()
    turn(page, "Slow", on=True)
    desk.sign_in()
    desk.is_signed_in("Alice Archer")
    assert min(took(stage)) >= SLOW_SECONDS * 1000
    turn(page, "Slow", on=False)
    stage.workspace.trace.clear()
    cookie_alone(page)
    desk.is_signed_in("Alice Archer")
    assert max(took(stage)) < SLOW_SECONDS * 1000


def test_the_workspace_limits_calls(desk: Desk, page: Page, complaints: Complaints) -> None:
    """Whoever signs in is told how long to wait; who is signed in stays so, for a limited call proves a live token."""
    complaints.expect(503)
    desk.open().sign_in()
    desk.is_signed_in("Alice Archer")
    turn(page, "Rate-limited", on=True)
    cookie_alone(page)
    desk.is_signed_in("Alice Archer")
    desk.log_out()
    desk.is_signed_out()
    desk.sign_in()
    expect(desk.alert).to_contain_text("Many people are signing in right now")
    turn(page, "Rate-limited", on=False)
    desk.sign_in()
    desk.is_signed_in("Alice Archer")


def test_the_secret_is_rotated(desk: Desk, page: Page, stage: Stage) -> None:
    """Promise 14: nobody notices a new session key at the end of the list, neither before nor after a cold start."""
    stage.workspace.switches.add_secret(SessionKeys(lambda: stage.secrets.aws("secretsmanager"), stage.secret_id))
    desk.open().sign_in()
    desk.is_signed_in("Alice Archer")
    turn(page, "Secret rotated", on=True)
    content = stage.secrets.aws("secretsmanager").get_secret_value(SecretId=stage.secret_id)["SecretString"]
    keys = json.loads(content)["session_keys"]
    assert keys[:-1] == stage.keys
    cookie_alone(page)
    desk.is_signed_in("Alice Archer")
    stage.container()
    cookie_alone(page)
    desk.is_signed_in("Alice Archer")
    turn(page, "Secret rotated", on=False)
    cookie_alone(page)
    desk.is_signed_in("Alice Archer")
    stage.confidential.update(keys)


def test_cookies_are_blocked(desk: Desk, page: Page) -> None:
    """Without its cookie Gantry knows nobody, and whoever signs in comes in by the posted token all the same."""
    desk.open()
    turn(page, "Cookies blocked", on=True)
    desk.sign_in()
    desk.is_signed_in("Alice Archer")
    cookie_alone(page)
    desk.is_signed_out()
    turn(page, "Cookies blocked", on=False)
    page.reload()
    desk.is_signed_in("Alice Archer")


@pytest.mark.parametrize("client", ["3.x"])
def test_cookies_are_blocked_in_an_older_client(desk: Desk, page: Page, stage: Stage, client: str) -> None:
    """A client that asks by XMLHttpRequest is kept from its cookie, too."""
    page.goto(stage.origin)
    page.get_by_label("Client").select_option(client)
    desk.is_signed_out()
    turn(page, "Cookies blocked", on=True)
    desk.sign_in()
    desk.is_signed_in("Alice Archer")
    cookie_alone(page)
    desk.is_signed_out()


class TestWithADatabase:
    @pytest.fixture
    def stage(self, make_stage: MakeStage, database: FreshDatabase) -> Iterator[Stage]:
        """Gantry reaches the database by a line that the panel can cut, the stand-in by itself."""
        with Line(database.uri) as line:
            staged = make_stage(Workspace(rate_limits=False, store=MongoStore(database.documents)))
            staged.workspace.switches.add_database(line)
            staged.confidential.update((database.uri, line.uri))
            staged.secrets.put(staged.secret_id, json.dumps({"session_keys": staged.keys, "mongodb_uri": line.uri}))
            gantry = staged.container(DIRECTORY="mongodb", TOKEN_SOURCE="mongodb")
            yield staged
            gantry.mongo.close()

    def test_the_database_is_down(self, desk: Desk, page: Page, complaints: Complaints) -> None:
        """Promise 35: whoever signs in is told so, and whoever is signed in stays so, now and when it is back."""
        complaints.expect(503)
        desk.open()
        turn(page, "Database down", on=True)
        desk.sign_in()
        expect(desk.alert).to_contain_text("does not work right now")
        turn(page, "Database down", on=False)
        desk.sign_in()
        desk.is_signed_in("Alice Archer")
        turn(page, "Database down", on=True)
        page.reload()
        desk.is_signed_in("Alice Archer")
        turn(page, "Database down", on=False)
        expect(page.locator(".entry.check.pending")).to_have_count(0)
        desk.stage.workspace.trace.clear()
        cookie_alone(page)
        desk.is_signed_in("Alice Archer")
        expect(page.locator(".entry.check.good")).to_have_count(4)
