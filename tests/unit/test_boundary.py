"""The browser boundary as plain functions: cookies, CORS, origins, policies, headers."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.deadline import Deadline
from chalicelib.errors import ForeignOrigin, OutsideFrame
from chalicelib.model import Caller
from chalicelib.web import cookies, cors, csp
from chalicelib.web.answers import EVERY_ANSWER, Answer, hardened
from chalicelib.web.request import Request

OURS = "https://auth.example.com"
WORKSPACE = "https://chat.example.com"
NEARLY = [
    "https://chat.example.com.evil.tld",
    "https://evil-chat.example.com",
    "https://chat.example.co",
    "https://chat.example.com:8443",
    "http://chat.example.com",
    "https://chat.example.com/",
    "HTTPS://CHAT.EXAMPLE.COM",
    "https://CHAT.example.com",
    " https://chat.example.com",
    "https://chat.example.com,https://evil.tld",
    "null",
    "*",
    "",
]


def request(
    headers: Mapping[str, str] | None = None,
    path: str = "/login",
    full: str | None = None,
    parts: Mapping[str, str] | None = None,
) -> Request:
    class Chalice:
        """What `Request.from_chalice` reads of Chalice's request."""

        method = "POST"
        query_params = None
        raw_body = b""
        lambda_context = None

    incoming: Any = Chalice()
    incoming.path = path
    incoming.uri_params = parts
    incoming.headers = {"host": "auth.example.com", **(headers or {})}
    incoming.context = {"path": path if full is None else full, "identity": {"sourceIp": "203.0.113.9"}}
    return Request.from_chalice(incoming)


def test_the_cookie_of_another_site_is_partitioned() -> None:
    """Promise 8: across sites the cookie is `SameSite=None; Secure; Partitioned`, host-only, out of scripts' reach."""
    value = cookies.issue("sealed", 3600, "cross")
    assert value == "__Host-gantry=sealed; Max-Age=3600; Path=/; Secure; HttpOnly; SameSite=None; Partitioned"


def test_the_cookie_of_the_same_site_is_lax() -> None:
    """Promise 8: on the workspace's site the cookie is `SameSite=Lax; Secure`."""
    assert cookies.issue("s", 60, "same") == "__Host-gantry=s; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Lax"


@pytest.mark.parametrize("site", ["cross", "same"])
def test_an_expired_cookie_has_the_attributes_of_the_one_it_removes(site: cookies.Site) -> None:
    """Promise 8: removal names the same path, partition and flags, or browsers keep the cookie."""
    issued, expired = cookies.issue("s", 60, site).split("; "), cookies.expire(site).split("; ")
    assert expired[:2] == ["__Host-gantry=", "Max-Age=0"]
    assert expired[2:] == issued[2:]


def test_a_cookie_over_4096_bytes_is_not_sent() -> None:
    """Promise 8: name and value together are at most 4,096 bytes."""
    fits = "x" * (4096 - len(cookies.NAME))
    assert cookies.issue(fits, 60, "cross")
    with pytest.raises(ValueError, match="fit"):
        cookies.issue(fits + "x", 60, "cross")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        (None, None),
        ("", None),
        ("other=1", None),
        ("__Host-gantry=", None),
        ("__Host-gantry", None),
        ("__Host-gantryx=1", None),
        ("__host-gantry=1", None),
        ("a=1; __Host-gantry=v=w==; b=2", "v=w=="),
        ("__Host-gantry=first; __Host-gantry=second", "first"),
        (";;;=;__Host-gantry=v;", "v"),
    ],
)
def test_the_cookie_is_found_among_others(header: str | None, value: str | None) -> None:
    """Only our own cookie is read, whatever else a browser sends along."""
    assert cookies.read(header) == value


@given(st.text())
def test_no_cookie_header_breaks_the_reading(header: str) -> None:
    """Whatever stands in a `Cookie` header, reading it ends in a value or in none."""
    assert cookies.read(header) is None or isinstance(cookies.read(header), str)


def test_cors_echoes_an_allowed_origin_with_credentials() -> None:
    """Promise 16: an origin of the allow-list is echoed, with credentials."""
    assert cors.allow(WORKSPACE, [WORKSPACE]) == {
        "Access-Control-Allow-Origin": WORKSPACE,
        "Access-Control-Allow-Credentials": "true",
    }


def test_a_caller_without_an_origin_gets_no_cors() -> None:
    """A request without `Origin` is not a cross-origin fetch; no page can read the answer."""
    assert cors.allow(None, [WORKSPACE]) == {}


@pytest.mark.parametrize("origin", NEARLY)
def test_an_origin_that_is_not_exactly_allowed_is_refused(origin: str) -> None:
    """Promises 16 and 18: no prefix, suffix, other port, other scheme, other case, `null` or `*` passes."""
    with pytest.raises(ForeignOrigin):
        cors.allow(origin, [WORKSPACE])
    with pytest.raises(ForeignOrigin):
        cors.preflight(origin, [WORKSPACE])


@given(st.text())
def test_no_other_origin_is_ever_echoed(origin: str) -> None:
    """Promise 16: whatever origin is named, the only one echoed is one of the list."""
    try:
        assert cors.allow(origin, [WORKSPACE])["Access-Control-Allow-Origin"] == WORKSPACE == origin
    except ForeignOrigin:
        assert origin != WORKSPACE


def test_a_preflight_allows_what_old_clients_send() -> None:
    """Rocket.Chat 6 and 7 ask for GET or POST with a JSON content type, and for nothing else."""
    answer = cors.preflight(WORKSPACE, [WORKSPACE])
    assert answer["Access-Control-Allow-Origin"] == WORKSPACE
    assert answer["Access-Control-Allow-Methods"] == "GET, POST"
    assert answer["Access-Control-Allow-Headers"] == "Content-Type"
    with pytest.raises(ForeignOrigin):
        cors.preflight(None, [WORKSPACE])


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": OURS},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-origin", "origin": "null"},
        {"origin": OURS, "sec-fetch-site": "same-origin"},
        {"origin": "http://auth.example.com", "x-forwarded-proto": "http"},
        {"origin": "http://127.0.0.1:8000", "host": "127.0.0.1:8000"},
        {"origin": "http://[::1]:8000", "host": "[::1]:8000"},
        {"origin": OURS, "host": "AUTH.example.com"},
    ],
)
def test_a_form_from_our_own_page_is_taken(headers: Mapping[str, str]) -> None:
    """Promise 19: our own `Origin`, or the browser's word that the page is ours, is enough."""
    cors.require_own_page(request(headers))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": WORKSPACE},
        {"origin": "https://evil.tld"},
        {"origin": "http://auth.example.com"},
        {"origin": OURS + ".evil.tld"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "Same-Origin"},
        {"origin": "http://localhost.evil.tld", "host": "localhost"},
        {"origin": "http://[", "host": "["},
    ],
)
def test_a_form_from_anywhere_else_is_refused(headers: Mapping[str, str]) -> None:
    """Promise 19: a foreign, missing or opaque origin without the browser's own word is a refusal."""
    with pytest.raises(ForeignOrigin):
        cors.require_own_page(request(headers))


def test_signing_out_takes_the_workspaces_origins_too() -> None:
    """Promise 19: `POST /logout` takes the allowed origins beside our own, and no others."""
    cors.require_own_page(request({"origin": WORKSPACE}), also=[WORKSPACE])
    with pytest.raises(ForeignOrigin):
        cors.require_own_page(request({"origin": "https://evil.tld"}), also=[WORKSPACE])


@pytest.mark.parametrize(
    ("headers", "site", "alone"),
    [
        ({"sec-fetch-dest": "document"}, "cross", True),
        ({"sec-fetch-dest": "document"}, "same", False),
        ({"sec-fetch-dest": "iframe"}, "cross", False),
        ({}, "cross", False),
    ],
)
def test_a_page_at_the_top_level_takes_no_password(headers: dict[str, str], site: cookies.Site, alone: bool) -> None:
    """Promise 40: under `COOKIE_SITE=cross` a top-level document is refused; without the header the script decides."""
    assert cors.stands_alone(request(headers), site) is alone
    if alone:
        with pytest.raises(OutsideFrame):
            cors.require_frame(request(headers), site)
    else:
        cors.require_frame(request(headers), site)


def test_the_policy_allows_nothing_but_the_pages_own() -> None:
    """Promise 21: nothing by default, one nonce for script and style, forms to us, framing by the listed alone."""
    assert csp.policy("N", [WORKSPACE, "https://portal.example.com"]) == (
        "default-src 'none'; script-src 'nonce-N'; style-src 'nonce-N'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors https://chat.example.com https://portal.example.com"
    )
    assert csp.policy("N", []).endswith("frame-ancestors 'none'")


def test_every_page_has_a_nonce_of_its_own() -> None:
    """Promises 10 and 21: nonces come from `secrets`, 128 bits, and never repeat."""
    nonces = {csp.new_nonce() for _ in range(100)}
    assert len(nonces) == 100
    assert all(len(nonce) >= 22 for nonce in nonces)


def test_every_answer_carries_the_hardening_headers() -> None:
    """Every answer carries the design's headers; those of the session check vary by origin (promise 17)."""
    assert hardened({"A": "b"}, "/login") == {"A": "b", **EVERY_ANSWER}
    assert hardened({}, "/session") == {**EVERY_ANSWER, "Vary": "Origin"}


@pytest.mark.parametrize("bad", ["a\rb", "a\nb", "a\r\nSet-Cookie: x", "\x00", ["fine", "a\rb"], 5, ["ok", 5]])
def test_no_header_breaks_out_of_its_line(bad: Any) -> None:
    """Promise 31: CR, LF, other controls and what is no text are refused in plain values, in lists and in names."""
    with pytest.raises(ValueError, match="header"):
        hardened({"X": bad}, "/")
    if isinstance(bad, str):
        with pytest.raises(ValueError, match="header"):
            hardened({bad: "x"}, "/")


def test_an_answer_does_not_print_what_it_carries() -> None:
    """Promise 32: headers and body of an answer, which may hold cookie and token, stay out of its repr."""
    assert "canary" not in repr(Answer(200, {"Set-Cookie": "canary"}, "canary"))


@pytest.mark.parametrize(
    ("route", "path", "prefix"),
    [
        ("/login", "/api/login", "/api"),
        ("/login", "/api/login/", "/api"),
        ("/login", "/login", ""),
        ("/login", "/auth/v1/login", "/auth/v1"),
        ("/", "/api/", "/api"),
        ("/", "/api", "/api"),
        ("/", "/", ""),
        ("/login", "", ""),
        ("/login", "//evil.tld/login", ""),
        ("/login", "/a\"onload='x/login", ""),
        ("/login", "/../login", "/.."),
        ("/relay/{provider}", "/api/relay/google", "/api"),
        ("/relay/{provider}", "/relay/google", ""),
        ("/relay/{provider}", "/api/relay/%2e%2e", "/api"),
        ("/relay/{provider}", "/relay/relay/relay", "/relay"),
    ],
)
def test_links_begin_with_the_stages_prefix(route: str, path: str, prefix: str) -> None:
    """Links and form actions stand behind the stage or base path, and never lead to another site."""
    assert request(path=route, full=path).link("/session") == prefix + "/session"


def test_what_was_asked_for_is_the_routes_path_filled_in() -> None:
    """The path that a form goes back to has the variable part that was asked for, and is not filled in twice."""
    assert request().asked == "/login"
    assert request(path="/relay/{provider}", parts={"provider": "google"}).asked == "/relay/google"
    assert request(path="/relay/{provider}", parts={"provider": "{provider}"}).asked == "/relay/{provider}"


def test_the_address_is_the_one_that_api_gateway_saw() -> None:
    """Promise 6: `X-Forwarded-For` and its like, which a client can write, do not change the source address."""
    forged = {"x-forwarded-for": "198.51.100.1", "x-real-ip": "198.51.100.1", "forwarded": "for=198.51.100.1"}
    incoming = request(forged)
    assert incoming.caller.address == "203.0.113.9"
    assert isinstance(incoming.caller, Caller)
    assert isinstance(incoming.caller.deadline, Deadline)
