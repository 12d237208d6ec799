"""A workspace that fails: every way in which a call can go wrong is our own generic 503, with nothing changed."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest
import requests

from playground.workspace import PASSWORD, Fault
from tests.api_gateway import Context, event
from tests.stage import COOKIE, FORM, Stage, Visitor, error_in

HTML = {"Content-Type": "text/html"}

UNUSABLE = {
    "500": Fault(status=500, body=b'{"success": false}'),
    "502 in HTML": Fault(status=502, body=b"<html>canary-of-a-proxy</html>", headers=HTML),
    "HTML with 200": Fault(status=200, body=b"<html>canary-of-a-proxy</html>", headers=HTML),
    "HTML with 401": Fault(status=401, body=b"<html>canary-of-a-proxy</html>", headers=HTML),
    "nothing with 200": Fault(status=200),
    "not found": Fault(status=404, body=b'{"success": false, "error": "API endpoint not found"}'),
    "forbidden": Fault(status=403, body=b'{"success": false, "error": "canary-of-a-proxy"}'),
    "a list": Fault(status=200, body=b"[1, 2]"),
    "no UTF-8": Fault(status=200, body=b"\xff\xfe\x00\xd8"),
    "endless nesting": Fault(status=200, body=b"[" * 200_000),
    "longer than a megabyte": Fault(status=200, body=b'{"a": "' + b"a" * (1 << 20) + b'"}'),
    "a connection cut": Fault(cut=True),
    "a body cut short": Fault(status=200, body=b'{"status"', headers={"Content-Length": "400", "Connection": "close"}),
    "no gzip": Fault(status=200, body=b"no gzip", headers={"Content-Encoding": "gzip"}),
    "a redirect": Fault(status=302, headers={"Location": "http://127.0.0.1:9/api/v1/login"}),
    "a permanent redirect": Fault(status=308, headers={"Location": "/api/v1/login"}),
}

UNKNOWN_LOGINS = {
    "no data": {"status": "success"},
    "data is a list": {"status": "success", "data": []},
    "no token": {"data": {"userId": "u", "me": {"username": "alice"}}},
    "an empty token": {"data": {"userId": "u", "authToken": "", "me": {"username": "alice"}}},
    "a token of lines": {"data": {"userId": "u", "authToken": "a\r\nX-Evil: b", "me": {"username": "alice"}}},
    "an id of lines": {"data": {"userId": "u\n", "authToken": "a", "me": {"username": "alice"}}},
    "a number as token": {"data": {"userId": "u", "authToken": 1, "me": {"username": "alice"}}},
    "no account": {"data": {"userId": "u", "authToken": "a"}},
}


@pytest.fixture
def held(stage: Stage) -> Iterator[Fault]:
    """A call whose answer never comes; clearing the faults lets it go."""
    yield Fault(hold=threading.Event())
    stage.workspace.clear_faults()


def assert_refused(stage: Stage, answer: requests.Response, seconds: str = "5") -> None:
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == seconds
    assert "Set-Cookie" not in answer.headers
    assert "canary-of-a-proxy" not in answer.text + stage.log.text
    assert stage.log.events("fault") == []


@pytest.mark.parametrize("fault", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_login_that_is_not_answered(stage: Stage, visitor: Visitor, fault: Fault) -> None:
    """Promise 35: an unusable answer to `login` is a 503 with Retry-After, the form again, and no cookie."""
    stage.workspace.fault("login", fault)
    failed = visitor.sign_in("alice")
    assert_refused(stage, failed)
    assert error_in(failed).startswith(
        f"Signing in to localhost:{stage.serving.port} does not work right now. Nothing was changed."
    )
    assert 'value="alice"' in failed.text
    [line] = stage.log.events("attempt")
    assert line["outcome"] == "failed"
    assert line["reason"] in ("unavailable", "call-refused")
    [backend] = stage.log.events("backend")
    assert backend["detail"].startswith("workspace: ")
    assert backend["request_id"] == line["request_id"]
    assert len(stage.workspace.calls("login")) == 1
    assert visitor.sign_in("alice").status_code == 200


@pytest.mark.parametrize("shape", UNKNOWN_LOGINS.values(), ids=UNKNOWN_LOGINS.keys())
def test_a_login_in_an_unknown_shape(stage: Stage, visitor: Visitor, shape: object) -> None:
    """Promise 35: a 200 without an account and a token that can stand in a header signs nobody in."""
    stage.workspace.fault("login", Fault(status=200, body=json.dumps(shape).encode()))
    assert_refused(stage, visitor.sign_in("alice"))


@pytest.mark.parametrize("fault", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_check_that_is_not_answered(stage: Stage, visitor: Visitor, fault: Fault) -> None:
    """Promise 35: an unusable answer to `me` is an empty 503 with CORS headers, and the cookie stays."""
    visitor.sign_in("alice")
    stage.workspace.fault("me", fault, times=2)  # a connection that broke is made again once
    failed = visitor.check()
    assert_refused(stage, failed)
    assert failed.text == ""
    assert failed.headers["Access-Control-Allow-Origin"] == stage.origin
    assert failed.headers["Access-Control-Allow-Credentials"] == "true"
    assert failed.headers["Vary"] == "Origin"
    stage.workspace.clear_faults()
    assert visitor.check().status_code == 200


def test_a_kept_connection_that_died_is_made_again_for_a_check(stage: Stage, visitor: Visitor) -> None:
    """A check whose connection is cut is repeated once, since a container's kept connection may be dead."""
    visitor.sign_in("alice")
    stage.workspace.fault("me", Fault(cut=True))
    assert visitor.check().status_code == 200
    assert len(stage.workspace.calls("me")) == 2


def test_a_login_is_never_repeated(stage: Stage, visitor: Visitor) -> None:
    """A login that took effect before its connection was cut is not made again: it would mint a second token."""
    stage.workspace.fault("login", Fault(cut=True, after=True))
    assert visitor.sign_in("alice").status_code == 503
    assert len(stage.workspace.calls("login")) == 1


def test_a_redirect_is_not_followed(stage: Stage, visitor: Visitor) -> None:
    """Promise 35: the password goes to no place that an answer names, and the log says what to mend."""
    stage.workspace.fault("login", Fault(status=307, headers={"Location": "/api/v1/me"}))
    assert visitor.sign_in("alice").status_code == 503
    assert [call.route for call in stage.workspace.calls()] == ["login"]
    assert "ROCKETCHAT_URL" in stage.log.events("backend")[0]["detail"]


def seconds_of(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def signing_in(stage: Stage) -> dict[str, object]:
    headers = {"host": "gantry.test", "origin": "https://gantry.test", "content-type": FORM}
    return event("POST", "/login", headers=headers, body=urlencode({"username": "alice", "password": PASSWORD}))


def test_a_login_that_hangs_ends_with_the_deadline(stage: Stage, held: Fault) -> None:
    """Promise 35: a login that is never answered ends two seconds before Lambda would end the function."""
    stage.workspace.fault("login", held)
    answers = []
    took = seconds_of(lambda: answers.append(stage.invoke(signing_in(stage), Context(2.3))))
    assert answers[0]["statusCode"] == 503
    assert "Set-Cookie" not in answers[0]["headers"]
    assert 0.2 < took < 1.5


def test_a_check_that_hangs_ends_with_the_deadline(stage: Stage, visitor: Visitor, held: Fault) -> None:
    """Promise 35: a check that is never answered ends with the deadline: 503, CORS, cookie kept."""
    visitor.sign_in("alice")
    stage.workspace.fault("me", held, times=2)
    headers = {"origin": stage.origin, "cookie": f"{COOKIE}={visitor.cookie}"}
    answer = stage.invoke(event("POST", "/session", headers=headers), Context(2.3))
    assert answer["statusCode"] == 503
    assert answer["headers"]["Access-Control-Allow-Origin"] == stage.origin
    assert "Set-Cookie" not in answer["headers"]
    assert len(stage.workspace.calls("me")) == 1


@pytest.mark.parametrize("pause", [0.02, 30.0], ids=["drop by drop", "stopped"])
def test_a_dripping_workspace_cannot_outlast_the_deadline(stage: Stage, visitor: Visitor, pause: float) -> None:
    """Promise 35: an answer that comes byte by byte, or stops in the middle, ends with the deadline."""
    visitor.sign_in("alice")
    stage.workspace.fault("me", Fault(drip=pause))
    headers = {"origin": stage.origin, "cookie": f"{COOKIE}={visitor.cookie}"}
    answers = []
    took = seconds_of(lambda: answers.append(stage.invoke(event("POST", "/session", headers=headers), Context(2.4))))
    assert answers[0]["statusCode"] == 503
    assert took < 2
    assert stage.log.events("fault") == []


def test_no_call_is_begun_that_cannot_be_finished(stage: Stage) -> None:
    """Promise 35: where the deadline has passed already the workspace hears nothing of a password."""
    stage.invoke(event("GET", "/health", query={"deep": ["1"]}))
    answer = stage.invoke(signing_in(stage), Context(1.9))
    assert answer["statusCode"] == 503
    assert stage.workspace.calls("login") == []


def test_a_busy_workspace_says_when_to_come_back(stage: Stage, visitor: Visitor) -> None:
    """The eleventh sign-in of a minute is a 503 with the workspace's own reset time as Retry-After, and words."""
    stage.workspace.settings["API_Enable_Rate_Limiter"] = True
    for _ in range(10):
        assert visitor.sign_in("alice").status_code == 200
    stage.clock.advance(23)
    visitor.cookie = None
    refused = visitor.sign_in("alice")
    assert_refused(stage, refused, "37")
    assert error_in(refused) == "Many people are signing in right now. Wait 37 seconds, then try again."
    assert stage.log.events("attempt")[-1]["reason"] == "rate-limited"
    stage.clock.advance(38)
    assert visitor.sign_in("alice").status_code == 200


@pytest.mark.parametrize(
    ("reset", "seconds"), [(None, "60"), ("soon", "60"), ("0", "1"), ("9" * 30, "60"), ("9" * 5000, "60"), ("-5", "60")]
)
def test_any_reset_time(stage: Stage, visitor: Visitor, reset: str | None, seconds: str) -> None:
    """Whatever stands for the reset time, Retry-After is a number of seconds from 1 to 60."""
    headers = {} if reset is None else {"X-RateLimit-Reset": reset}
    stage.workspace.fault("login", Fault(status=429, body=b'{"success": false}', headers=headers))
    assert_refused(stage, visitor.sign_in("alice"), seconds)


def test_nobody_listens_there(stage: Stage, visitor: Visitor) -> None:
    """Promise 35: a workspace that is not there is a 503 like any other."""
    visitor.sign_in("alice")
    stage.container(ROCKETCHAT_URL="http://localhost:9", ALLOWED_ORIGINS=stage.origin)
    assert visitor.sign_in("alice").status_code == 503
    failed = visitor.check()
    assert failed.status_code == 503
    assert "Set-Cookie" not in failed.headers
