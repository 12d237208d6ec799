"""The handoff: to whom the token is posted, when, and what is said when nobody takes it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from chalicelib.web import cookies
from tests.e2e.conftest import Complaints
from tests.e2e.desk import FRAME, Desk, a_page_of
from tests.stage import Stage

DROPPED = r"Failed to execute 'postMessage' on 'DOMWindow': The target origin provided"


@pytest.fixture(autouse=True)
def bare_page(complaints: Complaints) -> None:
    """The bare page of the workspace that `open_parent` begins with has no icon."""
    complaints.expect(line=r"status of 404 \(NOT FOUND\) <http://[\w.]+:\d+/favicon\.ico>")


def refuse_logins(page: Page, message: str) -> None:
    """The workspace's server turns every login of its client down, with that message."""

    def refuse(route: Route) -> None:
        route.fulfill(json={"error": 403, "message": message})

    page.route("**/_client/resume", refuse)


def test_the_token_goes_to_the_workspace_alone(desk: Desk, stage: Stage, complaints: Complaints) -> None:
    """Promise 22: with other allowed origins beside it, the parent's own origin alone is posted to, once."""
    stage.container(ALLOWED_ORIGINS="https://chat.example.org")
    desk.open_parent().sign_in("alice")
    desk.wait_for_posts(1)
    [message] = desk.posted()
    assert message["origin"] == stage.url
    assert set(message["data"]) == {"event", "loginToken"}  # type: ignore[call-overload]
    assert message["data"]["event"] == "login-with-token"  # type: ignore[index]
    expect(desk.frame.get_by_text("Taking you to")).to_be_visible()


@pytest.fixture
def surrounding_page(page: Page, stage: Stage, complaints: Complaints) -> Desk:
    """A page of FRAME_ANCESTORS around Gantry, which takes itself for the workspace's own at another address."""
    complaints.expect(line=DROPPED)
    stage.container(
        ROCKETCHAT_URL=f"http://127.0.0.1:{stage.serving.port}", FRAME_ANCESTORS=stage.origin, HANDOFF="retry"
    )
    desk = Desk(page, stage).open_parent()
    desk.sign_in("alice")
    expect(desk.frame.get_by_text("Taking you to")).to_be_visible()
    expect(desk.frame.locator("#handoff")).to_have_count(0)
    return desk


def posted_before_a_marker(desk: Desk) -> list[dict[str, object]]:
    """All that Gantry's page has posted so far: messages of one frame arrive in their order."""
    desk.inner().evaluate("parent.postMessage({event: 'marker'}, '*')")
    desk.page.wait_for_function("() => heard.some((each) => each.data.event === 'marker')")
    return [each for each in desk.posted() if each["data"] != {"event": "marker"}]


def test_a_page_that_only_surrounds_gets_no_message(surrounding_page: Desk) -> None:
    """Promise 22: a page of FRAME_ANCESTORS may frame Gantry, and what is posted is not for its origin."""
    assert posted_before_a_marker(surrounding_page) == []


def stop_the_clock(desk: Desk) -> None:
    """Open the page with a clock that goes on when it is told to, and not by itself."""
    desk.page.clock.install(time=0)
    desk.open_parent()
    desk.page.clock.pause_at(60_000)


def test_nobody_takes_the_token(desk: Desk, page: Page) -> None:
    """Eight seconds after the handoff without a reaction the page says so, not before, and offers another try."""
    stop_the_clock(desk)
    desk.sign_in("alice")
    desk.wait_for_posts(1)
    page.clock.fast_forward(7_900)
    expect(desk.frame.get_by_text("Taking you to")).to_be_visible()
    expect(desk.alert).to_have_count(0)
    page.clock.fast_forward(200)
    expect(desk.alert).to_contain_text("did not react. Reload the page in your browser, or try again.")
    expect(desk.frame.get_by_text("Taking you to")).to_be_hidden()
    desk.frame.get_by_role("link", name="Try again").click()
    expect(desk.username).to_be_visible()


def test_retry_hands_over_after_three_seconds_of_silence(desk: Desk, page: Page, stage: Stage) -> None:
    """HANDOFF=retry asks for a check first, and posts the token once when three seconds brought nothing."""
    stage.container(HANDOFF="retry")
    stop_the_clock(desk)
    desk.sign_in("alice")
    desk.wait_for_posts(1)
    page.clock.fast_forward(2_900)
    assert desk.events() == ["try-iframe-login"]
    page.clock.fast_forward(200)
    desk.wait_for_posts(2)
    page.clock.fast_forward(7_900)
    expect(desk.alert).to_have_count(0)
    page.clock.fast_forward(200)
    expect(desk.alert).to_contain_text("did not react.")
    assert desk.events() == ["try-iframe-login", "login-with-token"]


def test_retry_signs_in_by_the_check_alone(desk: Desk, stage: Stage, complaints: Complaints) -> None:
    """HANDOFF=retry signs in by the cookie: the token is not posted at all."""
    complaints.expect(401)
    stage.container(HANDOFF="retry")
    desk.open().sign_in("alice")
    desk.is_signed_in("Alice Archer")
    messages = desk.trace("message")
    assert [each.partition(":")[0] for each in messages] == ["Page → workspace"]
    assert "try-iframe-login" in messages[0]


def test_retry_without_a_cookie_hands_over_at_once(
    desk: Desk, stage: Stage, complaints: Complaints, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the browser keeps no cookie the check fails, its `login-error` brings the token, and alice is in."""
    complaints.expect(401)
    stage.container(HANDOFF="retry")
    monkeypatch.setattr(cookies, "issue", lambda *_: "not-kept=; Max-Age=0; Path=/")
    desk.open().sign_in("alice")
    desk.is_signed_in("Alice Archer")
    said = [each.partition(":")[0] + each.partition(":")[2].partition(":")[0] for each in desk.trace("message")]
    assert said == [
        "Page → workspace try-iframe-login",
        "Workspace → page login-error",
        "Page → workspace login-with-token",
    ]
    assert stage.tokens("alice") == 1


def test_a_refusal_with_words(desk: Desk, page: Page, complaints: Complaints) -> None:
    """A `login-error` with words is shown with them, as text."""
    complaints.expect(401)
    refuse_logins(page, "You've been <b>logged out</b> by the server.")
    desk.open().sign_in("alice")
    expect(desk.alert).to_contain_text("You are signed in, but localhost:")
    expect(desk.frame.get_by_text("It says:")).to_be_visible()
    expect(desk.frame.locator("q")).to_have_text("You've been <b>logged out</b> by the server.")
    page.unroute("**/_client/resume")
    desk.frame.get_by_role("link", name="Try again").click()
    desk.sign_in("alice")
    desk.is_signed_in("Alice Archer")


def test_a_refusal_without_words(desk: Desk, page: Page, complaints: Complaints) -> None:
    """A `login-error` whose message is empty is shown without any."""
    complaints.expect(401)
    refuse_logins(page, "")
    desk.open().sign_in("alice")
    expect(desk.alert).to_contain_text("did not accept it.")
    expect(desk.frame.locator("q")).to_be_hidden()
    expect(desk.frame.get_by_text("It says:")).to_be_hidden()


ANSWERS = [
    "null",
    "'login-error'",
    "42",
    "{}",
    "{event: 'login-success'}",
    "{event: ['login-error']}",
    "[{event: 'login-error'}]",
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_another_answer_is_ignored(desk: Desk, page: Page, stage: Stage, answer: str) -> None:
    """Promise 23: a message of the workspace's that is no `login-error` changes nothing."""
    stage.container(HANDOFF="retry")
    desk.open_parent().sign_in("alice")
    desk.wait_for_posts(1)
    listen(desk)
    page.evaluate(f"frames[0].postMessage({answer}, '*')")
    wait_until_heard(desk)
    assert [each["data"] for each in posted_before_a_marker(desk)] == [{"event": "try-iframe-login"}]
    expect(desk.frame.get_by_text("Taking you to")).to_be_visible()


def listen(desk: Desk) -> None:
    """Count what arrives at the handoff page: this listener comes after the page's own."""
    desk.inner().evaluate("() => { window.arrived = 0; addEventListener('message', () => { window.arrived += 1; }); }")


def wait_until_heard(desk: Desk, count: int = 1) -> None:
    desk.inner().wait_for_function("(count) => window.arrived >= count", arg=count)


@pytest.mark.parametrize("where", ["workspace", "elsewhere"])
def test_a_message_of_another_frame_is_ignored(desk: Desk, page: Page, stage: Stage, where: str) -> None:
    """Promise 23: a `login-error` that another frame posts, of the workspace's own origin or not, brings no token."""
    stage.container(HANDOFF="retry")
    origin = stage.origin if where == "workspace" else f"http://127.0.0.1:{stage.serving.port}"
    desk.open_parent().sign_in("alice")
    desk.wait_for_posts(1)
    listen(desk)
    page.evaluate(
        """(address) => new Promise((loaded) => {
          const frame = document.createElement("iframe");
          frame.onload = loaded;
          frame.src = address;
          document.body.append(frame);
        })""",
        a_page_of(origin),
    )
    [neighbour] = [frame for frame in page.frames if frame.url == a_page_of(origin) and frame.parent_frame]
    neighbour.evaluate("parent.frames[0].postMessage({event: 'login-error', response: 'evil'}, '*')")
    wait_until_heard(desk)
    assert [each["data"] for each in posted_before_a_marker(desk)] == [{"event": "try-iframe-login"}]
    expect(desk.frame.get_by_text("Taking you to")).to_be_visible()


def test_a_message_of_a_page_that_only_surrounds_is_ignored(surrounding_page: Desk, page: Page) -> None:
    """Promise 23: the parent's own messages count only when its origin is the workspace's."""
    listen(surrounding_page)
    for _ in range(2):  # the first would bring the token, the second the words
        page.evaluate("frames[0].postMessage({event: 'login-error', response: 'evil'}, '*')")
    wait_until_heard(surrounding_page, 2)
    assert posted_before_a_marker(surrounding_page) == []
    expect(surrounding_page.frame.get_by_text("Taking you to")).to_be_visible()
    expect(surrounding_page.frame.get_by_text("evil")).to_be_hidden()


def test_the_token_is_taken_out_of_the_page(desk: Desk, stage: Stage, complaints: Complaints) -> None:
    """Promise 26: once it is read, the token is no longer in the handoff page's document."""
    desk.open_parent().sign_in("alice")
    desk.wait_for_posts(1)
    token = desk.posted()[0]["data"]["loginToken"]  # type: ignore[index]
    assert token not in desk.inner().content()
    stage.confidential.add(token)


def test_a_foreign_page_cannot_frame_gantry(page: Page, stage: Stage, complaints: Complaints) -> None:
    """Promise 21: `frame-ancestors` keeps the login page out of every page that is not listed."""
    complaints.expect(line="frame-ancestors")
    stage.container(ROCKETCHAT_URL="https://chat.example.com")
    page.goto(a_page_of(stage.origin))
    with page.expect_event("console", lambda message: "frame-ancestors" in message.text):
        page.evaluate(FRAME, f"{stage.url}/login")
    assert not [frame for frame in page.frames if frame.url.startswith(stage.url)]


@pytest.fixture
def without_javascript(stage: Stage, browser: Browser, complaints: Complaints) -> Iterator[Page]:
    """A page of a browser whose owner has switched JavaScript off."""
    context = browser.new_context(java_script_enabled=False)
    complaints.hear(context)
    yield context.new_page()
    context.close()


def test_without_javascript(without_javascript: Page, stage: Stage) -> None:
    """Without JavaScript the login form works, and the handoff page says that it needs JavaScript."""
    desk = Desk(without_javascript, stage).open_parent()
    expect(desk.frame.get_by_text("Show", exact=True)).to_be_hidden()
    desk.sign_in("alice")
    words = desk.frame.locator("noscript p")
    expect(words).to_be_visible()
    expect(words).to_contain_text("Your sign-in worked, but handing it over needs JavaScript.")
