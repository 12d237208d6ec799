"""Whatever arrives, nothing breaks: no 5xx, no traceback, no fault in the log, and every answer is hardened."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api_gateway import Context, event
from tests.integration.test_every_answer import HARDENING
from tests.stage import COOKIE, FORM, Stage, challenge_in

OURS = {"host": "g.test", "origin": "https://g.test", "content-type": FORM}
ANYTHING = st.text(max_size=200)
# What a header can hold on the wire: no line breaks, no NUL, Latin-1.
HEADER = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=200)
HEADERS = st.sampled_from(
    [
        "host",
        "origin",
        "cookie",
        "content-type",
        "accept",
        "referer",
        "user-agent",
        "x-forwarded-proto",
        "x-forwarded-for",
        "sec-fetch-site",
        "sec-fetch-dest",
        "accept-language",
        "content-length",
    ]
)
TELLING = st.sampled_from(
    [
        "",
        "null",
        "document",
        "same-origin",
        "https",
        "https://g.test",
        "g.test",
        "[",
        "[::1",
        "g.test:x",
        FORM,
        f"{FORM};charset=\xff",
        f"{COOKIE}=",
        f"{COOKIE}=a",
        f'{COOKIE}="a"',
        ";=;",
    ]
)
ROUTES = [
    ("GET", "/"),
    ("GET", "/login"),
    ("POST", "/login"),
    ("GET", "/logout"),
    ("POST", "/logout"),
    ("GET", "/session"),
    ("POST", "/session"),
    ("OPTIONS", "/session"),
    ("GET", "/health"),
    ("PUT", "/login"),
]
FIELDS = st.one_of(st.sampled_from(["username", "password", "code", "challenge", ""]), ANYTHING)

bounded = settings(
    max_examples=120,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(autouse=True)
def nobody_is_blocked(stage: Stage) -> None:
    stage.workspace.settings["Block_Multiple_Failed_Logins_Enabled"] = False


def assert_sound(stage: Stage, answer: Mapping[str, Any]) -> None:
    assert answer["statusCode"] < 500
    assert answer["headers"].items() >= HARDENING.items()
    assert "Traceback" not in answer["body"]
    assert stage.log.events("fault") == []
    stage.log.clear()


@bounded
@given(
    body=st.binary(max_size=400),
    content_type=st.one_of(st.just(FORM), HEADER),
    path=st.sampled_from(["/login", "/logout"]),
)
def test_any_bytes_as_a_form(stage: Stage, body: bytes, content_type: str, path: str) -> None:
    """Promise 28: any bytes under any content type are answered below 500."""
    headers = {**OURS, "content-type": content_type}
    assert_sound(stage, stage.invoke(event("POST", path, headers=headers, body=body)))


@pytest.fixture(autouse=True)
def uncounted(stage: Stage) -> None:
    """A name that was tried so often would be banned, which is an answer of its own."""
    stage.container(BAN_NAME_AFTER="0", BAN_ADDRESS_AFTER="0")


@bounded
@given(fields=st.lists(st.tuples(FIELDS, ANYTHING), max_size=6))
def test_any_fields(stage: Stage, fields: list[tuple[str, str]]) -> None:
    """Promise 28: any fields with any text, as a browser encodes them, are answered below 500 and sign nobody in."""
    body = urlencode([(name, value) for name, value in fields], errors="replace")
    answer = stage.invoke(event("POST", "/login", headers=OURS, body=body))
    assert answer["statusCode"] in (400, 401)
    assert_sound(stage, answer)


@bounded
@given(username=ANYTHING.filter(str.strip), password=ANYTHING.filter(bool))
def test_any_username_and_password(stage: Stage, username: str, password: str) -> None:
    """Promises 2 and 28: any name with any password is wrong or malformed."""
    body = urlencode({"username": username, "password": password}, errors="replace")
    answer = stage.invoke(event("POST", "/login", headers=OURS, body=body))
    assert answer["statusCode"] in (400, 401)
    assert_sound(stage, answer)


@bounded
@given(code=ANYTHING, tail=st.text(max_size=20))
def test_any_code_and_any_challenge(stage: Stage, code: str, tail: str) -> None:
    """Promise 15: any code under a good challenge, whole or spoiled, is wrong, malformed or too late."""
    stage.workspace.accounts.unset("bob", "services.totp")
    stage.workspace.accounts.update("bob", {"services.totp": {"enabled": True, "secret": "A" * 32}})
    due = stage.visitor().sign_in("bob")
    body = urlencode({"challenge": challenge_in(due) + tail, "code": code}, errors="replace")
    answer = stage.invoke(event("POST", "/login", headers=OURS, body=body))
    assert answer["statusCode"] in (400, 401)
    assert_sound(stage, answer)


@bounded
@given(
    cookie=st.one_of(HEADER, HEADER.map(lambda value: f"{COOKIE}={value}"), ANYTHING),
    method=st.sampled_from(["GET", "POST"]),
)
def test_any_cookie(stage: Stage, cookie: str, method: str) -> None:
    """Any text as a cookie is nobody: 401, and the workspace is not asked."""
    answer = stage.invoke(event(method, "/session", headers={"cookie": cookie, "origin": stage.origin}))
    assert (answer["statusCode"], answer["body"]) == (401, "")
    assert stage.workspace.calls("me") == []
    assert_sound(stage, answer)


@bounded
@given(origin=st.one_of(HEADER, ANYTHING, st.from_regex(r"https?://localhost(:\d{1,5})?[./@#?]?\w*", fullmatch=True)))
def test_any_origin(stage: Stage, origin: str) -> None:
    """Promise 16: no origin but the workspace's own is ever echoed."""
    for method in ("GET", "POST", "OPTIONS"):
        answer = stage.invoke(event(method, "/session", headers={"origin": origin}))
        if origin != stage.origin:
            assert answer["statusCode"] == 403
            assert "Access-Control-Allow-Origin" not in answer["headers"]
        assert answer["headers"]["Vary"] == "Origin"
        assert_sound(stage, answer)


@bounded
@given(
    route=st.sampled_from(ROUTES),
    headers=st.dictionaries(HEADERS, st.one_of(TELLING, HEADER), max_size=8),
    query=st.dictionaries(
        st.one_of(st.sampled_from(["client", "deep", "error"]), ANYTHING),
        st.lists(ANYTHING, min_size=1, max_size=3),
        max_size=3,
    ),
    prefix=st.one_of(st.just("/api"), st.text(max_size=30)),
    body=st.one_of(st.none(), ANYTHING, st.binary(max_size=100)),
    context=st.sampled_from([None, Context()]),
)
def test_any_request(
    stage: Stage,
    route: tuple[str, str],
    headers: dict[str, str],
    query: dict[str, list[str]],
    prefix: str,
    body: str | bytes | None,
    context: object,
) -> None:
    """Any combination of headers, query, prefix and body is answered below 500, on every route."""
    method, path = route
    answer = stage.invoke(event(method, path, headers=headers, query=query, prefix=prefix, body=body), context)
    assert_sound(stage, answer)


@bounded
@given(headers=st.dictionaries(HEADERS, st.one_of(TELLING, HEADER), max_size=5))
def test_no_request_names_where_it_is_sent(stage: Stage, headers: dict[str, str]) -> None:
    """Promise 27: no header makes an answer a redirect, or a form that posts to another site."""
    for method, path in (("GET", "/login"), ("GET", "/logout"), ("GET", "/")):
        answer = stage.invoke(event(method, path, headers=headers))
        assert "Location" not in answer["headers"]
        assert answer["statusCode"] == 200
        assert 'action="http' not in answer["body"]
        assert_sound(stage, answer)
