"""Tokens that the service account has the workspace make, against the stand-in in each of its versions."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from chalicelib import rocketchat
from chalicelib.aws import CredentialCache
from chalicelib.config import Policy, Settings
from chalicelib.credentials import Credentials
from chalicelib.errors import (
    AccountDeactivated,
    ConfigurationError,
    GantryError,
    RateLimited,
    SecondFactorUnserved,
    Unavailable,
)
from chalicelib.log import Journal
from chalicelib.model import Account, Identity, Session, Token
from chalicelib.secret import Secret
from chalicelib.service import Service
from chalicelib.tokens.created import CreatedTokens
from chalicelib.transport import HttpTransport
from playground.workspace import Fault, ManualClock, Person, Serving, Workspace, serve
from tests.fakes import FakeSecretStore, caller, fernet_key

SECRET = "the-create-token-secret"
ALICE = Identity("https://issuer.example", "subject", "alice", "alice@example.com", email_verified=True)


@dataclass
class Stage:
    """A workspace with alice, bob (TOTP) and a service account, and the tokens that are made there."""

    workspace: Workspace
    serving: Serving
    clock: ManualClock
    policy: Policy = "honour"
    pauses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        user_id, token = self.workspace.add_administrator()
        self.keys: dict[str, Any] = {
            "session_keys": [fernet_key()],
            "rocketchat_user_id": user_id,
            "rocketchat_auth_token": token,
            "rocketchat_create_token_secret": SECRET,
        }
        self.store = FakeSecretStore("")
        self.save()
        self.workspace.create_tokens_secret = SECRET

    def save(self, **keys: str) -> None:
        self.keys.update(keys)
        self.store.text = json.dumps(self.keys)

    def credentials(self) -> CredentialCache:
        settings = Settings.from_environ({"ROCKETCHAT_URL": self.serving.url, "SECRET_ID": "s"})
        understand = partial(Credentials.from_json, settings=settings)
        return CredentialCache(self.store, Journal("ERROR"), self.clock, understand)

    def connection(self) -> tuple[HttpTransport, Service]:
        send = HttpTransport(self.serving.url, "workspace", self.clock)
        return send, Service(send, self.credentials(), self.clock)

    def tokens(self, policy: Policy = "honour") -> CreatedTokens:
        """The token source of a new container."""
        credentials = self.credentials()
        send = HttpTransport(self.serving.url, "workspace", self.clock)
        service = Service(send, credentials, self.clock)
        return CreatedTokens(send, service, credentials, self.clock, policy=policy, pause=self.pauses.append)

    def account(self, username: str = "alice") -> Account:
        return Account(self.workspace.accounts[username]["_id"])

    def issue(self, username: str = "alice", identity: Identity = ALICE, policy: Policy = "honour") -> Token:
        return self.tokens(policy).issue(self.account(username), identity, caller().deadline)

    def live(self, username: str = "alice") -> int:
        return len(self.workspace.accounts.login_tokens(self.workspace.accounts[username]))

    def version(self, version: str) -> None:
        """A workspace of another version, started for making tokens as that one is."""
        self.workspace.version = version
        if version < "8":
            self.workspace.create_tokens_secret, self.workspace.create_tokens_for_users = None, True
            self.save(rocketchat_create_token_secret="")


@pytest.fixture
def stage() -> Iterator[Stage]:
    clock = ManualClock()
    people = (
        Person(username="alice", password=None, email="alice@example.com"),
        Person(username="bob", password=None, email="bob@example.com", totp_secret="GANTRYTESTGANTRYTESTGANTRYTESTAA"),
        Person(username="carol", password=None, email="carol@example.com", email_codes=True),
        Person(username="dave", password=None, email="dave@example.com", active=False),
    )
    workspace = Workspace(clock=clock, rate_limits=False, people=people)
    with serve(workspace) as serving:
        yield Stage(workspace, serving, clock)


@pytest.mark.parametrize("version", ["6.0", "6.13", "7.0", "7.12", "7.13", "8.0", "8.6"])
def test_every_version_gives_a_token(stage: Stage, version: str) -> None:
    """A token is made in both body forms, at 7.13 for an account that has never logged in too, and it logs in."""
    stage.version(version)
    token = stage.issue()
    session = Session(stage.account().id, token, 0.0, 1.0)
    assert stage.tokens().is_live(session, caller().deadline)
    early = version == "7.13"
    assert stage.pauses == ([1.0] if early else [])
    assert stage.live() == (2 if early else 1)
    sent = [call.body for call in stage.workspace.calls("users.createToken")]
    assert all(set(body) == ({"userId", "secret"} if version >= "8" else {"userId"}) for body in sent)
    assert stage.issue() != token
    assert stage.pauses == ([1.0] if early else [])


def test_a_token_ends_as_any_other(stage: Stage) -> None:
    """Promise 12: a token that was made for somebody is dead once it is revoked, and no other with it."""
    tokens, deadline = stage.tokens(), caller().deadline
    one, other = (Session(stage.account().id, stage.issue(), 0.0, 1.0) for _ in range(2))
    tokens.revoke(one, deadline)
    assert (tokens.is_live(one, deadline), tokens.is_live(other, deadline)) == (False, True)
    tokens.revoke(one, deadline)


@pytest.mark.parametrize("policy", ["honour", "totp"])
def test_an_account_with_totp_gets_no_token(stage: Stage, policy: Policy) -> None:
    """Promise 39: a made token would skip the account's TOTP, so it is ended and the person is told."""
    with pytest.raises(SecondFactorUnserved):
        stage.issue("bob", policy=policy)
    assert stage.live("bob") == 0


def test_a_second_factor_that_was_checked_or_is_skipped_is_not_asked_for(stage: Stage) -> None:
    """Promise 39: who gave a second factor to the directory gets a token past TOTP, as everybody does with `skip`."""
    checked = Identity("https://issuer.example", "subject", "bob", second_factor=True)
    for token in (stage.issue("bob", checked), stage.issue("bob", policy="skip")):
        assert stage.tokens().is_live(Session(stage.account("bob").id, token, 0.0, 1.0), caller().deadline)
    assert stage.live("bob") == 2


def test_codes_by_email_are_not_asked_for(stage: Stage) -> None:
    """Every new account has codes by e-mail switched on: the directory's own check takes their place."""
    assert stage.issue("carol").kind == "login"


def test_a_deactivated_account_gets_no_token(stage: Stage) -> None:
    """An account that was switched off since it was looked up gets no token."""
    with pytest.raises(AccountDeactivated):
        stage.issue("dave")
    assert stage.live("dave") == 0


@pytest.mark.parametrize(
    ("fault", "meaning"),
    [
        (Fault(status=429, body=b"slow down"), RateLimited),
        (Fault(status=500, body=b"<html>"), Unavailable),
        (Fault(status=401, body=b"{}"), Unavailable),
        (Fault(cut=True), Unavailable),
    ],
    ids=["429", "500", "401", "cut"],
)
def test_a_token_that_could_not_be_looked_at_is_ended(stage: Stage, fault: Fault, meaning: type[GantryError]) -> None:
    """Promise 39: where the account cannot be asked for its second factor, nothing of the token stays behind."""
    for username in ("alice", "bob"):
        # A GET is repeated once where the connection was cut.
        stage.workspace.fault("me", fault, times=2 if fault.cut else 1)
        with pytest.raises(meaning):
            stage.issue(username)
        assert stage.live(username) == 0


@pytest.mark.parametrize(
    "change",
    ["wrong secret", "no secret at the server", "empty secret", "permission", "secret at 7.x", "not started at 7.x"],
)
def test_a_workspace_that_makes_no_tokens_is_the_administrators_affair(stage: Stage, change: str) -> None:
    """A wrong secret, a server that was not started for it and a missing permission are a configuration problem."""
    match change:
        case "wrong secret":
            stage.save(rocketchat_create_token_secret="another")
        case "no secret at the server":
            stage.workspace.create_tokens_secret = None
        case "empty secret":
            stage.save(rocketchat_create_token_secret="")
        case "permission":
            stage.workspace.permissions["admin"].discard("user-generate-access-token")
        case "secret at 7.x":
            stage.version("7.12")
            stage.save(rocketchat_create_token_secret=SECRET)
        case "not started at 7.x":
            stage.version("7.12")
            stage.workspace.create_tokens_for_users = False
    with pytest.raises(ConfigurationError) as error:
        stage.issue()
    assert [problem.key for problem in error.value.problems] == ["rocketchat_create_token_secret"]
    assert "user-generate-access-token" in str(error.value)
    assert SECRET not in f"{error.value!s} {error.value!r}"
    assert stage.live() == 0


def test_what_was_rotated_is_read_anew(stage: Stage) -> None:
    """Promise 34: the service account's token and the secret for tokens, rotated in a running container, serve on."""
    tokens, deadline = stage.tokens(), caller().deadline
    tokens.issue(stage.account(), ALICE, deadline)
    administrator = stage.workspace.accounts["administrator"]
    stage.workspace.accounts.remove_login_token(administrator, stage.keys["rocketchat_auth_token"])
    stage.save(rocketchat_auth_token=stage.workspace.accounts.new_personal_access_token(administrator, "another"))
    tokens.issue(stage.account(), ALICE, deadline)
    stage.workspace.create_tokens_secret = "another"
    stage.save(rocketchat_create_token_secret="another")
    tokens.issue(stage.account(), ALICE, deadline)
    assert (stage.live(), stage.store.fetches, stage.pauses) == (3, 3, [])


@pytest.mark.parametrize("fault", [Fault(status=502, body=b"<html>"), Fault(cut=True)], ids=["502", "cut"])
def test_a_workspace_that_does_not_answer_is_unavailable(stage: Stage, fault: Fault) -> None:
    """Promise 35: without an answer there is no token, and the next sign-in gets one."""
    stage.workspace.fault("users.createToken", fault)
    with pytest.raises(Unavailable):
        stage.issue()
    assert stage.issue().kind == "login"


@pytest.mark.parametrize("with_headers", [True, False])
def test_logins_with_the_service_accounts_headers_are_not_counted(stage: Stage, with_headers: bool) -> None:
    """8.x lets more than ten people a minute log in where `POST login` goes with the headers of an exempt account."""
    stage.workspace.settings["API_Enable_Rate_Limiter"] = True
    send, service = stage.connection()
    headers = service.headers(caller().deadline) if with_headers else {}
    statuses = []
    for number in range(12):
        call = rocketchat.login(f"nobody{number}", Secret("wrong"), "203.0.113.9", service=headers)
        statuses.append(send(call, caller().deadline).status)
    assert statuses == [401] * (12 if with_headers else 10) + [429] * (0 if with_headers else 2)
