"""Every page for every eye and hand: axe-core finds nothing, whatever the language, light and dark.

The pages are Gantry's own answers, body and headers, served to the browser without a server: in a frame of the
workspace where they live in one, else alone. axe-core comes in through Playwright's `evaluate`, which the debugger runs
and no Content-Security-Policy holds up, so the policy stays in force for everything that the page does.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, Frame, Route, expect

from chalicelib import errors
from chalicelib.config import LANGUAGES
from chalicelib.model import Token
from chalicelib.secret import Secret
from chalicelib.signin import CodeDue
from chalicelib.web.answers import Answer, hardened
from chalicelib.web.pages import Pages
from chalicelib.web.relays import NAMES, Relays
from tests.e2e.conftest import Complaints
from tests.fakes import NOON, a_request, settings

WORKSPACE = "https://chat.example.com"
GANTRY = "https://auth.example.com/api"
LOGO = "https://static.example.com/logo.svg"
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="160" height="40"><path fill="#c33" d="M0 0h160v40H0z"/></svg>'
# The page of the workspace; with `#refusing` it takes no token.
PARENT = f"""<!doctype html><html lang="en"><title>Workspace</title>
<style>body {{ margin: 0 }} iframe {{ width: 100%; height: 1200px; border: 0 }}</style>
<iframe title="Sign in" src="{GANTRY}/login"></iframe>
<script>
const frame = document.querySelector("iframe");
addEventListener("message", () => {{
  if (location.hash === "#refusing") {{
    frame.contentWindow.postMessage({{ event: "login-error", response: "Login forbidden" }}, "*");
  }}
}});
</script>"""
EVERYTHING = {"rules": {"target-size": {"enabled": True}}, "resultTypes": ["violations", "incomplete"]}
COLOURS = {**EVERYTHING, "runOnly": ["color-contrast", "link-in-text-block"]}
RUN = """async (options) => {
  const { violations, incomplete, passes } = await axe.run(document, options);
  const told = (kind, results) => results.flatMap(({ id, nodes }) => nodes.map((node) =>
    [kind, id, node.html, ...[...node.any, ...node.all, ...node.none].map(({ message }) => message)].join(" | ")));
  return [passes.length, ...told("violation", violations), ...told("incomplete", incomplete)];
}"""
VISIBLE = "(id) => !document.getElementById(id).closest('[hidden]')"

OVERFLOW = "() => document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
PLACES = "() => [...document.querySelectorAll('h1, label, input, button')].map((one) => one.getBoundingClientRect().y)"
FOCUS = """() => {
  const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
  const { top, bottom } = document.activeElement.getBoundingClientRect();
  const seen = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 && top >= 0 && bottom <= innerHeight;
  return [document.activeElement.id || document.activeElement.textContent, seen];
}"""
LOAD = """(address) => new Promise((resolve) => {
  const image = new Image();
  image.onload = () => resolve("loaded");
  image.onerror = () => resolve("refused");
  image.src = address;
})"""
INJECT = "() => document.body.append(Object.assign(document.createElement('script'), { text: 'ran = 1' }))"

Draw = Callable[[Pages], Answer]


def code(method: Any, **how: Any) -> Draw:
    return lambda pages: pages.code(CodeDue("bob", method, "sealed", **how), NOON)


def handoff(pages: Pages) -> Answer:
    return pages.handoff(Token(Secret("T" * 43)), [WORKSPACE], "token", {}, alone=False)


RELAYS = Relays(tuple(NAMES), {name: {"event": f"call-{name}-login"} for name in NAMES})
FRAMED: Mapping[str, Draw] = {
    "login": lambda pages: pages.login(),
    "login with relays": lambda pages: pages.login(relays=RELAYS),
    "login without its relays": lambda pages: pages.login(relays=Relays(tuple(NAMES), {})),
    "wrong password": lambda pages: pages.login(status=401, username="alice", error=errors.WrongCredentials()),
    "banned": lambda pages: pages.login(status=429, username="alice", error=errors.Banned(600)),
    "unavailable": lambda pages: pages.login(status=503, error=errors.Unavailable("workspace", "down")),
    "totp": code("totp"),
    "wrong code": code("totp", wrong=True),
    "app": code("app"),
    "e-mail": code("email", sent=False, expires=NOON + 130, destination="c***@e***"),
    "sms": code("sms", sent=True, destination="+***12"),
    "handing over": handoff,
}
ALONE: Mapping[str, Draw] = {
    "handed over alone": lambda pages: pages.handoff(Token(Secret("T")), [WORKSPACE], "token", {}, alone=True),
    "outside": lambda pages: pages.outside(),
    "logout": lambda pages: pages.logout(),
    "signed out": lambda pages: pages.signed_out("done", {}),
    "nothing to sign out": lambda pages: pages.signed_out("none", {}),
    "workspace untold": lambda pages: pages.signed_out("untold", {}),
    "administrator": lambda pages: pages.administrator("https://auth.example.com"),
    "notice": lambda pages: pages.notice(errors.ForeignOrigin(), 403, {}),
    "not set up": lambda pages: Pages.unconfigured([WORKSPACE], a_request(pages.language)).notice(
        errors.ConfigurationError(()), 503, {}
    ),
}


class Screen:
    """Gantry's answers on a screen."""

    def __init__(self, context: BrowserContext) -> None:
        self.page = context.new_page()
        self.answer = Answer(200)
        context.route(f"{WORKSPACE}/*", lambda route: route.fulfill(body=PARENT, content_type="text/html"))
        context.route(f"{GANTRY}/*", self._fulfil)
        context.route(LOGO, lambda route: route.fulfill(body=PICTURE, content_type="image/svg+xml"))

    def framed(self, answer: Answer, fragment: str = "") -> Frame:
        """An answer inside the workspace."""
        self.answer = answer
        if self.page.url.partition("#")[2] != fragment or not self.page.url.startswith(WORKSPACE):
            self.page.goto("about:blank")
            self.page.goto(f"{WORKSPACE}/#{fragment}" if fragment else f"{WORKSPACE}/")
        else:
            self.page.frames[1].goto(f"{GANTRY}/login")
        return self.page.frames[1]

    def alone(self, answer: Answer) -> Frame:
        """An answer as a page of its own."""
        self.answer = answer
        self.page.goto(f"{GANTRY}/login")
        return self.page.main_frame

    def _fulfil(self, route: Route) -> None:
        headers = {name: str(value) for name, value in hardened(self.answer.headers, "/login").items()}
        route.fulfill(status=self.answer.status, headers=headers, body=self.answer.body)


@pytest.fixture
def wide(browser: Browser, complaints: Complaints) -> Iterator[BrowserContext]:
    complaints.expect(401, 403, 429, 503)
    opened = browser.new_context(viewport={"width": 1280, "height": 800})
    complaints.hear(opened)
    yield opened
    opened.close()


@pytest.fixture
def screen(wide: BrowserContext) -> Screen:
    return Screen(wide)


def examine(screen: Screen, frame: Frame, name: str, counts: Counter[str]) -> list[str]:
    """What axe-core finds on a page in light and in dark: breaches, and what it could not tell."""
    frame.evaluate(AXE_SCRIPT)
    found = []
    for scheme, options in (("light", EVERYTHING), ("dark", COLOURS)):
        screen.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        passed, *faults = frame.evaluate(RUN, options)
        assert passed, f"axe-core checked nothing on {name}"
        counts[name] += passed
        found += [f"{name}, {scheme}: {fault}" for fault in faults]
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing(screen: Screen, language: str, record_property: Callable[[str, object], None]) -> None:
    """WCAG 2.2 AA and axe-core's best practices: no breach, no doubt, in each language, light and dark."""
    pages = Pages.of(settings(HELP_URL="https://example.com/help"), a_request(language))
    counts: Counter[str] = Counter()
    found: list[str] = []
    for name, draw in FRAMED.items():
        found += examine(screen, screen.framed(draw(pages)), name, counts)
    refused = screen.framed(handoff(pages), "refusing")
    refused.wait_for_function(VISIBLE, arg="refused")
    found += examine(screen, refused, "refused", counts)
    screen.page.clock.install()
    silent = screen.framed(handoff(pages))
    screen.page.clock.run_for(9_000)
    silent.wait_for_function(VISIBLE, arg="silent")
    found += examine(screen, silent, "silent", counts)
    asking = screen.framed(FRAMED["login with relays"](pages))
    asking.locator(".facebook").click()
    screen.page.clock.run_for(61_000)
    found += examine(screen, asking, "asking", counts)
    screen.page.evaluate("frames[0].postMessage({ event: 'facebook-login-error', error: 'No' }, '*')")
    asking.wait_for_function(VISIBLE, arg="failed")
    found += examine(screen, asking, "failed", counts)
    for name, draw in ALONE.items():
        found += examine(screen, screen.alone(draw(pages)), name, counts)
    record_property("axe", dict(counts))
    assert found == []
    assert len(counts) == len(FRAMED) + len(ALONE) + 4


@pytest.mark.parametrize("color", ["#ffeb3b", "#7a0019"])
def test_axe_finds_nothing_on_a_branded_page(screen: Screen, color: str) -> None:
    """With a logo and a colour, be it pale or dark, there is no breach either, light and dark."""
    pages = Pages.of(settings(BRAND_COLOR=color, BRAND_LOGO_URL=LOGO, HELP_URL=LOGO), a_request())
    counts: Counter[str] = Counter()
    found = []
    for name in ("login", "wrong password", "e-mail"):
        found += examine(screen, screen.framed(FRAMED[name](pages)), name, counts)
    assert found == []


def test_nothing_scrolls_sideways(screen: Screen) -> None:
    """Each page fits 320 px (400 % of 1280), 640 px (200 %), and 640 px with letters twice as large."""
    name = "Gesellschaft für Raumfahrtangelegenheiten " + "x" * 60
    pages = Pages.of(settings(BRAND_NAME=name, HELP_URL=LOGO, COOKIE_SITE="same"), a_request("de"))
    too_wide = []
    for kind, draw in {**FRAMED, **ALONE}.items():
        frame = screen.alone(draw(pages))
        for width, size in ((320, "100%"), (640, "100%"), (640, "200%")):
            screen.page.set_viewport_size({"width": width, "height": 640})
            frame.evaluate("(size) => { document.documentElement.style.fontSize = size }", size)
            too_wide += [(kind, width, size)] if frame.evaluate(OVERFLOW) > 0 else []
    assert too_wide == []


def test_the_providers_buttons_fit(screen: Screen) -> None:
    """Buttons and the words of waiting fit 320 px, and 640 px with letters doubled, in each language."""
    screen.page.clock.install()
    too_wide = []
    for language in LANGUAGES:
        pages = Pages.of(settings(BRAND_NAME="Gesellschaft für Raumfahrtangelegenheiten"), a_request(language))
        frame = screen.framed(FRAMED["login with relays"](pages))
        for width, size in ((320, "100%"), (640, "200%")):
            screen.page.set_viewport_size({"width": width, "height": 640})
            frame.evaluate("(size) => { document.documentElement.style.fontSize = size }", size)
            too_wide += [(language, "buttons", size)] if frame.evaluate(OVERFLOW) > 0 else []
            frame.locator(".facebook").click()
            screen.page.clock.run_for(61_000)
            too_wide += [(language, "waiting", size)] if frame.evaluate(OVERFLOW) > 0 else []
            frame.locator("#cancel").click()
    assert too_wide == []


@pytest.mark.parametrize("forced", ["none", "active"])
def test_the_focus_is_always_seen(screen: Screen, forced: str) -> None:
    """Tab reaches every control, which is then outlined and in view; a button has an edge where colours are forced."""
    pages = Pages.of(settings(HELP_URL="https://example.com/help", COOKIE_SITE="same"), a_request())
    screen.page.emulate_media(forced_colors=forced)  # type: ignore[arg-type]
    frame = screen.alone(FRAMED["login"](pages))
    stops = [frame.evaluate(FOCUS)]
    for _ in range(4):
        screen.page.keyboard.press("Tab")
        stops.append(frame.evaluate(FOCUS))
    assert stops == [[where, True] for where in ("username", "password", "show", "Sign in", "Need help?")]
    # Not by axe-core: it measures the colours that the page asked for, not those that are forced on it.
    button = frame.evaluate("() => getComputedStyle(document.querySelector('[type=submit]')).borderTopColor")
    assert (button == "rgba(0, 0, 0, 0)") == (forced == "none")


def test_what_moves_stands_still_for_those_who_want_it(screen: Screen) -> None:
    """The handoff's progress moves, and does not where the reader asks for less motion."""
    frame = screen.framed(handoff(Pages.of(settings(), a_request())))
    moving = "() => document.getAnimations().length"
    assert frame.evaluate(moving) == 1
    screen.page.emulate_media(reduced_motion="reduce")
    assert frame.evaluate(moving) == 0


@pytest.mark.parametrize("arrives", [True, False])
def test_a_logo_moves_nothing(screen: Screen, wide: BrowserContext, complaints: Complaints, arrives: bool) -> None:
    """The logo's place is kept until it is there; where it never comes, mark and name take it, and nothing moves."""
    complaints.expect(line="Failed to load resource: net::ERR_FAILED")
    waiting: list[Route] = []
    wide.route(LOGO, lambda route: waiting.append(route))
    pages = Pages.of(settings(BRAND_LOGO_URL=LOGO, BRAND_NAME="Acme", COOKIE_SITE="same"), a_request())
    screen.answer = pages.login()
    with screen.page.expect_request(LOGO):
        screen.page.goto(f"{GANTRY}/login", wait_until="commit")
    screen.page.wait_for_selector("#show:visible")
    before = screen.page.evaluate(PLACES)
    if arrives:
        waiting[0].fulfill(body=PICTURE, content_type="image/svg+xml")
    else:
        waiting[0].abort()
    expect(screen.page.locator("#sign")).to_be_visible(visible=not arrives)
    expect(screen.page.locator("#logo")).to_be_visible(visible=arrives)
    screen.page.wait_for_function("() => document.images[0].complete")
    assert screen.page.evaluate(PLACES) == before


def test_the_policy_lets_in_the_logo_alone(screen: Screen, complaints: Complaints) -> None:
    """Of all pictures, its very neighbours included, the browser loads the logo only; scripts stay out as ever."""
    complaints.expect(line="Content Security Policy|broke its own policy")
    frame = screen.framed(Pages.of(settings(BRAND_LOGO_URL=LOGO), a_request()).login())
    for address in (LOGO + "x", LOGO.replace("logo", "other"), "https://example.com/logo.svg", "data:image/gif,R0"):
        assert frame.evaluate(LOAD, address) == "refused"
    assert frame.evaluate(LOAD, LOGO) == "loaded"
    frame.evaluate(AXE_SCRIPT)
    frame.evaluate(INJECT)
    assert frame.evaluate("() => typeof ran") == "undefined"
    assert any("img-src" in line for line in complaints.lines)
    assert any("script-src" in line for line in complaints.lines)
