"""The two stores of the stand-in keep one contract; in a database whoever else writes there is seen at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from playground.people import BOB_TOTP
from playground.workspace import PASSWORD, ManualClock, Person, Workspace
from playground.workspace.mongodb import MongoStore
from playground.workspace.records import hash_token
from playground.workspace.refusals import LoginRefused
from playground.workspace.store import Records, Store
from tests.database.fixtures import FreshDatabase

WHEN = datetime(2027, 1, 15, 8, 0, 0, 123_000, tzinfo=UTC)
IFRAME_TOKEN = "i" * 43


@pytest.fixture
def records(store: Store) -> Records:
    """Two accounts, the second with a list under a path."""
    store.records.insert({"_id": "a", "username": "ann", "emails": [{"address": "ann@example.org"}]})
    tokens = [{"hash": name, "when": WHEN} for name in ("one", "two", "three")]
    store.records.insert({"_id": "b", "username": "ben", "services": {"tokens": tokens, "codes": ["x", "y", "x"]}})
    return store.records


def test_what_is_read_is_a_copy(records: Records) -> None:
    """Whoever changes what was read changes nothing in the store."""
    first = records.find("_id", "b")
    assert first is not None
    first["services"]["codes"].clear()
    assert records.find("_id", "b") != first
    assert [record["_id"] for record in records] == ["a", "b"]


def test_dates_come_back_with_their_zone(records: Records) -> None:
    """A date is the same after the store had it, zone and milliseconds included."""
    found = records.find("services.tokens.hash", "two")
    assert found is not None
    when = found["services"]["tokens"][1]["when"]
    assert (when, when.utcoffset()) == (WHEN, WHEN.utcoffset())


def test_a_record_is_found_by_a_value_in_a_list(records: Records) -> None:
    """A dotted path goes into the elements of a list, and a value must be exactly the one asked for."""
    found = records.find("services.tokens.hash", "three")
    assert found is not None
    assert found["_id"] == "b"
    for path, value in (("services.tokens.hash", "four"), ("services.tokens.hash", ""), ("username", "ANN")):
        assert records.find(path, value) is None


def test_a_text_is_found_whatever_its_case(records: Records) -> None:
    """A text in another case is found, also in a list, and what means something to a pattern means itself."""
    records.insert({"_id": "c", "username": "a.n+(n)"})
    assert [record["_id"] for record in records.find_alike("username", "ANN")] == ["a"]
    assert [record["_id"] for record in records.find_alike("emails.address", "Ann@Example.ORG")] == ["a"]
    assert [record["_id"] for record in records.find_alike("username", "A.N+(N)")] == ["c"]
    assert records.find_alike("username", "a.n") == records.find_alike("username", "an") == []


@pytest.mark.parametrize("text", ["\ud800", "a\0b"])
def test_a_text_that_nothing_can_hold_finds_nothing(records: Records, text: str) -> None:
    """A text without UTF-8 form, or with a zero byte, as JSON can carry it, is nobody's."""
    assert records.find("username", text) is None
    assert records.find_alike("username", text) == []


def test_an_id_and_a_username_are_taken_once(records: Records) -> None:
    """A second record with the same id or the same username is refused."""
    for record in ({"_id": "a", "username": "new"}, {"_id": "new", "username": "ann"}):
        with pytest.raises(ValueError, match="already"):
            records.insert(record)
    records.remove("a")
    records.insert({"_id": "new", "username": "ann"})
    assert records.find("_id", "a") is None


def test_set_and_unset_touch_their_paths_alone(records: Records) -> None:
    """Setting makes what is missing on the way, unsetting leaves the emptied parent, and neighbours stay."""
    before = records.find("_id", "b")
    assert before is not None
    records.set("b", {"services.iframe.token": "t", "lastLogin": WHEN})
    records.unset("b", "services.iframe.token", "services.totp.secret", "nothing")
    after = records.find("_id", "b")
    expected = {**before, "services": {**before["services"], "iframe": {}}, "lastLogin": WHEN}
    assert after == expected
    records.set("b", {})
    records.unset("b")
    assert records.find("_id", "b") == expected


def test_push_makes_the_list_and_pull_removes_by_value_or_key(records: Records) -> None:
    """A push makes a missing list, a pull removes every element that fits and says whether there was one."""
    records.push("a", "services.resume.loginTokens", {"hash": "h"})
    records.push("a", "services.resume.loginTokens", {"hash": "i"})
    found = records.find("services.resume.loginTokens.hash", "i")
    assert found is not None
    assert found["services"] == {"resume": {"loginTokens": [{"hash": "h"}, {"hash": "i"}]}}
    assert records.pull("b", "services.tokens", ["one", "three", "four"], key="hash") is True
    assert records.pull("b", "services.codes", ["x"]) is True
    assert records.pull("b", "services.codes", ["x"]) is False
    assert records.pull("b", "services.nothing", ["x"]) is False
    left = records.find("_id", "b")
    assert left is not None
    assert left["services"] == {"tokens": [{"hash": "two", "when": WHEN}], "codes": ["y"]}


def test_an_account_that_is_gone_is_changed_by_nothing(records: Records) -> None:
    """Whatever is changed in an account that nobody has any more makes no account."""
    records.set("z", {"name": "Zoe"})
    records.unset("z", "name")
    records.push("z", "list", 1)
    assert records.pull("z", "list", [1]) is False
    assert len(list(records)) == 2


def test_of_many_who_pull_one_is_told_so(records: Records) -> None:
    """Of many requests that use up the same code at the same time one is told that it was there."""
    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(lambda _: records.pull("b", "services.codes", ["y"]), range(16)))
    assert outcomes.count(True) == 1


def test_settings_are_a_mapping(store: Store) -> None:
    """Settings are read, changed, listed and removed by their ids."""
    workspace = Workspace(people=(), store=store)
    count = len(workspace.settings)
    assert workspace.settings["Accounts_TwoFactorAuthentication_Enabled"] is True
    workspace.settings["Accounts_TwoFactorAuthentication_Enabled"] = False
    workspace.settings["Custom"] = {"any": ["value"]}
    assert workspace.settings["Custom"] == {"any": ["value"]}
    assert store.settings["Accounts_TwoFactorAuthentication_Enabled"] is False
    del store.settings["Custom"]
    assert "Custom" not in set(workspace.settings)
    assert workspace.settings.get("Custom") is None
    assert len(workspace.settings) == count
    with pytest.raises(KeyError):
        del store.settings["Custom"]


# ---- in a database: what others write


@pytest.fixture
def shared(clock: ManualClock, database: FreshDatabase) -> Workspace:
    """A workspace in a database that somebody else writes to."""
    return Workspace(clock=clock, store=MongoStore(database.documents))


def test_a_token_written_by_somebody_else_logs_in_at_once(shared: Workspace, database: FreshDatabase) -> None:
    """What Gantry writes into an account is what the two handlers look for, and a new native token comes of one."""
    element = {"when": shared.accounts.now(), "hashedToken": hash_token("n" * 43)}
    database.users.update_one({"username": "alice"}, {"$push": {"services.resume.loginTokens": element}})
    database.users.update_one({"username": "alice"}, {"$set": {"services.iframe.token": IFRAME_TOKEN}})
    assert shared.logins.by_resume("n" * 43).token == "n" * 43
    made = shared.logins.by_iframe(IFRAME_TOKEN).token
    stored = database.users.find_one({"username": "alice"})
    assert stored is not None
    hashes = [each["hashedToken"] for each in stored["services"]["resume"]["loginTokens"]]
    assert hashes == [hash_token("n" * 43), hash_token(made)]
    database.users.update_one({"username": "alice"}, {"$unset": {"services.iframe.token": ""}})
    for refused in (IFRAME_TOKEN, ""):
        with pytest.raises(LoginRefused):
            shared.logins.by_iframe(refused)


def test_a_logout_shows_in_the_database_at_once(shared: Workspace, database: FreshDatabase) -> None:
    """Logging out pulls the connection's own element and leaves the others and `lastLogin`."""
    first, second = (shared.logins.by_password(PASSWORD, username="alice").token for _ in range(2))
    before = database.users.find_one({"username": "alice"})
    shared.logins.log_out(first)
    after = database.users.find_one({"username": "alice"})
    assert before is not None
    assert after is not None
    (kept,) = after["services"]["resume"]["loginTokens"]
    assert kept["hashedToken"] == hash_token(second)
    assert after["lastLogin"] == before["lastLogin"]


def test_a_login_changes_nothing_else(shared: Workspace, database: FreshDatabase) -> None:
    """A login leaves the rest of a rich record as it was: other services, unknown fields, their order."""
    rich = {
        "services.google": {"id": "1", "more": [1, {"deep": None}]},
        "services.totp": {"enabled": False, "secret": BOB_TOTP, "hashedBackup": ["h"]},
        "customFields": {"team": "launch"},
        "settings": {"preferences": {"x": 1.5}},
    }
    shared.add(Person(username="erin", fields=rich))
    before = database.users.find_one({"username": "erin"})
    token = shared.logins.by_password(PASSWORD, username="erin").token
    shared.logins.by_resume(token)
    shared.logins.log_out(token)
    after = database.users.find_one({"username": "erin"})
    assert before is not None
    assert after is not None
    assert after.pop("lastLogin") is not None
    assert after["services"].pop("resume") == {"loginTokens": []}
    assert list(after.items()) == list(before.items())


def test_the_workspaces_settings_are_documents(shared: Workspace, database: FreshDatabase) -> None:
    """The settings are documents of an id and a value, read at every login, as Gantry reads them."""
    settings = database.documents["rocketchat_settings"]
    name = "Accounts_TwoFactorAuthentication_Enabled"
    assert settings.find_one({"_id": name}) == {"_id": name, "value": True}
    with pytest.raises(LoginRefused, match="TOTP Required"):
        shared.logins.by_password(PASSWORD, username="bob")
    settings.update_one({"_id": name}, {"$set": {"value": False}})
    assert shared.logins.by_password(PASSWORD, username="bob").account["username"] == "bob"


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"services": None, "emails": None},
        {"services": [], "emails": ["x"], "roles": {}},
        {"services": {"resume": {"loginTokens": "x"}, "password": {"bcrypt": 1}, "totp": "x"}},
        {"services": {"resume": {"loginTokens": [None, {}, {"hashedToken": 1}, {"hashedToken": "h"}]}}},
    ],
)
def test_a_half_made_account_is_refused_and_harms_nobody(
    shared: Workspace, database: FreshDatabase, record: dict[str, object]
) -> None:
    """An account without services, addresses or types that fit cannot log in, and others can."""
    database.users.insert_one({"_id": "half", "username": "half", "active": True, "type": "user", **record})
    with pytest.raises(LoginRefused):
        shared.logins.by_password(PASSWORD, username="half")
    with pytest.raises(LoginRefused):
        shared.logins.by_resume("x" * 43)
    assert shared.accounts.find_by_email("nobody@example.org") is None
    assert shared.logins.by_password(PASSWORD, username="alice").token
