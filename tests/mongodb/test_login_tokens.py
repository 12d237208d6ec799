"""Token kind `login`: a native login token, of which only the hash is stored."""

import re
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.errors import AccountDeactivated, NotSignedIn
from chalicelib.model import Account, Identity, Session, Token
from chalicelib.secret import Secret
from chalicelib.tokens.mongodb import LoginTokens
from tests.fakes import NOON, caller
from tests.mongodb.stage import Stage, hashed, moment, services

PAT = {
    "type": "personalAccessToken",
    "createdAt": moment(NOON),
    "lastTokenPart": "abcdef",
    "name": "bot",
    "hashedToken": "p",
}


def test_a_token_is_stored_as_meteor_stores_its_own(stage: Stage) -> None:
    """Promise 10: 43 characters of `A-Za-z0-9-_` from `secrets`; the record gets `when` and the hash, nothing else."""
    stage.add("alice")
    token = stage.signed_in("alice").session.token
    assert token.kind == "login"
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token.value.reveal())
    assert stage.tokens("alice") == [
        {"when": moment(NOON).replace(tzinfo=None), "hashedToken": hashed(token.value.reveal())}
    ]


def test_tokens_are_appended_and_nothing_is_pruned(stage: Stage) -> None:
    """Other clients' tokens and personal access tokens stay as they are; the workspace trims, not Gantry."""
    others = [{"when": moment(NOON - day * 86400), "hashedToken": str(day)} for day in range(200)]
    stage.add("alice", services=services(resume={"loginTokens": [PAT, *others]}))
    before = stage.tokens("alice")
    signed_in = stage.signed_in("alice")
    assert stage.tokens("alice")[:-1] == before
    stage.check(signed_in)
    assert stage.sign_out(signed_in)
    assert stage.tokens("alice") == before


def test_twenty_checks_give_one_token_and_mint_nothing(stage: Stage) -> None:
    """Promise 30: a session is checked as often as anybody likes and nothing is written."""
    stage.add("alice")
    signed_in = stage.signed_in("alice")
    before = stage.record("alice")
    for _ in range(20):
        stage.check(signed_in)
    assert stage.record("alice") == before


def test_a_logout_in_the_workspace_holds(stage: Stage) -> None:
    """Promise 12: once Rocket.Chat has removed the element, the replayed session is over at once."""
    stage.add("alice")
    signed_in = stage.signed_in("alice")
    stage.log_in_to_workspace("alice")
    stage.check(signed_in)
    stage.database.users.update_one({"_id": "alice-id"}, {"$set": {"services.resume.loginTokens": []}})
    with pytest.raises(NotSignedIn):
        stage.check(signed_in)


@pytest.mark.parametrize(
    "change",
    [
        {"$set": {"active": False}},
        {"$unset": {"active": ""}},
        {"$unset": {"services": ""}},
        {"$set": {"services": "x"}},
        {"$set": {"services.resume.loginTokens": "x"}},
        {"$set": {"services.resume.loginTokens": [5, None, {}, {"hashedToken": 5}]}},
    ],
)
def test_a_session_ends_with_what_it_stands_on(stage: Stage, change: dict[str, Any]) -> None:
    """A deactivated account, or one without the token in whatever shape, is not signed in; nothing is a fault."""
    stage.add("alice")
    signed_in = stage.signed_in("alice")
    stage.database.users.update_one({"_id": "alice-id"}, change)
    with pytest.raises(NotSignedIn):
        stage.check(signed_in)


def test_a_session_ends_with_its_account(stage: Stage) -> None:
    """A removed account is not signed in, and there is nothing left to sign out."""
    stage.add("alice")
    signed_in = stage.signed_in("alice")
    stage.database.users.delete_one({"_id": "alice-id"})
    with pytest.raises(NotSignedIn):
        stage.check(signed_in)
    assert stage.sign_out(signed_in)


def test_signing_out_removes_exactly_the_sessions_token(stage: Stage) -> None:
    """Promise 12: signing out ends this session at once and no other; a second time is done already."""
    stage.add("alice")
    one, other = stage.signed_in("alice"), stage.signed_in("alice")
    assert stage.sign_out(one)
    assert stage.sign_out(one)
    with pytest.raises(NotSignedIn):
        stage.check(one)
    stage.check(other)
    assert [each["hashedToken"] for each in stage.tokens("alice")] == [hashed(other.session.token.value.reveal())]


def test_a_personal_access_token_is_not_a_session(stage: Stage) -> None:
    """The token of one account is nothing in another."""
    stage.add("alice")
    stage.add("bob")
    token = stage.signed_in("alice").session.token
    tokens = LoginTokens(stage.gantry.mongo, stage.clock)
    assert not tokens.is_live(Session("bob-id", token, 0.0, 1.0), caller().deadline)
    assert not tokens.is_live(Session("alice-id", Token(Secret("x")), 0.0, 1.0), caller().deadline)


@pytest.mark.parametrize("gone", [{"active": False}, None])
def test_no_token_is_made_for_an_account_that_went_meanwhile(stage: Stage, gone: dict[str, Any] | None) -> None:
    """Promise 29: a write that matches no account is not taken for success."""
    if gone is not None:
        stage.add("alice", **gone)
    tokens = LoginTokens(stage.gantry.mongo, stage.clock)
    with pytest.raises(AccountDeactivated):
        tokens.issue(Account("alice-id"), Identity("i", "s", "alice"), caller().deadline)


def test_the_token_of_the_workspaces_own_login_is_handed_on(stage: Stage) -> None:
    """With the directory `rocketchat` the token of the REST login is the session's: no second one is written."""
    stage.add("alice")
    given = Token(Secret("from-the-login"))
    tokens = LoginTokens(stage.gantry.mongo, stage.clock)
    identity = Identity("i", "s", "alice", account=Account("alice-id"), login=given)
    assert tokens.issue(Account("alice-id"), identity, caller().deadline) == given
    assert stage.tokens("alice") == []


def test_the_time_in_the_record_is_a_date(stage: Stage) -> None:
    """`when` is a date of the database, which the workspace compares with its expiry."""
    stage.add("alice")
    stage.clock.now += 0.25
    stage.signed_in("alice")
    assert stage.tokens("alice")[0]["when"] - moment(NOON).replace(tzinfo=None) == timedelta(milliseconds=250)
