"""Hand-written stand-ins for the ports. The contract suite holds each of them to what the real adapters do."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cryptography.fernet import Fernet

from chalicelib.config import Settings
from chalicelib.credentials import Credentials
from chalicelib.deadline import Deadline
from chalicelib.errors import (
    AccountDeactivated,
    GantryError,
    SecondFactorRequired,
    TooManyCodes,
    Unavailable,
    WrongCode,
    WrongCredentials,
)
from chalicelib.model import Account, Caller, Challenge, Identity, Session, Token
from chalicelib.rocketchat import Call, Reply
from chalicelib.secret import Secret
from chalicelib.web.request import Request

NOON = 1_800_000_000.0
"""Where the tests' clocks begin, in seconds since 1970."""


@dataclass
class FakeClock:
    """A clock that moves only when a test moves it."""

    now: float = NOON

    def __call__(self) -> float:
        return self.now


def fernet_key() -> str:
    return Fernet.generate_key().decode()


def secret_text(*keys: str, mongodb_uri: str | None = None) -> str:
    return json.dumps({"session_keys": list(keys)} | ({"mongodb_uri": mongodb_uri} if mongodb_uri else {}))


def settings(**environ: str) -> Settings:
    """The settings of a deployment with what must be set and `environ`."""
    return Settings.from_environ({"ROCKETCHAT_URL": "https://chat.example.com", "SECRET_ID": "gantry/test", **environ})


def a_request(accept_language: str = "") -> Request:
    """Somebody's browser asks for the login page."""
    return Request("GET", "/login", "/api", {"accept-language": accept_language}, {}, bytes, caller())


def caller(seconds: float = 26.0, address: str = "203.0.113.9") -> Caller:
    return Caller(address, "request-1", Deadline.after(seconds))


class FakeKeys:
    """One container's credentials, with a session key of their own; an exception in `failure` is raised instead."""

    def __init__(self) -> None:
        self.known = Credentials.from_json(secret_text(fernet_key()))
        self.failure: Exception | None = None

    def current(self, deadline: Deadline) -> Credentials:
        if self.failure is not None:
            raise self.failure
        return self.known

    def refreshed(self, deadline: Deadline) -> Credentials:
        return self.current(deadline)


@dataclass
class FakeSecretStore:
    """A secret in memory; an exception in `failure` is raised instead."""

    text: str
    failure: Exception | None = None
    fetches: int = 0

    def fetch(self, deadline: Deadline) -> str:
        self.fetches += 1
        if self.failure is not None:
            raise self.failure
        return self.text


@dataclass
class FakePerson:
    """An account of the fake directory; `method` is the second factor, `code` its right answer."""

    password: str
    method: str | None = None
    code: str = "123456"
    active: bool = True
    wrong_codes: int = 0


@dataclass
class FakeWorkspace:
    """A directory and a token source in one, as the REST API of a workspace is; `down` makes everything unavailable."""

    people: dict[str, FakePerson]
    name: str = "rocketchat"
    down: bool = False
    minted: int = 0
    live: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    most_wrong_codes: int = 5

    def authenticate(self, username: str, password: Secret, caller: Caller) -> Identity:
        return self._login(username, password, None)

    def answer(self, challenge: Challenge, code: str, caller: Caller) -> Identity:
        return self._login(challenge.username, Secret(challenge.memo["password"]), code)

    def _login(self, username: str, password: Secret, code: str | None) -> Identity:
        self._up()
        person = self.people.get(username)
        if person is None or Secret(person.password) != password:
            raise WrongCredentials
        if person.method is not None:
            self._second_factor(person, code)
        if not person.active:
            raise AccountDeactivated
        return Identity(
            "fake",
            f"id-of-{username}",
            username,
            second_factor=code is not None,
            account=Account(f"id-of-{username}"),
            login=self._mint(f"id-of-{username}"),
        )

    def _mint(self, account_id: str) -> Token:
        self.minted += 1
        token = f"{'t' * 30}{self.minted:013d}"
        self.live[token] = account_id
        return Token(Secret(token))

    def _second_factor(self, person: FakePerson, code: str | None) -> None:
        assert person.method is not None
        if code is None:
            raise SecondFactorRequired(person.method, {"password": person.password})
        if code != person.code:
            person.wrong_codes += 1
            raise TooManyCodes if person.wrong_codes >= self.most_wrong_codes else WrongCode

    def issue(self, account: Account, identity: Identity, deadline: Deadline) -> Token:
        return identity.login or self._mint(account.id)

    def is_live(self, session: Session, deadline: Deadline) -> bool:
        self.asked += 1
        self._up()
        return self.live.get(session.token.value.reveal()) == session.account_id

    def revoke(self, session: Session, deadline: Deadline) -> None:
        self._up()
        self.live.pop(session.token.value.reveal(), None)

    def _up(self) -> None:
        if self.down:
            raise Unavailable("workspace", "down")


class FakeAccounts:
    """Everybody has an account."""

    def account_of(self, identity: Identity, deadline: Deadline) -> Account:
        return identity.account or Account(identity.subject)


@dataclass
class FakeSecondFactor:
    """An account's second factor; without a `code` nothing is due."""

    code: str = ""
    answered_for: list[str] = field(default_factory=list)

    def ask(self, account: Account, identity: Identity, deadline: Deadline) -> None:
        if self.code and account.id not in self.answered_for:
            raise SecondFactorRequired("totp")

    def answer(self, account: Account, code: str, deadline: Deadline) -> None:
        if code != self.code:
            raise WrongCode
        self.answered_for.append(account.id)


@dataclass
class AttemptRecorder:
    """The log of attempts and of troubles, kept."""

    attempts: list[dict[str, str]] = field(default_factory=list)
    troubles: list[GantryError] = field(default_factory=list)

    def attempt(self, **fields: str) -> None:
        self.attempts.append(fields)

    def backend(self, error: GantryError, request_id: str) -> None:
        self.troubles.append(error)


@dataclass
class Replies:
    """A transport that answers each call with the next of the replies that a test gave it."""

    replies: list[Reply | Exception | Callable[[], Reply]]
    calls: list[Call] = field(default_factory=list)

    def __call__(self, call: Call, deadline: Deadline) -> Reply:
        self.calls.append(call)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply() if callable(reply) else reply


def reply(status: int, body: object = None, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply with `body` as JSON, or as it is where it is bytes."""
    return Reply(status, headers or {}, body if isinstance(body, bytes) else json.dumps(body).encode())


def granted(user_id: str = "aliceid", token: str = "T" * 43, **account: object) -> Reply:
    """What `POST login` answers to the right password."""
    me = {"_id": user_id, "username": "alice", "name": "Alice", **account}
    return reply(200, {"status": "success", "data": {"userId": user_id, "authToken": token, "me": me}})


def refused(error: object = "Unauthorized", **more: object) -> Reply:
    """What `POST login` answers to a refused login."""
    return reply(401, {"status": "error", "error": error, "message": "no", **more})
