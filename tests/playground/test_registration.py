"""`users.register`: people who make their own account."""

import pytest

from playground.workspace import ManualClock, Workspace
from tests.playground.conftest import Api

ERIN = {"username": "erin", "email": "erin@example.org", "pass": "canary-password"}


@pytest.fixture
def unlimited(workspace: Workspace) -> Workspace:
    workspace.settings["API_Enable_Rate_Limiter"] = False
    return workspace


def refusal(api: Api, body: object) -> tuple[str, object]:
    answer = api.post("users.register", body)
    assert (answer.status_code, answer.json()["success"]) == (400, False)
    return answer.json()["error"], answer.json().get("errorType")


def test_anybody_may_register_by_default(workspace: Workspace, api: Api) -> None:
    """Without a login a new account is made, whose address is unverified and whose password is kept nowhere."""
    answer = api.post("users.register", {**ERIN, "name": "Erin Eve", "reason": "because"})
    user = answer.json()["user"]
    assert (answer.status_code, user["name"], user["roles"]) == (200, "Erin Eve", ["user"])
    assert user["emails"] == [{"address": "erin@example.org", "verified": False}]
    assert workspace.joined == {user["_id"]}
    assert api.log_in("erin", password="canary-password").status_code == 200
    assert workspace.calls("users.register")[0].body["pass"] == "<hidden>"
    assert "200 registered erin" in [entry.result for entry in workspace.trace.entries]
    assert "canary" not in repr(workspace.calls()) + repr(workspace.trace.entries)


def test_one_registration_a_minute(workspace: Workspace, api: Api, clock: ManualClock) -> None:
    """An address registers once a minute, whether it succeeds or not, and the workspace's setting says how often."""
    assert api.post("users.register", {}).status_code == 400
    refused = api.post("users.register", ERIN)
    assert (refused.status_code, refused.headers["X-RateLimit-Limit"]) == (429, "1")
    assert api.post("users.register", ERIN, headers={"X-Real-IP": "192.0.2.7"}).status_code == 200
    clock.advance(60)
    assert api.post("users.register", {}).status_code == 400
    workspace.settings["Rate_Limiter_Limit_RegisterUser"] = 2
    assert [api.post("users.register", {}).status_code for _ in range(2)] == [400, 429]


def test_who_is_logged_in_is_refused(unlimited: Workspace, api: Api) -> None:
    """A caller with a live token cannot register, and headers that say nothing are ignored."""
    answer = api.post("users.register", ERIN, unlimited.add_administrator())
    assert (answer.status_code, answer.json()["success"]) == (400, False)
    assert "erin" not in unlimited.accounts
    assert api.post("users.register", ERIN, ("nobody", "x" * 43)).status_code == 200


def test_registration_can_be_closed(unlimited: Workspace, api: Api) -> None:
    """Where the registration form is disabled nobody registers, with whatever secret."""
    unlimited.settings["Accounts_RegistrationForm"] = "Disabled"
    unlimited.settings["Accounts_RegistrationForm_SecretURL"] = "canary-secret"
    error = "error-user-registration-disabled"
    assert refusal(api, {**ERIN, "secret": "canary-secret"}) == (f"User registration is disabled [{error}]", error)
    assert "erin" not in unlimited.accounts


def test_registration_with_a_secret(unlimited: Workspace, api: Api) -> None:
    """With a secret URL the right secret registers and no other does, an empty one least of all."""
    unlimited.settings["Accounts_RegistrationForm"] = "Secret URL"
    for body in (ERIN, {**ERIN, "secret": ""}):
        assert refusal(api, body)[1] == "error-user-registration-secret"
    unlimited.settings["Accounts_RegistrationForm_SecretURL"] = "canary-secret"
    for body in (ERIN, {**ERIN, "secret": ""}, {**ERIN, "secret": "CANARY-SECRET"}):
        assert refusal(api, body)[1] == "error-user-registration-secret"
    assert api.post("users.register", {**ERIN, "secret": "canary-secret"}).status_code == 200
    assert unlimited.calls("users.register")[-1].body["secret"] == "<hidden>"
    assert "canary" not in repr(unlimited.calls()) + repr(unlimited.trace.entries)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"username": "ALICE"}, ("Username is already in use", None)),
        ({"email": "Alice@Example.org"}, ("Email already exists. [403]", 403)),
        ({"username": "erin!"}, None),
        ({"email": "erin"}, None),
        ({"pass": ""}, None),
        ({"password": "x"}, None),
        ({"name": 1}, None),
    ],
)
def test_the_checks_of_a_registration(
    unlimited: Workspace, api: Api, change: dict[str, object], expected: tuple[str, object] | None
) -> None:
    """What is taken is refused in a form of its own, and what cannot be as everywhere."""
    count = len(unlimited.accounts)
    found = refusal(api, {**ERIN, **change})
    assert expected in (None, found)
    assert len(unlimited.accounts) == count
