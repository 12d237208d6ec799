"""The Cognito directory over HTTP, against moto's user pools and against a stub that refuses what Cognito refuses."""

from collections.abc import Iterator

import pytest

from chalicelib.credentials import UserPool
from chalicelib.directories.cognito import CognitoDirectory
from chalicelib.errors import (
    ChallengeGone,
    NewPasswordDue,
    SecondFactorRequired,
    Unavailable,
    WrongCode,
    WrongCredentials,
)
from chalicelib.model import Caller, Challenge, Identity
from chalicelib.secret import Secret
from tests.cognito.motopool import MotoPool, totp_on
from tests.cognito.stub import CLIENT_ID, CLIENT_SECRET, CODE, POOL_ID, CognitoStub, KnownSecret, Person
from tests.fakes import caller
from tests.secrets_manager import AWS, SecretsManager

PASSWORD = "Right pässword 1"
WRONG = "Wrong-Password-1"


class MotoStage:
    """moto, where everybody's app shows the same code."""

    def __init__(self, moto: SecretsManager) -> None:
        self.url = moto.url
        self._made = MotoPool(moto.url, PASSWORD, with_secret=True)
        self.code = self._made.code()
        self.directory = CognitoDirectory(KnownSecret(self._made.pool))
        self.issuer = f"https://cognito-idp.eu-central-1.amazonaws.com/{self._made.pool.id}"
        profile = {"email": "alice@example.com", "email_verified": "true", "name": "Alice", "preferred_username": "al"}
        self.sub = self._made.add("alice", **profile)
        self._made.add("una", email="una@example.com", email_verified="false")
        self._made.add("tom")
        self._made.enrol("tom")
        self._made.add("dora")
        self._made.disable("dora")
        self._made.add_invited("nina")

    def close(self) -> None:
        self.directory.close()
        self._made.close()


class StubStage:
    """The stub, whose people are the same."""

    code = CODE
    issuer = f"https://cognito-idp.eu-central-1.amazonaws.com/{POOL_ID}"

    def __init__(self) -> None:
        self._stub = CognitoStub()
        self.url = self._stub.url
        self._stub.secret = CLIENT_SECRET
        self.directory = CognitoDirectory(
            KnownSecret(UserPool(POOL_ID, CLIENT_ID, Secret(CLIENT_SECRET))), self._stub.clock
        )
        profile = {"email": "alice@example.com", "email_verified": True, "name": "Alice", "preferred_username": "al"}
        self._stub.people = {
            "alice": Person(PASSWORD, profile),
            "una": Person(PASSWORD, {"email": "una@example.com", "email_verified": False}),
            "tom": Person(PASSWORD, factors=("SOFTWARE_TOKEN_MFA",)),
            "dora": Person(PASSWORD, enabled=False),
            "nina": Person(PASSWORD, status="FORCE_CHANGE_PASSWORD"),
        }
        self.sub = self._stub.people["alice"].sub

    def close(self) -> None:
        self.directory.close()
        self._stub.__exit__()


Stage = MotoStage | StubStage


@pytest.fixture(scope="module", params=["moto", "stub"])
def served(request: pytest.FixtureRequest) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in AWS.items():
            patch.setenv(name, value)
        totp_on(patch)
        moto = request.param == "moto"
        stage: Stage = MotoStage(request.getfixturevalue("secrets_manager")) if moto else StubStage()
        yield stage
        stage.close()


@pytest.fixture
def stage(served: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setenv("AWS_ENDPOINT_URL", served.url)
    return served


def sign_in(stage: Stage, username: str, password: str = PASSWORD, by: Caller | None = None) -> Identity:
    return stage.directory.authenticate(username, Secret(password), by or caller())


def challenge(stage: Stage, username: str) -> Challenge:
    with pytest.raises(SecondFactorRequired) as required:
        sign_in(stage, username)
    due = required.value
    return Challenge("cognito", username, due.method, 0.0, due.memo)


def test_the_identity_is_what_the_id_token_says(stage: Stage) -> None:
    """Issuer, subject, name and address come from the verified ID token, under the names of the pool."""
    assert sign_in(stage, "alice") == Identity(
        issuer=stage.issuer,
        subject=stage.sub,
        username="al",
        email="alice@example.com",
        email_verified=True,
        name="Alice",
        second_factor=False,
    )


def test_an_address_counts_as_verified_where_the_pool_says_so(stage: Stage) -> None:
    """Promise 37: an address that the pool has not verified is not taken for verified, as text 'false' neither."""
    una = sign_in(stage, "una")
    assert (una.username, una.email, una.email_verified) == ("una", "una@example.com", False)


def test_a_password_counts_to_the_letter(stage: Stage) -> None:
    """Promise 4: a password is passed on exactly as it was typed, spaces and case included."""
    for close in (f" {PASSWORD}", f"{PASSWORD} ", PASSWORD.lower(), PASSWORD.replace("ä", "a\u0308")):
        with pytest.raises(WrongCredentials):
            sign_in(stage, "alice", close)
        sign_in(stage, "alice")


def test_nobody_learns_who_is_there(stage: Stage) -> None:
    """Promise 2: wrong password, unknown user, and a disabled one with a wrong password are one refusal."""
    for username in ("alice", "nobody", "dora", "nina", "tom"):
        with pytest.raises(WrongCredentials):
            sign_in(stage, username, WRONG)
    # moto says that a user is disabled before it looks at the password, Cognito may: nobody is told either way.
    with pytest.raises(WrongCredentials) as disabled:
        sign_in(stage, "dora")
    assert disabled.value.reason == "disabled"


def test_a_temporary_password_has_to_be_changed_first(stage: Stage) -> None:
    """A person with a temporary password is told so once they typed it."""
    with pytest.raises(NewPasswordDue):
        sign_in(stage, "nina")


def test_an_app_is_asked_for_and_its_code_finishes(stage: Stage) -> None:
    """A person with an authenticator app is asked for its code, may mistype it, and has a second factor in the end."""
    due = challenge(stage, "tom")
    assert due.method == "app"
    with pytest.raises(WrongCode):
        stage.directory.answer(due, "000000", caller())
    tom = stage.directory.answer(due, stage.code, caller())
    assert (tom.username, tom.second_factor) == ("tom", True)


def test_a_challenge_is_answered_once(stage: Stage) -> None:
    """A session that has given an identity gives no other one."""
    due = challenge(stage, "tom")
    stage.directory.answer(due, stage.code, caller())
    with pytest.raises(ChallengeGone):
        stage.directory.answer(due, stage.code, caller())


def test_no_call_is_begun_past_the_deadline(stage: Stage) -> None:
    """Promise 35: a request whose time is up begins no call, for a password or for a code."""
    due = challenge(stage, "tom")
    for late in (caller(seconds=0.0), caller(seconds=1.0)):
        with pytest.raises(Unavailable, match="cognito: deadline"):
            sign_in(stage, "alice", by=late)
        with pytest.raises(Unavailable, match="cognito: deadline"):
            stage.directory.answer(due, stage.code, late)
