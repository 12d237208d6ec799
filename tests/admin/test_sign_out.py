"""`python -m admin sign-out`: for the day somebody leaves, by the workspace and in its database."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from playground.workspace import Fault
from playground.workspace.records import hash_token
from tests.admin.checkout import Checkout
from tests.admin.conftest import Joined
from tests.database.fixtures import FreshDatabase
from tests.mongodb.stage import account, services
from tests.stage import new_key

HASH = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
WHEN = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def served(joined: Joined) -> Joined:
    """A workspace with a service account, in which alice is signed in twice."""
    joined.store(account=joined.workspace.add_administrator())
    for _ in range(2):
        joined.workspace.accounts.new_login_token(joined.workspace.accounts["alice"])
    return joined


def tokens(joined: Joined, username: str) -> int:
    return len(joined.workspace.accounts.login_tokens(joined.workspace.accounts[username]))


def routes(joined: Joined) -> list[str]:
    """The calls that change something, in order."""
    return [call.route for call in joined.workspace.calls() if call.method == "POST"]


def test_the_workspace_ends_the_sessions(served: Joined) -> None:
    """With a service account `users.logout` ends every login of that account alone; it stays active."""
    others = {each["username"]: each for each in served.workspace.accounts if each["username"] != "alice"}
    output = served.checkout.done("sign-out", "alice")
    assert tokens(served, "alice") == 0
    assert served.workspace.accounts["alice"]["active"] is True
    assert routes(served) == ["users.logout"]
    assert "Found alice (Alice Archer, id " in output
    assert "open windows included" in output
    assert "They can sign in again: add --deactivate" in output
    assert {each["username"]: each for each in served.workspace.accounts if each["username"] != "alice"} == others


def test_who_leaves_is_switched_off_first(served: Joined) -> None:
    """--deactivate switches the account off before its sessions end, so that nobody signs in between."""
    output = served.checkout.done("sign-out", "alice", "--deactivate")
    assert served.workspace.accounts["alice"]["active"] is False
    assert routes(served) == ["users.setActiveStatus", "users.logout"]
    assert "switched off" in output
    assert "can sign in again" not in output


@pytest.mark.parametrize("version", ["8.6", "8.3"])
def test_an_address_finds_the_person_from_8_4_on(served: Joined, version: str) -> None:
    """`users.info` knows addresses from 8.4; before that it is said to give the username."""
    served.workspace.version = version
    if version == "8.6":
        served.checkout.done("sign-out", "alice@example.org")
        assert tokens(served, "alice") == 0
    else:
        assert "give the username" in served.checkout.refused("sign-out", "alice@example.org")
    assert "Nobody in the workspace" in served.checkout.refused("sign-out", "nobody")
    assert tokens(served, "alice") == (0 if version == "8.6" else 2)


@pytest.mark.parametrize("words", [(), ("--deactivate",)])
def test_a_failure_in_the_middle_says_what_is_left(served: Joined, words: tuple[str, ...]) -> None:
    """Where the logout fails, it is said that the person is still signed in; running it again finishes."""
    served.workspace.fault("users.logout", Fault(cut=True))
    assert "alice is still signed in" in served.checkout.refused("sign-out", "alice", *words)
    served.checkout.done("sign-out", "alice", *words)
    assert tokens(served, "alice") == 0


def test_a_missing_permission_is_named(served: Joined) -> None:
    """A service account that may not do it changes nothing, and the permission is named."""
    rights = served.workspace.permissions["admin"]
    rights.remove("edit-other-user-active-status")
    output = served.checkout.refused("sign-out", "alice", "--deactivate")
    assert "lacks the permission edit-other-user-active-status" in output
    assert "neither switched off nor signed out" in output
    rights.remove("logout-other-user")
    assert "lacks the permission logout-other-user" in served.checkout.refused("sign-out", "alice")
    assert tokens(served, "alice") == 2


def test_with_neither_it_is_said_where_to_do_it(joined: Joined) -> None:
    """Without a service account and without a database the place in the workspace is named."""
    joined.store()
    output = joined.checkout.refused("sign-out", "alice", "--deactivate")
    assert "Administration > Users" in output


def test_who_stands_in_the_list_is_named(joined: Joined) -> None:
    """With DIRECTORY=users, somebody whose name or address is in the list can sign in again, and it is said."""
    joined.configure(DIRECTORY="users")
    users = {"Alicia": {"password": HASH, "email": "Alice@example.org"}, "bob": {"password": HASH}}
    joined.store(account=joined.workspace.add_administrator(), users=users)
    assert '"Alicia" stands in "users" of the secret' in joined.checkout.done("sign-out", "alice", "--deactivate")
    assert '"bob" stands in' in joined.checkout.done("sign-out", "bob")
    assert "stands in" not in joined.checkout.done("sign-out", "carol")


def test_who_is_in_the_user_pool_is_named(joined: Joined) -> None:
    """With Cognito the pool is asked by name and address, and the command that disables the person is printed."""
    client = joined.checkout.client("cognito-idp")
    pool = client.create_user_pool(PoolName="people")["UserPool"]["Id"]
    client.admin_create_user(
        UserPoolId=pool, Username="a.archer", UserAttributes=[{"Name": "email", "Value": "alice@example.org"}]
    )
    joined.configure(DIRECTORY="cognito")
    joined.store(account=joined.workspace.add_administrator(), cognito={"user_pool_id": pool, "client_id": "client"})
    output = joined.checkout.done("sign-out", "alice", "--deactivate")
    assert f"admin-disable-user --region eu-central-1 --user-pool-id {pool} --username a.archer" in output
    assert "admin-disable-user" not in joined.checkout.done("sign-out", "bob", "--deactivate")
    client.delete_user_pool(UserPoolId=pool)
    assert f"may be in the user pool {pool}" in joined.checkout.done("sign-out", "bob", "--deactivate")


# --- with MongoDB alone ----------------------------------------------------------------------------------------------


def configured(checkout: Checkout, database: FreshDatabase, **content: Any) -> None:
    checkout.configure(
        {
            "ROCKETCHAT_URL": "https://chat.example.com",
            "SECRET_ID": checkout.secret_id,
            "DIRECTORY": "mongodb",
            "TOKEN_SOURCE": "mongodb",
            "TOKEN_KIND": "iframe",
        }
    )
    checkout.store(session_keys=[new_key()], mongodb_uri=database.uri, **content)


def signed_in(username: str, **fields: Any) -> dict[str, Any]:
    """An account with two login tokens, a personal access token and an `iframe` token."""
    logins = [{"when": WHEN, "hashedToken": hash_token(f"{username}-{number}")} for number in range(2)]
    personal = {"hashedToken": hash_token(username), "type": "personalAccessToken", "createdAt": WHEN, "name": "bot"}
    return account(
        username,
        services=services(
            resume={"loginTokens": [logins[0], personal, logins[1]]},
            iframe={"token": f"canary-{username}", "when": WHEN},
            totp={"enabled": True},
        ),
        **fields,
    )


@pytest.mark.parametrize("words", [(), ("--deactivate",)])
def test_in_the_database_the_accounts_tokens_are_removed(
    checkout: Checkout, database: FreshDatabase, words: tuple[str, ...]
) -> None:
    """Promise 29: login tokens and the `iframe` token of one account go, and no other field, here or elsewhere."""
    configured(checkout, database)
    records = {name: signed_in(name) for name in ("alice", "bob")}
    database.users.insert_many(list(records.values()))
    output = checkout.done("sign-out", "alice", *words)
    expected = signed_in("alice", active=not words)
    expected["services"]["resume"]["loginTokens"] = [expected["services"]["resume"]["loginTokens"][1]]
    expected["services"]["iframe"] = {}
    found = {record["username"]: record for record in database.users.find()}
    assert json.dumps(found["alice"], default=str) == json.dumps(as_stored(expected), default=str)
    assert json.dumps(found["bob"], default=str) == json.dumps(as_stored(records["bob"]), default=str)
    assert "Removed 2 login tokens" in output
    assert "open stay signed in until they connect anew" in output
    assert "1 personal access token remains" in output
    assert ("switched off" in output) is bool(words)


def as_stored(record: dict[str, Any]) -> dict[str, Any]:
    """A record as the driver reads it: without time zones."""
    naive: dict[str, Any] = json.loads(json.dumps(record, default=str).replace("+00:00", ""))
    return naive


@pytest.mark.needs_mongodb("collation")
def test_the_database_finds_a_name_in_any_case(checkout: Checkout, database: FreshDatabase) -> None:
    """Where nobody has exactly that name, one account that differs in case is meant, and two are refused."""
    configured(checkout, database)
    database.users.insert_many([signed_in("Alice"), signed_in("BOB"), signed_in("bob")])
    assert "Found Alice" in checkout.done("sign-out", "alice")
    assert "Found bob" in checkout.done("sign-out", "bob")
    assert "write it exactly" in checkout.refused("sign-out", "Bob")


def test_the_database_finds_an_address(checkout: Checkout, database: FreshDatabase) -> None:
    """An address finds its account, an account without tokens is signed out, and nobody is nobody."""
    configured(checkout, database)
    database.users.insert_one(account("carol", services={"password": {"bcrypt": "x"}}))
    output = checkout.done("sign-out", "carol@example.com", "--deactivate")
    assert "Removed 0 login tokens" in output
    assert "personal" not in output
    found = database.users.find_one({"_id": "carol-id"})
    assert found is not None
    assert found["active"] is False
    assert found["services"] == {"password": {"bcrypt": "x"}}
    assert "Nobody in the workspace" in checkout.refused("sign-out", "nobody")


def test_a_handed_out_iframe_token_goes_with_a_service_account_too(joined: Joined, database: FreshDatabase) -> None:
    """The workspace's logout leaves `services.iframe.token`, so it is removed in the database as well."""
    joined.configure(DIRECTORY="mongodb", TOKEN_SOURCE="mongodb", TOKEN_KIND="iframe")
    joined.store(account=joined.workspace.add_administrator(), mongodb_uri=database.uri)
    assert "another database" in joined.checkout.refused("sign-out", "alice")
    record = signed_in("alice") | {"_id": joined.workspace.accounts["alice"]["_id"]}
    database.users.insert_one(record)
    joined.checkout.done("sign-out", "alice")
    found = database.users.find_one({"username": "alice"})
    assert found is not None
    assert found["services"]["iframe"] == {}
    assert len(found["services"]["resume"]["loginTokens"]) == 3
