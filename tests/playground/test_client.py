"""The web client of the stand-in, in a browser: it must do what the client of Rocket.Chat 8.6 does, or another one."""

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, ViewportSize, expect

from playground.providers import Providers, serve_providers
from playground.workspace import Serving, Workspace
from playground.workspace.clients import CLIENTS
from tests.playground.conftest import Api
from tests.playground.gantry import Gantry, Reply, gantry_in_place

IFRAME_TOKEN = "i" * 43


@pytest.fixture
def gantry() -> Iterator[Gantry]:
    with gantry_in_place() as started:
        yield started


@pytest.fixture(autouse=True)
def connected(workspace: Workspace, gantry: Gantry) -> None:
    workspace.connect(iframe_url=f"{gantry.url}/login", api_url=f"{gantry.url}/session")


@pytest.fixture
def page(browser: Browser, serving: Serving) -> Iterator[Page]:
    context = browser.new_context(viewport=ViewportSize(width=1280, height=800))
    yield context.new_page()
    context.close()


@pytest.fixture
def token(workspace: Workspace) -> str:
    """A live native login token of alice."""
    return workspace.accounts.new_login_token(workspace.accounts["alice"])


def signed_in(page: Page, name: str = "Alice Archer") -> None:
    expect(page.get_by_text(f"You are signed in as {name}.")).to_be_visible()


def signed_out(page: Page) -> None:
    expect(page.frame_locator("#frame iframe").locator("#answer")).to_be_attached()


def post(page: Page, message: dict[str, Any]) -> None:
    """Post a message to the workspace's window from the page in its iframe."""
    page.frames[1].evaluate("message => parent.postMessage(message, '*')", message)


def answer(page: Page) -> Any:
    return page.frame_locator("#frame iframe").locator("#answer")


def stored(page: Page) -> str | None:
    value: str | None = page.evaluate("localStorage.getItem('Meteor.loginToken')")
    return value


def listed(page: Page, kind: str, text: str = "") -> Any:
    """The entries of a kind in the inspector."""
    return page.locator(f"#trace .entry.{kind}").filter(has_text=text)


def test_a_signed_out_load_makes_four_checks_at_once(page: Page, serving: Serving, gantry: Gantry) -> None:
    """Without a stored token four checks run at the same time, and then the iframe is there."""
    together = threading.Barrier(4, timeout=10)

    def reply() -> Reply:
        together.wait()
        return 401, None

    gantry.reply = reply
    page.goto(serving.url)
    signed_out(page)
    expect(listed(page, "check", "401 not signed in")).to_have_count(4)
    assert gantry.checks == [serving.url] * 4
    iframe = page.locator("#frame iframe")
    assert (iframe.get_attribute("src"), iframe.get_attribute("sandbox")) == (f"{gantry.url}/login", None)


def test_only_200_counts(page: Page, serving: Serving, gantry: Gantry, token: str) -> None:
    """An answer other than 200 shows the iframe, whatever its body says."""
    gantry.reply = lambda: (203, {"loginToken": token})
    page.goto(serving.url)
    signed_out(page)
    assert stored(page) is None


def test_a_check_with_a_login_token_signs_in(
    page: Page, serving: Serving, gantry: Gantry, workspace: Workspace, token: str
) -> None:
    """Each check that answers 200 logs in with its token, which the browser keeps; no further token is made."""
    gantry.reply = lambda: (200, {"loginToken": token})
    page.goto(serving.url)
    signed_in(page)
    expect(listed(page, "login", "logged in as alice")).to_have_count(4)
    assert stored(page) == token
    assert len(workspace.accounts.login_tokens(workspace.accounts["alice"])) == 1
    assert gantry.pages == 0


def test_a_dead_token_shows_the_iframe(page: Page, serving: Serving, gantry: Gantry) -> None:
    """A check that answers 200 with a dead token leads to the iframe."""
    gantry.reply = lambda: (200, {"loginToken": "x" * 43})
    page.goto(serving.url)
    signed_out(page)


def test_a_signed_in_load_resumes_and_makes_two_checks(
    page: Page, serving: Serving, gantry: Gantry, token: str
) -> None:
    """With a stored token the client resumes it and makes two checks, each logging in again with what it gets."""
    gantry.reply = lambda: (200, {"loginToken": token})
    page.goto(serving.url)
    signed_in(page)
    expect(listed(page, "login", "logged in as alice")).to_have_count(4)
    gantry.checks.clear()
    page.get_by_role("button", name="Clear").click()
    expect(listed(page, "check")).to_have_count(0)
    page.reload()
    signed_in(page)
    expect(listed(page, "check")).to_have_count(2)
    expect(listed(page, "login", "logged in as alice")).to_have_count(3)
    assert len(gantry.checks) == 2


def test_a_stored_token_is_enough_without_a_session(page: Page, serving: Serving, gantry: Gantry, token: str) -> None:
    """When the checks answer 401 the workspace's own login still carries a reload."""
    gantry.reply = lambda: (200, {"loginToken": token})
    page.goto(serving.url)
    signed_in(page)
    gantry.reply = lambda: (401, None)
    page.reload()
    expect(listed(page, "check", "2 of 2")).to_have_count(1)
    signed_in(page)


def test_logout_ends_the_token_before_it_makes_three_checks(
    page: Page, serving: Serving, gantry: Gantry, workspace: Workspace, token: str
) -> None:
    """At logout the token's element is gone before the first of three checks arrives, and 401 keeps the person out."""
    gantry.reply = lambda: (200, {"loginToken": token})
    page.goto(serving.url)
    signed_in(page)
    expect(listed(page, "login", "logged in as alice")).to_have_count(4)
    gantry.checks.clear()
    seen: list[object] = []

    def reply() -> Reply:
        seen.append(workspace.accounts.find_by_login_token(token))
        return 401, None

    gantry.reply = reply
    page.get_by_role("button", name="Log out").click()
    signed_out(page)
    assert seen == [None] * 3
    assert stored(page) is None


def test_a_200_at_logout_signs_straight_back_in(
    page: Page, serving: Serving, gantry: Gantry, workspace: Workspace
) -> None:
    """A check that still answers 200 with a live token at logout undoes the logout, and the inspector says so."""
    alice = workspace.accounts["alice"]
    gantry.reply = lambda: (200, {"loginToken": workspace.accounts.new_login_token(alice)})
    page.goto(serving.url)
    signed_in(page)
    page.get_by_role("button", name="Log out").click()
    expect(listed(page, "note", "Logged straight back in")).to_have_count(1)
    signed_in(page)


def test_an_iframe_token_makes_a_new_login_token_each_time(
    page: Page, serving: Serving, gantry: Gantry, workspace: Workspace
) -> None:
    """Four checks that answer `token` make four native login tokens."""
    workspace.accounts.update("alice", {"services.iframe.token": IFRAME_TOKEN})
    gantry.reply = lambda: (200, {"token": IFRAME_TOKEN})
    page.goto(serving.url)
    signed_in(page)
    expect(listed(page, "login", "logged in as alice")).to_have_count(4)
    assert len(workspace.accounts.login_tokens(workspace.accounts["alice"])) == 4
    assert stored(page) != IFRAME_TOKEN


def test_a_body_with_both_keys_fires_both_logins(
    page: Page, serving: Serving, gantry: Gantry, workspace: Workspace, token: str
) -> None:
    """A message with both keys logs in by both handlers, and the inspector shows the two."""
    workspace.accounts.update("alice", {"services.iframe.token": IFRAME_TOKEN})
    page.goto(serving.url)
    signed_out(page)
    post(page, {"event": "login-with-token", "loginToken": token, "token": IFRAME_TOKEN})
    signed_in(page)
    expect(listed(page, "login", "Login by resume")).to_have_count(1)
    expect(listed(page, "login", "Login by iframe token")).to_have_count(1)


def test_login_with_token_signs_in_and_answers_nothing(page: Page, serving: Serving, token: str) -> None:
    """A page of any origin may post a token; success removes the iframe and sends no answer."""
    page.goto(serving.url)
    signed_out(page)
    post(page, {"event": "login-with-token", "loginToken": token})
    signed_in(page)
    expect(page.locator("iframe")).to_have_count(0)
    expect(listed(page, "message", "login-error")).to_have_count(0)


def test_a_refused_token_is_answered_with_login_error(page: Page, serving: Serving) -> None:
    """A token that is refused is answered with `login-error` and a message, and the iframe stays."""
    page.goto(serving.url)
    signed_out(page)
    post(page, {"event": "login-with-token", "loginToken": "x" * 43})
    expect(answer(page)).to_have_text(re.compile(r'"event":"login-error","response":"You\'ve been logged out'))


def test_an_iframe_token_of_an_account_with_a_second_factor_is_refused(
    page: Page, serving: Serving, workspace: Workspace
) -> None:
    """The iframe handler asks for a code that nobody can type, so such an account gets `login-error`."""
    workspace.accounts.update("bob", {"services.iframe.token": IFRAME_TOKEN})
    page.goto(serving.url)
    signed_out(page)
    post(page, {"event": "login-with-token", "token": IFRAME_TOKEN})
    expect(answer(page)).to_have_text(re.compile("login-error.*totp-required"))


def test_try_iframe_login_repeats_the_check(page: Page, serving: Serving, gantry: Gantry, token: str) -> None:
    """`try-iframe-login` makes one more check: 401 is answered with `login-error`, 200 signs in."""
    page.goto(serving.url)
    signed_out(page)
    post(page, {"event": "try-iframe-login"})
    expect(answer(page)).to_have_text(re.compile('"event":"login-error"'))
    assert len(gantry.checks) == 5
    gantry.reply = lambda: (200, {"loginToken": token})
    post(page, {"event": "try-iframe-login"})
    signed_in(page)


def test_what_current_clients_no_longer_know_is_ignored(page: Page, serving: Serving) -> None:
    """`call-google-login` gets no answer at all, and neither does a message without an event."""
    page.goto(serving.url)
    signed_out(page)
    post(page, {"event": "call-google-login", "scopes": "email"})
    post(page, {"hello": "there"})
    expect(listed(page, "message")).to_have_count(1)
    expect(listed(page, "message", "call-google-login")).to_contain_text("ignored")
    expect(answer(page)).to_have_text("")


def test_the_console_has_login_with_password(page: Page, serving: Serving) -> None:
    """`Meteor.loginWithPassword` signs in from the console, and a refusal reaches its callback."""
    page.goto(serving.url)
    signed_out(page)
    refusal = page.evaluate("new Promise(r => Meteor.loginWithPassword('alice', 'wrong', e => r(e.message)))")
    assert refusal == "Unauthorized [Unauthorized]"
    page.evaluate("Meteor.loginWithPassword('alice', 'gantry-demo')")
    signed_in(page)


@pytest.mark.parametrize(
    "setting",
    ["Accounts_iframe_enabled", "Accounts_iframe_url", "Accounts_Iframe_api_url", "Accounts_Iframe_api_method"],
)
def test_without_all_four_settings_the_workspace_shows_its_own_form(
    page: Page, serving: Serving, gantry: Gantry, workspace: Workspace, setting: str
) -> None:
    """Where one of the four iframe settings is missing there is no check and no iframe."""
    workspace.settings[setting] = ""
    page.goto(serving.url)
    expect(page.get_by_role("heading", name="The workspace's own login form")).to_be_visible()
    assert gantry.checks == []


def test_the_page_says_what_it_is_and_its_console_is_clean(page: Page, serving: Serving, gantry: Gantry) -> None:
    """The page says that it is a stand-in, and the console holds nothing but the checks that answered 401."""
    complaints = []
    page.on("console", lambda message: complaints.append((message.text, message.location["url"])))
    page.on("pageerror", lambda error: complaints.append((str(error), "")))
    page.goto(serving.url)
    signed_out(page)
    expect(page.locator("header")).to_contain_text("This is a stand-in for Rocket.Chat. It is not Rocket.Chat.")
    assert {url for _, url in complaints} == {f"{gantry.url}/session"}


def test_the_inspector_shows_tokens_shortened(page: Page, serving: Serving, gantry: Gantry, token: str) -> None:
    """The inspector and the page show six characters of a token and never all of it."""
    gantry.reply = lambda: (200, {"loginToken": token})
    page.goto(serving.url)
    expect(listed(page, "check", f"200 loginToken {token[:6]}…")).to_have_count(4)
    assert token not in page.locator("body").inner_text()


def test_the_inspector_shows_the_codes(page: Page, serving: Serving, workspace: Workspace) -> None:
    """The inspector shows bob's current code and the code of the last e-mail to carol."""
    page.goto(serving.url)
    signed_out(page)
    expect(page.locator(".person", has_text="bob")).to_contain_text(re.compile(r"\d{6}"))
    expect(page.locator(".person", has_text="carol")).to_contain_text("no e-mail yet")
    page.evaluate("new Promise(r => Meteor.loginWithPassword('carol', 'gantry-demo', r))")
    mail = workspace.last_mail("carol")
    assert mail is not None
    expect(page.locator(".person", has_text="carol")).to_contain_text(mail.code)


def test_on_a_phone_the_inspector_is_behind_a_button(page: Page, serving: Serving) -> None:
    """On a narrow window the iframe fills the width, and a button shows and hides the inspector."""
    page.set_viewport_size(ViewportSize(width=375, height=700))
    page.goto(serving.url)
    signed_out(page)
    inspector, button = page.locator("#inspector"), page.get_by_role("button", name="inspector")
    expect(inspector).to_be_hidden()
    box = page.locator("#frame iframe").bounding_box()
    assert box is not None
    assert box["width"] == 375
    button.click()
    expect(inspector).to_be_visible()
    button.click()
    expect(inspector).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") == 375


def test_7_10_runs_in_circles_where_a_dead_token_is_answered_200(
    page: Page, serving: Serving, gantry: Gantry, workspace: Workspace
) -> None:
    """7.10 asks again and again, which the stand-in ends after twenty rounds and says so."""
    workspace.client = CLIENTS["7.10"]
    gantry.reply = lambda: (200, {"loginToken": "x" * 43})
    page.goto(serving.url)
    signed_out(page)
    expect(listed(page, "note", "The client runs in circles")).to_have_count(1)
    assert len(gantry.checks) == 4 + 20


def test_7_10_stops_asking_when_the_answer_is_no(
    page: Page, serving: Serving, gantry: Gantry, workspace: Workspace
) -> None:
    """A 401 ends it at once, at the load and between two rounds."""
    workspace.client = CLIENTS["7.10"]
    gantry.reply = lambda: (200, {"loginToken": "x" * 43}) if len(gantry.checks) < 7 else (401, None)
    page.goto(serving.url)
    signed_out(page)
    expect(listed(page, "check")).to_have_count(7)
    gantry.checks.clear()
    gantry.reply = lambda: (401, None)
    page.reload()
    signed_out(page)
    assert len(gantry.checks) == 4
    expect(listed(page, "note", "circles")).to_have_count(0)


@pytest.mark.parametrize("event", ["call-facebook-login", "call-google-login", "call-twitter-login"])
def test_1_x_knows_social_logins_and_answers_nothing(
    page: Page, serving: Serving, workspace: Workspace, event: str
) -> None:
    """The three events are known to 1.x, and nothing answers while no social login is configured."""
    workspace.client = CLIENTS["1.x"]
    page.goto(serving.url)
    signed_out(page)
    post(page, {"event": event})
    expect(listed(page, "message", event)).to_contain_text("known, not answered")
    expect(answer(page)).to_have_text("")


@pytest.fixture
def social(workspace: Workspace) -> Iterator[None]:
    """A workspace with social logins of its own, and the client that serves them."""
    workspace.client = CLIENTS["1.x"]
    with serve_providers(Providers(clock=workspace.clock)) as serving_providers:
        workspace.providers = serving_providers.urls
        yield


def choose(popup: Page, name: str) -> None:
    """Press a button of the provider's window, which closes then."""
    with popup.expect_event("close"):
        popup.get_by_role("button", name=name).evaluate("(each) => { setTimeout(() => each.click()); }")


@pytest.mark.usefixtures("social")
def test_1_x_hands_a_providers_answer_to_the_page_that_asked(page: Page, serving: Serving) -> None:
    """The answer of the provider's window goes to the page, a cancelled or closed window as an error."""
    page.goto(serving.url)
    signed_out(page)
    for provider, key in (("google", "oauthToken"), ("facebook", "authResponse"), ("twitter", "secret")):
        with page.expect_popup() as opened:
            post(page, {"event": f"call-{provider}-login"})
        choose(opened.value, "Alice Archer")
        expect(answer(page)).to_contain_text(f'"event":"{provider}-login-success"')
        expect(answer(page)).to_contain_text(f'"{key}"')
    with page.expect_popup() as opened:
        post(page, {"event": "call-google-login"})
    choose(opened.value, "Cancel")
    expect(answer(page)).to_contain_text('"event":"google-login-error"')
    with page.expect_popup() as opened:
        post(page, {"event": "call-twitter-login"})
    opened.value.close()
    expect(answer(page)).to_have_text('{"event":"twitter-login-error","error":"The window was closed."}')
    expect(listed(page, "message", "google-login-success")).to_contain_text("token alone counts")


@pytest.mark.usefixtures("social")
def test_a_window_that_the_browser_blocks_can_be_opened(page: Page, serving: Serving) -> None:
    """Where the browser lets no window open, the page says so, with a button that opens it."""
    page.goto(serving.url)
    signed_out(page)
    page.evaluate("() => { const { open } = window; window.open = () => { window.open = open; return null; }; }")
    post(page, {"event": "call-google-login"})
    expect(page.get_by_text("The browser has blocked the provider's window.")).to_be_visible()
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Open it").click()
    choose(opened.value, "Cancel")
    expect(answer(page)).to_contain_text('"event":"google-login-error"')
    expect(page.get_by_text("The browser has blocked")).to_be_hidden()


def test_an_old_client_takes_both_kinds_of_token(
    page: Page, serving: Serving, gantry: Gantry, workspace: Workspace, token: str
) -> None:
    """XMLHttpRequest with credentials: one check without a stored login, by either kind of token, and none with one."""
    workspace.client = CLIENTS["1.x"]
    workspace.accounts.update("alice", {"services.iframe.token": IFRAME_TOKEN})
    for body in ({"loginToken": token}, {"token": IFRAME_TOKEN}):
        gantry.checks.clear()
        gantry.reply = lambda body=body: (200, body)  # type: ignore[misc]
        page.goto(serving.url)
        signed_in(page)
        page.reload()
        signed_in(page)
        assert gantry.checks == [serving.url]
        page.evaluate("localStorage.clear()")


@pytest.mark.parametrize("key", ["login", "loginToken"])
def test_the_mobile_app_reads_either_key_of_its_own_check(
    page: Page, serving: Serving, gantry: Gantry, workspace: Workspace, token: str, key: str
) -> None:
    """`try-iframe-login` makes the app ask without a browser, so without an origin, and it takes either key."""
    workspace.client = CLIENTS["mobile"]
    page.goto(serving.url)
    signed_out(page)
    gantry.checks.clear()

    gantry.reply = lambda: (200, {key: token})
    post(page, {"event": "try-iframe-login"})
    expect(page.locator("#app")).to_have_text("The app is signed in as Alice Archer.")
    signed_in(page)
    assert set(gantry.checks) == {serving.url, None}


def test_the_switch_changes_the_client(page: Page, serving: Serving, gantry: Gantry) -> None:
    """The switch on the page takes effect at once: the page is that client's, and so is the version."""
    page.goto(serving.url)
    signed_out(page)
    expect(page.get_by_label("Client").locator("option")).to_have_text(list(CLIENTS))
    gantry.checks.clear()
    page.get_by_label("Client").select_option("3.x")
    expect(page.locator("#inspector")).to_contain_text("Client 3.x: ")
    signed_out(page)
    assert len(gantry.checks) == 1
    expect(page.get_by_label("Client")).to_have_value("3.x")


@pytest.mark.parametrize("body", [{"client": "9.x"}, {"client": ["8.6"]}, [], None], ids=str)
def test_no_other_client_can_be_chosen(api: Api, workspace: Workspace, body: object) -> None:
    """A name that is no client's is refused, and the client stays."""
    assert api.session.post(f"{api.url}/_playground/client", json=body, timeout=5).status_code == 400
    assert workspace.client.name == "8.6"


@pytest.mark.parametrize("name", CLIENTS)
def test_the_version_is_the_clients(api: Api, workspace: Workspace, name: str) -> None:
    """`/api/info` tells the version that has this client; the apps go with any, so it is the workspace's own."""
    workspace.client, workspace.version = CLIENTS[name], "8.5"
    told = api.session.get(f"{api.url}/api/info", timeout=5).json()["version"]
    family = name.partition(".")[0]
    assert told.startswith(family + ".") if family.isdigit() and family != "8" else told == "8.5"


def test_a_logout_does_not_overtake_a_login(page: Page, serving: Serving, gantry: Gantry, token: str) -> None:
    """Methods go one after the other: a login that is still to be answered does not undo the logout behind it."""
    gantry.reply = lambda: (200, {"loginToken": token})
    page.goto(serving.url)
    expect(listed(page, "login", "logged in as alice")).to_have_count(4)
    gantry.reply = lambda: (401, None)
    held: list[Route] = []
    page.route("**/_client/resume", lambda route: held.append(route))
    with page.expect_request("**/_client/resume"):
        page.evaluate("token => postMessage({event: 'login-with-token', loginToken: token})", token)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("Logging out…")).to_be_visible()
    expect(listed(page, "message", "login-with-token")).to_have_count(1)
    assert stored(page) == token
    held[0].continue_()
    signed_out(page)
    assert stored(page) is None
