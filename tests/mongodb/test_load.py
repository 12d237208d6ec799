"""Many at once, and accounts of odd shapes: what is given out is agreed on, what is used up is used once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Event
from typing import Any

import pytest
from bson import DatetimeMS, ObjectId

from chalicelib.errors import GantryError, NotSignedIn, SignInRefused, Unavailable
from chalicelib.model import Account, Identity, Session
from chalicelib.signin import CodeDue, SignedIn
from chalicelib.tokens.mongodb import IframeTokens, LoginTokens
from playground.database.engine import Engine
from tests.database import needs_mongodb
from tests.fakes import caller
from tests.mongodb.conftest import MakeStage
from tests.mongodb.filters import Heard
from tests.mongodb.outcomes import outcome, together
from tests.mongodb.people import ForeignDirectory, foreign
from tests.mongodb.stage import BACKUP_CODE, HASH, PASSWORD, TOTP_SECRET, Stage, account, moment, with_totp

MANY = 50
CHECKS = 1_000
PEOPLE = 20
NAMESAKES = 10
PATIENCE = 60.0
# So many sign-ins of one person at once would be an attack; that such guesses do not slip through is told elsewhere.
UNCOUNTED = {"BAN_NAME_AFTER": "0", "BAN_ADDRESS_AFTER": "0"}


@pytest.fixture
def stage(make_stage: MakeStage) -> Stage:
    return make_stage(**UNCOUNTED)


@pytest.fixture
def iframe(make_stage: MakeStage) -> Stage:
    return make_stage(TOKEN_KIND="iframe", **UNCOUNTED)


@pytest.mark.parametrize("kind", ["login", "iframe"])
def test_many_checks_of_one_session_mint_nothing(make_stage: MakeStage, heard: Heard, kind: str) -> None:
    """Promise 30: 50 threads that check one session 20 times each get the same token, and the record stays as it is."""
    stage = make_stage(TOKEN_KIND=kind)
    stage.add("alice")
    signed_in, record, before = stage.signed_in("alice"), stage.record("alice"), len(heard)

    def checks(number: int) -> list[Session]:
        return [stage.gantry.session_check.check(signed_in.sealed, caller().deadline) for _ in range(CHECKS // MANY)]

    for each in together(MANY, checks):
        assert isinstance(each, list), each
        assert [session.token for session in each] == [signed_in.session.token] * (CHECKS // MANY)
    assert stage.record("alice") == record
    assert [command.name for command in heard[before:]] == ["find"] * CHECKS


@pytest.mark.parametrize("containers", [1, MANY], ids=["one container", "a container each"])
def test_many_first_sign_ins_of_one_person_make_one_account(stage: Stage, containers: int) -> None:
    """50 first sign-ins of one new person at once, in one container or in 50, make one account and one link."""
    gantries = [stage.container() for _ in range(containers)]
    uses = [foreign(each) for each in gantries]
    try:
        outcomes = together(MANY, lambda number: uses[number % containers].with_password("erin", PASSWORD, caller()))
    finally:
        for each in gantries:
            each.mongo.close()
    assert all(isinstance(each, SignedIn) for each in outcomes), outcomes
    made = list(stage.database.users.find())
    assert [each["username"] for each in made] == ["erin"]
    assert {each.session.account_id for each in outcomes if isinstance(each, SignedIn)} == {made[0]["_id"]}
    assert len(made[0]["services"]["resume"]["loginTokens"]) == MANY
    assert stage.database.documents["gantry_links"].count_documents({}) == 1


def test_many_people_of_one_name_get_an_account_each(stage: Stage) -> None:
    """Ten new people whose name is the same get ten accounts with names of their own, however they race."""
    use = foreign(stage.gantry, ForeignDirectory(everybody_is="erin"))
    outcomes = together(NAMESAKES, lambda number: use.with_password(f"person-{number}", PASSWORD, caller()))
    assert all(isinstance(each, SignedIn) for each in outcomes), outcomes
    names = [each["username"] for each in stage.database.users.find()]
    assert len(names) == len(set(names)) == NAMESAKES


@pytest.mark.parametrize("containers", [1, MANY], ids=["one container", "a container each"])
@pytest.mark.parametrize("before", [None, 0, 700], ids=["none", "young", "old"])
def test_many_sign_ins_agree_on_one_hand_over(iframe: Stage, containers: int, before: int | None) -> None:
    """50 sign-ins of one person at once are handed the same `iframe` token: the young one, or a new one."""
    when = moment(iframe.clock.now - (before or 0))
    known = {"iframe": {"token": "known" * 8, "when": when}} if before is not None else {}
    iframe.add("alice", services={"password": {"bcrypt": HASH}, **known})
    gantries = [iframe.container() for _ in range(containers)]
    try:
        outcomes = together(
            MANY, lambda number: gantries[number % containers].sign_in.with_password("alice", PASSWORD, caller())
        )
    finally:
        for each in gantries:
            each.mongo.close()
    assert all(isinstance(each, SignedIn) for each in outcomes), outcomes
    tokens = {each.session.token.value.reveal() for each in outcomes if isinstance(each, SignedIn)}
    assert tokens == {iframe.record("alice")["services"]["iframe"]["token"]}
    assert (tokens == {"known" * 8}) is (before == 0)


def test_many_native_sign_ins_keep_a_token_each(stage: Stage) -> None:
    """50 sign-ins of one person at once leave 50 tokens, every one of them live."""
    stage.add("alice")
    outcomes = together(MANY, lambda number: stage.signed_in("alice"))
    assert len(stage.tokens("alice")) == MANY
    for each in outcomes:
        assert isinstance(each, SignedIn), each
        stage.check(each)


@pytest.mark.parametrize("kind", ["totp", "backup"])
def test_a_code_used_many_times_at_once_is_good_once(stage: Stage, kind: str) -> None:
    """Promise 5: of 50 parallel uses of one TOTP or backup code exactly one succeeds."""
    stage.add("bob", services=with_totp(BACKUP_CODE))
    code = stage.totp() if kind == "totp" else BACKUP_CODE
    due = [stage.challenged("bob") for _ in range(MANY)]
    outcomes = together(MANY, lambda number: stage.code(due[number], code))
    assert sum(isinstance(each, SignedIn) for each in outcomes) == 1
    assert sum(isinstance(each, CodeDue) and each.wrong for each in outcomes) == MANY - 1
    assert len(stage.tokens("bob")) == 1


def test_many_codes_of_one_account_are_each_good_once(stage: Stage) -> None:
    """Promise 5: the three codes that the window accepts, used 16 times each at once, give three tokens at most."""
    stage.add("bob", services=with_totp())
    due = [stage.challenged("bob") for _ in range(48)]
    outcomes = together(48, lambda number: stage.code(due[number], stage.totp(number % 3 - 1)))
    good = [each for each in outcomes if isinstance(each, SignedIn)]
    assert 1 <= len(good) <= 3
    assert len(stage.tokens("bob")) == len(good)
    assert not [each for each in outcomes if not isinstance(each, SignedIn | CodeDue)]


@needs_mongodb("restart")
def test_a_server_killed_amid_checks_loses_no_session(stage: Stage, engine: Engine) -> None:
    """The server killed and started again amid 1,000 checks: each is answered 200 or 503, and none is lost."""
    sessions = []
    for number in range(PEOPLE):
        stage.add(f"person{number}")
        sessions.append(stage.signed_in(f"person{number}"))
    running, killed, missed, back = Event(), Event(), Event(), Event()

    def one(number: int) -> Session | GantryError:
        # The second quarter runs into the kill, the third begins when the server is gone, the last when it is back.
        wanted = {2: killed, 3: back}.get(number * 4 // CHECKS)
        assert wanted is None or wanted.wait(PATIENCE)
        came_to = outcome(
            lambda: stage.gantry.session_check.check(sessions[number % PEOPLE].sealed, caller(0.5).deadline)
        )
        if number >= CHECKS // 4:
            running.set()
        if isinstance(came_to, Unavailable):
            missed.set()
        return came_to

    with ThreadPoolExecutor(8) as pool:
        checks = [pool.submit(one, number) for number in range(CHECKS)]
        assert running.wait(PATIENCE)
        engine.kill()
        killed.set()
        try:
            assert missed.wait(PATIENCE)
        finally:
            engine.restart()
            back.set()
        outcomes = [each.result(PATIENCE) for each in checks]
    kinds = {type(each) for each in outcomes}
    assert kinds == {Session, Unavailable}
    for each in sessions:
        stage.check(each)


# --- accounts of odd shapes ------------------------------------------------------------------------------------------

LATER = DatetimeMS(2**60)
"""A date that the database can hold and Python cannot."""

GOOD = {"password": {"bcrypt": HASH}}
ODD: dict[str, dict[str, Any]] = {
    "no services": {"services": None},
    "services null": {"services": "null"},
    "services list": {"services": []},
    "services list of objects": {"services": [{"resume": {"loginTokens": []}, "iframe": {"when": moment(0)}}]},
    "services text": {"services": "x"},
    "services number": {"services": 5},
    "services empty": {"services": {}},
    "no emails": {"emails": None},
    "emails text": {"emails": "x"},
    "emails of numbers": {"emails": [5, None, {"address": 7, "verified": "yes"}, {}]},
    "roles text": {"roles": "user"},
    "roles of numbers": {"roles": [5, None]},
    "active text": {"active": "true"},
    "name list": {"name": [], "type": {}},
    "last login text": {"lastLogin": "yesterday"},
    "last login too late": {"lastLogin": LATER},
    "created too late": {"createdAt": LATER, "_updatedAt": LATER},
    "resume number": {"services": {**GOOD, "resume": 5}},
    "resume list": {"services": {**GOOD, "resume": []}},
    "tokens text": {"services": {**GOOD, "resume": {"loginTokens": "x"}}},
    "tokens object": {"services": {**GOOD, "resume": {"loginTokens": {}}}},
    "tokens odd": {"services": {**GOOD, "resume": {"loginTokens": [5, None, {}, {"hashedToken": 5}, []]}}},
    "tokens too late": {"services": {**GOOD, "resume": {"loginTokens": [{"when": LATER, "hashedToken": "x"}]}}},
    "iframe text": {"services": {**GOOD, "iframe": "x"}},
    "iframe list": {"services": {**GOOD, "iframe": []}},
    "iframe token number": {"services": {**GOOD, "iframe": {"token": 5, "when": moment(0)}}},
    "iframe token object": {"services": {**GOOD, "iframe": {"token": {"a": 1}, "when": moment(0)}}},
    "iframe token list": {"services": {**GOOD, "iframe": {"token": ["a"], "when": [moment(0)]}}},
    "iframe token empty": {"services": {**GOOD, "iframe": {"token": "", "when": moment(0)}}},
    "iframe when text": {"services": {**GOOD, "iframe": {"token": "t", "when": "x"}}},
    "iframe when too late": {"services": {**GOOD, "iframe": {"token": "t", "when": LATER}}},
    "iframe when too early": {"services": {**GOOD, "iframe": {"token": "t", "when": DatetimeMS(-(2**60))}}},
    "totp text": {"services": {**GOOD, "totp": "x"}},
    "totp secret number": {"services": {**GOOD, "totp": {"enabled": True, "secret": 5}}},
    "totp codes text": {
        "services": {**GOOD, "totp": {"enabled": True, "secret": TOTP_SECRET, "hashedBackup": "x"}},
    },
    "totp codes odd": {
        "services": {**GOOD, "totp": {"enabled": True, "secret": TOTP_SECRET, "hashedBackup": [5, None, {}]}},
    },
    "password number": {"services": {"password": 5, "email2fa": 5}},
    "id of another type": {"_id": ObjectId("0" * 24)},
}


def odd_account(fields: dict[str, Any]) -> dict[str, Any]:
    record = account("alice", **fields)
    return record | {"services": None} if fields.get("services") == "null" else record


@pytest.mark.parametrize("kind", ["login", "iframe"])
@pytest.mark.parametrize("odd", ODD)
def test_a_half_written_account_is_never_a_fault(make_stage: MakeStage, kind: str, odd: str) -> None:
    """An account of any shape gives every use case an answer, a refusal or 503, never a fault."""
    stage, codes = make_stage(TOKEN_KIND=kind, **UNCOUNTED), make_stage(**UNCOUNTED)
    stage.add("alice")
    stage.add("bob", services=with_totp(BACKUP_CODE))
    stage.add("zoe", services={"iframe": {"token": "old", "when": moment(stage.clock.now - 700)}})
    signed_in, due = stage.signed_in("alice"), codes.challenged("bob")
    strange = odd_account(ODD[odd])
    stage.database.users.delete_one({"_id": "alice-id"})
    stage.database.users.insert_one(strange)
    fields = {name: value for name, value in strange.items() if name not in ("_id", "username", "emails")}
    if isinstance(fields.get("services"), dict):
        fields["services"] = {**with_totp(BACKUP_CODE), **fields["services"]}
    stage.database.users.update_one({"_id": "bob-id"}, {"$set": fields})
    account_id = str(strange["_id"])

    came_to: dict[str, object] = {
        "check": outcome(lambda: stage.check(signed_in)),
        "sign-in": outcome(lambda: stage.password("alice")),
        "sign-in by address": outcome(lambda: stage.password("alice@example.com")),
        "backup code": outcome(lambda: codes.code(due, BACKUP_CODE)),
        "code": outcome(lambda: codes.code(due, stage.totp())),
    }
    nobody = Identity("https://issuer.example", "x", "alice", account=Account(account_id))
    for tokens in (LoginTokens(stage.gantry.mongo, stage.clock), IframeTokens(stage.gantry.mongo, stage.clock)):
        name = type(tokens).__name__
        issued = outcome(lambda: tokens.issue(Account(account_id), nobody, caller().deadline))  # noqa: B023 - called now
        came_to[name] = issued
        if not isinstance(issued, GantryError):
            session = Session(account_id, issued, 0.0, 0.0)
            came_to[f"{name} check"] = outcome(lambda: tokens.is_live(session, caller().deadline))  # noqa: B023
            came_to[f"{name} sign-out"] = outcome(lambda: tokens.revoke(session, caller().deadline))  # noqa: B023
    came_to["sign-out"] = outcome(lambda: stage.sign_out(signed_in))
    came_to["sweep"] = outcome(lambda: stage.gantry.sweep(caller().deadline))

    refused = [each for each in came_to.values() if isinstance(each, GantryError)]
    assert all(isinstance(each, SignInRefused | NotSignedIn | Unavailable) for each in refused), came_to
    if kind == "iframe":
        assert not stage.record("zoe")["services"].get("iframe"), "the sweep stopped at the odd account"


def test_odd_dates_are_read_back(stage: Stage) -> None:
    """What stands for a date that Python cannot hold is one in the database: the test above tries what it says."""
    stage.database.users.insert_one({"_id": "x", "lastLogin": LATER})
    assert stage.database.users.count_documents({"lastLogin": {"$gt": datetime(9999, 1, 1)}}) == 1
