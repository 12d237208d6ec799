"""Discretion: no password, token, cookie, key or code shows where somebody else could read it."""

import json
import threading

import pyotp
import pytest

from playground.people import BOB_TOTP
from playground.workspace import Fault, Person
from tests.api_gateway import Context, event
from tests.stage import COOKIE, FORM, Stage, Visitor, new_key

# Each path adds what it uses to `stage.confidential`; `Visitor` looks at the answers, `stage` at the whole log.


def test_signing_in_checking_and_signing_out(stage: Stage, visitor: Visitor) -> None:
    """Promises 26 and 32: no secret of a whole session is in the log, and the token is in no page's address."""
    visitor.sign_in("alice")
    token = visitor.check().json()["loginToken"]
    assert token in stage.confidential
    page = visitor.get("/login")
    assert token not in page.text + page.url + str(page.headers)
    visitor.post("/logout", {})
    assert len(stage.log.events("request")) == 4


def test_refusals(stage: Stage, visitor: Visitor) -> None:
    """Promise 32: typed passwords and codes of refused attempts are neither logged nor shown."""
    stage.workspace.add(Person(username="erin", password="canary-of-erin", totp_secret=BOB_TOTP))
    stage.confidential.update({"canary-of-erin", "canary-code", BOB_TOTP})
    visitor.sign_in("erin", "canary-of-a-typo")
    due = visitor.sign_in("erin", "canary-of-erin")
    visitor.enter_code(due, "canary-code")
    assert visitor.enter_code(due, pyotp.TOTP(BOB_TOTP).at(int(stage.clock()))).status_code == 200
    visitor.post("/login", {"username": "erin", "password": "canary-of-erin"}, Origin="https://evil.tld")
    visitor.post("/login", {"username": "erin", "password": "canary-of-erin"}, Content_Type="text/plain")
    visitor.post("/login", {"password": "canary-of-erin"})


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500, body=b"%s"),
        Fault(status=200, body=b"%s"),
        Fault(status=401, body=b'{"error": "%s", "message": "%s"}'),
        Fault(status=302, headers={"Location": "http://127.0.0.1:9/canary-of-a-typo"}),
        Fault(cut=True),
        Fault(status=200, body=b"{}", headers={"Content-Encoding": "gzip"}),
    ],
    ids=["500", "200", "401", "302", "cut", "no gzip"],
)
def test_a_workspace_that_says_too_much(stage: Stage, visitor: Visitor, fault: Fault) -> None:
    """Promise 32: an answer that repeats the password, or an exception of a library, shows it to nobody."""
    spoken = Fault(
        status=fault.status,
        body=fault.body.replace(b"%s", b"canary-of-a-typo"),
        headers=fault.headers,
        cut=fault.cut,
    )
    stage.workspace.fault("login", spoken)
    assert visitor.sign_in("alice", "canary-of-a-typo").status_code >= 400


def test_a_time_out(stage: Stage, visitor: Visitor) -> None:
    """Promise 32: a call that was given up leaves neither password nor token in the log."""
    visitor.sign_in("alice")
    hold = Fault(hold=threading.Event())
    for route in ("login", "me", "logout"):
        stage.workspace.fault(route, hold)
    cookie = {"origin": stage.origin, "cookie": f"{COOKIE}={visitor.cookie}"}
    stage.invoke(event("POST", "/session", headers=cookie), Context(2.1))
    form = {"host": "g.test", "origin": "https://g.test", "content-type": FORM}
    stage.invoke(event("POST", "/login", headers=form, body="username=a&password=gantry-demo"), Context(2.1))
    stage.invoke(event("POST", "/logout", headers={**form, "cookie": cookie["cookie"]}, body=""), Context(2.1))
    stage.workspace.clear_faults()
    assert len(stage.log.events("backend")) == 3


def test_faulty_keys_and_settings(stage: Stage, visitor: Visitor) -> None:
    """Promise 32: what is wrong in the secret or the environment is named by key, never by value."""
    key = new_key()[:-3]
    stage.confidential.update({key, "canary-of-a-user"})
    stage.secrets.put(stage.secret_id, json.dumps({"session_keys": [key]}))
    stage.container(ALLOWED_ORIGINS="https://canary-of-a-user:canary@chat.example.com")
    visitor.sign_in("alice")
    stage.container()
    visitor.sign_in("alice")
    assert len(stage.log.events("configuration")) == 2


def test_a_fault_in_the_middle(stage: Stage, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 32: an exception whose text is a secret is logged without its text."""
    visitor.sign_in("alice")
    gantry = stage.container()

    def broken(self: object, sealed: str, *_: object) -> None:
        raise ValueError(sealed)

    monkeypatch.setattr(type(gantry.session_check), "check", broken)
    assert visitor.check().status_code == 500
    [line] = stage.log.events("fault")
    assert line["error"] == "ValueError"
