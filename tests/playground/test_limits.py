"""The rate limiter, the block after failed logins, and the client address that both go by."""

import pytest

from playground.workspace import ManualClock, Workspace
from tests.playground.conftest import Api


def test_the_eleventh_call_in_a_minute_is_429(workspace: Workspace, api: Api, clock: ManualClock) -> None:
    """Ten calls of a route pass and the eleventh is 429, with its reset in epoch milliseconds, for the minute."""
    passed = [api.log_in(f"nobody{number}") for number in range(10)]
    assert {answer.status_code for answer in passed} == {401}
    assert passed[-1].headers["X-RateLimit-Limit"] == "10"
    assert passed[-1].headers["X-RateLimit-Remaining"] == "0"
    refused = api.log_in("alice")
    assert refused.status_code == 429
    assert refused.json()["success"] is False
    assert refused.json()["error"].startswith("Error, too many requests.")
    assert int(refused.headers["X-RateLimit-Reset"]) == int((clock() + 60) * 1000)
    assert "rate limit" in workspace.trace.entries[-1].result
    clock.advance(60)
    assert api.log_in("alice").status_code == 200


def test_each_route_and_each_address_has_its_own_bucket(api: Api) -> None:
    """A full bucket of `login` leaves `me` free, and another client address too."""
    login = api.login_of("alice")
    for _ in range(10):
        api.log_in("alice", password="wrong")
    assert api.log_in("alice").status_code == 429
    assert api.get("me", login).status_code == 200
    body = {"user": "alice", "password": "gantry-demo"}
    assert api.post("login", body, headers={"X-Real-IP": "192.0.2.7"}).status_code == 200


def test_429_on_me_proves_a_live_token(api: Api) -> None:
    """Authentication comes before the limiter: over the limit a live token gets 429 and a dead one still 401."""
    login = api.login_of("alice")
    assert [api.get("me", login).status_code for _ in range(11)] == [200] * 10 + [429]
    assert api.get("me", (login[0], "x" * 43)).status_code == 401


@pytest.mark.parametrize("role", ["admin", "bot"])
def test_service_accounts_are_exempt(workspace: Workspace, api: Api, role: str) -> None:
    """A caller with the role admin or bot meets no limit, and neither does a login that comes with its two headers."""
    service = workspace.add_administrator(role=role)
    assert {api.get("me", service).status_code for _ in range(12)} == {200}
    body = {"user": "alice", "password": "gantry-demo"}
    assert {api.post("login", body, service).status_code for _ in range(12)} == {200}


def test_before_8_a_login_is_counted_whoever_sends_it(workspace: Workspace, api: Api) -> None:
    """In 7.x the headers of an administrator exempt calls that need a login, and not `login` itself."""
    workspace.version = "7.13"
    service = workspace.add_administrator()
    body = {"user": "alice", "password": "gantry-demo"}
    assert [api.post("login", body, service).status_code for _ in range(11)] == [200] * 10 + [429]
    assert {api.get("me", service).status_code for _ in range(12)} == {200}


def test_headers_that_say_nothing_are_ignored_at_a_login(workspace: Workspace, api: Api) -> None:
    """A login that comes with a dead token, or a token of an ordinary account, is answered and counted as any other."""
    identity, _ = workspace.add_administrator()
    body = {"user": "alice", "password": "gantry-demo"}
    ordinary = api.login_of("alice")
    answers = [api.post("login", body, login) for login in [(identity, "x" * 43)] * 5 + [ordinary] * 5]
    assert [answer.status_code for answer in answers] == [200] * 9 + [429]


def test_limits_can_be_switched_off(clock: ManualClock) -> None:
    """Tests that are about something else have a workspace without the rate limit."""
    assert Workspace(clock=clock, rate_limits=False).settings["API_Enable_Rate_Limiter"] is False


@pytest.fixture
def unlimited(workspace: Workspace) -> Workspace:
    workspace.settings["API_Enable_Rate_Limiter"] = False
    return workspace


def test_ten_failures_block_a_user_for_five_minutes(unlimited: Workspace, api: Api, clock: ManualClock) -> None:
    """After ten wrong passwords the user is blocked even with the right one, for five minutes."""
    for _ in range(10):
        assert api.log_in("alice", password="wrong").json()["error"] == "Unauthorized"
    assert api.log_in("alice").json()["error"] == "error-login-blocked-for-user"
    assert api.log_in("dave").json()["error"] == "error-user-is-not-activated"
    clock.advance(300)
    assert api.log_in("alice").status_code == 200


def test_fifty_failures_block_an_address(unlimited: Workspace, api: Api, clock: ManualClock) -> None:
    """After fifty failed logins from one address everybody behind it is refused for five minutes."""
    for number in range(50):
        api.log_in(f"nobody{number}")
    assert api.log_in("alice").json()["error"] == "error-login-blocked-for-ip"
    body = {"user": "alice", "password": "gantry-demo"}
    assert api.post("login", body, headers={"X-Real-IP": "192.0.2.7"}).status_code == 200
    clock.advance(300)
    assert api.log_in("alice").status_code == 200


def test_a_success_starts_the_count_anew(unlimited: Workspace, api: Api) -> None:
    """Failures before an accepted login no longer count."""
    for _ in range(2):
        for _ in range(9):
            api.log_in("alice", password="wrong")
        assert api.log_in("alice").status_code == 200


def test_asking_for_a_code_is_no_failure_and_a_wrong_code_is(unlimited: Workspace, api: Api) -> None:
    """`totp-required` does not count towards the block, `totp-invalid` does."""
    for _ in range(12):
        assert api.log_in("bob").json()["error"] == "totp-required"
    for _ in range(10):
        assert api.log_in("bob", "000").json()["error"] == "totp-invalid"
    assert api.log_in("bob").json()["error"] == "error-login-blocked-for-user"


@pytest.mark.parametrize(
    ("count", "headers", "address"),
    [
        (None, {}, "127.0.0.1"),
        (None, {"x-real-ip": "192.0.2.1"}, "192.0.2.1"),
        (None, {"x-forwarded-for": "192.0.2.2"}, "127.0.0.1"),
        (1, {"x-real-ip": "192.0.2.1"}, "127.0.0.1"),
        (1, {"x-real-ip": "192.0.2.1", "x-forwarded-for": "192.0.2.2, 192.0.2.3"}, "192.0.2.3"),
        (2, {"x-forwarded-for": "192.0.2.2, 192.0.2.3"}, "192.0.2.2"),
        (3, {"x-forwarded-for": "192.0.2.2, 192.0.2.3"}, "127.0.0.1"),
    ],
)
def test_the_client_address_follows_the_forwarded_count(
    count: int | None, headers: dict[str, str], address: str
) -> None:
    """X-Real-IP counts where the forwarded count is unset, else X-Forwarded-For as far as the count says."""
    workspace = Workspace(people=(), forwarded_count=count)
    assert workspace.client_address(headers, "127.0.0.1") == address
