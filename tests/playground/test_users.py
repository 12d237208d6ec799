"""`users.info` and `users.create`: who is there, and who is new."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from playground.workspace import ManualClock, Person, Workspace
from playground.workspace.mongodb import MongoStore
from playground.workspace.store import MemoryStore, Store
from tests.database.fixtures import FreshDatabase
from tests.playground.conftest import Api

ERIN = {"email": "erin@example.org", "name": "Erin Eve", "password": "canary-password", "username": "erin"}
Login = tuple[str, str]


# Most of it has nothing to do with where the accounts are.
in_both_stores = pytest.mark.parametrize("store", ["memory", "mongodb"], indirect=True)


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Store:
    """An empty store in memory, and one in a database for whoever asks."""
    if getattr(request, "param", "memory") == "memory":
        return MemoryStore()
    database: FreshDatabase = request.getfixturevalue("database")
    return MongoStore(database.documents)


@pytest.fixture
def workspace(clock: ManualClock, store: Store) -> Workspace:
    return Workspace(clock=clock, rate_limits=False, store=store)


@pytest.fixture
def service(workspace: Workspace) -> Login:
    """An administrator's personal access token."""
    return workspace.add_administrator()


@pytest.fixture
def helper(workspace: Workspace) -> Login:
    """The token of a role that may make accounts and nothing else."""
    workspace.permissions["helper"] = {"create-user"}
    return workspace.add_administrator("helper", role="helper")


def refusal(api: Api, body: object, login: Login) -> tuple[int, str]:
    answer = api.post("users.create", body, login)
    assert answer.json()["success"] is False
    return answer.status_code, answer.json().get("errorType")


# ---- users.info


@in_both_stores
@pytest.mark.parametrize("key", ["userId", "username", "email"])
def test_an_account_is_found_by_id_name_or_address(workspace: Workspace, api: Api, service: Login, key: str) -> None:
    """An administrator finds an account in one of three ways and sees it in full, without `services`."""
    bob = workspace.accounts["bob"]
    value = {"userId": bob["_id"], "username": "bob", "email": "BOB@example.org"}[key]
    answer = api.get(f"users.info?{key}={value}", service)
    user = answer.json()["user"]
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert (user["_id"], user["username"], user["roles"]) == (bob["_id"], "bob", ["user"])
    assert (user["active"], user["type"], user["emails"]) == (True, "user", bob["emails"])
    assert "services" not in user
    assert workspace.calls("users.info")[0].args == {key: value}
    assert workspace.trace.entries[-1].result == f"200 found bob by {key}"


@in_both_stores
@pytest.mark.parametrize("query", ["userId=nobody", "username=nobody", "username=ALICE", "email=nobody@example.org"])
def test_nobody_is_a_400_of_its_own(workspace: Workspace, api: Api, service: Login, query: str) -> None:
    """Where there is no such account the answer is "User not found.", which the inspector takes for ordinary."""
    answer = api.get(f"users.info?{query}", service)
    assert (answer.status_code, answer.json()) == (400, {"success": False, "error": "User not found."})
    assert workspace.trace.entries[-1].outcome == "plain"


@pytest.mark.parametrize(
    "query", ["", "username=", "username=bob&email=bob@example.org", "username=bob&fields=1", "importId=1"]
)
def test_somebody_is_named_in_exactly_one_way(api: Api, service: Login, query: str) -> None:
    """None of the parameters, more than one or an unknown one is 400, and not "User not found."."""
    answer = api.get(f"users.info?{query}", service)
    assert (answer.status_code, answer.json()["errorType"]) == (400, "invalid-params")


def test_an_address_is_a_parameter_from_8_4_on(workspace: Workspace, api: Api, service: Login) -> None:
    """Before 8.4 an address is as if nobody had been named, whether there is such an account or not."""
    workspace.version = "8.3"
    for address in ("bob", "nobody"):
        answer = api.get(f"users.info?email={address}@example.org", service)
        assert (answer.status_code, answer.json()["errorType"]) == (400, "invalid-params")
    workspace.version = "8.4"
    assert api.get("users.info?email=bob@example.org", service).status_code == 200
    workspace.version = "10.0"
    assert api.get("users.info?email=bob@example.org", service).status_code == 200


def test_without_the_permission_others_are_shown_in_part(workspace: Workspace, api: Api) -> None:
    """Without `view-full-other-user-info` others have no address or roles, and their address finds nobody."""
    alice = api.login_of("alice")
    user = api.get("users.info?username=bob", alice).json()["user"]
    assert {"_id", "username", "name", "active", "status"} <= set(user)
    assert not {"emails", "roles", "lastLogin", "createdAt", "services"} & set(user)
    answer = api.get("users.info?email=bob@example.org", alice)
    assert (answer.status_code, answer.json()) == (400, {"success": False, "error": "User not found."})
    assert api.get("users.info?email=alice@example.org", alice).json()["user"]["roles"] == ["user"]
    workspace.permissions["user"].add("view-full-other-user-info")
    assert "emails" in api.get("users.info?email=bob@example.org", alice).json()["user"]


def test_nobody_looks_without_a_login(api: Api) -> None:
    """Without a live token `users.info` is 401."""
    assert api.get("users.info?username=bob").status_code == 401


# ---- users.create


@in_both_stores
def test_a_new_account_can_log_in(workspace: Workspace, api: Api, service: Login) -> None:
    """The new account has a workspace's shape, its password logs in, and it has joined the default channels."""
    answer = api.post("users.create", ERIN, service)
    user = answer.json()["user"]
    assert (answer.status_code, user["username"], user["name"]) == (200, "erin", "Erin Eve")
    assert "services" not in user
    record = workspace.accounts["erin"]
    assert set(record) == set(workspace.accounts["alice"])
    assert (record["_id"], record["roles"], record["type"]) == (user["_id"], ["user"], "user")
    assert record["emails"] == [{"address": "erin@example.org", "verified": False}]
    assert record["services"]["email2fa"]["enabled"] is True
    assert workspace.joined == {record["_id"]}
    assert api.log_in("erin", password="canary-password").status_code == 200
    assert workspace.calls("users.create")[0].body == {**ERIN, "password": "<hidden>"}
    assert [entry.result for entry in workspace.trace.entries][-2:] == ["200 created erin", "200 logged in as erin"]
    assert "canary" not in repr(workspace.calls()) + repr(workspace.trace.entries) + repr(workspace.people)


@in_both_stores
def test_the_options_of_a_new_account(workspace: Workspace, api: Api, service: Login) -> None:
    """What the caller says of roles, state, channels, password, address and custom fields is so in the record."""
    options = {
        "active": False,
        "roles": ["user", "bot"],
        "joinDefaultChannels": False,
        "setRandomPassword": True,
        "sendWelcomeEmail": False,
        "verified": True,
        "customFields": {"team": "launch"},
    }
    user = api.post("users.create", {**ERIN, **options}, service).json()["user"]
    assert (user["active"], user["roles"], user["customFields"]) == (False, ["user", "bot"], {"team": "launch"})
    assert (user["emails"][0]["verified"], user["requirePasswordChange"]) == (True, True)
    assert workspace.accounts["erin"]["active"] is False
    assert workspace.joined == set()
    assert api.log_in("erin", password="canary-password").json()["error"] == "Unauthorized"


def test_a_password_to_be_changed_works_until_it_is(workspace: Workspace, api: Api, service: Login) -> None:
    """`requirePasswordChange` is noted in the record, and the password works."""
    api.post("users.create", {**ERIN, "requirePasswordChange": True}, service)
    assert workspace.accounts["erin"]["requirePasswordChange"] is True
    assert api.log_in("erin", password="canary-password").status_code == 200


def test_new_accounts_with_a_verified_address_get_codes(workspace: Workspace, api: Api, service: Login) -> None:
    """With a verified address a new account is asked for an e-mail code at its first login; the inspector has it."""
    api.post("users.create", {**ERIN, "verified": True}, service)
    assert api.log_in("erin", password="canary-password").json()["details"]["method"] == "email"
    mail = workspace.last_mail("erin")
    assert mail is not None
    people: list[dict[str, Any]] = api.session.get(f"{api.url}/_playground/people", timeout=5).json()["people"]
    assert (people[-1]["username"], people[-1]["mail"]) == ("erin", mail.code)
    assert api.log_in("erin", mail.code, "canary-password").status_code == 200


@pytest.mark.parametrize("end", ["_Enabled", "_By_Email_Enabled", "_By_Email_Auto_Opt_In"])
def test_codes_for_new_accounts_can_be_switched_off(workspace: Workspace, api: Api, service: Login, end: str) -> None:
    """Any of three settings keeps e-mail codes off for new accounts."""
    workspace.settings[f"Accounts_TwoFactorAuthentication{end}"] = False
    api.post("users.create", {**ERIN, "verified": True}, service)
    assert "email2fa" not in workspace.accounts["erin"]["services"]
    assert api.log_in("erin", password="canary-password").status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        *({key: None} for key in ERIN),
        *({key: ""} for key in ERIN),
        {"customFields": {"team": 1}},
        {"email": ["erin@example.org"]},
        {"name": "\ud800"},
        {"customFields": {"\ud800": "x"}},
        {"active": "yes"},
        {"roles": "user"},
        {"roles": [1]},
        {"type": "bot"},
        {"services": {}},
    ],
)
def test_any_other_body_makes_nobody(workspace: Workspace, api: Api, service: Login, change: dict[str, object]) -> None:
    """A required key missing or empty, a value of another type or an unknown key is 400 and no account."""
    body = {key: value for key, value in {**ERIN, **change}.items() if value is not None}
    assert refusal(api, body, service) == (400, "invalid-params")
    assert "erin" not in workspace.accounts


@pytest.mark.parametrize("body", [None, [], "erin"])
def test_a_body_that_is_no_object_makes_nobody(api: Api, service: Login, body: object) -> None:
    """No body, or one that is no object, is 400."""
    assert refusal(api, body, service) == (400, "invalid-params")


@in_both_stores
@pytest.mark.parametrize(
    "taken",
    [{"username": "alice"}, {"username": "ALICE"}, {"email": "alice@example.org"}, {"email": "Alice@Example.ORG"}],
)
def test_what_is_taken_stays_with_its_owner(
    workspace: Workspace, api: Api, service: Login, taken: dict[str, str]
) -> None:
    """A username or an address that somebody has, in any case, is `error-field-unavailable`."""
    count = len(workspace.accounts)
    assert refusal(api, {**ERIN, **taken}, service) == (400, "error-field-unavailable")
    assert len(workspace.accounts) == count


def test_what_two_have_in_different_cases_is_taken_too(workspace: Workspace, api: Api, service: Login) -> None:
    """A username that two accounts have in different cases is taken in every further case as well."""
    workspace.add(Person(username="ALICE"))
    assert refusal(api, {**ERIN, "username": "Alice"}, service) == (400, "error-field-unavailable")


@pytest.mark.parametrize("username", ["erin eve", "erin@example.org", "érin", "erin\n", "a\0b"])
def test_a_username_has_plain_letters(workspace: Workspace, api: Api, service: Login, username: str) -> None:
    """A username has letters, digits, hyphens, underscores and dots, else it is `error-input-is-not-a-valid-field`."""
    assert refusal(api, {**ERIN, "username": username}, service) == (400, "error-input-is-not-a-valid-field")
    assert api.post("users.create", {**ERIN, "username": "E.r-i_n9"}, service).status_code == 200


def test_the_workspace_says_what_a_username_is(workspace: Workspace, api: Api, service: Login) -> None:
    """The pattern of usernames is a setting of the workspace."""
    workspace.settings["UTF8_User_Names_Validation"] = "[é-ï]+"
    assert refusal(api, ERIN, service) == (400, "error-input-is-not-a-valid-field")


@pytest.mark.parametrize("email", ["erin", "erin@", "e rin@example.org", "a\0@example.org"])
def test_an_address_has_two_sides(api: Api, service: Login, email: str) -> None:
    """What cannot be an e-mail address is refused."""
    assert refusal(api, {**ERIN, "email": email}, service) == (400, "error-invalid-email")


def test_making_accounts_needs_a_permission(workspace: Workspace, api: Api) -> None:
    """Without `create-user` it is `error-action-not-allowed`, for a bot as well, and without a token 401."""
    bot = workspace.add_administrator("robot", role="bot")
    assert refusal(api, ERIN, api.login_of("alice")) == (400, "error-action-not-allowed")
    assert refusal(api, ERIN, bot) == (400, "error-action-not-allowed")
    assert api.post("users.create", ERIN).status_code == 401
    workspace.permissions["bot"].add("create-user")
    assert api.post("users.create", ERIN, bot).status_code == 200


def test_roles_and_state_need_permissions_of_their_own(workspace: Workspace, api: Api, helper: Login) -> None:
    """Naming roles needs `assign-roles`, and naming the state is refused too late: the account is there already."""
    assert refusal(api, {**ERIN, "roles": ["user"]}, helper) == (400, "error-action-not-allowed")
    assert "erin" not in workspace.accounts
    assert refusal(api, {**ERIN, "active": True}, helper) == (400, "error-not-allowed")
    assert "erin" in workspace.accounts
    assert api.post("users.create", {**ERIN, "username": "fay", "email": "f@example.org"}, helper).status_code == 200


def test_a_role_must_be_there(api: Api, service: Login) -> None:
    """A role that the workspace does not have cannot be given."""
    assert refusal(api, {**ERIN, "roles": ["astronaut"]}, service) == (400, "error-action-not-allowed")


@in_both_stores
def test_of_many_who_make_one_account_one_does(
    workspace: Workspace, api: Api, service: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many calls at the same time that make an account with one address one succeeds, and there is one account."""
    all_have_asked = threading.Barrier(8)
    ask = workspace.accounts.email_is_taken

    def ask_together(address: str) -> bool:
        taken = ask(address)
        with suppress(threading.BrokenBarrierError):
            all_have_asked.wait(0.05)
        return taken

    monkeypatch.setattr(workspace.accounts, "email_is_taken", ask_together)

    def make(number: int) -> int:
        own = Api(api.url)
        email = f"{'erin' if number % 2 else 'ERIN'}@example.org"
        with own.session:
            return own.post("users.create", {**ERIN, "username": f"erin{number}", "email": email}, service).status_code

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(make, range(8)))
    assert outcomes == [200] + [400] * 7
    assert len(workspace.accounts.records.find_alike("emails.address", "erin@example.org")) == 1


@in_both_stores
def test_somebody_who_writes_into_the_store_may_be_faster(
    workspace: Workspace, api: Api, service: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An account that appears between the question and the insert is `error-field-unavailable`, not a fault."""
    monkeypatch.setattr(workspace.accounts, "username_is_taken", lambda username: False)
    assert refusal(api, {**ERIN, "username": "alice"}, service) == (400, "error-field-unavailable")
    assert workspace.joined == set()
