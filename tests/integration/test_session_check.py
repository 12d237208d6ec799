"""The session check: what the workspace's client learns about a browser, and what each answer costs."""

import pytest

from playground.workspace import Fault, Person
from tests.stage import COOKIE, Stage, Visitor


@pytest.fixture
def signed_in(stage: Stage, visitor: Visitor) -> Visitor:
    assert visitor.sign_in("alice").status_code == 200
    return visitor


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nobody_is_signed_in_without_a_cookie(stage: Stage, visitor: Visitor, method: str) -> None:
    """Without a cookie the answer is 401 with an empty body and no cookie, and no backend is asked."""
    answer = visitor.check(method)
    assert (answer.status_code, answer.text) == (401, "")
    assert "Set-Cookie" not in answer.headers
    assert stage.workspace.calls() == []
    assert stage.secrets.reads == 0


@pytest.mark.parametrize("content_type", [None, "application/json", "text/plain;charset=UTF-8", "nonsense"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_signed_in_browser_gets_one_token(signed_in: Visitor, method: str, content_type: str | None) -> None:
    """A check answers 200 JSON with exactly one key, whatever its method and content type."""
    answer = signed_in.check(method, Content_Type=content_type)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert list(answer.json()) == ["loginToken"]


def test_twenty_checks_mint_nothing(stage: Stage, signed_in: Visitor) -> None:
    """Promise 30: twenty checks of one session give the same token and mint nothing."""
    given = []
    for _ in range(20):
        given.append(signed_in.check().json()["loginToken"])
        stage.clock.advance(2)
    assert len(set(given)) == 1
    assert stage.tokens("alice") == 1
    assert len(stage.workspace.calls("login")) == 1
    assert len(stage.workspace.calls("me")) == 20


def test_a_burst_asks_the_workspace_once(stage: Stage, signed_in: Visitor) -> None:
    """A live answer is remembered for one second in the container: the four checks of a page load cost one `me`."""
    for _ in range(4):
        assert signed_in.check().status_code == 200
    stage.clock.advance(0.9)
    assert signed_in.check().status_code == 200
    assert len(stage.workspace.calls("me")) == 1
    stage.clock.advance(0.2)
    assert signed_in.check().status_code == 200
    assert len(stage.workspace.calls("me")) == 2


def test_what_is_remembered_is_one_sessions_own(stage: Stage, signed_in: Visitor) -> None:
    """A live answer for one session says nothing about another one."""
    other = stage.visitor()
    other.sign_in("alice")
    signed_in.check()
    stage.workspace.accounts.remove_login_tokens(stage.workspace.accounts["alice"])
    assert other.check().status_code == 401


def test_a_logout_asks_the_workspace_once(stage: Stage, signed_in: Visitor) -> None:
    """A dead answer is remembered for one second too: the three checks of a logout cost one `me`."""
    stage.workspace.accounts.remove_login_tokens(stage.workspace.accounts["alice"])
    cookie = signed_in.cookie
    for _ in range(3):
        signed_in.cookie = cookie
        assert signed_in.check().status_code == 401
    assert len(stage.workspace.calls("me")) == 1


def test_an_outage_is_not_remembered(stage: Stage, signed_in: Visitor) -> None:
    """What could not be known is not kept: after a 503 the next check asks again."""
    stage.workspace.fault("me", Fault(status=502))
    assert signed_in.check().status_code == 503
    assert signed_in.check().status_code == 200


@pytest.mark.parametrize("form", ["status", "success"])
def test_logging_out_in_the_workspace_ends_the_session(stage: Stage, signed_in: Visitor, form: str) -> None:
    """Promise 12: when the workspace confirms that the token is gone the check is 401 and the cookie expires."""
    stage.workspace.unauthorized_form = form
    signed_in.check()
    stage.workspace.accounts.remove_login_tokens(stage.workspace.accounts["alice"])
    stage.clock.advance(1.1)
    replayed = signed_in.cookie
    answer = signed_in.check()
    assert (answer.status_code, answer.text) == (401, "")
    assert answer.headers["Set-Cookie"] == f"{COOKIE}=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=None; Partitioned"
    assert answer.headers["Access-Control-Allow-Origin"] == stage.origin
    signed_in.cookie = replayed
    assert signed_in.check().status_code == 401


def test_a_logout_within_the_remembered_second_gives_a_token_that_is_dead(stage: Stage, signed_in: Visitor) -> None:
    """Promise 12: a check within the second may repeat the token, which the workspace no longer takes."""
    token = signed_in.check().json()["loginToken"]
    stage.workspace.accounts.remove_login_tokens(stage.workspace.accounts["alice"])
    signed_in.check()
    assert stage.whose(token) is None


def test_a_deactivated_person_is_signed_out(stage: Stage, signed_in: Visitor) -> None:
    """Promise 12: an account that an administrator deactivated has no session at the next check."""
    stage.workspace.deactivate("alice")
    assert signed_in.check().status_code == 401


def test_too_many_checks_are_not_a_logout(stage: Stage, signed_in: Visitor) -> None:
    """A 429 of the workspace's proves that the token lives, since it authenticates before it counts."""
    stage.workspace.settings["API_Enable_Rate_Limiter"] = True
    token = signed_in.check().json()
    for _ in range(15):
        stage.clock.advance(1.1)
        answer = signed_in.check()
        assert (answer.status_code, answer.json()) == (200, token)
    assert stage.workspace.calls("me")[-1].status == 429


def test_a_dead_token_is_dead_among_too_many_checks(stage: Stage, signed_in: Visitor) -> None:
    """Promise 12: while the workspace answers others with 429 a token that has ended still is a 401."""
    stage.workspace.settings["API_Enable_Rate_Limiter"] = True
    for _ in range(11):
        stage.clock.advance(1.1)
        signed_in.check()
    stage.workspace.accounts.remove_login_tokens(stage.workspace.accounts["alice"])
    stage.clock.advance(1.1)
    assert signed_in.check().status_code == 401


def test_a_session_ends_when_its_hours_are_over(stage: Stage, signed_in: Visitor) -> None:
    """Promise 11: the end stands inside the seal: good one second before 168 hours, 401 and expired one after."""
    stage.clock.advance(168 * 3600 - 1)
    assert signed_in.check().status_code == 200
    stage.clock.advance(2)
    calls = len(stage.workspace.calls("me"))
    answer = signed_in.check()
    assert answer.status_code == 401
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert len(stage.workspace.calls("me")) == calls


def test_a_session_from_the_future_is_refused(stage: Stage, signed_in: Visitor) -> None:
    """Promise 11: a seal made more than five seconds ahead of this container's clock is refused."""
    stage.clock.advance(-4)
    assert signed_in.check().status_code == 200
    stage.clock.advance(-2)
    assert signed_in.check().status_code == 401


def test_the_cookie_is_as_designed(stage: Stage, visitor: Visitor) -> None:
    """Promise 8: __Host-, Secure, HttpOnly, Path=/, SameSite=None with Partitioned, at most 4,096 bytes."""
    cookie = visitor.sign_in("alice").headers["Set-Cookie"]
    value, _, attributes = cookie.partition("; ")
    assert attributes == "Max-Age=604800; Path=/; Secure; HttpOnly; SameSite=None; Partitioned"
    assert value.startswith(f"{COOKIE}=")
    assert len(value) <= 4096


def test_the_cookie_of_one_site(stage: Stage, visitor: Visitor) -> None:
    """Promise 8: with COOKIE_SITE=same the cookie is SameSite=Lax, and SESSION_HOURS is its age."""
    stage.container(COOKIE_SITE="same", SESSION_HOURS="2")
    cookie = visitor.sign_in("alice").headers["Set-Cookie"]
    assert cookie.partition("; ")[2] == "Max-Age=7200; Path=/; Secure; HttpOnly; SameSite=Lax"


@pytest.mark.parametrize("cookie", ["x", "gAAAAA" + "A" * 94, "%00", '"quoted"', "a=b", "ä", "A" * 3000])
def test_a_forged_cookie_is_nobody(stage: Stage, visitor: Visitor, cookie: str) -> None:
    """A cookie that no key opens is a 401, and the workspace never hears of it."""
    answer = visitor.check(Cookie=f"{COOKIE}={cookie}".encode().decode("latin-1"))
    assert (answer.status_code, answer.text) == (401, "")
    assert stage.workspace.calls() == []


@pytest.mark.parametrize("cookie", ["", COOKIE, f"{COOKIE}=", f"x{COOKIE}=a; other=b", "gantry=a", ";;;"])
def test_other_cookies_are_none(stage: Stage, visitor: Visitor, cookie: str) -> None:
    """Cookies of other names, and an empty one of ours, are no cookie: 401 without reading the secret."""
    assert visitor.check(Cookie=cookie).status_code == 401
    assert stage.secrets.reads == 0


def test_a_cookie_among_others_is_found(stage: Stage, signed_in: Visitor) -> None:
    """Other cookies of the address beside ours do not disturb."""
    assert signed_in.check(Cookie=f"a=b; {COOKIE}={signed_in.cookie}; c=d").status_code == 200


def test_two_people_in_two_browsers(stage: Stage, signed_in: Visitor) -> None:
    """Each session's check gives its own account's token."""
    stage.workspace.add(Person(username="erin"))
    other = stage.visitor()
    other.sign_in("erin")
    names = [stage.whose(each.check().json()["loginToken"]) for each in (signed_in, other, signed_in)]
    assert names == ["alice", "erin", "alice"]


def test_any_container_knows_the_session(stage: Stage, signed_in: Visitor) -> None:
    """Promise 30: the cookie is the session: a container that never saw the sign-in gives the same token."""
    token = signed_in.check().json()
    stage.container()
    assert signed_in.check().json() == token
    assert stage.tokens("alice") == 1
