"""What the inspector says about each of its lines: one sentence, and the section of the documentation to read on.

The first rule that fits a line explains it; the last of each kind fits all that are left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from playground.workspace.trace import Entry, Kind


@dataclass(frozen=True)
class Explanation:
    """One sentence and the heading of a page below `docs/` where there is more."""

    text: str
    page: str
    heading: str

    def as_json(self) -> dict[str, str]:
        """For the panel."""
        return {"text": self.text, "page": f"docs/{self.page}", "heading": self.heading}


LOGOUT = ("logout.md", "What ends by itself")
SCRIPT = ("logout.md", "The workspace's script")
VERSIONS = ("clients.md", "Version matrix")
MOBILE = ("clients.md", "Mobile app")
CONSOLE = ("clients.md", "Signing in while the iframe is on")
SETTINGS = ("settings.md", "Settings")
SECRET = ("settings.md", "The secret")
TOKENS = ("choosing.md", "Which kind of token")
FACTORS = ("choosing.md", "Second factors")
ACCOUNTS = ("choosing.md", "Accounts for people from elsewhere")
CHOOSING = ("choosing.md", "Choosing")
SITES = ("custom-domain.md", "Same site or cross-site")
HEALTH = ("operation.md", "Is it there")
LOGGED = ("operation.md", "What is logged")
QUERIES = ("operation.md", "Queries")
ROTATING = ("operation.md", "Rotating")
RELAY = ("relay.md", "Which workspaces relay")
RELAYED = ("relay.md", "What Gantry checks")
ATTACKS = ("threat-model.md", "Who might attack, and what meets them")
PROMISES = ("threat-model.md", "Promises and their tests")


@dataclass(frozen=True)
class _Rule:
    kind: Kind
    title: str
    result: str
    text: str
    place: tuple[str, str]

    def fits(self, entry: Entry) -> bool:
        return bool(
            entry.kind == self.kind and re.search(self.title, entry.title) and re.search(self.result, entry.result)
        )


_RULES = (
    # --- the workspace's page asks Gantry
    _Rule(
        "check",
        "",
        "^200 (loginToken|token) \\S+$",
        "Signed in: the session's one token again, none is made.",
        PROMISES,
    ),
    _Rule("check", "", "^200", "Only one of loginToken and token may be there, or two logins fight.", TOKENS),
    _Rule("check", "", "^401", "Nobody is signed in to Gantry here, so the workspace shows its login page.", LOGOUT),
    _Rule("check", "", "^5", "Gantry cannot know now: no 401, so the cookie stays for the next check.", HEALTH),
    _Rule("check", "", "CORS|no answer", "Gantry is away, or this address is none of its workspace's.", SETTINGS),
    _Rule(
        "check",
        "",
        "",
        "The workspace's page asks Gantry who is signed in: four times at once, two or three.",
        VERSIONS,
    ),
    # --- the two pages talk
    _Rule("message", "try-iframe-login", "", "HANDOFF=retry: the page asks the workspace to check again.", SETTINGS),
    _Rule("message", "login-with-token", "", "Gantry hands the token over, to the workspace's address alone.", ATTACKS),
    _Rule("message", ": login-error", "", "The workspace refused; Gantry's page says so, in its words.", TOKENS),
    _Rule("message", "call-", "^from", "The page asks for the workspace's own login by that provider.", RELAY),
    _Rule("message", "call-", "", "A social login that this workspace does not answer; the page waits.", RELAY),
    _Rule("message", "-login-success", "", "Of all this the token alone counts: Gantry asks the provider.", RELAYED),
    _Rule("message", "-login-error", "", "No token came of it, and the page says so.", RELAY),
    _Rule("message", "", "", "The workspace and the page in its frame talk by postMessage.", ATTACKS),
    # --- a login in the workspace
    _Rule("login", "^Logout", "", "The workspace ends its token first; the checks that follow find it dead.", LOGOUT),
    _Rule("login", "resume", "^refused", "This token has ended, run out, or its account may not log in.", TOKENS),
    _Rule("login", "resume", "", "A native token: the workspace asks for no second factor, so Gantry has.", FACTORS),
    _Rule("login", "iframe", "^refused: totp", "An iframe token cannot get past an account's second factor.", TOKENS),
    _Rule("login", "iframe", "", "The iframe token is looked up in plain text, and buys a native one.", TOKENS),
    _Rule("login", "password", "", "From the console: the way in while the iframe is on.", CONSOLE),
    _Rule("login", "", "", "The workspace takes a login or refuses it; Gantry has no part in this.", TOKENS),
    # --- Gantry calls the workspace
    _Rule("call", "", "on purpose", "A fault that was switched on: Gantry says so, and nobody's session ends.", HEALTH),
    _Rule(
        "call", "/me$", "^429", "Refused after the login was looked at: proof enough that the token lives.", PROMISES
    ),
    _Rule("call", "", "^429", "The workspace limits calls; a service account is exempt from 8.0 on.", SECRET),
    _Rule(
        "call", "/login$", "totp-required", "The password is right, and the workspace wants a code after it.", FACTORS
    ),
    _Rule(
        "call", "/login$", "^401", "Refused: Gantry says the same for a wrong password and no such person.", PROMISES
    ),
    _Rule("call", "/login$", "", "Gantry lets the workspace check the password, and gets the token.", CHOOSING),
    _Rule("call", "/logout$", "", "Gantry ends the token in the workspace.", LOGOUT),
    _Rule("call", "/me$", "^401", "The session's token is dead, so the check is answered 401.", LOGOUT),
    _Rule("call", "/me$", "", "Gantry asks whether the session's token still lives.", LOGOUT),
    _Rule("call", "/users\\.(logout|setActiveStatus)$", "", "Somebody is signed out everywhere.", LOGOUT),
    _Rule("call", "/users\\.createToken$", "", "The service account makes a token for this person.", ACCOUNTS),
    _Rule("call", "/users\\.", "", "Gantry looks for the account of somebody from elsewhere, or makes it.", ACCOUNTS),
    _Rule("call", "/settings/", "", "The four iframe settings are changed, as connect does.", CONSOLE),
    _Rule("call", "/api/info$", "", "Gantry looks whether the workspace is there, and which version it has.", RELAY),
    _Rule("call", "", "", "Gantry looks whether the workspace is there.", HEALTH),
    # --- the rest
    _Rule("mail", "", "", "The workspace sends codes by e-mail itself; Gantry asks for what is in it.", FACTORS),
    _Rule("log", "attempt$", "", "Every attempt is logged with what came of it, never with a password.", LOGGED),
    _Rule("log", "backend$", "", "What did not answer, for the people who run this; nobody else is told why.", QUERIES),
    _Rule("log", "secret_kept$", "", "The secret could not be read again: the one that is known serves on.", LOGGED),
    _Rule("log", "configuration$", "", "Each setting that cannot be used, with its remedy.", SETTINGS),
    _Rule("log", "", "", "A line of Gantry's own log: one JSON object, without secrets.", LOGGED),
    _Rule("note", "^Logged straight back in", "", "The logout did not reach Gantry: a token still lives.", SCRIPT),
    _Rule("note", "^This workspace's address", "", "Gantry answers the addresses that its settings name.", SETTINGS),
    _Rule("note", "iframe settings", "", "Without all four settings the workspace has its own login form.", CONSOLE),
    _Rule("note", "stored login token", "", "The workspace keeps its own login and resumes it at a load.", LOGOUT),
    _Rule("note", "^Switched on", "", "Try it: people get a sentence, or stay signed in and notice nothing.", HEALTH),
    _Rule("note", "^Switched off", "", "Nothing has to be restarted: Gantry goes on by itself.", HEALTH),
    _Rule("note", "", "", "The workspace's page began anew.", VERSIONS),
)


def explain(entry: Entry) -> Explanation:
    """The sentence for a line of the inspector."""
    rule = next(rule for rule in _RULES if rule.fits(entry))
    return Explanation(rule.text, *rule.place)


def explanations() -> Iterator[tuple[Kind, Explanation]]:
    """All of them."""
    for rule in _RULES:
        yield rule.kind, Explanation(rule.text, *rule.place)
