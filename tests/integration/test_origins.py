"""Origins: which pages may read the check, post the login form, or sign somebody out."""

import pytest

from playground.workspace import PASSWORD
from tests.api_gateway import event
from tests.stage import FORM, Stage, Visitor, error_in

WORKSPACE = "https://chat.example.com"
SECOND = "https://chat.example.org:8443"

FOREIGN = {
    "suffix": "https://chat.example.com.evil.tld",
    "prefix": "https://evil-chat.example.com",
    "subdomain": "https://a.chat.example.com",
    "parent": "https://example.com",
    "other port": "https://chat.example.com:8443",
    "usual port": "https://chat.example.com:443",
    "other scheme": "http://chat.example.com",
    "trailing slash": "https://chat.example.com/",
    "upper case": "https://CHAT.example.com",
    "white space": "https://chat.example.com ",
    "two": "https://chat.example.com https://chat.example.com",
    "list": "https://chat.example.com,https://chat.example.org:8443",
    "null": "null",
    "empty": "",
    "star": "*",
    "ancestor": "https://intranet.example.net",
    "user": "https://chat.example.com@evil.tld",
}


@pytest.fixture(autouse=True)
def workspace_of_two_addresses(stage: Stage) -> None:
    stage.container(
        ROCKETCHAT_URL=WORKSPACE, ALLOWED_ORIGINS=f"{SECOND}/", FRAME_ANCESTORS="https://intranet.example.net"
    )


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("origin", [WORKSPACE, SECOND])
def test_the_workspace_may_read_the_check(stage: Stage, method: str, origin: str) -> None:
    """Promise 16: an origin of the allow-list is echoed, with credentials; promise 17: and `Vary: Origin` is there."""
    answer = stage.invoke(event(method, "/session", headers={"origin": origin}))
    assert answer["statusCode"] == {"OPTIONS": 204}.get(method, 401)
    assert answer["headers"]["Access-Control-Allow-Origin"] == origin
    assert answer["headers"]["Access-Control-Allow-Credentials"] == "true"
    assert answer["headers"]["Vary"] == "Origin"
    assert answer["body"] == ""


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("origin", FOREIGN.values(), ids=FOREIGN.keys())
def test_nobody_else_may(stage: Stage, method: str, origin: str) -> None:
    """Promises 16 and 18: any other origin is refused by the check itself, with no CORS header, 403 and empty."""
    answer = stage.invoke(event(method, "/session", headers={"origin": origin}))
    assert (answer["statusCode"], answer["body"]) == (403, "")
    assert not [name for name in answer["headers"] if name.lower().startswith("access-control-")]
    assert answer["headers"]["Vary"] == "Origin"


def test_a_foreign_page_learns_nothing_of_a_session(stage: Stage, visitor: Visitor) -> None:
    """Promise 18: a foreign origin gets no token for a live cookie, and the workspace is not asked."""
    stage.container()
    visitor.sign_in("alice")
    answer = visitor.check(Origin="https://evil.tld")
    assert (answer.status_code, answer.text) == (403, "")
    assert stage.workspace.calls("me") == []
    assert visitor.check().status_code == 200


def test_a_preflight_is_answered_as_old_clients_need_it(stage: Stage) -> None:
    """Rocket.Chat 6 and 7 send a JSON content type: the preflight allows it for GET and POST."""
    asked = {
        "origin": WORKSPACE,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    headers = stage.invoke(event("OPTIONS", "/session", headers=asked))["headers"]
    assert headers["Access-Control-Allow-Methods"] == "GET, POST"
    assert headers["Access-Control-Allow-Headers"] == "Content-Type"


def test_a_preflight_without_an_origin_is_refused(stage: Stage) -> None:
    """Promise 16: a preflight that names no origin is 403."""
    assert stage.invoke(event("OPTIONS", "/session"))["statusCode"] == 403


def test_a_check_without_an_origin_gets_no_cors(stage: Stage) -> None:
    """Promise 16: a caller that is no page (no Origin) is answered without CORS headers."""
    answer = stage.invoke(event("GET", "/session"))
    assert answer["statusCode"] == 401
    assert not [name for name in answer["headers"] if name.lower().startswith("access-control-")]
    assert answer["headers"]["Vary"] == "Origin"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD"])
def test_vary_is_on_refused_methods_too(visitor: Visitor, method: str) -> None:
    """Promise 17: `Vary: Origin` stands on a 405 of the check, which is Chalice's own answer."""
    answer = visitor.check(method)
    assert answer.status_code == 405
    assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Origin" not in answer.headers


ALICE = {"username": "alice", "password": "wrong-password"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.tld"},
        {"Origin": WORKSPACE},
        {"Origin": "null"},
        {"Origin": None},
        {"Origin": ""},
        {"Origin": None, "Sec-Fetch-Site": "same-site"},
        {"Origin": None, "Sec-Fetch-Site": "cross-site"},
        {"Origin": None, "Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.tld", "Sec-Fetch-Site": "cross-site"},
        {"Origin": None, "Referer": "http://127.0.0.1/login"},
    ],
    ids=str,
)
def test_the_login_form_comes_from_our_own_page(stage: Stage, visitor: Visitor, headers: dict[str, str | None]) -> None:
    """Promise 19: a login posted from another page, or from none that is known, is 403 before any port is called."""
    stage.container()
    answer = visitor.post("/login", ALICE, **headers)
    assert answer.status_code == 403
    assert error_in(answer).startswith("The form was sent from another page.")
    assert "Set-Cookie" not in answer.headers
    assert stage.workspace.calls() == []
    assert stage.secrets.reads == 0


@pytest.mark.parametrize("headers", [{}, {"Origin": None, "Sec-Fetch-Site": "same-origin"}], ids=str)
def test_our_own_page_may_post(stage: Stage, visitor: Visitor, headers: dict[str, str | None]) -> None:
    """Promise 19: our own `Origin`, or the browser's word `Sec-Fetch-Site: same-origin`, is enough."""
    stage.container()
    assert visitor.sign_in("alice", PASSWORD, **headers).status_code == 200


@pytest.mark.parametrize(
    ("host", "proto", "origin", "status"),
    [
        ("abc.execute-api.example.com", "https", "https://abc.execute-api.example.com", 400),
        ("abc.execute-api.example.com", None, "https://abc.execute-api.example.com", 400),
        ("abc.execute-api.example.com", None, "http://abc.execute-api.example.com", 403),
        ("abc.execute-api.example.com", "https", "https://xyz.execute-api.example.com", 403),
        ("localhost:8000", None, "http://localhost:8000", 400),
        ("localhost:8000", None, "https://localhost:8000", 403),
        ("localhost:8000", "https", "https://localhost:8000", 400),
        ("127.0.0.1:8000", "gopher", "http://127.0.0.1:8000", 400),
        ("[::1]:8000", None, "http://[::1]:8000", 400),
        ("Gantry.Example.com", "https", "https://gantry.example.com", 400),
    ],
)
def test_our_own_origin(stage: Stage, host: str, proto: str | None, origin: str, status: int) -> None:
    """Promise 19: our origin is `X-Forwarded-Proto` (else http on loopback, else https) and `Host`."""
    headers = {"host": host, "origin": origin, "content-type": FORM}
    headers |= {"x-forwarded-proto": proto} if proto else {}
    assert stage.invoke(event("POST", "/login", headers=headers, body=""))["statusCode"] == status


def test_the_workspace_may_sign_out_and_nobody_else(stage: Stage, visitor: Visitor) -> None:
    """Promise 19: `POST /logout` takes our own page and the allowed origins; all others are 403 and change nothing."""
    stage.container()
    visitor.sign_in("alice")
    for headers in ({"Origin": "https://evil.tld"}, {"Origin": "null"}, {"Origin": None}):
        refused = visitor.post("/logout", {}, **headers)
        assert refused.status_code == 403
        assert "Set-Cookie" not in refused.headers
    assert stage.tokens("alice") == 1
    assert visitor.post("/logout", {}, Origin=stage.origin).status_code == 200
    assert stage.tokens("alice") == 0
