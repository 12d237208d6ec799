"""What one container remembers of a token, and for how long; and the tokens that are made for others."""

import json
from typing import Any

import pytest

from chalicelib.aws import CredentialCache
from chalicelib.config import Settings
from chalicelib.credentials import Credentials
from chalicelib.deadline import Deadline
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
from chalicelib.rocketchat import Reply
from chalicelib.secret import Secret
from chalicelib.service import Service
from chalicelib.tokens.created import CreatedTokens
from chalicelib.tokens.rest import MOST_REMEMBERED, RestTokens
from tests.fakes import FakeClock, FakeSecretStore, Replies, fernet_key, refused, reply

DEADLINE = Deadline.after(1e6)
LIVE, DEAD, LIMITED, DOWN = reply(200, {"_id": "a"}), reply(401, {}), reply(429, b"slow down"), reply(502, b"<html>")


def session(token: str = "T" * 43) -> Session:
    return Session("aliceid", Token(Secret(token)), 0.0, 1.0)


@pytest.mark.parametrize(("answer", "live"), [(LIVE, True), (LIMITED, True), (DEAD, False)])
def test_an_answer_is_remembered_for_a_second(answer: Reply, live: bool) -> None:
    """A burst of checks costs one `GET me`; a second later the workspace is asked again."""
    clock, send = FakeClock(), Replies([answer, DEAD])
    tokens = RestTokens(send, clock)
    for _ in range(4):
        assert tokens.is_live(session(), DEADLINE) is live
        clock.now += 0.24
    assert len(send.calls) == 1
    clock.now += 0.05
    assert tokens.is_live(session(), DEADLINE) is False
    assert len(send.calls) == 2


def test_what_could_not_be_known_is_not_remembered() -> None:
    """A workspace that did not answer is asked again at once."""
    tokens = RestTokens(Replies([DOWN, LIVE]), FakeClock())
    with pytest.raises(Unavailable):
        tokens.is_live(session(), DEADLINE)
    assert tokens.is_live(session(), DEADLINE)


def test_each_token_is_remembered_for_itself() -> None:
    """What is known of one session says nothing of another."""
    tokens = RestTokens(Replies([LIVE, DEAD]), FakeClock())
    assert tokens.is_live(session("one"), DEADLINE)
    assert not tokens.is_live(session("two"), DEADLINE)


def test_a_revoked_token_is_forgotten() -> None:
    """Promise 12: after a sign-out the container does not go on with what it remembered."""
    tokens = RestTokens(Replies([LIVE, reply(200, {}), DEAD]), FakeClock())
    assert tokens.is_live(session(), DEADLINE)
    tokens.revoke(session(), DEADLINE)
    assert not tokens.is_live(session(), DEADLINE)


def test_the_memory_is_bounded() -> None:
    """However many sessions are asked about within a second, the container remembers a bounded number."""
    clock = FakeClock()
    tokens = RestTokens(Replies([LIVE] * (MOST_REMEMBERED + 4)), clock)
    for number in range(MOST_REMEMBERED + 1):
        assert tokens.is_live(session(str(number)), DEADLINE)
    assert tokens.is_live(session(str(MOST_REMEMBERED)), DEADLINE)
    clock.now += 1
    for _ in range(2):
        assert tokens.is_live(session("later"), DEADLINE)


def test_a_login_without_a_token_is_no_login() -> None:
    """Nothing is minted where the login brought no token."""
    with pytest.raises(Unavailable):
        RestTokens(Replies([]), FakeClock()).issue(Account("a"), Identity("i", "s", "u"), DEADLINE)


ALICE, ACCOUNT = Identity("i", "s", "alice"), Account("aliceid")
NEW = reply(200, {"data": {"userId": "aliceid", "authToken": "N" * 43}, "success": True})
ENDED = reply(200, {"status": "success"})
TOO_EARLY = reply(400, {"success": False, "error": "Cannot read properties of undefined"})


class Made:
    """Tokens that the service account makes, over the replies that a test gives."""

    def __init__(self, *replies: Reply | Exception, **how: Any) -> None:
        self.send = Replies([*replies])
        self.keys: dict[str, Any] = {
            "session_keys": [fernet_key()],
            "rocketchat_user_id": "service-id",
            "rocketchat_auth_token": "service-token",
            "rocketchat_create_token_secret": "create-secret",
        }
        self.store = FakeSecretStore(json.dumps(self.keys))
        self.pauses: list[float] = []
        settings = Settings.from_environ({"ROCKETCHAT_URL": "https://chat.example.com", "SECRET_ID": "s"})
        clock = FakeClock()
        source = CredentialCache(
            self.store, Journal("ERROR"), clock, lambda text: Credentials.from_json(text, settings)
        )
        service = Service(self.send, source, clock)
        self.tokens = CreatedTokens(self.send, service, source, clock, pause=self.pauses.append, **how)

    def issue(self, identity: Identity = ALICE, deadline: Deadline = DEADLINE) -> str:
        return self.tokens.issue(ACCOUNT, identity, deadline).value.reveal()

    def refused(self, deadline: Deadline = DEADLINE) -> GantryError:
        with pytest.raises(GantryError) as error:
            self.issue(deadline=deadline)
        return error.value

    @property
    def paths(self) -> list[str]:
        return [call.path.rpartition("/")[2] for call in self.send.calls]

    @property
    def ended(self) -> bool:
        """Whether the last call was to end the new token, as the account itself."""
        last = self.send.calls[-1]
        headers = {"X-User-Id": "aliceid", "X-Auth-Token": "N" * 43}
        return (last.path, last.headers) == ("/api/v1/logout", headers)


def mine(**account: object) -> Reply:
    return reply(200, {"_id": "aliceid", "active": True, "success": True, **account})


def test_a_token_is_made_and_looked_at() -> None:
    """A token that is made for an account is handed out after the account was asked for a second factor with it."""
    made = Made(NEW, mine(services={"email2fa": {"enabled": True}}))
    assert made.issue() == "N" * 43
    assert made.paths == ["users.createToken", "me"]
    assert made.send.calls[1].headers == {"X-User-Id": "aliceid", "X-Auth-Token": "N" * 43}
    assert made.pauses == []


def test_a_token_that_came_with_the_login_is_taken() -> None:
    """Where the workspace itself checked the password nothing is made."""
    made = Made()
    assert made.issue(Identity("i", "s", "alice", login=Token(Secret("theirs")))) == "theirs"
    assert made.paths == []


@pytest.mark.parametrize("checked", [True, False])
def test_nobody_is_looked_at_where_nothing_is_due(checked: bool) -> None:
    """Promise 39: with a second factor that the directory checked, or with the policy `skip`, nothing is looked at."""
    made = Made(NEW, policy="honour" if checked else "skip")
    assert made.issue(Identity("i", "s", "alice", second_factor=checked)) == "N" * 43
    assert made.paths == ["users.createToken"]


@pytest.mark.parametrize("policy", ["honour", "totp"])
@pytest.mark.parametrize("logout", [ENDED, reply(502, b"<html>"), Unavailable("workspace", "ReadTimeout")], ids=str)
def test_an_account_with_totp_is_refused_and_its_token_ended(policy: str, logout: Reply | Exception) -> None:
    """Promise 39: a token that would skip the account's TOTP is ended and not handed out, whether or not that works."""
    made = Made(NEW, mine(services={"totp": {"enabled": True}}), logout, policy=policy)
    assert isinstance(made.refused(), SecondFactorUnserved)
    assert made.ended


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (reply(429, b"slow down"), RateLimited),
        (reply(502, b"<html>"), Unavailable),
        (reply(401, {"status": "error"}), Unavailable),
        (refused("error-user-is-not-activated"), Unavailable),
        (refused("totp-required", details={"method": "totp"}), Unavailable),
        (reply(403, {"success": False}), Unavailable),
        (Unavailable("workspace", "ReadTimeout"), Unavailable),
        (reply(200, {"success": True}), Unavailable),
        (reply(200, {"_id": "somebody-else"}), Unavailable),
        (mine(active=False), AccountDeactivated),
    ],
)
def test_what_cannot_be_looked_at_is_not_handed_out(answer: Reply | Exception, meaning: type[GantryError]) -> None:
    """Promise 39: no token is handed out past a second factor that was not looked for: it is ended, at a 429 too."""
    made = Made(NEW, answer, ENDED)
    assert isinstance(made.refused(), meaning)
    assert made.ended


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"userId": "bobid", "authToken": "N" * 43},
        {"userId": "aliceid"},
        {"userId": "aliceid", "authToken": 5},
        {"userId": "aliceid", "authToken": ""},
        {"userId": "aliceid", "authToken": "a\r\nX: y"},
    ],
    ids=str,
)
def test_a_token_of_another_shape_or_for_somebody_else_is_none(data: object) -> None:
    """A token for another account, or one that cannot stand in a header, is not handed out."""
    assert type(Made(reply(200, {"data": data, "success": True})).refused()) is Unavailable


def test_a_refused_first_call_is_repeated_after_a_second() -> None:
    """7.13 refuses an account that has never logged in once: a second later it is asked again, and once only."""
    made = Made(TOO_EARLY, NEW, mine())
    assert made.issue() == "N" * 43
    assert made.pauses == [1.0]
    again = Made(TOO_EARLY, TOO_EARLY)
    assert isinstance(again.refused(), ConfigurationError)
    assert again.pauses == [1.0]


def test_no_second_is_waited_that_the_request_has_not() -> None:
    """Promise 35: where the deadline has no room for the pause the refusal stands."""
    clock = FakeClock()
    made = Made(TOO_EARLY)
    assert isinstance(made.refused(Deadline(clock.now + 2.5, clock)), Unavailable)
    assert made.pauses == []


def test_a_rotated_secret_is_read_anew() -> None:
    """Promise 34: a refused authority makes the secret be read anew, and what has changed be tried once more."""
    refusal = reply(400, {"error": "Not authorized [error-not-authorized]", "errorType": "error-not-authorized"})
    made = Made(NEW, mine(), refusal, NEW, mine())
    made.issue()
    made.store.text = json.dumps({**made.keys, "rocketchat_create_token_secret": "another"})
    made.issue()
    assert [call.body and call.body.get("secret") for call in made.send.calls if call.path.endswith("Token")] == [
        "create-secret",
        "create-secret",
        "another",
    ]
    assert made.pauses == []


def test_a_wrong_secret_is_the_administrators_affair() -> None:
    """A secret that is refused and has not changed is a configuration problem, by its key and not by its value."""
    refusal = reply(400, {"error": "Not authorized [error-not-authorized]", "errorType": "error-not-authorized"})
    for error in (Made(refusal).refused(), Made(TOO_EARLY, refusal).refused()):
        assert isinstance(error, ConfigurationError)
        assert [problem.key for problem in error.problems] == ["rocketchat_create_token_secret"]
        assert "create-secret" not in f"{error!s} {error!r}"


def test_an_account_that_is_gone_is_nobodys_configuration() -> None:
    """An account that was deleted since it was looked up is unavailable: the next sign-in will see."""
    error = Made(reply(400, {"error": "no", "errorType": "error-invalid-user"})).refused()
    assert isinstance(error, Unavailable)


def test_without_a_secret_no_token_is_made() -> None:
    """Where a rotation has removed the secret for making tokens, that is a configuration problem; no call is made."""
    made = Made()
    made.store.text = json.dumps({**made.keys, "rocketchat_create_token_secret": None})
    assert isinstance(made.refused(), ConfigurationError)
    assert made.paths == []
