"""The way without `users.createToken`: what the directory accepted is typed into the workspace too."""

from dataclasses import dataclass, field

import pytest

from chalicelib.deadline import Deadline
from chalicelib.directories.same_password import SamePasswordDirectory
from chalicelib.errors import (
    AccountDeactivated,
    EmailTaken,
    NoEmail,
    SecondFactorRequired,
    SignInRefused,
    Unavailable,
    UsernameTaken,
    WorkspacePasswordDiffers,
    WrongCode,
    WrongCredentials,
)
from chalicelib.model import Account, Challenge, Identity, Token
from chalicelib.secret import Secret
from tests.fakes import NOON, FakePerson, FakeWorkspace, caller

PASSWORD = Secret("canary-password")
ERIN = Identity("issuer", "subject", "erin", "erin@example.com", email_verified=True, name="Erin")


@dataclass
class List:
    """A directory that knows Erin, and asks for a code where it has one."""

    identity: Identity = ERIN
    code: str = ""
    name: str = "users"

    def authenticate(self, username: str, password: Secret, caller: object) -> Identity:
        if username != "erin" or password != PASSWORD:
            raise WrongCredentials
        if self.code:
            raise SecondFactorRequired("app", {"session": "s"})
        return self.identity

    def answer(self, challenge: Challenge, code: str, caller: object) -> Identity:
        assert challenge.memo == {"session": "s"}
        if code != self.code:
            raise WrongCode
        return Identity(**{**self.identity.as_plain(), "second_factor": True})  # type: ignore[arg-type]


@dataclass
class Maker:
    """A provisioner that adds a person to the workspace, or fails."""

    workspace: FakeWorkspace
    failure: SignInRefused | None = None
    made: list[tuple[str, str]] = field(default_factory=list)

    def create(self, identity: Identity, deadline: Deadline, *, password: Secret | None = None) -> str:
        assert password is not None
        self.made.append((identity.username, password.reveal()))
        if self.failure is not None:
            raise self.failure
        self.workspace.people[identity.email or ""] = FakePerson(password.reveal())
        return "id"


class Stage:
    def __init__(
        self, people: dict[str, FakePerson] | None = None, *, provision: bool = False, link_by: str = "email"
    ) -> None:
        self.directory = List()
        self.workspace = FakeWorkspace(dict(people or {}))
        self.maker = Maker(self.workspace)
        self.applies = True
        self.both = SamePasswordDirectory(
            self.directory,
            self.workspace,
            self.maker if provision else None,
            lambda deadline: self.applies,
            "username" if link_by == "username" else "email",
        )

    def sign_in(self, password: Secret = PASSWORD) -> Identity:
        return self.both.authenticate("erin", password, caller())

    def challenged(self) -> Challenge:
        with pytest.raises(SecondFactorRequired) as due:
            self.sign_in()
        return Challenge(self.both.name, "erin", due.value.method, NOON, due.value.memo)


def right(**more: object) -> FakePerson:
    return FakePerson(PASSWORD.reveal(), **more)  # type: ignore[arg-type]


def test_both_sides_accept_the_password() -> None:
    """The identity is the directory's; account and token are those of the workspace's login."""
    stage = Stage({"erin": right()})
    identity = stage.sign_in()
    assert (identity.issuer, identity.subject) == ("issuer", "subject")
    assert identity.account == Account("id-of-erin")
    assert identity.login == Token(Secret(next(iter(stage.workspace.live))))


@pytest.mark.parametrize(("link_by", "account"), [("email", "id-of-erin@example.com"), ("username", "id-of-erin")])
def test_the_account_is_tried_as_link_by_says(link_by: str, account: str) -> None:
    """LINK_BY says whether the address or the username is tried first."""
    stage = Stage({"erin@example.com": right(), "erin": right()}, link_by=link_by)
    assert stage.sign_in().account == Account(account)
    assert stage.workspace.minted == 1


def test_a_wrong_password_never_reaches_the_workspace() -> None:
    """Promise 2: what the directory refuses is not tried in the workspace, so nobody guesses through here."""
    stage = Stage({"erin": FakePerson("other")})
    with pytest.raises(WrongCredentials):
        stage.sign_in(Secret("other"))
    assert stage.workspace.minted == 0


@pytest.mark.parametrize("people", [{}, {"erin": FakePerson("other")}])
def test_another_password_there_is_said_and_left_alone(people: dict[str, FakePerson]) -> None:
    """Where the workspace has another password, or no account, the person is told so, and nothing is changed."""
    stage = Stage(people)
    with pytest.raises(WorkspacePasswordDiffers):
        stage.sign_in()
    assert {name: person.password for name, person in stage.workspace.people.items()} == dict.fromkeys(people, "other")


def test_an_account_is_made_with_the_typed_password() -> None:
    """PROVISION makes the account of a person who has none with the password that was typed, and logs in with it."""
    stage = Stage(provision=True)
    assert stage.sign_in().account == Account("id-of-erin@example.com")
    assert stage.maker.made == [("erin", PASSWORD.reveal())]
    stage.sign_in()
    assert len(stage.maker.made) == 1


def test_an_account_that_is_taken_is_not_taken_over() -> None:
    """Promise 37: where the address is another account's, with another password, the person is told so."""
    for failure in (EmailTaken(), UsernameTaken()):
        stage = Stage({"erin": FakePerson("other")}, provision=True)
        stage.maker.failure = failure
        with pytest.raises(WorkspacePasswordDiffers):
            stage.sign_in()


def test_a_sign_in_at_the_same_moment_is_joined() -> None:
    """Where the account has just been made by another sign-in of the same person, this one logs in to it."""
    stage = Stage(provision=True)
    stage.maker.failure = EmailTaken()
    create = stage.maker.create

    def made_meanwhile(identity: Identity, deadline: Deadline, *, password: Secret | None = None) -> str:
        stage.workspace.people["erin@example.com"] = right()
        return create(identity, deadline, password=password)

    stage.maker.create = made_meanwhile  # type: ignore[method-assign]
    assert stage.sign_in().account == Account("id-of-erin@example.com")


def test_what_else_cannot_be_made_is_said() -> None:
    """A person without an address is told that no account can be made."""
    stage = Stage(provision=True)
    stage.maker.failure = NoEmail()
    with pytest.raises(NoEmail):
        stage.sign_in()


def test_the_workspaces_second_factor_applies() -> None:
    """Promise 39: the workspace's own second factor is asked for, and its code answers it."""
    stage = Stage({"erin": right(method="totp")})
    challenge = stage.challenged()
    with pytest.raises(WrongCode):
        stage.both.answer(challenge, "000000", caller())
    identity = stage.both.answer(challenge, "123456", caller())
    assert (identity.subject, identity.account, identity.second_factor) == ("subject", Account("id-of-erin"), True)
    assert identity.login is not None


def test_the_directorys_second_factor_comes_first() -> None:
    """Both second factors are asked for, one after the other, and the password is not asked for again."""
    stage = Stage({"erin": right(method="totp")})
    stage.directory.code = "777777"
    challenge = stage.challenged()
    assert challenge.method == "app"
    with pytest.raises(WrongCode):
        stage.both.answer(challenge, "000000", caller())
    with pytest.raises(SecondFactorRequired) as due:
        stage.both.answer(challenge, "777777", caller())
    second = Challenge("users", "erin", due.value.method, NOON, due.value.memo)
    assert stage.both.answer(second, "123456", caller()).login is not None


def test_what_is_wrong_with_the_account_is_said() -> None:
    """An account that the workspace has switched off is called so, since both passwords were right."""
    with pytest.raises(AccountDeactivated):
        Stage({"erin": right(active=False)}).sign_in()


def test_an_outage_makes_no_account() -> None:
    """Promise 35: while the workspace is down nothing is known, so nothing is made."""
    stage = Stage(provision=True)
    stage.workspace.down = True
    with pytest.raises(Unavailable):
        stage.sign_in()
    assert stage.maker.made == []


def test_with_the_secret_for_tokens_the_directory_is_left_to_itself() -> None:
    """Where tokens are made by `users.createToken`, nobody's password is typed into the workspace."""
    stage = Stage({"erin": right()})
    stage.applies = False
    assert stage.sign_in() == ERIN
    assert stage.workspace.minted == 0
    stage.directory.code = "777777"
    assert stage.both.answer(stage.challenged(), "777777", caller()).second_factor


def test_the_memo_shows_no_password() -> None:
    """Promise 32: a challenge's repr shows neither the password nor the token's owner."""
    assert PASSWORD.reveal() not in repr(Stage({"erin": right(method="totp")}).challenged())
