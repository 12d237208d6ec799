"""What a service account does to others: tokens, logouts, states; and when it is asked for a code of its own."""

import pyotp
import pytest

from playground.people import BOB_TOTP
from playground.workspace import ManualClock, Workspace
from tests.playground.conftest import Api

SECRET = "canary-secret"
ERIN = {"email": "erin@example.org", "name": "Erin Eve", "password": "canary-password", "username": "erin"}
Login = tuple[str, str]


@pytest.fixture
def service(workspace: Workspace) -> Login:
    """An administrator's personal access token."""
    return workspace.add_administrator()


# ---- users.createToken


def test_a_token_for_somebody_else(workspace: Workspace, api: Api, service: Login) -> None:
    """With the server's secret an administrator gets a token that logs in, and `lastLogin` stays as it was."""
    workspace.create_tokens_secret = SECRET
    bob = workspace.accounts["bob"]["_id"]
    answer = api.post("users.createToken", {"userId": bob, "secret": SECRET}, service)
    assert (answer.status_code, answer.json()["success"], answer.json()["data"]["userId"]) == (200, True, bob)
    assert "lastLogin" not in workspace.accounts["bob"]
    assert workspace.trace.entries[-1].result == "200 token for bob"
    token = answer.json()["data"]["authToken"]
    assert api.get("me", (bob, token)).json()["services"] == {"totp": {"enabled": True}}
    assert workspace.logins.by_resume(token).account["username"] == "bob"
    assert workspace.calls("users.createToken")[0].body == {"userId": bob, "secret": "<hidden>"}
    assert SECRET not in repr(workspace.calls()) + repr(workspace.trace.entries)


@pytest.mark.parametrize("configured", [None, "", "other"])
def test_the_secret_must_be_the_servers(workspace: Workspace, api: Api, service: Login, configured: str | None) -> None:
    """A secret that is not the server's is refused, and so is any where the server has none."""
    workspace.create_tokens_secret = configured
    workspace.create_tokens_for_users = True
    bob = workspace.accounts["bob"]
    answer = api.post("users.createToken", {"userId": bob["_id"], "secret": SECRET}, service)
    assert (answer.status_code, answer.json()["errorType"]) == (400, "error-not-authorized")
    empty = api.post("users.createToken", {"userId": bob["_id"], "secret": ""}, service)
    assert (empty.status_code, empty.json()["errorType"]) == (400, "invalid-params")
    assert workspace.accounts.login_tokens(bob) == []


@pytest.mark.parametrize(
    ("version", "keys"),
    [
        ("8.0", ("userId",)),
        ("8.6", ("username", "secret")),
        ("8.6", ("userId", "secret", "more")),
        ("7.13", ("userId", "secret")),
        ("6.0", ("username",)),
    ],
)
def test_a_version_takes_exactly_its_keys(
    workspace: Workspace, api: Api, service: Login, version: str, keys: tuple[str, ...]
) -> None:
    """8.x takes an id and a secret and older versions an id: any other key, or one too few, is 400."""
    workspace.version, workspace.create_tokens_secret, workspace.create_tokens_for_users = version, SECRET, True
    known = {"userId": workspace.accounts["alice"]["_id"], "username": "alice", "secret": SECRET, "more": "x"}
    answer = api.post("users.createToken", {key: known[key] for key in keys}, service)
    assert (answer.status_code, answer.json()["errorType"]) == (400, "invalid-params")


@pytest.mark.parametrize("version", ["6.4", "7.12", "7.13"])
def test_older_servers_are_started_for_it(workspace: Workspace, api: Api, service: Login, version: str) -> None:
    """6.x and 7.x take an id alone, and only where the server was started with the switch for it."""
    workspace.version, workspace.create_tokens_secret = version, SECRET
    alice = api.login_of("alice")[0]
    body = {"userId": alice}
    assert api.post("users.createToken", body, service).json()["errorType"] == "error-not-authorized"
    workspace.create_tokens_for_users = True
    answer = api.post("users.createToken", body, service)
    assert (answer.status_code, answer.json()["data"]["userId"]) == (200, alice)


def test_a_first_token_in_7_13_comes_at_the_second_call(workspace: Workspace, api: Api, service: Login) -> None:
    """For an account that never logged in 7.13 stores a token and answers 400, and the next call gives one."""
    workspace.version, workspace.create_tokens_for_users = "7.13", True
    alice = workspace.accounts["alice"]
    answers = [api.post("users.createToken", {"userId": alice["_id"]}, service) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [400, 200]
    assert "data" not in answers[0].json()
    assert len(workspace.accounts.login_tokens(alice)) == 2
    workspace.accounts.update("bob", {"lastLogin": workspace.accounts.now()})
    bob = workspace.accounts["bob"]["_id"]
    assert api.post("users.createToken", {"userId": bob}, service).status_code == 200
    workspace.version = "7.12"
    carol = workspace.accounts["carol"]["_id"]
    assert api.post("users.createToken", {"userId": carol}, service).status_code == 200


def test_tokens_are_for_who_may_make_them(workspace: Workspace, api: Api) -> None:
    """Without `user-generate-access-token` no version makes a token, and without a login it is 401."""
    workspace.create_tokens_secret, workspace.create_tokens_for_users = SECRET, True
    bot = workspace.add_administrator("robot", role="bot")
    alice = workspace.accounts["alice"]["_id"]
    body = {"userId": alice, "secret": SECRET}
    assert api.post("users.createToken", body, bot).json()["errorType"] == "error-not-authorized"
    assert api.post("users.createToken", body).status_code == 401
    workspace.version = "7.12"
    assert api.post("users.createToken", {"userId": alice}, bot).status_code == 400
    workspace.permissions["bot"].add("user-generate-access-token")
    assert api.post("users.createToken", {"userId": alice}, bot).status_code == 200


def test_nobody_gets_no_token_and_a_deactivated_account_one_of_no_use(
    workspace: Workspace, api: Api, service: Login
) -> None:
    """An unknown id is 400; a deactivated account gets a token, with which it cannot log in."""
    workspace.create_tokens_secret = SECRET
    unknown = api.post("users.createToken", {"userId": "nobody", "secret": SECRET}, service)
    assert (unknown.status_code, unknown.json()["errorType"]) == (400, "error-invalid-user")
    dave = workspace.accounts["dave"]["_id"]
    token = api.post("users.createToken", {"userId": dave, "secret": SECRET}, service).json()["data"]["authToken"]
    answer = api.session.post(f"{api.url}/_client/resume", json={"token": token}, timeout=5).json()
    assert answer["error"] == "error-user-is-not-activated"


# ---- users.logout, users.setActiveStatus


def test_an_administrator_ends_every_login_of_an_account(workspace: Workspace, api: Api, service: Login) -> None:
    """`users.logout` ends every login of that account and nobody else's, and leaves personal access tokens."""
    first, second, other = api.login_of("alice"), api.login_of("alice"), workspace.accounts["bob"]
    personal = workspace.accounts.new_personal_access_token(workspace.accounts["alice"], "script")
    bystander = (other["_id"], workspace.accounts.new_login_token(other))
    answer = api.post("users.logout", {"userId": first[0]}, service)
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert [api.get("me", login).status_code for login in (first, second, (first[0], personal))] == [401, 401, 200]
    assert api.get("me", bystander).status_code == 200
    assert [entry.result for entry in workspace.trace.entries if "users.logout" in entry.title] == [
        "200 logged alice out everywhere"
    ]


def test_oneself_is_logged_out_without_a_permission(workspace: Workspace, api: Api) -> None:
    """Everybody may end their own logins, and others' only with `logout-other-user`."""
    alice = api.login_of("alice")
    bob = workspace.accounts["bob"]["_id"]
    assert api.post("users.logout", {"userId": bob}, alice).status_code == 403
    assert api.post("users.logout", {"userId": alice[0]}, alice).status_code == 200
    assert api.get("me", alice).status_code == 401
    alice = api.login_of("alice")
    workspace.permissions["user"].add("logout-other-user")
    assert api.post("users.logout", {"userId": bob}, alice).status_code == 200


def test_an_administrator_deactivates_and_activates(workspace: Workspace, api: Api, service: Login) -> None:
    """Deactivation ends every login of the account; activation lets it log in again."""
    alice = api.login_of("alice")
    body = {"userId": alice[0], "activeStatus": False}
    answer = api.post("users.setActiveStatus", body, service)
    assert answer.json() == {"user": {"_id": alice[0], "active": False}, "success": True}
    assert api.get("me", alice).status_code == 401
    assert api.log_in("alice").json()["error"] == "error-user-is-not-activated"
    assert api.post("users.setActiveStatus", {**body, "activeStatus": True}, service).status_code == 200
    alice = api.login_of("alice")
    assert api.post("users.setActiveStatus", {**body, "activeStatus": True}, service).status_code == 200
    assert api.get("me", alice).status_code == 200
    results = [entry.result for entry in workspace.trace.entries if "setActiveStatus" in entry.title]
    assert results == ["200 deactivated alice", "200 activated alice", "200 activated alice"]


def test_who_is_active_is_said_by_who_may(workspace: Workspace, api: Api) -> None:
    """Without `edit-other-user-active-status` nobody changes a state, not even their own."""
    alice = api.login_of("alice")
    body = {"userId": alice[0], "activeStatus": False}
    assert api.post("users.setActiveStatus", body, alice).status_code == 403
    assert api.post("users.setActiveStatus", body).status_code == 401
    assert workspace.accounts["alice"]["active"] is True


@pytest.mark.parametrize(
    ("route", "body", "error"),
    [
        ("users.logout", {}, "invalid-params"),
        ("users.logout", {"username": "alice"}, "invalid-params"),
        ("users.logout", {"userId": "nobody"}, "error-invalid-user"),
        ("users.setActiveStatus", {"userId": "nobody", "activeStatus": True}, "error-invalid-user"),
        ("users.setActiveStatus", {"userId": "nobody"}, "invalid-params"),
        ("users.setActiveStatus", {"userId": "nobody", "activeStatus": 1}, "invalid-params"),
        ("users.setActiveStatus", {"userId": "nobody", "activeStatus": True, "more": 1}, "invalid-params"),
        ("users.setActiveStatus", None, "invalid-params"),
    ],
)
def test_who_is_meant_must_be_said(api: Api, service: Login, route: str, body: object, error: str) -> None:
    """An id that is missing or nobody's, and a state that is none, are 400."""
    answer = api.post(route, body, service)
    assert (answer.status_code, answer.json()["errorType"]) == (400, error)


# ---- a code of the service account's own


def with_totp(workspace: Workspace, *, ignores: bool) -> Login:
    login = workspace.add_administrator("guarded", ignores_second_factor=ignores)
    workspace.accounts.update("guarded", {"services.totp": {"enabled": True, "secret": BOB_TOTP}})
    return login


def test_a_token_that_does_not_ignore_two_factor_is_asked(workspace: Workspace, api: Api, clock: ManualClock) -> None:
    """With such a token of an account with TOTP some calls are 400 `totp-required` until the code comes in headers."""
    guarded = with_totp(workspace, ignores=False)
    asked = api.post("users.create", ERIN, guarded)
    assert (asked.status_code, asked.json()["errorType"]) == (400, "totp-required")
    assert asked.json()["details"] == {"method": "totp", "codeGenerated": False, "availableMethods": ["totp"]}
    assert "erin" not in workspace.accounts
    entry = workspace.trace.entries[-1]
    assert (entry.result, entry.outcome) == ("400 totp-required", "plain")
    for route in ("users.createToken", "users.logout", "users.setActiveStatus", "settings/Site_Url"):
        assert api.post(route, {}, guarded).json()["errorType"] == "totp-required"
    assert api.get("me", guarded).status_code == 200
    assert api.get("users.info?username=bob", guarded).status_code == 200
    wrong = api.post("users.create", ERIN, guarded, {"x-2fa-code": "000", "x-2fa-method": "totp"})
    assert (wrong.status_code, wrong.json()["errorType"]) == (400, "totp-invalid")
    code = {"x-2fa-code": pyotp.TOTP(BOB_TOTP).at(int(clock())), "x-2fa-method": "totp"}
    assert api.post("users.create", ERIN, guarded, code).status_code == 200


def test_who_has_no_second_factor_or_ignores_it_is_not_asked(workspace: Workspace, api: Api) -> None:
    """A token that ignores two-factor is asked for nothing, nor is an account without a second factor."""
    ignoring = with_totp(workspace, ignores=True)
    plain = workspace.add_administrator("plain", ignores_second_factor=False)
    assert api.post("users.create", ERIN, ignoring).status_code == 200
    fay = {**ERIN, "username": "fay", "email": "fay@example.org"}
    assert api.post("users.create", fay, plain).status_code == 200


def test_some_calls_asked_even_so(workspace: Workspace, api: Api, clock: ManualClock) -> None:
    """A call that a test names asks also a token that ignores two-factor, and an account that has no second factor."""
    guarded, service = with_totp(workspace, ignores=True), workspace.add_administrator()
    workspace.second_factor_always.add("users.create")
    answers = [api.post("users.create", ERIN, login) for login in (guarded, service)]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert [answer.json()["details"]["method"] for answer in answers] == ["totp", "password"]
    assert api.post("users.logout", {"userId": workspace.accounts["bob"]["_id"]}, service).status_code == 200
    code = {"x-2fa-code": pyotp.TOTP(BOB_TOTP).at(int(clock())), "x-2fa-method": "totp"}
    assert api.post("users.create", ERIN, guarded, code).status_code == 200
