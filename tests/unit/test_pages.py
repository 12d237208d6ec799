"""Pages: texts complete, input escaped, data inert, and no trust in the browser beyond what is said."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import errors
from chalicelib.config import Settings
from chalicelib.model import Token
from chalicelib.secret import Secret
from chalicelib.signin import CodeDue
from chalicelib.web.answers import Answer
from chalicelib.web.outcomes import FAULT, OUTCOMES, headers_of, message_of, outcome_of
from chalicelib.web.pages import Pages
from chalicelib.web.relays import NAMES, Relays
from tests.fakes import NOON, a_request, settings

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "chalicelib"
SETTINGS = Settings.from_environ(
    {"ROCKETCHAT_URL": "https://chat.example.com", "SECRET_ID": "s", "HELP_URL": "https://example.com/help"}
)
PAGES = Pages.of(SETTINGS, a_request())
TEXTS: dict[str, str] = json.loads((LIBRARY / "locales" / "en.json").read_text("utf-8"))
TOKEN = Token(Secret("T" * 43))


GOOGLE: dict[str, object] = {"event": "call-google-login", "scopes": ["email"]}
RELAYS = Relays(("google", "twitter"), {"google": GOOGLE, "twitter": {"event": "call-twitter-login"}})


def all_errors(kind: type[Exception] = errors.GantryError) -> Iterator[type[Exception]]:
    for child in kind.__subclasses__():
        yield child
        yield from all_errors(child)


def every_page() -> dict[str, Answer]:
    due = CodeDue("bob", "totp", "sealed")
    mail = CodeDue("carol", "email", "sealed", sent=False, expires=NOON + 130)
    return {
        "login": PAGES.login(),
        "login with relays": PAGES.login(relays=RELAYS),
        "login without its relays": PAGES.login(relays=Relays(("google",), {})),
        "login again": PAGES.login(status=401, username="alice", error=errors.WrongCredentials()),
        "code": PAGES.code(due, NOON),
        "code by e-mail": PAGES.code(mail, NOON),
        "handoff": PAGES.handoff(TOKEN, SETTINGS.origins, "token", {}, alone=False),
        "handoff alone": PAGES.handoff(TOKEN, SETTINGS.origins, "token", {}, alone=True),
        "outside": PAGES.outside(),
        "logout": PAGES.logout(),
        "signed out": PAGES.signed_out("done", {}),
        "nothing to sign out": PAGES.signed_out("none", {}),
        "workspace untold": PAGES.signed_out("untold", {}),
        "administrator": PAGES.administrator("https://auth.example.com"),
        "notice": PAGES.notice(errors.ForeignOrigin(), 403, {}),
        "notice without settings": Pages.unconfigured((), a_request()).notice(errors.ConfigurationError(()), 503, {}),
    }


@pytest.mark.parametrize("name", every_page())
def test_every_page_has_a_policy_whose_nonce_is_on_every_script_and_style(name: str) -> None:
    """Promise 21: script and style carry the policy's nonce, and no inline handler or style attribute exists."""
    page = every_page()[name]
    policy = page.headers["Content-Security-Policy"]
    (nonce,) = set(re.findall(r"'nonce-([^']+)'", policy))
    tags = re.findall(r"<(?:script|style)\b[^>]*>", page.body)
    assert tags
    assert all(f'nonce="{nonce}"' in tag for tag in tags)
    assert not re.search(r"<[^>]+\s(on\w+|style)=", page.body)
    assert "unsafe" not in policy


@pytest.mark.parametrize("name", every_page())
def test_every_page_is_a_whole_document_with_a_language_title_and_heading(name: str) -> None:
    """Each page names its language, its title and its one visible heading, and fetches nothing from anywhere."""
    body = every_page()[name].body
    assert '<html lang="en" dir="ltr">' in body
    assert every_page()[name].headers["Content-Language"] == "en"
    assert re.search(r"<title>[^<]+ · [^<]+</title>", body)
    assert "<h1>" in body
    assert not re.search(r"\ssrc=|<link|url\(|@import", body)


def test_pages_of_one_answer_and_the_next_share_no_nonce() -> None:
    """Promise 21: each answer has its own nonce."""
    assert PAGES.login().headers["Content-Security-Policy"] != PAGES.login().headers["Content-Security-Policy"]


@given(st.text())
def test_a_username_that_is_shown_again_is_escaped(name: str) -> None:
    """Promise 25: whatever was typed as a username appears as text and as an attribute's value only."""
    body = PAGES.login(status=401, username=name + '"><script>alert(1)</script>', error=errors.WrongCredentials()).body
    assert "<script>alert" not in body
    assert "&#34;&gt;&lt;script&gt;" in body
    due = CodeDue("<b>" + name, "totp", '"><i>')
    assert not {"<b>", "<i>"} & set(re.findall(r"<[bi]>", PAGES.code(due, NOON).body))


@pytest.mark.parametrize("hostile", ["</script><!--", "\u2028\u2029", "<!--<script>", "]]>", "'\"&"])
def test_data_inside_a_script_stays_inert(hostile: str) -> None:
    """Promise 24: what stands inside a script can neither end it nor open a comment, and comes out as it went in."""
    body = PAGES.handoff(Token(Secret(hostile)), [hostile], "token", {}, alone=False).body
    inside = re.search(r'type="application/json">(.*?)</script>', body, re.DOTALL)
    assert inside is not None
    assert not re.search(r"[<>&'\u2028\u2029]", inside[1])
    assert json.loads(inside[1])["token"] == {"loginToken": hostile}


def test_the_handoff_names_each_allowed_origin_and_one_token() -> None:
    """Promise 22: the page is told the allowed origins, the mode and exactly one token key."""
    body = PAGES.handoff(TOKEN, ("https://a.example", "https://b.example"), "retry", {"Set-Cookie": "c"}, alone=False)
    inside = re.search(r'type="application/json">(.*?)</script>', body.body)
    assert inside is not None
    assert json.loads(inside[1]) == {
        "origins": ["https://a.example", "https://b.example"],
        "mode": "retry",
        "token": {"loginToken": "T" * 43},
    }
    assert body.headers["Set-Cookie"] == "c"


def test_a_handoff_at_the_top_level_holds_no_token() -> None:
    """Promise 40: where there is no frame to post to, the page holds no token and links to the workspace."""
    page = every_page()["handoff alone"]
    assert "T" * 43 not in page.body
    assert 'href="https://chat.example.com"' in page.body


def inside_the_script(page: Answer) -> dict[str, Any]:
    """The data of a page's script."""
    inside = re.search(r'type="application/json">(.*?)</script>', page.body)
    assert inside is not None
    data: dict[str, Any] = json.loads(inside[1])
    return data


def test_a_button_for_each_provider_in_the_settings_order() -> None:
    """`RELAY` has a real button each, hidden until the script can serve it, with its own mark and no remote asset."""
    body = PAGES.login(relays=RELAYS).body
    found = re.findall(
        r'<button type="button" class="provider (\w+)" data-provider="(\w+)" data-action="([^"]+)"', body
    )
    assert found == [("google", "google", "/api/relay/google"), ("twitter", "twitter", "/api/relay/twitter")]
    assert '<div id="relays" hidden>' in body
    assert all(colour in body for colour in ("#ea4335", "#fbbc05", "#34a853", "#4285f4"))
    assert "Sign in with Google" in body
    assert "Sign in with X" in body
    assert "Facebook" not in body


def test_the_script_is_told_the_allowed_origins_and_the_calls() -> None:
    """Promise 22: the page is told whom it may ask and what it asks them, and nothing else."""
    data = inside_the_script(PAGES.login(relays=RELAYS))
    assert data == {"origins": ["https://chat.example.com"], "calls": RELAYS.calls}


@pytest.mark.parametrize("hostile", ["</script><!--", "\u2028", "'\"&"])
def test_scopes_inside_the_script_stay_inert(hostile: str) -> None:
    """Promise 24: what the secret says of Google's scopes cannot end the script either, and comes out as it went in."""
    page = PAGES.login(relays=Relays(("google",), {"google": {"scopes": [hostile]}}))
    assert inside_the_script(page)["calls"]["google"]["scopes"] == [hostile]
    assert hostile not in page.body.partition('type="application/json">')[2].partition("</script>")[0]


@pytest.mark.parametrize(
    ("providers", "named"),
    [(("facebook",), "Facebook"), (("facebook", "twitter"), "Facebook or X"), (tuple(NAMES), "Facebook, Google or X")],
)
def test_a_version_that_does_not_relay_has_a_sentence(providers: tuple[str, ...], named: str) -> None:
    """Where the workspace is known to answer nothing, one sentence names the providers and there is no script."""
    body = PAGES.login(relays=Relays(providers, {})).body
    assert f"You cannot sign in with {named} here: this version of chat.example.com does not offer it." in body
    assert "data-provider" not in body
    assert "application/json" not in body


def test_a_code_goes_back_to_where_the_first_form_went() -> None:
    """Promise 15: the second factor's form of a relay posts to that relay, and that of a password to the login page."""
    due = CodeDue("alice", "totp", "sealed")
    relayed = replace(a_request(), path="/relay/{provider}", parts={"provider": "google"})
    assert 'action="/api/relay/google"' in Pages.of(SETTINGS, relayed).code(due, NOON).body
    assert 'action="/api/login"' in PAGES.code(due, NOON).body


@pytest.mark.parametrize(
    ("due", "text"),
    [
        (CodeDue("c", "email", "s", sent=True), TEXTS["code.email.sent"]),
        (CodeDue("c", "email", "s", sent=False), TEXTS["code.email.still"]),
        (CodeDue("c", "email", "s", sent=False, expires=NOON + 61), "still good for 2 minutes."),
        (CodeDue("c", "email", "s", sent=False, expires=NOON - 1), TEXTS["code.email.still"]),
        (CodeDue("c", "email", "s"), TEXTS["code.email.unknown"]),
        (CodeDue("b", "totp", "s"), "Open your authenticator app and enter the code for chat.example.com."),
        (CodeDue("b", "totp", "s", wrong=True), TEXTS["error.wrong-code"]),
    ],
)
def test_the_code_form_says_where_the_code_is(due: CodeDue, text: str) -> None:
    """The second form tells whether a code was sent, still runs and for how long, or comes from an app."""
    assert text in PAGES.code(due, NOON).body


@pytest.mark.parametrize(
    ("username", "error", "focused"),
    [
        ("", None, "username"),
        ("alice", errors.WrongCredentials(), "password"),
        ("", errors.MalformedForm(""), "username"),
    ],
)
def test_focus_goes_to_the_first_field_that_needs_it(username: str, error: Exception | None, focused: str) -> None:
    """The page marks one field for the focus: the first that is empty."""
    body = PAGES.login(username=username, error=error).body
    assert re.findall(r'<input id="(\w+)"[^>]*data-focus', body) == [focused]


@pytest.mark.parametrize("method", ["totp", "app", "email", "sms"])
def test_a_phone_can_fill_in_the_code(method: Literal["totp", "app", "email", "sms"]) -> None:
    """The code's field is one that phones fill; digits are offered first, except where a backup code may be typed."""
    (field,) = re.findall(r'<input id="code"[^>]*>', PAGES.code(CodeDue("b", method, "s"), NOON).body)
    assert 'autocomplete="one-time-code"' in field
    assert ('inputmode="numeric"' in field) == (method != "totp")
    assert 'type="text"' in field


def test_an_error_is_announced_and_tied_to_its_fields() -> None:
    """An error stands in a live region, in the title, and describes the fields that are invalid."""
    body = PAGES.login(status=401, username="alice", error=errors.WrongCredentials()).body
    assert "<title>Error: " in body
    assert 'id="error" class="error" role="alert" aria-live="assertive"' in body
    assert len(re.findall(r'<input[^>]*aria-describedby="error" aria-invalid="true"', body)) == 2
    assert 'aria-invalid="true"' not in PAGES.login().body
    code = PAGES.code(CodeDue("b", "totp", "s", wrong=True), NOON).body
    assert re.search(r'<input id="code"[^>]*aria-describedby="error hint" aria-invalid="true"', code)


def test_a_waiting_time_is_told() -> None:
    """Where the workspace says how long to wait, the page and `Retry-After` say it."""
    limited = errors.RateLimited("workspace", "429", retry_after=17)
    assert "Wait 17 seconds," in PAGES.login(status=503, error=limited).body
    assert headers_of(limited) == {"Retry-After": "17"}
    assert headers_of(errors.ConfigurationError(())) == {"Retry-After": "60"}
    assert headers_of(errors.WrongCredentials()) == {}


@pytest.mark.parametrize(
    ("directory", "intro", "label"),
    [
        ("rocketchat", "Use your chat.example.com account.", "Username or e-mail"),
        ("mongodb", "Use your chat.example.com account.", "Username or e-mail"),
        ("cognito", "Sign in to go on to chat.example.com.", "Username or e-mail"),
        ("users", "Sign in to go on to chat.example.com.", "Username"),
    ],
)
def test_the_form_asks_for_what_the_directory_knows(directory: str, intro: str, label: str) -> None:
    """The login page names the account and the name that this directory takes."""
    body = Pages.of(settings(DIRECTORY=directory, TOKEN_SOURCE="mongodb"), a_request()).login().body
    assert intro in body
    assert f'<label for="username">{label}</label>' in body


def test_a_ban_says_how_long_it_holds() -> None:
    """Promise 5: whoever is banned is told the minutes, rounded up, where they are known."""
    assert "Wait 2 minutes," in PAGES.login(status=429, error=errors.Banned(61)).body
    assert headers_of(errors.Banned(61)) == {"Retry-After": "61"}
    assert "Wait a few minutes" in PAGES.login(status=429, error=errors.Banned()).body
    assert headers_of(errors.Banned()) == {}


def test_where_a_code_went_is_told() -> None:
    """A code by text message or e-mail comes with the masked number or address that it went to."""
    assert "It went to +***12." in PAGES.code(CodeDue("a", "sms", "s", sent=True, destination="+***12"), NOON).body
    assert "It went to" not in PAGES.code(CodeDue("a", "sms", "s", sent=True), NOON).body


@pytest.mark.parametrize("kind", sorted(set(all_errors()), key=str), ids=str)
def test_every_error_has_a_status_and_a_text(kind: type[Exception]) -> None:
    """The one table covers the whole tree: each error, or its parent class, has a status and words for a person."""
    internal = {errors.RequestRefused, errors.SignInRefused, errors.Unauthorized, errors.SealRefused}
    if kind in internal or issubclass(kind, errors.SealRefused):
        return
    outcome = next(OUTCOMES[parent] for parent in kind.__mro__ if parent in OUTCOMES)
    assert 400 <= outcome.status < 600
    assert f"error.{outcome.message}" in TEXTS


def test_what_is_not_ours_is_an_internal_fault() -> None:
    """An exception that Gantry did not raise is a 500 whose text tells an attacker nothing."""
    assert outcome_of(RuntimeError("canary")) == FAULT
    assert message_of(RuntimeError("canary")) == "fault"


def test_missing_fields_have_words_of_their_own() -> None:
    """An empty form is told what to fill in, one that cannot be read that it did not arrive."""
    assert message_of(errors.MalformedForm("", ("password",))) == "missing"
    assert message_of(errors.MalformedForm("", ("code",))) == "code-missing"
    assert message_of(errors.MalformedForm("too long")) == "malformed"


def test_a_star_is_never_a_target_origin() -> None:
    """Promise 22: no script of ours names `*` anywhere as a target origin."""
    for path in LIBRARY.glob("static/*.js"):
        source = path.read_text()
        assert not re.search(r"""["'`]\*["'`]""", source), path.name
        for listener in re.findall(r'addEventListener\("message".*', source):
            assert listener
    for name in ("handoff.js", "relay.js"):
        listening = (LIBRARY / "static" / name).read_text()
        assert "event.source !== window.parent || !origins.includes(event.origin)" in listening
