"""`POST login`: what it takes, and how it refuses."""

import pytest

from playground.workspace import PASSWORD, Person, Workspace
from tests.playground.conftest import Api


@pytest.mark.parametrize("key", ["user", "username", "email"])
def test_a_password_login_names_the_person_in_one_of_three_ways(api: Api, key: str) -> None:
    """`user`, `username` and `email` each work, and the answer holds id, token and account."""
    answer = api.post("login", {key: "alice@example.org" if key == "email" else "alice", "password": PASSWORD})
    data = answer.json()["data"]
    assert (answer.status_code, answer.json()["status"]) == (200, "success")
    assert data["me"]["_id"] == data["userId"]
    assert data["me"]["username"] == "alice"
    assert api.get("me", (data["userId"], data["authToken"])).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"user": "alice", "password": PASSWORD, "ldap": True},
        {"user": "alice", "username": "alice", "password": PASSWORD},
        {"password": PASSWORD},
        {"user": "alice"},
        {"user": {"$ne": None}, "password": PASSWORD},
        {"user": "alice", "password": None},
        {"user": "alice", "password": PASSWORD, "code": 123456},
        ["alice", PASSWORD],
        None,
    ],
)
def test_any_other_body_is_refused(api: Api, body: object) -> None:
    """A key too many, one too few, or a value that is no text is 400 and no login."""
    answer = api.post("login", body)
    assert answer.status_code == 400
    assert answer.json()["success"] is False


def test_wrong_password_and_unknown_user_look_alike(api: Api) -> None:
    """A wrong password, an unknown user and a deactivated account with a wrong password get one and the same answer."""
    answers = [api.log_in(name, password="wrong") for name in ("alice", "nobody", "dave", "nobody@example.org")]
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.content for answer in answers} == {answers[0].content}
    assert answers[0].json() == {"status": "error", "error": "Unauthorized", "message": "Unauthorized"}


def test_the_other_form_of_wrong_credentials(workspace: Workspace, api: Api) -> None:
    """Some workspaces name wrong credentials by the number 403, still with the status 401."""
    workspace.logins.wrong_credentials = 403
    answer = api.log_in("alice", password="wrong")
    assert (answer.status_code, answer.json()["error"]) == (401, 403)


def test_what_is_wrong_with_an_account_is_said_after_its_password(api: Api) -> None:
    """With the right password a deactivated account is named as such."""
    answer = api.log_in("dave")
    assert (answer.status_code, answer.json()["error"]) == (401, "error-user-is-not-activated")


def test_the_second_factor_comes_before_the_state_of_the_account(workspace: Workspace, api: Api) -> None:
    """A deactivated account with TOTP is asked for its code first."""
    workspace.accounts.update("bob", {"active": False})
    assert api.log_in("bob").json()["error"] == "totp-required"


def test_an_unverified_address_counts_only_where_the_workspace_says_so(workspace: Workspace, api: Api) -> None:
    """An unverified e-mail address refuses a password login only with the workspace's setting, and never an admin's."""
    workspace.add(Person(username="erin", email="erin@example.org", verified=False))
    workspace.add(Person(username="root", email="root@example.org", verified=False, roles=("admin",)))
    assert api.log_in("erin").status_code == 200
    workspace.settings["Accounts_EmailVerification"] = True
    assert api.log_in("erin").json()["error"] == "error-invalid-email"
    assert api.log_in("root").status_code == 200


def test_the_password_is_kept_nowhere(workspace: Workspace, api: Api) -> None:
    """Neither the recorded calls nor the inspector's list hold a password that was sent."""
    api.log_in("alice", password="canary-canary")
    assert "canary" not in repr(workspace.calls()) + repr(workspace.trace.entries)
    assert workspace.calls("login")[0].body == {"user": "alice", "password": "<hidden>"}
