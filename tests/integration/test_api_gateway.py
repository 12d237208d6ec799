"""API Gateway's event and Lambda's context: what Gantry takes from them."""

from typing import Any
from urllib.parse import urlencode

import pytest

from playground.workspace import PASSWORD
from tests.api_gateway import Context, event
from tests.stage import FORM, Stage

OURS = {"host": "g.test", "origin": "https://g.test", "content-type": FORM}
ALICE = urlencode({"username": "alice", "password": PASSWORD})


def signing_in(**changes: Any) -> dict[str, Any]:
    return event("POST", "/login", **{"headers": OURS, "body": ALICE, **changes})


@pytest.mark.parametrize("prefix", ["", "/api", "/v1/chat", "/a.b_c~d-e"])
def test_links_stand_behind_the_stage(stage: Stage, prefix: str) -> None:
    """Design, section 2: form actions and links begin with the stage or base path that the request came through."""
    page = stage.invoke(event("GET", "/login", prefix=prefix))["body"]
    assert f'action="{prefix}/login"' in page
    page = stage.invoke(event("GET", "/logout", prefix=prefix))["body"]
    assert f'action="{prefix}/logout"' in page
    page = stage.invoke(signing_in(prefix=prefix))["body"]
    assert f'href="{prefix}/login"' in page


@pytest.mark.parametrize("prefix", ["//evil.tld", '/"><script>', "/api/../x y", "/%2e"])
def test_a_strange_prefix_is_none(stage: Stage, prefix: str) -> None:
    """Promise 27: no path of a request makes a link to another site, or markup."""
    page = stage.invoke(event("GET", "/login", prefix=prefix))["body"]
    assert 'action="/login"' in page
    assert "evil.tld" not in page
    assert '"><script>' not in page


def test_the_administrators_page_shows_both_addresses(stage: Stage) -> None:
    """`GET /` shows the two addresses to paste, behind the stage and at the host that was asked."""
    for path in ("/api/", "/api"):
        happened = event("GET", "/", headers={"host": "abc.execute-api.example.com", "x-forwarded-proto": "https"})
        happened["requestContext"]["path"] = path
        page = stage.invoke(happened)["body"]
        assert "<code>https://abc.execute-api.example.com<wbr>/api/login</code>" in page
        assert "<code>https://abc.execute-api.example.com<wbr>/api/session</code>" in page


def test_the_source_address_is_api_gateways(stage: Stage) -> None:
    """Promise 6: `sourceIp` goes to the workspace and the log; what the client writes into headers counts nothing."""
    forged = {"x-forwarded-for": "203.0.113.99", "x-real-ip": "203.0.113.98", "forwarded": "for=203.0.113.97"}
    stage.invoke(signing_in(headers={**OURS, **forged}, address="198.51.100.23"))
    [call] = stage.workspace.calls("login")
    assert call.address == "198.51.100.23"
    assert call.headers["x-real-ip"] == call.headers["x-forwarded-for"] == "198.51.100.23"
    assert stage.log.events("attempt")[0]["address"] == "198.51.100.23"
    assert "203.0.113" not in stage.log.text + str(call.headers)


def test_an_address_is_blocked_and_others_are_not(stage: Stage) -> None:
    """Promise 6: the workspace counts failures by person's address, so one guesser does not block everybody."""
    stage.workspace.settings["Block_Multiple_Failed_Logins_Attempts_Until_Block_By_Ip"] = 3
    wrong = urlencode({"username": "nobody", "password": "wrong"})
    for _ in range(3):
        stage.invoke(signing_in(body=wrong, address="198.51.100.23"))
    assert stage.invoke(signing_in(address="198.51.100.23"))["statusCode"] == 429
    assert stage.invoke(signing_in(address="198.51.100.24"))["statusCode"] == 200


def test_a_request_without_an_address(stage: Stage) -> None:
    """Where API Gateway names no address none is made up."""
    happened = signing_in()
    happened["requestContext"]["identity"] = {}
    assert stage.invoke(happened)["statusCode"] == 200
    assert "x-real-ip" not in stage.workspace.calls("login")[0].headers


@pytest.mark.parametrize("body", [ALICE, ALICE.encode()], ids=["text", "base64"])
def test_bodies_come_as_text_or_base64(stage: Stage, body: str | bytes) -> None:
    """A form counts the same however API Gateway encoded its body."""
    assert stage.invoke(signing_in(body=body))["statusCode"] == 200


@pytest.mark.parametrize(
    ("given", "context", "logged"),
    [("gateway-id", Context(), "gateway-id"), ("", Context(aws_request_id="lambda-id"), "lambda-id"), ("", None, "")],
    ids=["API Gateway", "Lambda", "neither"],
)
def test_the_requests_id(stage: Stage, given: str, context: object, logged: str) -> None:
    """Promise 33: the id in the log is API Gateway's, else Lambda's, else empty."""
    stage.invoke(signing_in(request_id=given), context)
    assert stage.log.events("attempt")[0]["request_id"] == logged
    assert stage.log.events("request")[0]["request_id"] == logged


@pytest.mark.parametrize("name", ["Origin", "ORIGIN", "oRiGiN"])
def test_header_names_in_any_case(stage: Stage, name: str) -> None:
    """Headers are found however API Gateway writes their names."""
    answer = stage.invoke(event("POST", "/session", headers={name: stage.origin}))
    assert answer["headers"]["Access-Control-Allow-Origin"] == stage.origin


@pytest.mark.parametrize("client", ["electron", "cordova", "anything"])
def test_old_clients_append_their_name(stage: Stage, client: str) -> None:
    """`client=electron` and `client=cordova` on the login page change nothing."""
    page = stage.invoke(event("GET", "/login", query={"client": [client]}))
    assert page["statusCode"] == 200
    assert 'name="password"' in page["body"]


@pytest.mark.parametrize("destination", ["document", "iframe", None])
@pytest.mark.parametrize("site", ["cross", "same"])
def test_the_login_page_at_the_top_level(stage: Stage, destination: str | None, site: str) -> None:
    """Promise 40: at the top level, under COOKIE_SITE=cross, there is no form: the page leads to the workspace."""
    stage.container(COOKIE_SITE=site)
    headers = {"sec-fetch-dest": destination} if destination else {}
    page = stage.invoke(event("GET", "/login", headers=headers))
    assert page["statusCode"] == 200
    alone = destination == "document" and site == "cross"
    assert ('name="password"' in page["body"]) is not alone
    assert ("Sign in from the workspace" in page["body"]) is (site == "cross")
    if alone:
        assert f'href="{stage.origin}"' in page["body"]


def test_a_password_posted_at_the_top_level_mints_nothing(stage: Stage) -> None:
    """Promise 40: a form posted from the top level is 403, sets no cookie, and no port is called."""
    answer = stage.invoke(signing_in(headers={**OURS, "sec-fetch-dest": "document", "sec-fetch-site": "same-origin"}))
    assert answer["statusCode"] == 403
    assert "Set-Cookie" not in answer["headers"]
    assert "Sign in from the workspace" in answer["body"]
    assert stage.workspace.calls() == []
    assert stage.secrets.reads == 0


def test_on_one_site_the_top_level_may_sign_in_without_a_token_in_the_page(stage: Stage) -> None:
    """With COOKIE_SITE=same a sign-in at the top level sets the cookie, and its page holds no token."""
    stage.container(COOKIE_SITE="same")
    answer = stage.invoke(signing_in(headers={**OURS, "sec-fetch-dest": "document"}))
    assert answer["statusCode"] == 200
    assert "You are signed in" in answer["body"]
    assert "loginToken" not in answer["body"]
    assert f'href="{stage.origin}"' in answer["body"]
