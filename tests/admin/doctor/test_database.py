"""The database: whether it answers, what its user may do, which of Gantry's indexes are missing."""

import secrets
from collections.abc import Mapping
from typing import Any

import pytest

from admin.doctor import database as checks
from admin.doctor import second_factors, workspace
from admin.doctor.database import judged, needed, role
from admin.doctor.finding import Finding
from admin.doctor.patient import Patient
from chalicelib.credentials import Credentials
from playground.database import addresses
from playground.database.engine import Engine
from tests.admin.doctor.clinic import Clinic, levels, told
from tests.database import needs_mongodb
from tests.database.fixtures import FreshDatabase
from tests.database.relay import Relay
from tests.fakes import settings
from tests.mongodb.stage import account, services, with_totp

MONGODB = {"DIRECTORY": "mongodb", "TOKEN_SOURCE": "mongodb", "TOKEN_KIND": "iframe"}
RIGHTS = needed(settings(**MONGODB), Credentials(()))
NEEDED = [
    {"resource": {"db": "rocketchat", "collection": collection}, "actions": sorted(actions)}
    for collection, actions in RIGHTS.items()
]


def granted(resource: Mapping[str, Any], *actions: str) -> dict[str, Any]:
    return {"resource": dict(resource), "actions": list(actions)}


@pytest.fixture
def on_mongodb(clinic: Clinic, database: FreshDatabase) -> Clinic:
    """A deployment on a database, with Gantry's indexes."""
    clinic.settings |= MONGODB
    clinic.secret["mongodb_uri"] = database.uri
    clinic.serve()
    return clinic


# --- reachable -------------------------------------------------------------------------------------------------------


def test_without_mongodb_there_is_nothing_to_look_at(clinic: Clinic) -> None:
    """Who has no database has none that could be wrong."""
    assert clinic.look(checks.reachable) == []


def test_a_database_that_answers_is_fine(on_mongodb: Clinic) -> None:
    """It answers, and the indexes are there; what its user may do is told as far as the server tells it."""
    found = on_mongodb.look(checks.reachable)
    assert levels(found, "database") == ["ok"]
    assert levels(found, "indexes") == ["ok", "ok"]
    assert "error" not in levels(found)


def test_a_database_that_nobody_reaches_breaks_sign_in(
    on_mongodb: Clinic, database: FreshDatabase, relay: Relay
) -> None:
    """It refuses the password, from here and, by its own word, from the function."""
    on_mongodb.secret["mongodb_uri"] = relay.uri(database.uri)
    on_mongodb.serve()
    relay.refuse(18)
    found = on_mongodb.look(checks.reachable)
    assert levels(found) == ["error"]
    assert "Network Access" in told(found)


def test_a_database_that_only_the_function_reaches_is_a_note(
    on_mongodb: Clinic, database: FreshDatabase, relay: Relay
) -> None:
    """A private network lets the function in and not whoever runs the doctor: that is as it should be."""
    with on_mongodb.patient() as patient:
        assert patient.health()["database"]
    relay.refuse(18)
    on_mongodb.secret["mongodb_uri"] = relay.uri(database.uri)
    assert levels(on_mongodb.look(checks.reachable)) == ["note"]


def test_an_address_that_cannot_be_used_breaks_sign_in(clinic: Clinic) -> None:
    """What pymongo cannot make sense of is told by key, and never repeated."""
    clinic.settings |= MONGODB
    clinic.secret["mongodb_uri"] = "mongodb://canary:p@ss:word@host/%"
    found = clinic.look(checks.reachable)
    assert [(each.level, each.key) for each in found] == [("error", "mongodb_uri")]


# --- what the user may do --------------------------------------------------------------------------------------------


def test_exactly_what_is_needed_is_fine() -> None:
    """The least privileges of docs/mongodb-atlas.md, and nothing else."""
    assert levels(judged(NEEDED, "rocketchat", RIGHTS)) == ["ok"]


@pytest.mark.parametrize("elsewhere", [{"DIRECTORY": "users"}, {"RELAY": "google"}])
def test_an_account_that_inserts_needs_more(elsewhere: dict[str, str]) -> None:
    """Where Gantry itself makes accounts in MongoDB, its user may insert."""
    environ = {**elsewhere, "TOKEN_SOURCE": "mongodb", "PROVISION": "create"}
    found = list(judged(NEEDED, "rocketchat", needed(settings(**environ), Credentials(()))))
    assert levels(found) == ["error"]
    assert "insert on users" in told(found)


@pytest.mark.parametrize("missing", range(len(NEEDED)))
def test_a_missing_right_breaks_sign_in(missing: int) -> None:
    """Each collection's rights are told by action, with the role that has all of them."""
    found = list(judged(NEEDED[:missing] + NEEDED[missing + 1 :], "rocketchat", RIGHTS))
    assert levels(found) == ["error"]
    assert "createRole" in told(found)


@pytest.mark.parametrize(
    ("resource", "place"),
    [
        ({"anyResource": True}, "every database"),
        ({"db": "", "collection": ""}, "every database"),
        ({"db": "rocketchat", "collection": ""}, "all of rocketchat"),
        ({"db": "rocketchat", "collection": "rocketchat_message"}, "rocketchat.rocketchat_message"),
        ({"db": "other", "collection": "users"}, "other.users"),
    ],
)
def test_more_than_is_needed_is_told(resource: dict[str, Any], place: str) -> None:
    """A user that may read messages or change other collections is named as one that may do too much."""
    wide = granted(resource, "find", "insert", "update", "remove")
    found = list(judged([*NEEDED, wide], "rocketchat", RIGHTS))
    assert levels(found) == ["warning"]
    assert place in told(found)


@pytest.mark.parametrize(
    "harmless",
    [
        granted({"cluster": True}, "killCursors"),
        granted({"db": "rocketchat", "collection": "users"}, "listIndexes", "createIndex"),
        granted({"db": "rocketchat", "collection": ""}, "listCollections"),
        granted({"db": "rocketchat", "collection": "system.js"}, "find"),
    ],
)
def test_what_harms_nobody_is_fine(harmless: dict[str, Any]) -> None:
    """Rights that neither read messages nor change accounts are nobody's trouble."""
    assert levels(judged([*NEEDED, harmless], "rocketchat", RIGHTS)) == ["ok"]


@needs_mongodb("authentication")
def test_the_rights_of_a_real_user_are_read(on_mongodb: Clinic, engine: Engine, database: FreshDatabase) -> None:
    """A user with too few and one with too many rights, as the server itself tells them; then the role that we name."""
    name = f"gantry_test_{secrets.token_hex(4)}"
    uri = engine.add_user(name, "canary-password", [{"role": "read", "db": database.name}])
    try:
        on_mongodb.secret["mongodb_uri"] = addresses.for_database(uri, database.name)
        assert sorted(levels(_permissions(on_mongodb))) == ["error", "warning"]
        database.documents.command("createRole", "gantry", privileges=_privileges(database.name), roles=[])
        _give(engine, name, [{"role": "gantry", "db": database.name}])
        assert levels(_permissions(on_mongodb)) == ["ok"]
    finally:
        engine.remove_user(name)
        database.documents.command("dropAllRolesFromDatabase")


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ({"authenticatedUsers": []}, ["warning"]),
        ({"authenticatedUsers": [{"user": "canary"}]}, ["note"]),
        ({"authenticatedUsers": [{"user": "canary"}], "authenticatedUserPrivileges": []}, ["error"]),
    ],
)
def test_what_the_server_says_of_the_connection_is_judged(
    on_mongodb: Clinic, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], found: list[str]
) -> None:
    """No user at all is a danger, a user without privileges can do nothing, and where none are told it is tried."""
    monkeypatch.setattr("admin.doctor.database._connection_status", lambda database: answer)
    assert levels(_permissions(on_mongodb)) == found


def test_a_server_that_tells_nothing_is_tried(on_mongodb: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the server does not know the question, look-ups and updates of nothing show what is refused."""
    monkeypatch.setattr("admin.doctor.database._connection_status", lambda database: None)
    assert levels(_permissions(on_mongodb)) == ["note"]
    monkeypatch.setattr("admin.doctor.database._refused", lambda database, collection, action: action == "update")
    found = _permissions(on_mongodb)
    assert levels(found) == ["error"]
    assert "update on users, update on gantry_attempts, update on gantry_links" in told(found)


def test_what_is_refused_when_it_is_tried_is_missing(
    on_mongodb: Clinic, database: FreshDatabase, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that says "unauthorized" to a look-up has told that the right is missing."""
    monkeypatch.setattr("admin.doctor.database._connection_status", lambda database: None)
    on_mongodb.secret["mongodb_uri"] = relay.uri(database.uri)
    relay.refuse(13)
    found = _permissions(on_mongodb)
    assert levels(found) == ["error"]
    assert "find on users, update on users, find on rocketchat_settings" in told(found)


def test_trying_changes_nothing(on_mongodb: Clinic, database: FreshDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried leaves no document behind."""
    monkeypatch.setattr("admin.doctor.database._connection_status", lambda database: None)
    database.users.insert_one(account("alice"))
    before = list(database.users.find())
    _permissions(on_mongodb)
    assert list(database.users.find()) == before
    assert not any(database.documents[name].find_one() for name in ("gantry_attempts", "gantry_links"))


def test_the_role_can_be_pasted() -> None:
    """The line for mongosh names each collection with its actions."""
    line = role("rocketchat", RIGHTS)
    assert line.startswith('db.getSiblingDB("rocketchat").createRole({"role": "gantry", "privileges": [')
    assert all(f'"collection": "{name}"' in line for name in RIGHTS)


# --- indexes ---------------------------------------------------------------------------------------------------------


def test_missing_indexes_are_told_and_mended(on_mongodb: Clinic, database: FreshDatabase) -> None:
    """Each of Gantry's indexes that is missing has its command, `--fix` makes it, and then all is fine."""
    database.users.drop_index("services.iframe.when_1")
    database.documents["gantry_attempts"].drop_index("expires_1")
    found = [each for each in on_mongodb.look(_reachable) if each.key == "indexes"]
    assert levels(found) == ["warning", "warning"]
    assert 'users.createIndex({"services.iframe.when": 1}, {sparse: true})' in told(found)
    assert "expireAfterSeconds: 0" in told(found)
    result = on_mongodb.run("--fix")
    assert result.output.count("mended: the index on") == 2
    assert levels(on_mongodb.look(_reachable), "indexes") == ["ok", "ok"]


def test_another_user_looks_and_mends_where_one_is_named(
    on_mongodb: Clinic, database: FreshDatabase, engine: Engine, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gantry's own user may not know of indexes: an administrator's URI, whatever database it names, makes them."""
    database.users.drop_index("services.iframe.when_1")
    with monkeypatch.context() as patch:
        patch.setattr("admin.doctor.database._has", lambda database, name, index: None)
        blind = [each for each in on_mongodb.look(_reachable) if each.key == "indexes"]
    assert levels(blind) == ["note", "note"]
    assert "GANTRY_ADMIN_MONGODB_URI" in told(blind)
    on_mongodb.secret["mongodb_uri"] = relay.uri(database.uri)
    monkeypatch.setenv("GANTRY_ADMIN_MONGODB_URI", addresses.for_database(engine.admin_uri, "admin"))
    assert "mended: the index on services.iframe.when" in " ".join(on_mongodb.run("--fix").output.split())
    assert "services.iframe.when_1" in database.users.index_information()
    assert relay.counts()["find"]
    assert not relay.counts()["listIndexes"] + relay.counts()["createIndexes"]


def test_an_index_for_iframe_tokens_is_not_asked_of_others(on_mongodb: Clinic, database: FreshDatabase) -> None:
    """With native tokens there is nothing to sweep."""
    on_mongodb.settings["TOKEN_KIND"] = "login"
    database.users.drop_index("services.iframe.when_1")
    assert levels(on_mongodb.look(_reachable), "indexes") == ["ok"]


def test_settings_that_are_not_public_come_from_the_database(on_mongodb: Clinic, database: FreshDatabase) -> None:
    """Where there is a database, the workspace's settings can be seen that it shows nobody."""
    on_mongodb.settings |= {"DIRECTORY": "rocketchat", "TOKEN_KIND": "login"}
    assert levels(on_mongodb.look(workspace.block_by_address)) == ["note"]
    hidden = {"_id": "Block_Multiple_Failed_Logins_By_Ip", "value": False}
    database.documents["rocketchat_settings"].insert_one(hidden)
    assert levels(on_mongodb.look(workspace.block_by_address)) == ["ok"]


# --- administrators --------------------------------------------------------------------------------------------------


def test_administrators_are_listed_with_their_second_factors(on_mongodb: Clinic, database: FreshDatabase) -> None:
    """Active administrators, and nobody else."""
    on_mongodb.settings |= {"TOKEN_KIND": "login", "WORKSPACE_2FA": "skip"}
    database.users.insert_many(
        [
            account("guarded", roles=["admin"], services=with_totp()),
            account("bare", roles=["admin", "user"]),
            account("mailed", roles=["admin"], services=services(email2fa={"enabled": True})),
            account("gone", roles=["admin"], active=False, services=with_totp()),
            account("zoe", services=with_totp()),
        ]
    )
    found = told(on_mongodb.look(second_factors.check))
    assert "past their second factor: guarded, mailed" in found
    assert "without any second factor, who come in by password: bare" in found
    assert "gone" not in found
    assert "zoe" not in found


def test_by_address_only_linked_administrators_come_in(on_mongodb: Clinic, database: FreshDatabase) -> None:
    """An administrator is never found by address, so only those with a stored link are named."""
    on_mongodb.settings |= {"TOKEN_KIND": "login", "WORKSPACE_2FA": "skip", "DIRECTORY": "cognito"}
    on_mongodb.secret["cognito"] = {"user_pool_id": "eu-central-1_abc", "client_id": "abc"}
    database.users.insert_many([account(name, roles=["admin"], services=with_totp()) for name in ("one", "two")])
    database.documents["gantry_links"].insert_one({"_id": "a-digest", "account": "two-id"})
    found = told(on_mongodb.look(second_factors.check))
    assert "past their second factor: two" in found
    assert "one," not in found


def test_with_a_relay_administrators_come_in_by_the_providers_id(on_mongodb: Clinic, database: FreshDatabase) -> None:
    """The workspace asks at its own login, so only administrators whom a provider of RELAY knows by id are named."""
    on_mongodb.settings |= {"WORKSPACE_2FA": "skip", "DIRECTORY": "rocketchat", "TOKEN_KIND": "login"}
    assert levels(on_mongodb.look(second_factors.check)) == ["ok"]
    on_mongodb.settings["RELAY"] = "google"
    on_mongodb.secret["google"] = {"client_id": "ours"}
    totp = with_totp()
    people = {"one": totp, "two": totp | {"google": {"id": "1"}}, "three": totp | {"facebook": {"id": "1"}}}
    database.users.insert_many([account(name, roles=["admin"], services=held) for name, held in people.items()])
    assert "past their second factor: two" in told(on_mongodb.look(second_factors.check))


def _reachable(patient: Patient) -> list[Finding]:
    return list(checks.reachable(patient))


def _permissions(clinic: Clinic) -> list[Finding]:
    def check(patient: Patient) -> list[Finding]:
        rights = needed(patient.settings, patient.credentials)
        return list(checks.permissions(patient.mongo, rights))

    return clinic.look(check)


def _privileges(name: str) -> list[dict[str, Any]]:
    return [granted({"db": name, "collection": collection}, *actions) for collection, actions in RIGHTS.items()]


def _give(engine: Engine, name: str, roles: list[Any]) -> None:
    from playground.database.engine import connect

    with connect(engine.admin_uri) as client:
        client.admin.command("updateUser", name, roles=roles)
