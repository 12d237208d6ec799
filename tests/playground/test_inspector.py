"""The panel beside the stand-in's page: explanations that lead somewhere, filters, a copy, and buttons for faults."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from playground.workspace import Fault, Serving, Workspace
from playground.workspace.explanations import explain, explanations
from playground.workspace.switches import API, ORDER, calls_the_api
from playground.workspace.trace import KINDS, Kind, Trace
from tests.docs.pages import DOCS, ROOT, prose
from tests.playground.conftest import Api

TOKEN = "q" * 43


def headings(page: Path) -> list[str]:
    return [line.lstrip("#").strip() for line in prose(page).splitlines() if line.startswith("#")]


@pytest.mark.parametrize("place", sorted({(each.page, each.heading) for _, each in explanations()}))
def test_an_explanation_leads_to_a_heading_that_is_there(place: tuple[str, str]) -> None:
    """Each page and heading that the panel names is in the documentation."""
    page, heading = place
    assert heading in headings(DOCS / page)


def test_a_fault_leads_to_a_heading_that_is_there(workspace: Workspace) -> None:
    """So do those of the faults, and each says in a sentence what is broken."""
    workspace.switches.add_secret(Recorder())
    workspace.switches.add_database(Recorder())
    shown = workspace.switches.shown()
    assert tuple(each["name"] for each in shown) == ORDER
    for each in shown:
        broken = each["broken"]
        assert isinstance(broken, dict)
        assert broken["text"].endswith(".")
        assert broken["heading"] in headings(ROOT / broken["page"])


@pytest.mark.parametrize(
    ("kind", "title", "result", "word"),
    [
        ("check", "Session check 1 of 4", "200 loginToken abcdef…", "none is made"),
        ("check", "Session check 1 of 4", "200 loginToken abcdef… and token ghijkl…", "fight"),
        ("check", "Session check", "401 not signed in", "login page"),
        ("check", "Session check", "503", "cookie stays"),
        ("check", "Session check", "no answer, or CORS refused it", "away"),
        ("check", "Session check 1 of 4", "", "four times"),
        ("message", "Page → workspace: login-with-token", "from http://localhost:8000", "hands the token over"),
        ("message", "Page → workspace: call-google-login", "ignored, as current clients do", "social"),
        ("message", "Workspace → page: login-error", "User not found", "refused"),
        ("login", "Login by resume with abcdef…", "logged in as alice", "second factor"),
        ("login", "Login by resume with abcdef…", "refused: 403", "ended"),
        ("login", "Login by iframe token abcdef…", "refused: totp-required", "cannot get past"),
        ("login", "Logout, token abcdef…", "token removed", "first"),
        ("call", "POST /api/v1/login", "200 logged in as alice", "check the password"),
        ("call", "POST /api/v1/login", "401 totp-required", "a code after it"),
        ("call", "POST /api/v1/login", "401 Unauthorized", "no such person"),
        ("call", "POST /api/v1/login", "429 rate limit: more than 10", "exempt"),
        ("call", "GET /api/v1/me", "429 rate limit: more than 10", "lives"),
        ("call", "GET /api/v1/me", "401 no live token", "dead"),
        ("call", "GET /api/v1/me", "connection cut on purpose", "fault"),
        ("call", "POST /api/v1/users.createToken", "200", "makes a token"),
        ("call", "GET /api/info", "200", "is there"),
        ("log", "Gantry logs: backend", "", "did not answer"),
        ("note", "Logged straight back in", "", "still lives"),
        ("note", "Page loaded, signed out", "", "anew"),
    ],
)
def test_a_step_is_explained_as_what_it_is(kind: Kind, title: str, result: str, word: str) -> None:
    """The sentence is about this step and what came of it, not about its kind alone."""
    trace = Trace()
    trace.finish(trace.begin(kind, title), "plain", result)
    assert word in explain(trace.entries[0]).text


def test_every_kind_of_step_has_a_sentence() -> None:
    """Whatever a client of the stand-in reports is explained, in a sentence that fits a line or two."""
    trace = Trace()
    for kind in (*KINDS, "log"):
        trace.add(kind, "something new", "plain", "as never before")  # type: ignore[arg-type]
    assert all(explain(entry).text.endswith(".") for entry in trace.entries)
    assert all(len(each.text) <= 90 for _, each in explanations())


def test_no_token_is_in_the_list(workspace: Workspace) -> None:
    """Whatever is as long as a token is shortened wherever it stands, so that the list may be shown and copied."""
    number = workspace.trace.begin("note", f"title {TOKEN}", detail=f"detail {TOKEN}")
    workspace.trace.finish(number, "plain", f"result {TOKEN}")
    [entry] = workspace.trace.entries
    assert (entry.title, entry.result, entry.detail) == ("title qqqqqq…", "result qqqqqq…", "detail qqqqqq…")
    workspace.trace.finish(number, "plain", "", detail=TOKEN)
    assert workspace.trace.entries[0].detail == "qqqqqq…"


# --- faults


class Recorder:
    """Stands for the secret and for the line to the database."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def rotate(self) -> None:
        self.done.append("rotate")

    def take_back(self) -> None:
        self.done.append("take back")

    def cut(self) -> None:
        self.done.append("cut")

    def mend(self) -> None:
        self.done.append("mend")


def test_a_switch_is_turned_once(workspace: Workspace) -> None:
    """Switching on what is on does nothing, and the list says each time that something was switched."""
    secret, line = Recorder(), Recorder()
    workspace.switches.add_secret(secret)
    workspace.switches.add_database(line)
    for on in (True, True, False, False):
        workspace.switches.turn("secret", on)
        workspace.switches.turn("database", on)
    assert (secret.done, line.done) == (["rotate", "take back"], ["cut", "mend"])
    assert [entry.title for entry in workspace.trace.entries if "Secret" in entry.title] == [
        "Switched on: Secret rotated",
        "Switched off: Secret rotated",
    ]


def test_a_held_call_goes_on_when_the_workspace_is_no_longer_slow(
    workspace: Workspace, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Switched off, a slow workspace answers at once what it has kept back."""
    monkeypatch.setattr("playground.workspace.switches.SLOW_SECONDS", 60.0)
    workspace.switches.turn("slow", True)
    answers: list[int] = []
    call = threading.Thread(target=lambda: answers.append(api.log_in("alice").status_code))
    call.start()
    workspace.wait_for_calls("login")
    workspace.switches.turn("slow", False)
    call.join(5)
    assert answers == [200]


def test_a_cut_comes_before_all_else(workspace: Workspace) -> None:
    """Down and slow at once is down, and a fault of a test comes before both."""
    workspace.switches.turn("slow", True)
    workspace.switches.turn("down", True)
    fault = workspace.faults.take("me")
    assert fault is not None
    assert fault.cut
    workspace.fault("me", Fault(status=502))
    assert workspace.faults.take("me") == Fault(status=502)
    workspace.switches.turn("down", False)
    left = workspace.faults.take("me")
    assert left is not None
    assert not left.cut


def test_clearing_the_faults_switches_off_those_of_the_api(workspace: Workspace) -> None:
    """A workspace that shall behave again does, and its buttons say so; what is not its own stays as it is."""
    for name in ("down", "slow", "limited", "cookies"):
        workspace.switches.turn(name, True)
    workspace.clear_faults()
    assert workspace.switches.on == ("cookies",)
    assert workspace.faults.take("me") is None


def test_only_what_there_is_can_be_switched(workspace: Workspace, api: Api) -> None:
    """A fault that is not offered is 404 and nonsense 400; nothing is switched by either."""
    post = api.session.post
    workspace.switches.remove(*API)
    for name, body, status in (("down", {"on": True}, 404), ("cookies", {"on": 1}, 400), ("cookies", [], 400)):
        assert post(f"{api.url}/_playground/faults/{name}", json=body, timeout=5).status_code == status
    assert workspace.switches.on == ()


def test_a_gantry_that_works_on_the_database_alone_calls_no_api() -> None:
    """The faults of the API are offered unless directory and tokens are both in the database."""
    assert not calls_the_api({"DIRECTORY": "mongodb", "TOKEN_SOURCE": "mongodb"})
    assert calls_the_api({"DIRECTORY": "cognito", "TOKEN_SOURCE": "mongodb"})
    assert calls_the_api({})


# --- in the browser


@pytest.fixture
def context(browser: Browser, serving: Serving) -> Iterator[BrowserContext]:
    """The panel of a workspace without an iframe: nothing else happens on its page."""
    opened = browser.new_context(viewport={"width": 1280, "height": 800})
    opened.grant_permissions(["clipboard-read", "clipboard-write"], origin=serving.url)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, serving: Serving, workspace: Workspace) -> Page:
    opened = context.new_page()
    opened.goto(serving.url)
    expect(entry(opened, "note")).to_have_count(2)
    for kind in ("check", "message", "call", "login", "log", "mail"):
        workspace.trace.add(kind, f"one of {kind}", "plain", f"result {TOKEN}")
    expect(entry(opened, "mail")).to_have_count(1)
    return opened


def entry(page: Page, kind: str) -> Locator:
    return page.locator(f"#trace .entry.{kind}")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def test_a_filter_hides_its_kind_and_outlasts_a_reload(page: Page) -> None:
    """Each kind can be hidden alone by a button that says so, and stays hidden after a reload."""
    for name, kind in (("Checks", "check"), ("API calls", "call"), ("Log", "log")):
        expect(button(page, name)).to_have_attribute("aria-pressed", "true")
        button(page, name).click()
        expect(button(page, name)).to_have_attribute("aria-pressed", "false")
        expect(entry(page, kind)).to_be_hidden()
    expect(entry(page, "message")).to_be_visible()
    page.reload()
    expect(entry(page, "mail")).to_be_visible()
    expect(entry(page, "check")).to_be_hidden()
    button(page, "Checks").click()
    expect(entry(page, "check")).to_be_visible()


def test_explanations_name_the_section_and_can_be_put_away(page: Page) -> None:
    """A line of the list ends in its sentence with page and heading; one button hides them all."""
    why = entry(page, "mail").locator(".why")
    expect(why).to_contain_text("docs/choosing.md · Second factors")
    button(page, "Explain").click()
    expect(why).to_be_hidden()


@pytest.mark.parametrize("has_clipboard", [True, False], ids=["clipboard", "selection"])
def test_the_list_is_copied_as_text(page: Page, has_clipboard: bool) -> None:
    """What the filters leave is copied, in order, with its explanation and without a token, by the API or without."""
    if not has_clipboard:
        page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
    button(page, "Checks").click()
    button(page, "Copy as text").click()
    expect(button(page, "Copied")).to_be_focused()
    expect(page.get_by_role("status").filter(has_text="Copied 7 entries")).to_be_attached()
    page.evaluate("delete navigator.clipboard")
    text: str = page.evaluate("navigator.clipboard.readText()")
    assert "one of check" not in text
    assert TOKEN not in text
    assert "result qqqqqq…" in text
    assert "[docs/choosing.md, Second factors]" in text
    places = [text.index(f"one of {kind}") for kind in ("message", "call", "login", "log", "mail")]
    assert places == sorted(places)


def test_a_fault_is_switched_by_the_keyboard_and_said(page: Page, workspace: Workspace) -> None:
    """Enter on a button switches its fault, the button keeps the focus and its state, and words say what is broken."""
    fault = button(page, "Workspace down")
    fault.focus()
    page.keyboard.press("Enter")
    expect(fault).to_have_attribute("aria-pressed", "true")
    expect(fault).to_be_focused()
    expect(page.get_by_role("status").filter(has_text="Broken on purpose: workspace down.")).to_be_visible()
    expect(page.get_by_role("list", name="What is broken")).to_contain_text("docs/operation.md · Is it there")
    assert workspace.switches.on == ("down",)
    page.keyboard.press("Enter")
    expect(fault).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_text("Broken on purpose")).to_have_count(0)


def test_what_is_broken_shows_in_every_tab(page: Page, context: BrowserContext, serving: Serving) -> None:
    """A fault is the workspace's, not the tab's: another tab shows it, and one that is opened later, too."""
    button(page, "Cookies blocked").click()
    later = context.new_page()
    later.goto(serving.url)
    for each in (page, later):
        expect(button(each, "Cookies blocked")).to_have_attribute("aria-pressed", "true")
        expect(each.get_by_text("Simulated, for no page can change that setting")).to_be_visible()


def test_the_panel_fits_a_phone(page: Page) -> None:
    """On a phone the panel is over the page, does not scroll sideways, and the faults are behind one line."""
    page.set_viewport_size({"width": 320, "height": 640})
    page.reload()
    button(page, "Inspector").click()
    expect(button(page, "Workspace down")).to_be_hidden()
    page.get_by_text("Break something").click()
    button(page, "Workspace down").click()
    expect(page.get_by_role("list", name="What is broken")).to_be_visible()
    for width in (320, 375):
        page.set_viewport_size({"width": width, "height": 640})
        assert page.evaluate("document.getElementById('inspector').scrollWidth") <= width
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
