"""Forms as they come in: what is refused, with which status, before any port is called."""

import json
from collections.abc import Iterator

import pytest

from tests.api_gateway import event
from tests.stage import FORM, Stage, Visitor, error_in


@pytest.fixture(autouse=True)
def nothing_is_called(stage: Stage) -> Iterator[None]:
    """Promise 28: nothing that these tests post reaches the workspace or Secrets Manager."""
    yield
    assert stage.workspace.calls() == []
    assert stage.secrets.reads == 0


@pytest.mark.parametrize("path", ["/login", "/logout"])
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "application/json",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/x-www-form-urlencodedx",
        "application/x-www-form-urlencoded, text/plain",
        "nonsense",
    ],
)
def test_another_content_type_is_refused(visitor: Visitor, path: str, content_type: str | None) -> None:
    """Promise 20: a wrong or missing content type is our own 415, with words and our headers."""
    answer = visitor.post(path, {"username": "alice", "password": "x"}, Content_Type=content_type)
    assert answer.status_code == 415
    assert error_in(answer) == "This address takes forms only. Open the login page and use the form there."
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Security-Policy" in answer.headers
    assert "Set-Cookie" not in answer.headers


def test_a_content_type_may_name_its_charset(visitor: Visitor) -> None:
    """Promise 20: parameters and case of the content type do not matter."""
    answer = visitor.post("/login", {}, Content_Type="Application/X-WWW-Form-URLEncoded; charset=utf-8")
    assert answer.status_code == 400


ALICE = b"username=alice&password=x"

MALFORMED = {
    "empty": b"",
    "no password": b"username=alice",
    "empty password": b"username=alice&password=",
    "no username": b"password=x",
    "blank username": b"username=%20%20&password=x",
    "null": b"null",
    "a number": b"1",
    "a list": b'["alice", "x"]',
    "a query for MongoDB": json.dumps({"username": {"$ne": None}, "password": {"$ne": None}}).encode(),
    "a query in the field's name": b"username[$ne]=&password[$ne]=",
    "two usernames": ALICE + b"&username=bob",
    "two passwords": ALICE + b"&password=x",
    "two of a field that nobody asks for": ALICE + b"&a=1&a=2",
    "too many fields": ALICE + b"".join(b"&f%d=1" % number for number in range(30)),
    "over 8 KiB": ALICE + b"x" * 8192,
    "over 8 KiB in another field": ALICE + b"&a=" + b"x" * 8192,
    "no UTF-8": b"username=\xff\xfe&password=x",
    "no UTF-8, escaped": b"username=%ff&password=x",
    "a lone surrogate": b"username=%ed%a0%80&password=x",
    "a NUL in the name": b"username=a%00b&password=x",
    "a line break in the name": b"username=a%0d%0ab&password=x",
    "a name of 255": b"username=" + b"a" * 255 + b"&password=x",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_login_is_refused(stage: Stage, visitor: Visitor, body: bytes) -> None:
    """Promise 28: malformed forms are 400 with words, before any port is called, and never a fault."""
    answer = visitor.request("POST", "/login", body, {"Origin": stage.url, "Content-Type": FORM})
    assert answer.status_code == 400
    assert error_in(answer)
    assert "Set-Cookie" not in answer.headers
    assert stage.log.events("fault") == []


CODES = {
    "an empty code": b"challenge=&code=",
    "no code": b"challenge=",
    "a code of 65": b"challenge=x&code=" + b"1" * 65,
    "a NUL in the code": b"challenge=x&code=%00",
}


@pytest.mark.parametrize("body", CODES.values(), ids=CODES.keys())
def test_a_malformed_code_is_refused(stage: Stage, visitor: Visitor, body: bytes) -> None:
    """Promise 28: a code that cannot be one is 400, and the workspace hears nothing of it."""
    answer = visitor.request("POST", "/login", body, {"Origin": stage.url, "Content-Type": FORM})
    assert (answer.status_code, error_in(answer)) == (400, "Enter the code.")
    # Only the seal was looked at: the keys that would open it were read.
    assert stage.secrets.reads <= 2
    stage.secrets.reads = 0


def test_what_is_missing_is_named(visitor: Visitor) -> None:
    """Promise 28: a form with an empty field says which to fill in, and keeps the name that was typed."""
    answer = visitor.sign_in("alice", "")
    assert error_in(answer) == "Enter your username and your password."
    assert 'value="alice"' in answer.text


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a=1&a=2", b"a" * 9000], ids=["no UTF-8", "twice", "over 8 KiB"])
def test_a_malformed_logout_is_refused(stage: Stage, visitor: Visitor, body: bytes) -> None:
    """Promise 28: the same holds for the form of `/logout`, and the cookie stays."""
    answer = visitor.request("POST", "/logout", body, {"Origin": stage.url, "Content-Type": FORM})
    assert answer.status_code == 400
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("body", "encoded"), [("%%%no base64", True), ("\ud800", False), (None, False), ("YQ", True), (None, True)]
)
def test_bodies_that_api_gateway_may_hand_over(stage: Stage, body: str | None, encoded: bool) -> None:
    """Promise 28: text, base64, broken base64 and no body at all are read or refused, never a fault."""
    headers = {"host": "g.test", "origin": "https://g.test", "content-type": FORM}
    happened = event("POST", "/login", headers=headers) | {"body": body, "isBase64Encoded": encoded}
    assert stage.invoke(happened)["statusCode"] == 400
    assert stage.log.events("fault") == []
