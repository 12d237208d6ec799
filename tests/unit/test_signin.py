"""The use cases, over fakes that the contract suite holds to the real adapters."""

import dataclasses

import pytest

from chalicelib.attempts.memory import MemoryAttempts
from chalicelib.deadline import Deadline
from chalicelib.errors import (
    AccountDeactivated,
    Banned,
    ChallengeGone,
    NotSignedIn,
    SecondFactorRequired,
    TooManyCodes,
    Unavailable,
    WrongCredentials,
)
from chalicelib.model import Caller, Challenge, Identity, Limits
from chalicelib.secret import Secret
from chalicelib.session_check import SessionCheck
from chalicelib.sessions import Challenges, Seals, Sessions
from chalicelib.signin import CodeDue, SignedIn, SignIn
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
DEADLINE = Deadline.after(1e6)


class Stage:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.keys = FakeKeys()
        self.log = AttemptRecorder()
        self.workspace = FakeWorkspace(
            {
                "alice": FakePerson(PASSWORD.reveal()),
                "bob": FakePerson(PASSWORD.reveal(), method="totp"),
                "dave": FakePerson(PASSWORD.reveal(), active=False),
            }
        )
        seals = Seals(self.keys, self.clock)
        sessions = Sessions(seals, 3600, self.clock)
        self.second_factor = FakeSecondFactor()
        self.sign_in = SignIn(
            directory=self.workspace,
            accounts=FakeAccounts(),
            second_factor=self.second_factor,
            tokens=self.workspace,
            sessions=sessions,
            challenges=Challenges(seals),
            throttle=Throttle(MemoryAttempts(self.clock), Limits(), self.log, self.clock),
            log=self.log,
            clock=self.clock,
        )
        self.session_check = SessionCheck(sessions=sessions, tokens=self.workspace)

    def signed_in(self, username: str = "alice") -> SignedIn:
        came_to = self.sign_in.with_password(username, PASSWORD, caller())
        assert isinstance(came_to, SignedIn)
        return came_to

    def challenged(self) -> CodeDue:
        came_to = self.sign_in.with_password("bob", PASSWORD, caller())
        assert isinstance(came_to, CodeDue)
        return came_to

    def outcomes(self) -> list[tuple[str, str, str]]:
        return [(each["username"], each["outcome"], each["reason"]) for each in self.log.attempts]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_right_password_signs_in(stage: Stage) -> None:
    """A right password makes a session of the account with its token, and the attempt is logged."""
    signed_in = stage.signed_in()
    assert signed_in.session.account_id == "id-of-alice"
    assert stage.session_check.check(signed_in.sealed, DEADLINE) == signed_in.session
    assert stage.log.attempts == [
        {
            "outcome": "signed-in",
            "reason": "ok",
            "username": "alice",
            "directory": "rocketchat",
            "address": "203.0.113.9",
            "request_id": "request-1",
        }
    ]


def test_twenty_checks_mint_nothing(stage: Stage) -> None:
    """Promise 30: however often one session is checked, it gives one token and nothing is minted."""
    signed_in = stage.signed_in()
    tokens = {stage.session_check.check(signed_in.sealed, DEADLINE).token for _ in range(20)}
    assert tokens == {signed_in.session.token}
    assert stage.workspace.minted == 1


def test_each_sign_in_is_a_fresh_session(stage: Stage) -> None:
    """Promise 9: signing in again makes another session with a token of its own."""
    first, second = stage.signed_in(), stage.signed_in()
    assert first.session.token != second.session.token
    assert first.sealed != second.sealed


def test_a_session_ends_when_its_token_does(stage: Stage) -> None:
    """Promise 12: once the workspace has logged out, the same cookie is not signed in any more."""
    signed_in = stage.signed_in()
    stage.workspace.live.clear()
    with pytest.raises(NotSignedIn) as over:
        stage.session_check.check(signed_in.sealed, DEADLINE)
    assert over.value.certain


def test_a_session_that_cannot_be_asked_about_is_not_declared_over(stage: Stage) -> None:
    """A workspace that does not answer leaves the session as it was."""
    signed_in = stage.signed_in()
    stage.workspace.down = True
    with pytest.raises(Unavailable):
        stage.session_check.check(signed_in.sealed, DEADLINE)
    stage.workspace.down = False
    assert stage.session_check.check(signed_in.sealed, DEADLINE)


def test_signing_out_ends_the_token(stage: Stage) -> None:
    """Promise 12: after signing out the replayed seal is not signed in, and signing out again is done already."""
    signed_in = stage.signed_in()
    assert stage.session_check.sign_out(signed_in.sealed, DEADLINE)
    assert stage.workspace.live == {}
    with pytest.raises(NotSignedIn):
        stage.session_check.check(signed_in.sealed, DEADLINE)
    assert stage.session_check.sign_out(signed_in.sealed, DEADLINE)


def test_there_is_nothing_to_sign_out_under_an_expired_seal(stage: Stage) -> None:
    """A session that is over by its own time has nothing to end."""
    signed_in = stage.signed_in()
    stage.clock.now += 3600
    assert not stage.session_check.sign_out(signed_in.sealed, DEADLINE)


def test_signing_out_under_a_seal_that_nobody_can_judge_is_not_called_done(stage: Stage) -> None:
    """Where no known key opens the seal and none could be read anew, the workspace was not told, and that is said."""
    with pytest.raises(Unavailable):
        stage.session_check.sign_out("made-with-another-key", DEADLINE)


def test_a_wrong_password_is_refused_and_logged(stage: Stage) -> None:
    """Promises 2 and 33: wrong password and unknown user are one refusal, and each attempt is logged."""
    for username in ("alice", "nobody"):
        with pytest.raises(WrongCredentials):
            stage.sign_in.with_password(username, Secret("wrong"), caller())
    assert stage.outcomes() == [
        ("alice", "refused", "wrong-credentials"),
        ("nobody", "refused", "wrong-credentials"),
    ]


def test_what_is_wrong_with_an_account_is_said_after_its_password_was_right(stage: Stage) -> None:
    """Promise 2: a deactivated account is called so only after its password was right."""
    with pytest.raises(WrongCredentials):
        stage.sign_in.with_password("dave", Secret("wrong"), caller())
    with pytest.raises(AccountDeactivated):
        stage.sign_in.with_password("dave", PASSWORD, caller())


def test_a_second_factor_takes_a_second_step(stage: Stage) -> None:
    """A right password with a second factor gives a challenge and no token; the right code then signs in."""
    due = stage.challenged()
    assert (due.username, due.method, due.wrong) == ("bob", "totp", False)
    assert stage.workspace.minted == 0
    signed_in = stage.sign_in.with_code(due.challenge, "123456", caller())
    assert isinstance(signed_in, SignedIn)
    assert stage.outcomes() == [("bob", "challenged", "second-factor-required"), ("bob", "signed-in", "ok")]


def test_a_challenge_shows_neither_password_nor_seal(stage: Stage) -> None:
    """Promise 32: what travels to the form hides the password, and neither it nor a session prints its seal."""
    due, signed_in = stage.challenged(), stage.signed_in()
    assert "canary" not in due.challenge
    assert due.challenge not in repr(due)
    assert signed_in.sealed not in repr(signed_in)


def test_a_wrong_code_may_be_tried_again_but_buys_no_time(stage: Stage) -> None:
    """Promise 15: after a wrong code the challenge is the same one, and ends five minutes after the password."""
    due = stage.challenged()
    stage.clock.now += 200
    again = stage.sign_in.with_code(due.challenge, "000000", caller())
    assert isinstance(again, CodeDue)
    assert again.wrong
    stage.clock.now += 99
    assert isinstance(stage.sign_in.with_code(again.challenge, "000000", caller()), CodeDue)
    stage.clock.now += 1
    with pytest.raises(ChallengeGone):
        stage.sign_in.with_code(again.challenge, "123456", caller())
    assert stage.outcomes()[1:] == [
        ("bob", "refused", "wrong-code"),
        ("bob", "refused", "wrong-code"),
        ("", "refused", "challenge-gone"),
    ]


def test_a_directory_that_asks_again_keeps_the_first_time(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 15: a second challenge within one sign-in counts from the time at which the password was right."""
    due = stage.challenged()

    def asks_again(challenge: Challenge, code: str, caller: Caller) -> Identity:
        raise SecondFactorRequired("email", {"password": PASSWORD.reveal()}, sent=True)

    monkeypatch.setattr(stage.workspace, "answer", asks_again)
    stage.clock.now += 299
    again = stage.sign_in.with_code(due.challenge, "123456", caller())
    assert isinstance(again, CodeDue)
    assert (again.method, again.sent) == ("email", True)
    stage.clock.now += 1
    with pytest.raises(ChallengeGone):
        stage.sign_in.with_code(again.challenge, "123456", caller())


def test_too_many_wrong_codes_begin_anew(stage: Stage) -> None:
    """When the directory wants no more codes, the sign-in starts over."""
    stage.workspace.most_wrong_codes = 3
    due = stage.challenged()
    for _ in range(2):
        stage.sign_in.with_code(due.challenge, "000000", caller())
    with pytest.raises(TooManyCodes):
        stage.sign_in.with_code(due.challenge, "000000", caller())


def test_a_pending_challenge_can_be_shown_again(stage: Stage) -> None:
    """A form that could not be judged is shown again from its own challenge, without asking anybody."""
    due = stage.challenged()
    stage.workspace.down = True
    assert stage.sign_in.pending(due.challenge, caller()) == dataclasses.replace(due)


def test_no_token_is_made_when_no_session_could_be(stage: Stage) -> None:
    """Nothing is minted in the workspace while there are no keys to seal a session with."""
    stage.keys.failure = Unavailable("secret", "down")
    with pytest.raises(Unavailable):
        stage.sign_in.with_password("alice", PASSWORD, caller())
    assert stage.workspace.minted == 0
    assert stage.outcomes() == [("alice", "failed", "unavailable")]


def test_an_unexpected_exception_is_logged_as_an_attempt_too(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 33: no attempt is missing in the log, whatever goes wrong."""

    def broken(*_: object) -> Identity:
        raise RuntimeError("canary")

    monkeypatch.setattr(stage.workspace, "authenticate", broken)
    with pytest.raises(RuntimeError):
        stage.sign_in.with_password("alice", PASSWORD, caller())
    assert stage.outcomes() == [("alice", "failed", "fault")]


# --- the account's own second factor ---------------------------------------------------------------------------------


def test_the_accounts_second_factor_comes_before_a_token(stage: Stage) -> None:
    """Promise 39: where the account in the workspace has a second factor, no token is handed out before its code."""
    stage.second_factor.code = "424242"
    due = stage.sign_in.with_password("alice", PASSWORD, caller())
    assert isinstance(due, CodeDue)
    assert due.method == "totp"
    wrong = stage.sign_in.with_code(due.challenge, "000000", caller())
    assert isinstance(wrong, CodeDue)
    assert wrong.wrong
    signed_in = stage.sign_in.with_code(wrong.challenge, "424242", caller())
    assert isinstance(signed_in, SignedIn)
    assert stage.second_factor.answered_for == ["id-of-alice"]
    assert [outcome for _, outcome, _ in stage.outcomes()] == ["challenged", "refused", "signed-in"]


def test_a_directorys_challenge_is_followed_by_the_accounts(stage: Stage) -> None:
    """Promise 15: the account's challenge keeps the time at which the password was right, also after another one."""
    stage.second_factor.code = "424242"
    due = stage.challenged()
    stage.clock.now += 200
    second = stage.sign_in.with_code(due.challenge, "123456", caller())
    assert isinstance(second, CodeDue)
    stage.clock.now += 101
    with pytest.raises(ChallengeGone):
        stage.sign_in.with_code(second.challenge, "424242", caller())


def test_the_accounts_challenge_shows_nothing_of_who_it_is(stage: Stage) -> None:
    """Promise 32: what travels with the account's challenge is sealed, and no repr shows it."""
    stage.second_factor.code = "424242"
    due = stage.sign_in.with_password("alice", PASSWORD, caller())
    assert isinstance(due, CodeDue)
    assert "id-of-alice" not in due.challenge
    assert due.challenge not in repr(due)


# --- counted attempts ------------------------------------------------------------------------------------------------


def test_a_banned_name_reaches_no_directory(stage: Stage) -> None:
    """Promise 5: after five failures neither directory nor workspace is asked, even for the right password."""
    for _ in range(5):
        with pytest.raises(WrongCredentials):
            stage.sign_in.with_password("alice", Secret("wrong"), caller())
    stage.workspace.down = True
    with pytest.raises(Banned) as refused:
        stage.sign_in.with_password("ALICE", PASSWORD, caller(address="198.51.100.1"))
    assert refused.value.retry_after == 600
    assert stage.outcomes()[-1] == ("ALICE", "refused", "banned")


def test_a_wrong_code_is_a_failure_of_its_name(stage: Stage) -> None:
    """Promise 5: a right password and its wrong codes share one budget, and a ban holds for right codes too."""
    due = stage.challenged()
    for _ in range(4):
        stage.sign_in.with_code(due.challenge, "000000", caller())
    with pytest.raises(Banned):
        stage.sign_in.with_code(due.challenge, "123456", caller())


def test_only_a_finished_sign_in_ends_the_run(stage: Stage) -> None:
    """Promise 5: a right password alone strikes nothing out, a code after it does."""
    for _ in range(4):
        due = stage.challenged()
    assert isinstance(stage.sign_in.with_code(due.challenge, "123456", caller()), SignedIn)
    for _ in range(4):
        due = stage.challenged()
    assert isinstance(stage.sign_in.with_code(due.challenge, "123456", caller()), SignedIn)


def test_an_outage_bans_nobody(stage: Stage) -> None:
    """What failed for the backend's reasons is no failure of the person's."""
    stage.workspace.down = True
    for _ in range(30):
        with pytest.raises(Unavailable):
            stage.sign_in.with_password("alice", PASSWORD, caller())
    stage.workspace.down = False
    stage.signed_in()
