"""The fake workspace of the unit tests and the real adapters over HTTP keep the same promises.

The real ones are the directory `rocketchat` and the token source `rest` over the HTTP transport, against the stand-in,
and the directory `mongodb` with native login tokens in a database.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import pyotp
import pytest

from chalicelib.attempts.mongodb import MongoSteps
from chalicelib.aws import CredentialCache
from chalicelib.credentials import Credentials
from chalicelib.deadline import Deadline
from chalicelib.directories.mongodb import MongoDirectory
from chalicelib.directories.rocketchat import RocketChatDirectory
from chalicelib.errors import (
    AccountDeactivated,
    SecondFactorRequired,
    TooManyCodes,
    Unavailable,
    WrongCode,
    WrongCredentials,
)
from chalicelib.log import Journal
from chalicelib.model import Challenge, Identity, Session, Token
from chalicelib.mongodb import Mongo
from chalicelib.secret import Secret
from chalicelib.session_check import IssuedTokens
from chalicelib.signin import Directory, TokenSource
from chalicelib.tokens.mongodb import LoginTokens
from chalicelib.tokens.rest import RestTokens
from chalicelib.transport import HttpTransport
from playground.workspace import PASSWORD, Fault, ManualClock, Workspace, serve
from tests.database.fixtures import FreshDatabase
from tests.database.relay import Relay
from tests.fakes import FakeClock, FakePerson, FakeSecretStore, FakeWorkspace, caller, fernet_key, secret_text, settings
from tests.mongodb.relayed import SHORT
from tests.mongodb.stage import TOTP_SECRET, account, with_totp


class Tokens(TokenSource, IssuedTokens, Protocol):
    """What makes tokens and what knows them, in one."""


RIGHT, WRONG = Secret(PASSWORD), Secret("wrong")


class Stage(Protocol):
    """A directory and a token source with alice (password only), bob (TOTP), carol (e-mail code), dave (off)."""

    @property
    def directory(self) -> Directory: ...

    @property
    def tokens(self) -> Tokens: ...

    def right_code(self, username: str) -> str: ...

    def break_down(self) -> None: ...

    def mend(self) -> None: ...

    def minted(self) -> int: ...


class FakeStage:
    def __init__(self) -> None:
        self.directory = self.tokens = self.fake = FakeWorkspace(
            {
                "alice": FakePerson(PASSWORD),
                "bob": FakePerson(PASSWORD, method="totp", code="123456"),
                "carol": FakePerson(PASSWORD, method="email", code="654321"),
                "dave": FakePerson(PASSWORD, active=False),
            }
        )

    def right_code(self, username: str) -> str:
        return self.fake.people[username].code

    def break_down(self) -> None:
        self.fake.down = True

    def mend(self) -> None:
        self.fake.down = False

    def minted(self) -> int:
        return self.fake.minted


@dataclass
class RestStage:
    workspace: Workspace
    clock: ManualClock
    directory: RocketChatDirectory
    tokens: RestTokens

    def right_code(self, username: str) -> str:
        if username == "carol":
            mail = self.workspace.last_mail("carol")
            assert mail is not None
            return mail.code
        secret = self.workspace.accounts[username]["services"]["totp"]["secret"]
        return pyotp.TOTP(secret).at(int(self.clock()))

    def break_down(self) -> None:
        for route in ("login", "me", "logout"):
            self.workspace.fault(route, Fault(status=502, body=b"<html>"), times=100)

    def mend(self) -> None:
        self.workspace.clear_faults()

    def minted(self) -> int:
        return sum(
            len(self.workspace.accounts[name].get("services", {}).get("resume", {}).get("loginTokens", []))
            for name in ("alice", "bob", "carol", "dave")
        )


@dataclass
class MongoStage:
    database: FreshDatabase
    relay: Relay
    clock: FakeClock
    directory: MongoDirectory
    tokens: LoginTokens

    def right_code(self, username: str) -> str:
        return pyotp.TOTP(TOTP_SECRET).at(int(self.clock()))

    def break_down(self) -> None:
        self.relay.cut(times=None)

    def mend(self) -> None:
        self.relay.heal()

    def minted(self) -> int:
        return sum(len(each["services"]["resume"]["loginTokens"]) for each in self.database.users.find())


@contextmanager
def mongo_stage(database: FreshDatabase, relay: Relay) -> Iterator[MongoStage]:
    database.users.insert_many(
        [account("alice"), account("bob", services=with_totp()), account("dave", active=False)],
    )
    clock = FakeClock()
    uri = relay.uri(database.uri)
    store = FakeSecretStore(secret_text(fernet_key(), mongodb_uri=uri))
    mongo = Mongo(
        CredentialCache(
            store, Journal(), clock, partial(Credentials.from_json, settings=settings(TOKEN_SOURCE="mongodb"))
        )
    )
    yield MongoStage(
        database, relay, clock, MongoDirectory(mongo, MongoSteps(mongo), "w", clock=clock), LoginTokens(mongo, clock)
    )
    mongo.close()


@pytest.fixture(params=["fake", "rest", "mongodb"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    if request.param == "fake":
        yield FakeStage()
        return
    if request.param == "mongodb":
        with mongo_stage(request.getfixturevalue("database"), request.getfixturevalue("relay")) as staged:
            yield staged
        return
    clock = ManualClock()
    workspace = Workspace(clock=clock, rate_limits=False)
    with serve(workspace) as serving:
        send = HttpTransport(serving.url, "workspace", clock)
        yield RestStage(workspace, clock, RocketChatDirectory(send, serving.url, clock), RestTokens(send, clock))


def sign_in(stage: Stage, username: str = "alice") -> tuple[Identity, Session]:
    identity = stage.directory.authenticate(username, RIGHT, caller())
    assert identity.account is not None
    token = stage.tokens.issue(identity.account, identity, caller().deadline)
    return identity, Session(identity.account.id, token, 0.0, 1.0)


def challenge(stage: Stage, username: str) -> Challenge:
    with pytest.raises(SecondFactorRequired) as due:
        stage.directory.authenticate(username, RIGHT, caller())
    return Challenge(stage.directory.name, username, due.value.method, 0.0, due.value.memo)


def test_a_right_password_gives_an_identity_with_its_token(stage: Stage) -> None:
    """A right password tells who it is, with a stable subject and a native login token."""
    identity, session = sign_in(stage)
    assert identity.username == "alice"
    assert session.token.kind == "login"
    assert sign_in(stage)[0].subject == identity.subject
    assert identity.second_factor is False


@pytest.mark.parametrize(
    ("username", "password"), [("alice", WRONG), ("nobody", RIGHT), ("dave", WRONG), ("bob", WRONG)]
)
def test_a_wrong_password_and_an_unknown_user_are_one_refusal(stage: Stage, username: str, password: Secret) -> None:
    """Promise 2: wrong password, unknown user, and a deactivated account with a wrong password are the same refusal."""
    with pytest.raises(WrongCredentials):
        stage.directory.authenticate(username, password, caller())
    assert stage.minted() == 0


def test_a_deactivated_account_is_called_so_after_its_password(stage: Stage) -> None:
    """Promise 2: what is wrong with an account is said only after its password was right."""
    with pytest.raises(AccountDeactivated):
        stage.directory.authenticate("dave", RIGHT, caller())
    assert stage.minted() == 0


@pytest.mark.parametrize(("username", "method"), [("bob", "totp"), ("carol", "email")])
def test_a_second_factor_is_asked_for_and_answered(stage: Stage, username: str, method: str) -> None:
    """A second factor makes no token before its code was right, and the identity tells that it was checked."""
    if method == "email" and isinstance(stage, MongoStage):
        pytest.skip("only the workspace itself can send a code by e-mail")
    due = challenge(stage, username)
    assert due.method == method
    assert stage.minted() == 0
    with pytest.raises(WrongCode):
        stage.directory.answer(due, "000000x", caller())
    identity = stage.directory.answer(due, stage.right_code(username), caller())
    assert (identity.username, identity.second_factor) == (username, True)
    assert identity.account is not None
    stage.tokens.issue(identity.account, identity, caller().deadline)
    assert stage.minted() == 1


def test_too_many_wrong_codes_end_the_challenge(stage: Stage) -> None:
    """After several wrong e-mail codes the directory wants to begin again."""
    if isinstance(stage, MongoStage):
        pytest.skip("only the workspace itself can send a code by e-mail")
    due = challenge(stage, "carol")
    for _ in range(4):
        with pytest.raises(WrongCode):
            stage.directory.answer(due, "000000x", caller())
    with pytest.raises(TooManyCodes):
        stage.directory.answer(due, "000000x", caller())


def test_a_token_lives_until_it_is_revoked(stage: Stage) -> None:
    """A token is live after its sign-in, dead once revoked, and revoking it again is done already."""
    _, session = sign_in(stage)
    assert stage.tokens.is_live(session, caller().deadline)
    stage.tokens.revoke(session, caller().deadline)
    assert not stage.tokens.is_live(session, caller().deadline)
    stage.tokens.revoke(session, caller().deadline)


def test_revoking_one_token_leaves_the_others(stage: Stage) -> None:
    """Promise 29: signing out ends the session's own token and no other of the account."""
    (_, one), (_, other) = sign_in(stage), sign_in(stage)
    stage.tokens.revoke(one, caller().deadline)
    assert stage.tokens.is_live(other, caller().deadline)
    assert not stage.tokens.is_live(one, caller().deadline)


def test_a_token_of_somebody_else_is_not_live(stage: Stage) -> None:
    """A token counts for its own account only."""
    _, alice = sign_in(stage)
    bob = Session("id-of-bob", alice.token, 0.0, 1.0)
    unknown = Session(alice.account_id, Token(Secret("x" * 43)), 0.0, 1.0)
    assert not stage.tokens.is_live(bob, caller().deadline)
    assert not stage.tokens.is_live(unknown, caller().deadline)


def test_asking_mints_nothing(stage: Stage) -> None:
    """Promise 30: however often a session is asked about, no token is made."""
    _, session = sign_in(stage)
    for _ in range(20):
        assert stage.tokens.is_live(session, caller().deadline)
    assert stage.minted() == 1


def test_what_cannot_be_known_is_unavailable_and_changes_nothing(stage: Stage) -> None:
    """Promise 35: while the workspace is down every question is unavailable, and afterwards all is as it was."""
    _, session = sign_in(stage)
    stage.break_down()
    with pytest.raises(Unavailable):
        stage.directory.authenticate("alice", RIGHT, caller(SHORT))
    with pytest.raises(Unavailable):
        stage.tokens.is_live(session, caller(SHORT).deadline)
    with pytest.raises(Unavailable):
        stage.tokens.revoke(session, caller(SHORT).deadline)
    stage.mend()
    assert stage.tokens.is_live(session, caller().deadline)
    assert stage.minted() == 1


def test_no_call_is_made_past_the_deadline(stage: Stage) -> None:
    """Promise 35: a request whose time is up begins no call."""
    if isinstance(stage, FakeStage):
        pytest.skip("the fake knows no time")
    late = caller(seconds=0.0)
    with pytest.raises(Unavailable):
        stage.directory.authenticate("alice", RIGHT, late)
    _, session = sign_in(stage)
    with pytest.raises(Unavailable):
        stage.tokens.is_live(session, Deadline.after(0))
