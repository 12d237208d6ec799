"""Sign in by what a provider gave the browser: the use case alone, over fakes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from chalicelib.attempts.memory import MemoryAttempts
from chalicelib.deadline import Deadline
from chalicelib.errors import (
    Banned,
    ChallengeGone,
    ConfigurationError,
    GantryError,
    NoAccount,
    Problem,
    RelayRefused,
    Unavailable,
    WrongCredentials,
)
from chalicelib.model import Identity, Limits, ProviderToken
from chalicelib.secret import Secret
from chalicelib.sessions import Challenges, Seals, Sessions
from chalicelib.signin import CodeDue, RelaySignIn, SignedIn, SignIn
from chalicelib.throttle import Throttle
from tests.fakes import (
    AttemptRecorder,
    FakeAccounts,
    FakeClock,
    FakeKeys,
    FakePerson,
    FakeSecondFactor,
    FakeWorkspace,
    caller,
)

PASSWORD = Secret("canary-password")
ALICE = Identity("google", "1175", "alice.archer", "alice@example.org", email_verified=True, name="Alice Archer")
CODE = "424242"


@dataclass
class FakeProvider:
    """Knows people by their tokens; an exception in `failure` is raised instead."""

    name: str = "google"
    people: Mapping[str, Identity] = field(default_factory=lambda: {"good": ALICE})
    failure: Exception | None = None
    asked: int = 0

    def identify(self, token: ProviderToken, deadline: Deadline) -> Identity:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        if token.value.reveal() not in self.people:
            raise RelayRefused("unknown")
        return self.people[token.value.reveal()]


class Stage:
    """The login page's use cases: a password or one of two providers, with one account's second factor."""

    def __init__(self) -> None:
        self.clock, self.keys, self.log = FakeClock(), FakeKeys(), AttemptRecorder()
        self.workspace = FakeWorkspace({"bob": FakePerson(PASSWORD.reveal(), method="totp")})
        self.second_factor = FakeSecondFactor()
        self.accounts = FakeAccounts()
        seals = Seals(self.keys, self.clock)
        self.sessions, self.challenges = Sessions(seals, 3600, self.clock), Challenges(seals)
        self.throttle = Throttle(MemoryAttempts(self.clock), Limits(), self.log, self.clock)
        self.google, self.facebook = FakeProvider(), FakeProvider("facebook")
        self.relay, self.other = self.by(self.google), self.by(self.facebook)
        self.form = SignIn(
            directory=self.workspace,
            accounts=self.accounts,
            second_factor=self.second_factor,
            tokens=self.workspace,
            sessions=self.sessions,
            challenges=self.challenges,
            throttle=self.throttle,
            log=self.log,
            clock=self.clock,
        )

    def by(self, provider: FakeProvider) -> RelaySignIn:
        return RelaySignIn(
            provider=provider,
            accounts=self.accounts,
            second_factor=self.second_factor,
            tokens=self.workspace,
            sessions=self.sessions,
            challenges=self.challenges,
            throttle=self.throttle,
            log=self.log,
            clock=self.clock,
        )

    def sign_in(self, token: str = "good", address: str = "203.0.113.9") -> SignedIn | CodeDue:
        return self.relay.with_token(ProviderToken(Secret(token)), caller(address=address))

    def challenged(self) -> CodeDue:
        self.second_factor.code = CODE
        due = self.sign_in()
        assert isinstance(due, CodeDue)
        return due

    def outcomes(self) -> list[tuple[str, str, str, str]]:
        return [(each["directory"], each["username"], each["outcome"], each["reason"]) for each in self.log.attempts]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_providers_token_signs_in(stage: Stage) -> None:
    """Promise 33: a token that the provider knows makes a session, logged by provider and address."""
    signed_in = stage.sign_in()
    assert isinstance(signed_in, SignedIn)
    assert signed_in.session.account_id == ALICE.subject
    assert stage.outcomes() == [("google", "alice@example.org", "signed-in", "ok")]
    assert stage.sessions.open(signed_in.sealed, Deadline.after(1e6)) == signed_in.session


@pytest.mark.parametrize(
    ("identity", "shown"),
    [
        (ALICE, "alice@example.org"),
        (replace(ALICE, email=None), "Alice Archer"),
        (replace(ALICE, email=None, name=None), "alice.archer"),
    ],
)
def test_the_second_step_says_who_is_signing_in(stage: Stage, identity: Identity, shown: str) -> None:
    """The second factor's form calls the person by the address, else the name, else the username of the provider."""
    stage.google.people = {"good": identity}
    assert stage.challenged().username == shown


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (RelayRefused("aud"), ("refused", "relay-refused")),
        (Unavailable("google", "down"), ("failed", "unavailable")),
        (ConfigurationError((Problem("google", "none", "store one"),)), ("failed", "configuration")),
        (RuntimeError("canary"), ("failed", "fault")),
    ],
)
def test_what_the_provider_does_not_confirm_makes_no_token(
    stage: Stage, failure: Exception, outcome: tuple[str, str]
) -> None:
    """Promises 33 and 38: without the provider's word nothing is minted, and the attempt is logged all the same."""
    stage.google.failure = failure
    with pytest.raises(type(failure)):
        stage.sign_in()
    assert stage.workspace.minted == 0
    assert stage.outcomes() == [("google", "", *outcome)]


def test_nobody_is_asked_while_no_session_could_be_made(stage: Stage) -> None:
    """Without keys to seal a session the provider is not asked, so that a token good for one use is not used up."""
    stage.keys.failure = Unavailable("secret", "down")
    with pytest.raises(Unavailable):
        stage.sign_in()
    assert (stage.google.asked, stage.workspace.minted) == (0, 0)


def test_an_account_that_is_not_there_makes_no_token(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 37: who is known to the provider and has no account is told, and is given no token."""

    def nobody(*_: object) -> None:
        raise NoAccount

    monkeypatch.setattr(stage.accounts, "account_of", nobody)
    with pytest.raises(NoAccount):
        stage.sign_in()
    assert stage.workspace.minted == 0
    assert stage.outcomes() == [("google", "alice@example.org", "refused", "no-account")]


# --- the account's second factor -------------------------------------------------------------------------------------


def test_the_accounts_second_factor_comes_before_a_token(stage: Stage) -> None:
    """Promise 39: where the account has a second factor, a provider's token gives a challenge and no token."""
    due = stage.challenged()
    assert (due.method, due.wrong, stage.workspace.minted) == ("totp", False, 0)
    wrong = stage.relay.with_code(due.challenge, "000000", caller())
    assert isinstance(wrong, CodeDue)
    assert wrong.wrong
    assert stage.relay.pending(wrong.challenge, caller()) == replace(wrong, wrong=False)
    assert isinstance(stage.relay.with_code(wrong.challenge, CODE, caller()), SignedIn)
    assert [each[2:] for each in stage.outcomes()] == [
        ("challenged", "second-factor-required"),
        ("refused", "wrong-code"),
        ("signed-in", "ok"),
    ]
    assert stage.google.asked == 1


def test_a_wrong_code_buys_no_time(stage: Stage) -> None:
    """Promise 15: the challenge ends five minutes after the provider's word, however many codes were tried."""
    due = stage.challenged()
    stage.clock.now += 299
    assert isinstance(stage.relay.with_code(due.challenge, "000000", caller()), CodeDue)
    stage.clock.now += 1
    with pytest.raises(ChallengeGone):
        stage.relay.with_code(due.challenge, CODE, caller())


def test_a_challenge_opens_where_it_was_made(stage: Stage) -> None:
    """Promise 15: what one provider's sign-in began, neither another's nor the password's form finishes, nor back."""
    due = stage.challenged()
    stage.second_factor.code = ""
    typed = stage.form.with_password("bob", PASSWORD, caller())
    assert isinstance(typed, CodeDue)
    stage.second_factor.code = CODE
    for sign_in, challenge in (
        (stage.other, due.challenge),
        (stage.form, due.challenge),
        (stage.relay, typed.challenge),
        (stage.other, typed.challenge),
        (stage.relay, "forged"),
    ):
        for code in (CODE, "123456"):
            with pytest.raises(ChallengeGone):
                sign_in.with_code(challenge, code, caller())
        with pytest.raises(ChallengeGone):
            sign_in.pending(challenge, caller())
    assert stage.workspace.minted == 0
    assert isinstance(stage.relay.with_code(due.challenge, CODE, caller()), SignedIn)


# --- what is counted -------------------------------------------------------------------------------------------------


def failed(*_: object) -> None:
    raise WrongCredentials


def test_wrong_codes_count_against_the_person_alone(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 5: five wrong codes ban the provider's person, from anywhere, and nobody of that name or address."""
    due = stage.challenged()
    for number in range(5):
        stage.relay.with_code(due.challenge, "000000", caller(address=f"198.51.100.{number}"))
    with pytest.raises(Banned):
        stage.relay.with_code(due.challenge, CODE, caller(address="198.51.100.9"))
    monkeypatch.setattr(stage.workspace, "authenticate", failed)
    for name in ("alice@example.org", "alice.archer", "Alice Archer", "1175", "google 1175"):
        with pytest.raises(WrongCredentials):
            stage.form.with_password(name, PASSWORD, caller(address="192.0.2.1"))
    stage.google.people = {"good": replace(ALICE, subject="1176")}
    other = stage.challenged()
    assert isinstance(stage.relay.with_code(other.challenge, CODE, caller()), SignedIn)


def test_no_guessed_password_keeps_a_person_from_their_code(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 5: whatever is typed as a username, it uses up nothing of what a provider's person has for codes."""
    due = stage.challenged()
    monkeypatch.setattr(stage.workspace, "authenticate", failed)
    for name in ("alice@example.org", "1175", "google 1175", "google1175", "google\u20281175", "google\u00a01175"):
        for number in range(6):
            with pytest.raises((WrongCredentials, Banned)):
                stage.form.with_password(name, PASSWORD, caller(address=f"192.0.2.{number}"))
    assert isinstance(stage.relay.with_code(due.challenge, CODE, caller()), SignedIn)


def test_refused_tokens_count_against_the_address_alone(stage: Stage) -> None:
    """Promise 5: twenty refused tokens ban their address, for the password too, and no name."""
    for _ in range(20):
        with pytest.raises(RelayRefused):
            stage.sign_in("bad")
    with pytest.raises(Banned):
        stage.sign_in()
    with pytest.raises(Banned):
        stage.form.with_password("bob", PASSWORD, caller())
    assert isinstance(stage.sign_in(address="198.51.100.7"), SignedIn)
    assert isinstance(stage.form.with_password("bob", PASSWORD, caller(address="198.51.100.7")), CodeDue)


def test_an_outage_of_the_provider_bans_nobody(stage: Stage) -> None:
    """What failed for the provider's reasons is no failure of whoever asked."""
    stage.google.failure = Unavailable("google", "down")
    for _ in range(25):
        with pytest.raises(Unavailable):
            stage.sign_in()
    stage.google.failure = None
    assert isinstance(stage.sign_in(), SignedIn)


def test_nothing_confidential_is_told(stage: Stage) -> None:
    """Promise 32: no token, secret, code or seal of a relay stands in a repr, an error or the log."""
    token = ProviderToken(Secret("canary-token"), Secret("canary-secret"))
    told = [repr(token), repr(stage.relay)]
    try:
        stage.relay.with_token(token, caller())
    except GantryError as error:
        told += [repr(error), str(error)]
    due = stage.challenged()
    stage.relay.with_code(due.challenge, "canary-code", caller())
    told += [repr(due), repr(stage.log.attempts)]
    assert due.challenge not in "".join(told)
    assert "canary" not in "".join(told)
