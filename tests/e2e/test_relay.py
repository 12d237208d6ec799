"""The workspace's own logins by Facebook, Google and Twitter: the buttons, the popup, and who may answer for it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from playground.providers import answer, cancelled
from playground.workspace import Fault
from playground.workspace.clients import CLIENTS
from tests.e2e.conftest import Complaints
from tests.e2e.desk import FRAME, Desk, a_page_of
from tests.social import MakeSocial, Social
from tests.stage import Stage

NAMES = {"facebook": "Continue with Facebook", "google": "Sign in with Google", "twitter": "Sign in with X"}
DROPPED = r"Failed to execute 'postMessage' on 'DOMWindow': The target origin provided"
REACHED = "() => { window.arrived = 0; addEventListener('message', () => { window.arrived += 1; }); }"
ADD_FRAME = """(address) => new Promise((loaded) => {
  const frame = document.createElement("iframe");
  frame.onload = loaded;
  frame.src = address;
  document.body.append(frame);
})"""


@pytest.fixture(autouse=True)
def usual_lines(complaints: Complaints) -> None:
    """Signed-out checks, refused relays, and the bare page of the workspace, which has no icon."""
    complaints.expect(401, line=r"status of 404 \(NOT FOUND\) <http://[\w.]+:\d+/favicon\.ico>")


@pytest.fixture
def social(stage: Stage, make_social: MakeSocial) -> Social:
    return make_social(stage)


def button(desk: Desk, provider: str) -> Locator:
    return desk.button(NAMES[provider])


def status(desk: Desk) -> Locator:
    """Where the page says that it waits."""
    return desk.frame.locator("#asking")


def popup_of(desk: Desk, provider: str) -> Page:
    """Press a provider's button; the window that the workspace opens."""
    with desk.page.expect_popup() as opened:
        button(desk, provider).click()
    expect(status(desk)).to_contain_text("Go on in the window that localhost:")
    return opened.value


def press(popup: Page, name: str) -> None:
    """Press a button of the provider's window, which closes then."""
    with popup.expect_event("close"):
        # A click of Playwright's own may find the window gone before it is done.
        popup.get_by_role("button", name=name).evaluate("(each) => { setTimeout(() => each.click()); }")


def ask(desk: Desk, provider: str) -> None:
    """Press a provider's button in a page that only writes down what it is posted."""
    button(desk, provider).click()
    desk.wait_for_posts(1)
    desk.inner().evaluate(REACHED)


def post(desk: Desk, *messages: dict[str, Any] | str | None) -> None:
    """Post messages from the workspace's window."""
    desk.page.evaluate("(all) => all.forEach((each) => frames[0].postMessage(each, '*'))", messages)


def tell(desk: Desk, *messages: dict[str, Any] | str | None) -> None:
    """Post messages that do not lead to another page, and wait until all have arrived."""
    arrived = desk.inner().evaluate("window.arrived")
    post(desk, *messages)
    desk.inner().wait_for_function("(count) => window.arrived >= count", arg=arrived + len(messages))


def relayed(complaints: Complaints) -> list[str]:
    """To which providers something was posted."""
    return [each.rpartition("/relay/")[2] for each in complaints.posts if "/relay/" in each]


def waits(desk: Desk, complaints: Complaints) -> None:
    """The page waits still, and has posted nothing."""
    expect(desk.button("Cancel")).to_be_visible()
    expect(desk.username).to_be_hidden()
    assert relayed(complaints) == []


@pytest.mark.parametrize(
    ("provider", "person", "name"),
    [
        ("google", "alice", "Alice Archer"),
        ("twitter", "alice", "Alice Archer"),
        ("facebook", "gina", "Gina Green"),
    ],
)
def test_the_popup_signs_in(
    desk: Desk, social: Social, stage: Stage, complaints: Complaints, provider: str, person: str, name: str
) -> None:
    """Promise 26: a button, the provider's window and a name are enough, a reload stays; no token is in an address."""
    desk.open()
    with desk.page.expect_request("**/relay/*") as posted:
        press(popup_of(desk, provider), name)
    desk.is_signed_in(name)
    desk.page.reload()
    desk.is_signed_in(name)
    assert relayed(complaints) == [provider]
    [token] = parse_qs(posted.value.post_data or "")["token"]
    stage.confidential.add(token)
    assert not [address for address in complaints.addresses if token in address]


def test_the_window_is_cancelled(desk: Desk, social: Social, complaints: Complaints) -> None:
    """Who closes the provider's window reads it in words, has the form and the buttons again, and tries once more."""
    desk.open().username.fill("alice")
    press(popup_of(desk, "google"), "Cancel")
    expect(desk.alert).to_have_text("Signing in with Google did not work. If you closed its window, try again.")
    expect(desk.frame.locator("q")).to_have_text("The person has cancelled.")
    expect(button(desk, "google")).to_be_focused()
    expect(desk.username).to_have_value("alice")
    popup = popup_of(desk, "google")
    expect(desk.alert).to_be_hidden()
    press(popup, "Alice Archer")
    desk.is_signed_in("Alice Archer")


def test_waiting_is_cancelled_on_the_page(desk: Desk, social: Social, complaints: Complaints) -> None:
    """Cancel has the focus while the page waits and brings the form back; an answer that comes after it is ignored."""
    desk.open_parent()
    ask(desk, "google")
    expect(desk.button("Cancel")).to_be_focused()
    expect(status(desk)).to_have_role("status")
    expect(desk.password).to_be_hidden()
    desk.page.keyboard.press("Enter")
    expect(button(desk, "google")).to_be_focused()
    expect(desk.username).to_be_visible()
    expect(status(desk)).to_have_text("")
    tell(desk, answer(social.grant("google", "alice")))
    expect(desk.username).to_be_visible()
    assert relayed(complaints) == []


def test_the_workspace_is_asked_at_its_own_address_alone(desk: Desk, social: Social, stage: Stage) -> None:
    """Promise 22: with other allowed origins beside it, the parent's own origin alone is posted the call, once each."""
    social.container(ALLOWED_ORIGINS="https://chat.example.org")
    desk.open_parent()
    calls = []
    for number, provider in enumerate(NAMES, 1):
        button(desk, provider).click()
        desk.wait_for_posts(number)
        desk.button("Cancel").click()
        calls.append(desk.posted()[-1])
    assert calls == [
        {"origin": stage.url, "data": {"event": "call-facebook-login", "permissions": ["email"]}},
        {"origin": stage.url, "data": {"event": "call-google-login"}},
        {"origin": stage.url, "data": {"event": "call-twitter-login"}},
    ]


def test_a_forged_address_changes_nothing(desk: Desk, social: Social, stage: Stage, complaints: Complaints) -> None:
    """Promise 38: with alice's token and bob's id, name and address in the answer, it is alice who is signed in."""
    forged = answer(social.grant("google", "alice"))
    forged["response"] |= {"email": "bob@example.org", "userId": "1", "displayName": "Bob Baker", "id": "bob"}
    desk.open_parent()
    ask(desk, "google")
    post(desk, forged)
    desk.wait_for_posts(2)
    token: Any = desk.posted()[1]["data"]
    assert stage.whose(token["loginToken"]) == "alice"
    stage.confidential.add(token["loginToken"])


@pytest.mark.parametrize("provider", NAMES)
def test_a_token_of_another_application(desk: Desk, social: Social, complaints: Complaints, provider: str) -> None:
    """Promise 38: a token that was made for somebody else's application is refused in words, with the buttons below."""
    desk.open_parent()
    ask(desk, provider)
    post(desk, answer(social.grant(provider, "alice", application="another")))
    expect(desk.alert).to_contain_text("This sign-in was not confirmed for localhost:")
    expect(button(desk, provider)).to_be_visible()


def test_a_workspace_that_is_silent(desk: Desk, social: Social, stage: Stage) -> None:
    """A client that answers nothing: 60 s after the click, no sooner, the page says so and still waits, with Cancel."""
    stage.workspace.fault("info", Fault(status=502))
    stage.workspace.client = CLIENTS["8.6"]
    desk.page.clock.install(time=0)
    desk.open()
    desk.page.clock.pause_at(60_000)
    button(desk, "twitter").click()
    desk.page.clock.fast_forward(30_000)
    desk.button("Cancel").click()
    button(desk, "google").click()
    expect(desk.button("Cancel")).to_be_visible()
    desk.page.clock.fast_forward(59_900)
    expect(status(desk)).not_to_contain_text("Nothing has come back yet.")
    desk.page.clock.fast_forward(200)
    expect(status(desk)).to_contain_text("Nothing has come back yet.")
    desk.button("Cancel").click()
    expect(status(desk)).to_have_text("")
    desk.sign_in("alice")
    desk.page.clock.resume()
    desk.is_signed_in("Alice Archer")


def test_a_version_that_does_not_relay(desk: Desk, social: Social, stage: Stage) -> None:
    """With a workspace of 3.x or newer there is a sentence and no button, and the form as ever."""
    stage.workspace.client = CLIENTS["8.6"]
    social.container()
    desk.open()
    expect(desk.frame.get_by_text("You cannot sign in with Facebook, Google or X here")).to_be_visible()
    expect(desk.frame.locator("[data-provider]")).to_have_count(0)


@pytest.fixture
def waiting(desk: Desk, social: Social, complaints: Complaints) -> Iterator[Desk]:
    """A page that waits for Google in the workspace, and has gone on waiting when the test is done."""
    desk.open_parent()
    ask(desk, "google")
    yield desk
    waits(desk, complaints)


def test_an_answer_that_was_not_asked_for(waiting: Desk, social: Social) -> None:
    """Promise 23: answers of other providers, and what is no answer at all, change nothing."""
    success = answer(social.grant("google", "alice"))
    tell(
        waiting,
        answer(social.grant("facebook", "alice")),
        answer(social.grant("twitter", "alice")),
        cancelled("twitter"),
        None,
        "google-login-success",
        {"response": success["response"]},
        {"event": ["google-login-success"], "response": success["response"]},
        {"event": "login-error", "response": "evil"},
    )


@pytest.mark.parametrize("where", ["workspace", "elsewhere"])
def test_an_answer_of_another_frame(waiting: Desk, social: Social, stage: Stage, where: str) -> None:
    """Promise 23: a success that another frame posts, of the workspace's own origin or of another, is ignored."""
    address = a_page_of(stage.origin if where == "workspace" else f"http://127.0.0.1:{stage.serving.port}")
    waiting.page.evaluate(ADD_FRAME, address)
    [neighbour] = [frame for frame in waiting.page.frames if frame.url == address and frame.parent_frame]
    neighbour.evaluate("(each) => parent.frames[0].postMessage(each, '*')", answer(social.grant("google", "alice")))
    waiting.inner().wait_for_function("() => window.arrived >= 1")


def test_a_page_that_only_surrounds(desk: Desk, social: Social, stage: Stage, complaints: Complaints) -> None:
    """Promises 22 and 23: a page of FRAME_ANCESTORS is posted no call, and its answer is ignored."""
    complaints.expect(line=DROPPED)
    social.container(ROCKETCHAT_URL=f"http://127.0.0.1:{stage.serving.port}", FRAME_ANCESTORS=stage.origin)
    desk.open_parent()
    button(desk, "google").click()
    expect(desk.button("Cancel")).to_be_visible()
    desk.inner().evaluate(REACHED)
    tell(desk, answer(social.grant("google", "alice")))
    assert desk.posted() == []
    waits(desk, complaints)


def test_an_answer_before_any_question(desk: Desk, social: Social, complaints: Complaints) -> None:
    """A success that nobody has asked for posts nothing: nobody is signed in as somebody else behind their back."""
    desk.open_parent()
    desk.inner().evaluate(REACHED)
    tell(desk, answer(social.grant("google", "gina")))
    expect(desk.username).to_be_visible()
    assert relayed(complaints) == []


BROKEN: list[Any] = [
    None,
    {},
    "token",
    {"oauthToken": ""},
    {"oauthToken": ["x"]},
    {"oauthToken": "two words"},
    {"oauthToken": "x" * 4097},
]


def test_a_success_that_cannot_be_one(desk: Desk, social: Social, complaints: Complaints) -> None:
    """Promise 23: a success without a token that could be one is not posted anywhere, and said in words."""
    desk.open_parent()
    desk.inner().evaluate(REACHED)
    for response in BROKEN:
        button(desk, "google").click()
        tell(desk, {"event": "google-login-success", "response": response})
        expect(desk.alert).to_contain_text("Signing in with Google did not work.")
        expect(desk.frame.get_by_text("It says:")).to_be_hidden()
    assert relayed(complaints) == []


def test_the_words_of_an_error_are_text(desk: Desk, social: Social) -> None:
    """Promise 25: what an error says is shown as text and shortened, whatever it contains."""
    desk.open_parent()
    desk.inner().evaluate(REACHED)
    for error in ("<img src=x onerror=alert(1)>" + "x" * 300, {"reason": "<b>not configured</b>"}):
        button(desk, "facebook").click()
        tell(desk, {"event": "facebook-login-error", "error": error, "response": {}})
        text = error if isinstance(error, str) else error["reason"]
        expect(desk.frame.locator("q")).to_have_text(text[:200])


def test_a_page_of_an_attacker_cannot_frame_the_buttons(
    page: Page, social: Social, stage: Stage, complaints: Complaints
) -> None:
    """Promise 21: `frame-ancestors` keeps a page that is not listed from framing the login page and answering it."""
    complaints.expect(line="frame-ancestors")
    page.goto(a_page_of(f"http://127.0.0.1:{stage.serving.port}"))
    with page.expect_event("console", lambda message: "frame-ancestors" in message.text):
        page.evaluate(FRAME, f"{stage.url}/login")
    page.evaluate("(forged) => frames[0].postMessage(forged, '*')", answer(social.grant("google", "gina")))
    assert not [frame for frame in page.frames if frame.url.startswith(stage.url)]
    assert relayed(complaints) == []


@pytest.mark.parametrize("site", ["cross", "same"])
def test_a_page_of_an_attacker_that_opens_the_login_page(
    page: Page, social: Social, stage: Stage, complaints: Complaints, site: str
) -> None:
    """Promise 23: opened in a window of its own the page has no buttons, and takes no answer from who opened it."""
    social.container(COOKIE_SITE=site)
    page.goto(a_page_of(f"http://127.0.0.1:{stage.serving.port}"))
    with page.expect_popup() as opened:
        page.evaluate("(address) => { window.opened = open(address); }", f"{stage.url}/login")
    login = opened.value
    expect(login.get_by_role("heading")).to_have_text("Sign in" if site == "same" else "Sign in from the workspace")
    expect(login.locator("[data-provider]:visible")).to_have_count(0)
    login.evaluate(REACHED)
    page.evaluate("(forged) => window.opened.postMessage(forged, '*')", answer(social.grant("google", "gina")))
    login.wait_for_function("() => window.arrived >= 1")
    assert relayed(complaints) == []


def test_without_javascript(browser: Browser, social: Social, stage: Stage) -> None:
    """Without JavaScript there are no buttons that could not work, and the form is there."""
    context = browser.new_context(java_script_enabled=False)
    desk = Desk(context.new_page(), stage).open_parent()
    expect(desk.username).to_be_visible()
    expect(desk.frame.locator("[data-provider]:visible")).to_have_count(0)
    context.close()


KEEP = "() => { HTMLFormElement.prototype.submit = function () { sent = [this.action, ...new FormData(this)]; }; }"


def test_the_token_alone_is_sent_and_does_not_stay(desk: Desk, social: Social, stage: Stage) -> None:
    """Promise 26: of an answer only the token (and Twitter's secret) is posted, and the page keeps neither."""
    expected = {"facebook": ("token",), "google": ("token",), "twitter": ("token", "secret")}
    desk.open_parent()
    for provider, names in expected.items():
        desk.inner().goto(f"{stage.url}/login")
        desk.inner().evaluate(REACHED)
        desk.inner().evaluate(KEEP)
        granted = social.grant(provider, "alice")
        button(desk, provider).click()
        tell(desk, answer(granted))
        sent = [f"{stage.url}/relay/{provider}", *([name, granted[name]] for name in names)]
        assert desk.inner().evaluate("sent") == sent
        expect(status(desk)).to_contain_text("Signing in …")
        expect(desk.button("Cancel")).to_be_hidden()
        assert not [name for name in names if granted[name] in desk.inner().content()]
