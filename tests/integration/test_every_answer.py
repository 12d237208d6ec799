"""What every answer carries: the hardening headers, the pages' policy, and no word about ourselves."""

import re
from collections.abc import Callable

import pytest
import requests

import app
from chalicelib.web import cors
from playground.workspace import Fault
from tests.api_gateway import Context, event
from tests.stage import FORM, Stage, Visitor

HARDENING = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
}

REQUESTS = [
    ("GET", "/", 200),
    ("GET", "/login", 200),
    ("GET", "/logout", 200),
    ("GET", "/health", 200),
    ("GET", "/session", 401),
    ("POST", "/session", 401),
    ("OPTIONS", "/session", 204),
    ("POST", "/login", 400),
    ("POST", "/logout", 200),
    ("PUT", "/login", 405),
    ("DELETE", "/session", 405),
    ("POST", "/health", 405),
    ("POST", "/", 405),
]


@pytest.mark.parametrize(("method", "path", "status"), REQUESTS)
def test_every_answer_is_hardened(stage: Stage, method: str, path: str, status: int) -> None:
    """Design, section 2: the four headers stand on every answer, Chalice's own 405 included."""
    origin = stage.origin if path == "/session" else "https://g.test"
    headers = {"host": "g.test", "origin": origin, "content-type": FORM}
    answer = stage.invoke(event(method, path, headers=headers, body=""), Context())
    assert answer["statusCode"] == status
    assert answer["headers"].items() >= HARDENING.items()
    assert "X-Frame-Options" not in answer["headers"]


Break = Callable[[Stage, pytest.MonkeyPatch], None]


def break_the_journal(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    gantry = stage.container()

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("canary-in-a-fault")

    monkeypatch.setattr(gantry.journal, "event", broken)


def break_the_use_cases(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    gantry = stage.container()

    def broken(*_: object) -> None:
        raise RuntimeError("canary-in-a-fault")

    for use_cases, name in (
        (gantry.session_check, "check"),
        (gantry.sign_in, "with_password"),
        (gantry.session_check, "sign_out"),
    ):
        monkeypatch.setattr(type(use_cases), name, broken)


@pytest.mark.parametrize("how", [break_the_journal, break_the_use_cases])
@pytest.mark.parametrize("path", ["/session", "/login", "/logout"])
def test_a_fault_is_a_bare_500(
    stage: Stage, visitor: Visitor, monkeypatch: pytest.MonkeyPatch, how: Break, path: str
) -> None:
    """Promise 36: a fault is a hardened 500 without a traceback or an exception's text, in body and log."""
    visitor.sign_in("alice")
    how(stage, monkeypatch)
    fields = {"username": "alice", "password": "x"} if path == "/login" else {}
    answer = visitor.check() if path == "/session" else visitor.post(path, fields)
    assert answer.status_code == 500
    assert dict(answer.headers).items() >= HARDENING.items()
    assert "canary-in-a-fault" not in answer.text + stage.log.text
    assert "Traceback" not in answer.text
    assert "Set-Cookie" not in answer.headers


def test_a_fault_is_logged_by_class_and_place(stage: Stage, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 32: a fault's line names the exception's class, the request and where it happened, not its text."""
    visitor.sign_in("alice")
    break_the_use_cases(stage, monkeypatch)
    assert visitor.check().status_code == 500
    [line] = stage.log.events("fault")
    assert line["error"] == "RuntimeError"
    assert line["request_id"]
    assert any(place.startswith("app.py:") for place in line["trace"])


def test_a_fault_of_the_check_can_be_read_by_the_workspace(
    stage: Stage, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 17: a 500 of the check carries `Vary: Origin` and CORS, and is empty."""
    visitor.sign_in("alice")
    break_the_use_cases(stage, monkeypatch)
    answer = visitor.check()
    assert (answer.status_code, answer.text) == (500, "")
    assert answer.headers["Vary"] == "Origin"
    assert answer.headers["Access-Control-Allow-Origin"] == stage.origin


def test_debug_is_off() -> None:
    """Promise 36: Chalice's debug mode, which answers with tracebacks, is off."""
    assert app.app.debug is False


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x=y", "a\rb", "a\nb", "a\x00b"])
def test_a_header_of_lines_never_leaves(stage: Stage, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Promise 31: CR, LF or NUL in a header's value is refused before Chalice sees it: a bare 500."""
    monkeypatch.setattr(cors, "preflight", lambda *_: {"X-Test": value})
    answer = stage.invoke(event("OPTIONS", "/session", headers={"origin": stage.origin}))
    assert answer["statusCode"] == 500
    assert "X-Test" not in answer["headers"]
    assert answer["headers"].items() >= HARDENING.items()


def policy_of(answer: requests.Response) -> dict[str, str]:
    directives = answer.headers["Content-Security-Policy"].split("; ")
    return {name: value for name, _, value in (each.partition(" ") for each in directives)}


PAGES = {
    "administrator": lambda visitor: visitor.get("/"),
    "login": lambda visitor: visitor.get("/login"),
    "outside": lambda visitor: visitor.get("/login", Sec_Fetch_Dest="document"),
    "refused login": lambda visitor: visitor.sign_in("alice", "wrong-password"),
    "code": lambda visitor: visitor.sign_in("bob"),
    "handoff": lambda visitor: visitor.sign_in("alice"),
    "logout": lambda visitor: visitor.get("/logout"),
    "signed out": lambda visitor: visitor.post("/logout", {}),
    "notice": lambda visitor: visitor.post("/logout", {}, Origin="https://evil.tld"),
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
def test_every_page_has_its_policy(
    stage: Stage, visitor: Visitor, page: Callable[[Visitor], requests.Response]
) -> None:
    """Promise 21: nothing but the page's own nonce, no base, forms to ourselves, framed by the listed pages alone."""
    stage.container(ALLOWED_ORIGINS="https://chat.example.org", FRAME_ANCESTORS="https://intranet.example.net")
    answer = page(visitor)
    policy = policy_of(answer)
    nonce = re.fullmatch(r"'nonce-([\w-]{22,})'", policy["script-src"])
    assert nonce
    assert policy == {
        "default-src": "'none'",
        "script-src": f"'nonce-{nonce[1]}'",
        "style-src": f"'nonce-{nonce[1]}'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": f"{stage.origin} https://chat.example.org https://intranet.example.net",
    }
    assert "X-Frame-Options" not in answer.headers
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    for tag in re.findall(r"<(?:script|style)\b[^>]*>", answer.text):
        assert f'nonce="{nonce[1]}"' in tag
    assert not re.search(r"\s(?:on\w+|style)=", answer.text)
    assert "//" not in "".join(re.findall(r'(?:src|action)="([^"]*)"', answer.text))


def test_a_nonce_is_used_once(visitor: Visitor) -> None:
    """Promise 21: two answers never share a nonce."""
    assert policy_of(visitor.get("/login"))["script-src"] != policy_of(visitor.get("/login"))["script-src"]


def test_the_message_is_addressed_to_the_allowed_origins(stage: Stage, visitor: Visitor) -> None:
    """Promise 22: the handoff page knows the allowed origins alone, and `'*'` appears nowhere in it."""
    stage.container(ALLOWED_ORIGINS="https://chat.example.org", FRAME_ANCESTORS="https://intranet.example.net")
    page = visitor.sign_in("alice").text
    data = re.search(r'type="application/json">(.*?)</script>', page)
    assert data
    assert f'"origins": ["{stage.origin}", "https://chat.example.org"]' in data[1]
    assert "'*'" not in page
    assert '"*"' not in page


def test_a_token_stays_inert_in_its_script(stage: Stage, visitor: Visitor) -> None:
    """Promise 24: a token that would end the script element is escaped."""
    body = b'{"data": {"userId": "u", "authToken": "</script><!--", "me": {"username": "alice"}}}'
    stage.workspace.fault("login", Fault(status=200, body=body))
    page = visitor.sign_in("alice").text
    assert "</script><!--" not in page
    assert "\\u003c/script\\u003e\\u003c!--" in page


def test_a_request_is_one_line_of_the_log(stage: Stage, visitor: Visitor) -> None:
    """Promise 33: each request is logged with path, method, status and the request's id."""
    visitor.get("/login", Cookie="a=b")
    [line] = stage.log.events("request")
    assert (line["path"], line["method"], line["status"]) == ("/login", "GET", 200)
    assert line["request_id"]
