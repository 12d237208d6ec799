"""Every client with every token source and handoff: one story each, and what is peculiar to some of them."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from chalicelib.web import cookies
from playground.people import DEMO_PEOPLE, Person
from playground.workspace import Workspace
from playground.workspace.mongodb import MongoStore
from tests.database.fixtures import FreshDatabase
from tests.e2e.client_table import ALIKE, EXPECTED, PLAYED, Story, in_the_page, render
from tests.e2e.conftest import Complaints, MakeStage
from tests.e2e.desk import Desk
from tests.stage import Stage

ERIN = Person(username="erin", name="Erin Eaton", email="erin@example.org")
DESKTOP_APP = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/128.0.0.0 Electron/32.0.0 Safari/537.36"
REFUSED_TOKEN = re.compile(r"^The app is not signed in\. It takes native login tokens alone, and ......… was refused")
NO_COOKIE = re.compile(r"^The app is not signed in\. It asked by itself, without the browser's cookies.*401\.$")


def only(*stories: tuple[str, str, str]) -> pytest.MarkDecorator:
    """Play these stories alone."""
    return pytest.mark.parametrize("story", [Story(*each) for each in stories], ids="-".join)


@pytest.fixture(autouse=True)
def signed_out_checks(complaints: Complaints) -> None:
    complaints.expect(401)


@pytest.fixture
def stage(request: pytest.FixtureRequest, make_stage: MakeStage, story: Story) -> Iterator[Stage]:
    """The client's workspace, and Gantry with that source and handoff."""
    people = (*DEMO_PEOPLE, ERIN)
    if story.source == "rest":
        staged = make_stage(Workspace(rate_limits=False, people=people, client=story.client))
        staged.container(HANDOFF=story.handoff)
        yield staged
        return
    database: FreshDatabase = request.getfixturevalue("database")
    store = MongoStore(database.documents)
    staged = make_stage(Workspace(rate_limits=False, people=people, client=story.client, store=store))
    staged.confidential.add(database.uri)
    staged.secrets.put(staged.secret_id, json.dumps({"session_keys": staged.keys, "mongodb_uri": database.uri}))
    kind = "iframe" if story.by_iframe else "login"
    gantry = staged.container(DIRECTORY="mongodb", TOKEN_SOURCE="mongodb", TOKEN_KIND=kind, HANDOFF=story.handoff)
    yield staged
    gantry.mongo.close()


@pytest.fixture
def context(stage: Stage, browser: Browser, complaints: Complaints, story: Story) -> Iterator[BrowserContext]:
    """A window of the browser, or of the desktop app."""
    worn = DESKTOP_APP if story.client == "electron" else None
    opened = browser.new_context(viewport={"width": 1280, "height": 800}, user_agent=worn)
    complaints.hear(opened)
    yield opened
    opened.close()


def is_in(desk: Desk, story: Story, name: str) -> None:
    """The client is signed in: with the mobile app, the app itself."""
    if story.client == "mobile":
        desk.app_says(f"The app is signed in as {name}.")
    desk.is_signed_in(name)


@pytest.mark.parametrize("story", PLAYED, ids="-".join)
def test_a_story(desk: Desk, stage: Stage, story: Story) -> None:
    """A wrong password, a sign-in, a reload, a logout, a second factor, a second person; or a sentence in its place."""
    outcome = EXPECTED[story]
    desk.open().sign_in("alice", "wrong-password")
    expect(desk.alert).to_contain_text("Username or password is wrong.")
    desk.sign_in("alice")
    if outcome.startswith("web view alone"):
        desk.app_says(REFUSED_TOKEN if outcome.endswith("no token") else NO_COOKIE)
        desk.is_signed_in("Alice Archer")
        return
    is_in(desk, story, "Alice Archer")
    desk.page.reload()
    is_in(desk, story, "Alice Archer")
    assert stage.tokens("alice") == 1
    desk.log_out()
    desk.is_signed_out()
    assert stage.tokens("alice") == 0
    desk.sign_in("bob")
    if story.by_iframe:
        expect(desk.alert).to_contain_text("Your account has a second factor")
        desk.sign_in("erin")
        is_in(desk, story, "Erin Eaton")
        assert stage.tokens("bob") == 0
        return
    desk.enter_code(desk.totp())
    is_in(desk, story, "Bob Baker")
    assert (stage.tokens("alice"), stage.tokens("bob")) == (0, 1)


def test_what_is_not_played_is_like_what_is() -> None:
    """A story that is left out has the outcome of its like, which is played."""
    for story, outcome in EXPECTED.items():
        if story not in PLAYED:
            like = story._replace(client=ALIKE[story.client])
            assert like in PLAYED
            assert EXPECTED[like] == outcome


def test_the_page_has_this_table() -> None:
    """The table in the documentation is that of the stories; `python -m tests.e2e.client_table` writes it."""
    assert in_the_page() == render(EXPECTED)


def checks(stage: Stage) -> list[tuple[str, int]]:
    """Method and status of every request for the session check that has reached Gantry since this was asked last."""
    seen = [(each["method"], each["status"]) for each in stage.log.events("request") if each["path"] == "/session"]
    stage.log.clear()
    return seen


@only(("7.10", "rest", "token"))
def test_a_dead_session_does_not_drive_7_10_in_circles(desk: Desk, stage: Stage) -> None:
    """Promise 12: where the token died in the workspace, 7.10 gets no 200 that would make it ask again and again."""
    desk.open().sign_in("alice")
    desk.is_signed_in("Alice Archer")
    checks(stage)
    stage.workspace.accounts.remove_login_tokens(stage.workspace.accounts["alice"])
    desk.page.reload()
    desk.is_signed_out()
    assert checks(stage) == [("POST", 401)] * 2


@only(("6.x", "rest", "retry"))
def test_6_x_asks_first_for_get_too(desk: Desk, stage: Stage) -> None:
    """With `GET` as API method the browser of a 6.x sends a preflight, and the answers to both let it in."""
    stage.workspace.settings["Accounts_Iframe_api_method"] = "GET"
    desk.open().sign_in("alice")
    desk.is_signed_in("Alice Archer")
    seen = checks(stage)
    assert seen[:2] == [("OPTIONS", 204), ("GET", 401)]
    assert seen[-1] == ("GET", 200)


@only(("8.6", "rest", "token"), ("3.x", "rest", "token"))
def test_others_do_not(desk: Desk, stage: Stage, story: Story) -> None:
    """Without a content type there is no preflight: four checks at once with 8.6, one with 3.x."""
    desk.open()
    assert checks(stage) == [("POST", 401)] * (4 if story.client == "8.6" else 1)


@only(("3.x", "rest", "token"), ("1.x", "mongodb/iframe", "token"))
def test_old_clients_ask_only_without_a_stored_login_and_at_logout(desk: Desk, stage: Stage) -> None:
    """A reload with a stored login makes no check, a logout makes one, and a login that died brings the login page."""
    desk.open().sign_in("alice")
    desk.is_signed_in("Alice Archer")
    checks(stage)
    desk.page.reload()
    desk.is_signed_in("Alice Archer")
    assert checks(stage) == []
    desk.log_out()
    desk.is_signed_out()
    assert checks(stage) == [("POST", 401)]


@only(("electron", "rest", "token"))
@pytest.mark.parametrize(("query", "becomes"), [("", "?client=electron"), ("?from=here", "?from=here&client=electron")])
def test_the_desktop_app_says_so_in_the_query(
    desk: Desk, stage: Stage, complaints: Complaints, query: str, becomes: str
) -> None:
    """The desktop app appends `client=electron` to the IFrame URL, with whatever stands there, and gets in."""
    stage.workspace.settings["Accounts_iframe_url"] += query
    desk.open()
    assert f"{stage.url}/login{becomes}" in complaints.addresses
    desk.sign_in("alice")
    desk.is_signed_in("Alice Archer")


@only(("mobile", "rest", "retry"), ("mobile", "mongodb/iframe", "retry"))
def test_a_web_view_that_keeps_no_cookie(
    desk: Desk, stage: Stage, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the web view keeps no cookie either, `retry` goes on to the token, and the app gets in if it is native."""
    monkeypatch.setattr(cookies, "issue", lambda *_: "not-kept=; Max-Age=0; Path=/")
    desk.open().sign_in("alice")
    if story.by_iframe:
        desk.app_says(REFUSED_TOKEN)
    else:
        is_in(desk, story, "Alice Archer")
        assert stage.tokens("alice") == 1
