"""The account records and what logins do to them."""

import base64
import hashlib
import re
from functools import partial

import bcrypt
import pytest

from playground.workspace import PASSWORD, ManualClock, Person, Workspace
from playground.workspace.refusals import LoginRefused
from playground.workspace.store import Store


@pytest.fixture
def workspace(clock: ManualClock, store: Store) -> Workspace:
    """A workspace of each kind in turn: in memory and in a database."""
    return Workspace(clock=clock, store=store)


def owner(workspace: Workspace, token: str) -> str | None:
    """Whose login token that is."""
    account = workspace.accounts.find_by_login_token(token)
    return account["username"] if account else None


def test_a_record_has_the_shape_of_a_workspace(workspace: Workspace) -> None:
    """An account record is shaped as a workspace stores it, from the id's letters to the password's hash."""
    alice = workspace.accounts["alice"]
    assert re.fullmatch(r"[2-9A-HJ-NP-TWXYZa-km-z]{17}", alice["_id"])
    assert {"createdAt", "services", "emails", "name", "username", "active", "roles", "type", "_updatedAt"} <= set(
        alice
    )
    digest = hashlib.sha256(PASSWORD.encode()).hexdigest().encode()
    assert bcrypt.checkpw(digest, alice["services"]["password"]["bcrypt"].encode())


def test_a_login_token_is_stored_as_a_hash_only(workspace: Workspace) -> None:
    """A native login token has 43 characters, and the record holds the base64 of its SHA-256."""
    login = workspace.logins.by_password(PASSWORD, username="alice")
    (element,) = workspace.accounts.login_tokens(login.account)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", login.token)
    assert element["hashedToken"] == base64.b64encode(hashlib.sha256(login.token.encode()).digest()).decode()


def test_every_accepted_login_sets_last_login(workspace: Workspace, clock: ManualClock) -> None:
    """Every accepted login moves `lastLogin`, resume included, and a logout does not."""
    login = workspace.logins.by_password(PASSWORD, username="alice")
    first = login.account["lastLogin"]
    clock.advance(5)
    second = workspace.logins.by_resume(login.token).account["lastLogin"]
    clock.advance(5)
    workspace.logins.log_out(login.token)
    assert first < second == workspace.accounts["alice"]["lastLogin"]


def test_resume_makes_no_token_and_iframe_makes_one_each_time(workspace: Workspace) -> None:
    """A login by resume keeps its token, while each login by `iframe` token makes a new one."""
    alice = workspace.accounts["alice"]
    token = workspace.accounts.new_login_token(alice)
    assert workspace.logins.by_resume(token).token == token
    workspace.accounts.update("alice", {"services.iframe.token": "t" * 43})
    made = {workspace.logins.by_iframe("t" * 43).token for _ in range(3)}
    assert len(made) == 3
    assert len(workspace.accounts.login_tokens(alice)) == 4


def test_only_the_50_newest_logins_stay(workspace: Workspace, clock: ManualClock) -> None:
    """A login trims the account to its 50 newest login tokens and spares personal access tokens."""
    alice = workspace.accounts["alice"]
    personal = workspace.accounts.new_personal_access_token(alice, "script")
    tokens = []
    for _ in range(52):
        tokens.append(workspace.logins.by_password(PASSWORD, username="alice").token)
        clock.advance(1)
    live = [token for token in tokens if workspace.accounts.find_by_login_token(token)]
    assert live == tokens[2:]
    assert owner(workspace, personal) == "alice"


def test_a_login_token_runs_out_after_90_days(workspace: Workspace, clock: ManualClock) -> None:
    """A login token of 90 days is dead, a personal access token is not."""
    alice = workspace.accounts["alice"]
    token = workspace.accounts.new_login_token(alice)
    personal = workspace.accounts.new_personal_access_token(alice, "script")
    clock.advance(90 * 86400 - 1)
    assert owner(workspace, token) == "alice"
    clock.advance(1)
    assert owner(workspace, token) is None
    assert owner(workspace, personal) == "alice"


@pytest.mark.parametrize(
    ("person", "error"),
    [
        (Person(username="erin", active=False), "error-user-is-not-activated"),
        (Person(username="erin", roles=None), "error-user-has-no-roles"),
        (Person(username="erin", type="app"), "error-app-user-is-not-allowed-to-login"),
    ],
)
def test_the_state_of_an_account_refuses_every_handler(workspace: Workspace, person: Person, error: str) -> None:
    """A deactivated account, one without roles and an app's are refused by password, resume and iframe alike."""
    erin = workspace.add(person)
    workspace.accounts.update("erin", {"services.iframe.token": "t" * 43})
    token = workspace.accounts.new_login_token(erin)
    logins = workspace.logins
    refusals = []
    for attempt in (
        partial(logins.by_password, PASSWORD, username="erin"),
        partial(logins.by_resume, token),
        partial(logins.by_iframe, "t" * 43),
    ):
        with pytest.raises(LoginRefused) as refused:
            attempt()
        refusals.append(refused.value.error)
    assert refusals == [error] * 3


def test_the_iframe_handler_asks_for_a_second_factor(workspace: Workspace) -> None:
    """An account with TOTP cannot log in by `iframe` token at all, and can by resume."""
    bob = workspace.accounts["bob"]
    workspace.accounts.update("bob", {"services.iframe.token": "t" * 43})
    with pytest.raises(LoginRefused, match="TOTP Required"):
        workspace.logins.by_iframe("t" * 43)
    assert workspace.logins.by_resume(workspace.accounts.new_login_token(bob)).account["username"] == "bob"


def test_names_are_found_whatever_their_case(workspace: Workspace) -> None:
    """A username or an address is found in another case too, unless two accounts would fit."""
    accounts = workspace.accounts
    assert accounts.find_by_username("ALICE") == accounts["alice"]
    assert accounts.find_by_email("Alice@Example.org") == accounts["alice"]
    workspace.add(Person(username="Alice"))
    assert accounts.find_by_username("ALICE") is None
    assert accounts.find_by_username("Alice") == accounts["Alice"] != accounts["alice"]
    assert accounts.find_by_username("al.ce") is None


def test_unset_removes_only_the_path(workspace: Workspace) -> None:
    """Taking one dotted path out of a record leaves its neighbours."""
    workspace.accounts.update("bob", {"services.iframe.token": "t"})
    workspace.accounts.unset("bob", "services.iframe.token", "roles")
    bob = workspace.accounts["bob"]
    assert bob["services"]["iframe"] == {}
    assert "totp" in bob["services"]
    assert "roles" not in bob
