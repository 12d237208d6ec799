"""Signing out: the session ends here, its token ends in the workspace, and the person is told what came of it."""

import pytest

from playground.workspace import Fault
from tests.stage import COOKIE, FORM, Stage, Visitor

EXPIRED = f"{COOKIE}=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=None; Partitioned"


@pytest.fixture
def signed_in(stage: Stage, visitor: Visitor) -> Visitor:
    assert visitor.sign_in("alice").status_code == 200
    return visitor


def test_a_page_with_one_button(visitor: Visitor) -> None:
    """`GET /logout` changes nothing: it shows the form that does."""
    page = visitor.get("/logout")
    assert page.status_code == 200
    assert '<form method="post" action="/logout">' in page.text
    assert "Set-Cookie" not in page.headers


def test_the_button_ends_session_and_token(stage: Stage, signed_in: Visitor) -> None:
    """Promise 12: signing out expires the cookie and ends the token in the workspace; a replayed cookie is 401."""
    replayed = signed_in.cookie
    assert signed_in.check().status_code == 200
    page = signed_in.post("/logout", {})
    assert page.status_code == 200
    assert page.headers["Set-Cookie"] == EXPIRED
    assert "Your session has ended." in page.text
    assert stage.tokens("alice") == 0
    signed_in.cookie = replayed
    assert signed_in.check().status_code == 401


def test_only_this_token_ends(stage: Stage, signed_in: Visitor) -> None:
    """Signing out ends this browser's token and leaves the account's others alone."""
    account = stage.workspace.accounts["alice"]
    kept = stage.workspace.accounts.new_login_token(account)
    own = stage.workspace.accounts.new_personal_access_token(account, "mine")
    signed_in.post("/logout", {})
    for token in (kept, own):
        assert stage.whose(token) == "alice"
    assert stage.tokens("alice") == 2


def test_a_script_of_the_workspace_signs_out(stage: Stage, signed_in: Visitor) -> None:
    """The design's one-line `fetch` (no-cors, empty URLSearchParams) ends the session too."""
    headers = {
        "Origin": stage.origin,
        "Content-Type": f"{FORM};charset=UTF-8",
        "Sec-Fetch-Mode": "no-cors",
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Dest": "empty",
    }
    answer = signed_in.request("POST", "/logout", "", headers)
    assert answer.status_code == 200
    assert answer.headers["Set-Cookie"] == EXPIRED
    assert stage.tokens("alice") == 0


def test_without_a_session_there_is_nothing_to_sign_out(stage: Stage, visitor: Visitor) -> None:
    """Without a cookie the page says so, and no backend is asked."""
    page = visitor.post("/logout", {})
    assert page.status_code == 200
    assert "There was no session in this page to end." in page.text
    assert stage.workspace.calls() == []
    assert stage.secrets.reads == 0


def test_a_token_that_is_gone_already_is_done(stage: Stage, signed_in: Visitor) -> None:
    """Promise 29: a token that the workspace does not know any more counts as ended."""
    stage.workspace.accounts.remove_login_tokens(stage.workspace.accounts["alice"])
    page = signed_in.post("/logout", {})
    assert page.status_code == 200
    assert page.headers["Set-Cookie"] == EXPIRED
    assert "could not be told" not in page.text


@pytest.mark.parametrize(
    "fault",
    [Fault(status=502), Fault(cut=True), Fault(status=429, body=b"{}"), Fault(status=200, body=b"<html>")],
    ids=["502", "cut", "429", "HTML"],
)
def test_a_workspace_that_cannot_be_told(stage: Stage, signed_in: Visitor, fault: Fault) -> None:
    """Promise 35: the cookie goes all the same, with 200, and the page says that the workspace was not told."""
    stage.workspace.fault("logout", fault)
    page = signed_in.post("/logout", {})
    assert page.status_code == 200
    assert page.headers["Set-Cookie"] == EXPIRED
    assert f"localhost:{stage.serving.port} could not be told. Log out there too" in page.text
    assert stage.log.events("backend")[-1]["request_id"]
    assert signed_in.check().status_code == 401


def test_the_secret_cannot_be_read_at_sign_out(stage: Stage, signed_in: Visitor) -> None:
    """Promise 35: where the cookie cannot be opened the person is signed out here and told about the workspace."""
    stage.secrets.down = True
    stage.container()
    page = signed_in.post("/logout", {})
    assert page.status_code == 200
    assert page.headers["Set-Cookie"] == EXPIRED
    assert "could not be told" in page.text


@pytest.mark.parametrize("cookie", ["forged", "gAAAAA" + "A" * 94])
def test_a_forged_cookie_signs_nobody_out(stage: Stage, signed_in: Visitor, cookie: str) -> None:
    """A cookie that no key opens ends no token of anybody's, and is expired."""
    signed_in.cookie = cookie
    page = signed_in.post("/logout", {})
    assert page.status_code == 200
    assert page.headers["Set-Cookie"] == EXPIRED
    assert stage.workspace.calls("logout") == []
    assert stage.tokens("alice") == 1


def test_the_cookie_of_one_site_is_expired_with_its_own_attributes(stage: Stage, signed_in: Visitor) -> None:
    """Promise 8: a browser removes a cookie only where path, Secure and partition are those that it was set with."""
    stage.container(COOKIE_SITE="same")
    answer = signed_in.post("/logout", {})
    assert answer.headers["Set-Cookie"] == f"{COOKIE}=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax"
