"""What Gantry asks the database: how many commands each use case costs, and that an index serves every one of them."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.errors import NotSignedIn, SignInRefused
from chalicelib.mongodb import Mongo
from chalicelib.secret import Secret
from chalicelib.signin import SignedIn
from tests.fakes import caller
from tests.mongodb.conftest import MakeStage
from tests.mongodb.filters import Heard, Watch, understood, unserved
from tests.mongodb.people import foreign
from tests.mongodb.stage import BACKUP_CODE, PASSWORD, Stage, moment, services, with_totp

OWN = ("gantry_attempts", "gantry_links")
WRONG = Secret("wrong")
UNVERIFIED = [{"address": "dora@example.com", "verified": False}]


@dataclass(frozen=True)
class Cost:
    """Commands on the accounts, on the workspace's settings, and on Gantry's own collections."""

    accounts: int
    settings: int = 0
    own: int = 0


def cost(heard: Heard) -> Cost:
    counts = Counter(command.collection for command in heard)
    told = Cost(counts["users"], counts["rocketchat_settings"], sum(counts[name] for name in OWN))
    assert told.accounts + told.settings + told.own == len(heard), counts
    return told


def furnished(stage: Stage) -> Stage:
    """The people of the table below."""
    stage.add("alice")
    stage.add("bob", services=with_totp(BACKUP_CODE))
    stage.add("carol", services=services(email2fa={"enabled": True}))
    stage.add("dora", emails=UNVERIFIED)
    stage.set("Accounts_TwoFactorAuthentication_By_Email_Enabled", False)
    return stage


def check(stage: Stage) -> Callable[[], object]:
    signed_in = stage.signed_in("alice")
    return lambda: stage.check(signed_in)


def check_of_another_kind_of_cookie(stage: Stage) -> Callable[[], object]:
    def work() -> None:
        with pytest.raises(NotSignedIn):
            stage.gantry.session_check.check("forged", caller().deadline)

    return work


def sign_in(username: str) -> Callable[[Stage], Callable[[], object]]:
    return lambda stage: lambda: stage.signed_in(username)


def sign_in_again(stage: Stage) -> Callable[[], object]:
    stage.signed_in("alice")
    return lambda: stage.signed_in("alice")


def refused(username: str, password: Secret = WRONG) -> Callable[[Stage], Callable[[], object]]:
    def prepared(stage: Stage) -> Callable[[], object]:
        def work() -> None:
            with pytest.raises(SignInRefused):
                stage.password(username, password)

        return work

    return prepared


def two_steps(code: Callable[[Stage], str]) -> Callable[[Stage], Callable[[], object]]:
    def prepared(stage: Stage) -> Callable[[], object]:
        def work() -> None:
            assert isinstance(stage.code(stage.challenged("bob"), code(stage)), SignedIn)

        return work

    return prepared


def sign_out(stage: Stage) -> Callable[[], object]:
    signed_in = stage.signed_in("alice")
    return lambda: stage.sign_out(signed_in)


def sweep_of_three(stage: Stage) -> Callable[[], object]:
    for number in range(3):
        stage.add(f"old{number}", services={"iframe": {"token": f"t{number}", "when": moment(stage.clock.now - 700)}})
    return lambda: stage.gantry.sweep(caller().deadline)


def first_time_from_elsewhere(stage: Stage) -> Callable[[], object]:
    return lambda: foreign(stage.gantry).with_password("erin", PASSWORD, caller())


def again_from_elsewhere(stage: Stage) -> Callable[[], object]:
    foreign(stage.gantry).with_password("erin", PASSWORD, caller())
    return first_time_from_elsewhere(stage)


LOGIN: Mapping[str, tuple[Callable[[Stage], Callable[[], object]], Cost]] = {
    "check": (check, Cost(1)),
    "check of a cookie that is no session": (check_of_another_kind_of_cookie, Cost(0)),
    "sign-in by username": (sign_in("alice"), Cost(2, own=6)),
    "sign-in by address": (sign_in("alice@example.com"), Cost(2, own=6)),
    "sign-in, settings asked for e-mail codes": (sign_in("carol"), Cost(2, settings=1, own=6)),
    "sign-in, settings asked for verification": (sign_in("dora"), Cost(2, settings=1, own=6)),
    "sign-in with TOTP": (two_steps(Stage.totp), Cost(3, settings=1, own=11)),
    "sign-in with a backup code": (two_steps(lambda stage: BACKUP_CODE), Cost(4, settings=1, own=10)),
    "sign-in with a wrong password": (refused("alice"), Cost(1, own=4)),
    "sign-in of nobody": (refused("nobody"), Cost(2, own=4)),
    "sign-out": (sign_out, Cost(1)),
    "first sign-in from elsewhere": (first_time_from_elsewhere, Cost(6, own=8)),
    "sign-in from elsewhere": (again_from_elsewhere, Cost(3, own=7)),
    "sweep of another kind": (sweep_of_three, Cost(0)),
}
IFRAME: Mapping[str, tuple[Callable[[Stage], Callable[[], object]], Cost]] = {
    "check": (check, Cost(1)),
    "sign-in by username": (sign_in("alice"), Cost(3, own=6)),
    "sign-in, the token being young": (sign_in_again, Cost(2, own=6)),
    "sign-in with TOTP, which this kind cannot serve": (refused("bob", PASSWORD), Cost(1, settings=1, own=4)),
    "sign-out": (sign_out, Cost(1)),
    "sweep of three old tokens": (sweep_of_three, Cost(4)),
}


@pytest.mark.parametrize("name", LOGIN)
def test_what_each_use_case_costs(stage: Stage, heard: Heard, name: str) -> None:
    """A use case with native login tokens sends exactly the commands that the table says: none is added unnoticed."""
    prepare, expected = LOGIN[name]
    work = prepare(furnished(stage))
    before = len(heard)
    work()
    assert cost(heard[before:]) == expected


@pytest.mark.parametrize("name", IFRAME)
def test_what_each_use_case_costs_with_iframe_tokens(iframe: Stage, heard: Heard, name: str) -> None:
    """A use case with tokens of the kind `iframe` sends exactly the commands that the table says."""
    prepare, expected = IFRAME[name]
    work = prepare(furnished(iframe))
    before = len(heard)
    work()
    assert cost(heard[before:]) == expected


@pytest.mark.parametrize("kind", ["login", "iframe"])
def test_a_sign_in_costs_at_most_three_commands_on_the_accounts(make_stage: MakeStage, heard: Heard, kind: str) -> None:
    """A sign-in by exact username asks the accounts at most three times, a check once, whatever the kind."""
    stage = furnished(make_stage(TOKEN_KIND=kind))
    signed_in = stage.signed_in("alice")
    assert cost(heard).accounts <= 3
    before = len(heard)
    stage.check(signed_in)
    assert cost(heard[before:]) == Cost(1)


def test_a_check_only_reads(stage: Stage, iframe: Stage, heard: Heard) -> None:
    """Promise 30: checks of either kind send reads by `_id` alone, and leave the record as it was."""
    stage.add("alice")
    for each in (stage, iframe):
        signed_in, record, before = each.signed_in("alice"), each.record("alice"), len(heard)
        for _ in range(3):
            each.check(signed_in)
        assert {str(command) for command in heard[before:]} == {"find users {_id: str}"}
        assert each.record("alice") == record


RANGE = {"services.iframe.when": {"$lt": moment(0)}}
IGNORING_CASE = {"locale": "en", "strength": 2}


@pytest.mark.parametrize(
    "content",
    [
        {"find": "users", "filter": {"_id": "x", "active": True}},
        {"find": "gantry_links", "filter": {"_id": {"$in": ["x"]}}},
        {"find": "users", "filter": {"active": True, "username": "alice"}},
        {"find": "users", "filter": {"username": "alice"}, "collation": IGNORING_CASE},
        {"find": "users", "filter": {"$or": [{"_id": "x"}, {"emails.address": "a@example.com"}]}},
        {"find": "users", "filter": {"$and": [{"active": True}, {"_id": "x"}]}},
        {"update": "users", "updates": [{"q": {"_id": "x"}, "u": {}}]},
        {"delete": "users", "deletes": [{"q": {"_id": "x"}, "limit": 1}]},
        {"findAndModify": "users", "query": {"services.resume.loginTokens.hashedToken": "h"}},
        {"aggregate": "users", "pipeline": [{"$match": {"services.iframe.when": moment(0)}}]},
        {"insert": "users", "documents": [{}]},
        {"ping": 1},
    ],
    ids=str,
)
def test_what_an_index_serves_passes(content: dict[str, Any]) -> None:
    """The watch lets through `_id`, an equality on an index's field in its collation, and what has no filter."""
    assert unserved(understood(next(iter(content)), content)) == []


@pytest.mark.parametrize(
    "content",
    [
        {"find": "users"},
        {"find": "users", "filter": {}},
        {"find": "users", "filter": {"_id": {"$ne": "x"}}},
        {"find": "users", "filter": {"_id": {"$gt": "x"}}},
        {"find": "users", "filter": {"_id": "x"}, "collation": IGNORING_CASE},
        {"find": "users", "filter": {"name": "Alice"}},
        {"find": "users", "filter": {"services.iframe.token": "t"}},
        {"find": "users", "filter": {"username": {"$exists": True}}},
        {"find": "users", "filter": {"username": {"$regex": "^alice$", "$options": "i"}}},
        {"find": "users", "filter": {"username": None}},
        {"find": "users", "filter": {"username": {"$in": ["alice", None]}}},
        {"find": "users", "filter": {"lastLogin": moment(0)}, "collation": IGNORING_CASE},
        {"find": "users", "filter": RANGE},
        {"find": "users", "filter": {"$or": [{"_id": "x"}, {"name": "Alice"}]}},
        {"find": "gantry_links", "filter": {"username": "alice"}},
        {"update": "users", "updates": [{"q": {"_id": "x"}, "u": {}}, {"q": {"name": "x"}, "u": {}}]},
        {"delete": "users", "deletes": [{"q": {}, "limit": 0}]},
        {"aggregate": "users", "pipeline": [{"$group": {"_id": "$name"}}]},
        {"mapReduce": "users"},
    ],
    ids=str,
)
def test_what_no_index_serves_is_found(content: dict[str, Any]) -> None:
    """The watch finds what would read every account, ranges outside the sweep included."""
    assert len(unserved(understood(next(iter(content)), content))) == 1


def test_the_sweep_alone_may_ask_for_a_range() -> None:
    """A range on an index's field passes in the sweep; one on another field does not."""
    sweep = ("_attempt", "run", "sweep")
    assert unserved(understood("find", {"find": "users", "filter": RANGE}, sweep)) == []
    assert unserved(understood("find", {"find": "users", "filter": {"createdAt": {"$lt": moment(0)}}}, sweep))
    assert unserved(understood("find", {"find": "users", "filter": {"_id": {"$gt": "x"}}}, sweep))


def test_a_test_whose_filter_no_index_serves_fails_by_name(stage: Stage) -> None:
    """The watch fails the test in which Gantry sent the filter, and shows no value of it."""
    watch = Watch()
    stage.add("alice")
    mongo = Mongo(stage.gantry.credentials, [watch])
    try:
        assert mongo.run(lambda database: database.users.find_one({"_id": "alice-id"}), caller().deadline)
        assert len(watch.heard) == 1
        watch.judge("test_good")
        watch.unserved += unserved(understood("find", {"find": "users", "filter": {"name": "canary"}}))
        with pytest.raises(pytest.fail.Exception, match="test_bad sent filters") as failed:
            watch.judge("test_bad")
    finally:
        mongo.close()
    assert "find users {name: str}" in str(failed.value)
    assert "canary" not in str(failed.value)
    watch.judge("the next test")
