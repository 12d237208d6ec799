"""What Gantry is for: sign somebody in, tell whether a browser is signed in, sign it out.

The ports beside these use cases say what they need from the outside; `chalicelib.bootstrap` plugs in what is there.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from time import time
from typing import Protocol

from chalicelib.deadline import Deadline
from chalicelib.errors import GantryError, NotSignedIn, SecondFactorRequired, SignInRefused, Unavailable, WrongCode
from chalicelib.model import Account, Caller, Challenge, Identity, Session, Token
from chalicelib.secret import Secret
from chalicelib.sessions import Challenges, Sessions
from chalicelib.throttle import Throttle, Trial

DESTINATION = "destination"
"""Where a challenge's memo may say to what masked address or number the code was sent."""


class Directory(Protocol):
    """A place that can tell who somebody is."""

    @property
    def name(self) -> str:
        """The directory's name in the settings and in the log."""

    def authenticate(self, username: str, password: Secret, caller: Caller) -> Identity:
        """Return who this is. Raises `SignInRefused` (`SecondFactorRequired` when a code is due) or `Unavailable`."""

    def answer(self, challenge: Challenge, code: str, caller: Caller) -> Identity:
        """Return who answered `challenge`. Raises as `authenticate`."""


class Accounts(Protocol):
    """A place that knows which account of the workspace is whose."""

    def account_of(self, identity: Identity, deadline: Deadline) -> Account:
        """Return `identity`'s account, found, linked or made. Raises a `SignInRefused` or `Unavailable`."""


class SecondFactor(Protocol):
    """What an account in the workspace asks for, which a token that Gantry makes would skip (promise 39)."""

    def ask(self, account: Account, identity: Identity, deadline: Deadline) -> None:
        """Return where nothing is due. Raises `SecondFactorRequired`, or another `SignInRefused`, or `Unavailable`."""

    def answer(self, account: Account, code: str, deadline: Deadline) -> None:
        """Return where `code` is right, and use it up. Raises `WrongCode`, or as `ask`."""


class TokenSource(Protocol):
    """A place that makes, knows and ends an account's tokens."""

    def issue(self, account: Account, identity: Identity, deadline: Deadline) -> Token:
        """Return a token for `account`. Raises a `SignInRefused` or `Unavailable`."""

    def is_live(self, session: Session, deadline: Deadline) -> bool:
        """Tell whether the session's token still logs in. Raises `Unavailable` when that cannot be known."""

    def revoke(self, session: Session, deadline: Deadline) -> None:
        """End the session's token. Raises `Unavailable` when the workspace could not be told."""


class AttemptLog(Protocol):
    """Where every attempt is written down (promise 33)."""

    def attempt(
        self, *, outcome: str, reason: str, username: str, directory: str, address: str, request_id: str
    ) -> None:
        """Log one try to sign in."""


@dataclass(frozen=True)
class SignedIn:
    """A finished sign-in: the session, and its seal for the cookie."""

    session: Session
    sealed: str = field(repr=False)


@dataclass(frozen=True)
class CodeDue:
    """A right password whose second factor is due: what to ask for, and the sealed challenge for the form.

    `wrong` tells that a code was just refused. `sent` and `expires` are the directory's (see `SecondFactorRequired`),
    and so is `destination`, which says where a code went as far as that may be shown.
    """

    username: str
    method: str
    challenge: str = field(repr=False)
    sent: bool | None = None
    expires: float | None = None
    destination: str = ""
    wrong: bool = False

    @classmethod
    def of(cls, challenge: Challenge, sealed: str, *, wrong: bool = False) -> "CodeDue":
        """Return what is due still under a challenge that was shown before."""
        return cls(
            challenge.username, challenge.method, sealed, destination=challenge.memo.get(DESTINATION, ""), wrong=wrong
        )


class SignIn:
    """The use cases, over one directory and one token source."""

    def __init__(
        self,
        *,
        directory: Directory,
        accounts: Accounts,
        second_factor: SecondFactor,
        tokens: TokenSource,
        sessions: Sessions,
        challenges: Challenges,
        throttle: Throttle,
        log: AttemptLog,
        clock: Callable[[], float] = time,
    ) -> None:
        self._directory = directory
        self._accounts = accounts
        self._second_factor = second_factor
        self._tokens = tokens
        self._sessions = sessions
        self._challenges = challenges
        self._throttle = throttle
        self._log = log
        self._clock = clock

    def with_password(self, username: str, password: Secret, caller: Caller) -> SignedIn | CodeDue:
        """Sign in with a password, or return what second factor is due.

        Raises the `SignInRefused` that says why not, `Unavailable`, or `ConfigurationError`.
        """
        with self._logged(username, caller) as attempt, self._counted(username, caller) as trial:
            # Without keys no session can be sealed: find out before the workspace makes a token that nobody would get.
            self._sessions.ready(caller.deadline)
            try:
                identity = self._directory.authenticate(username, password, caller)
            except SecondFactorRequired as required:
                attempt.note("challenged", required.reason)
                return self._challenge(username, required, self._clock(), caller)
            return self._finish(identity, username, self._clock(), attempt, trial, caller)

    def with_code(self, sealed: str, code: str, caller: Caller) -> SignedIn | CodeDue:
        """Answer the challenge under `sealed`, or return what is due still: the same challenge after a wrong code.

        A challenge keeps the time at which its password was right, so a wrong code buys no new five minutes
        (promise 15). Raises `ChallengeGone` and as `with_password`.
        """
        with self._logged("", caller) as attempt:
            challenge = self._challenges.open(sealed, self._directory.name, caller.deadline)
            attempt.username = challenge.username
            with self._counted(challenge.username, caller) as trial:
                try:
                    identity = self._answered(challenge, code, caller)
                except WrongCode as wrong:
                    attempt.note("refused", wrong.reason)
                    return CodeDue.of(challenge, sealed, wrong=True)
                except SecondFactorRequired as required:
                    attempt.note("challenged", required.reason)
                    return self._challenge(challenge.username, required, challenge.began, caller)
                return self._finish(identity, challenge.username, challenge.began, attempt, trial, caller)

    def pending(self, sealed: str, caller: Caller) -> CodeDue:
        """Return what is due under `sealed`, to show its form again. Raises `ChallengeGone` or `Unavailable`."""
        challenge = self._challenges.open(sealed, self._directory.name, caller.deadline)
        return CodeDue.of(challenge, sealed)

    def check(self, sealed: str, deadline: Deadline) -> Session:
        """Return the live session under `sealed`; nothing is minted, whoever asks how often (promise 30).

        Raises `NotSignedIn` when it is over here or in the workspace, `Unavailable` when that cannot be known.
        """
        session = self._sessions.open(sealed, deadline)
        if not self._tokens.is_live(session, deadline):
            raise NotSignedIn
        return session

    def sign_out(self, sealed: str, deadline: Deadline) -> bool:
        """End the session under `sealed` in the workspace; return False where there is none.

        Raises `Unavailable` when the workspace could not be told.
        """
        try:
            session = self._sessions.open(sealed, deadline)
        except NotSignedIn as gone:
            if not gone.certain:
                raise Unavailable("session", "no key that is known here opens it") from None
            return False
        self._tokens.revoke(session, deadline)
        return True

    def _answered(self, challenge: Challenge, code: str, caller: Caller) -> Identity:
        """Return who answered `challenge`, which is the directory's or the account's; raises as either."""
        identity = challenge.identity
        if identity is None:
            return self._directory.answer(challenge, code, caller)
        account = self._accounts.account_of(identity, caller.deadline)
        self._second_factor.answer(account, code, caller.deadline)
        return replace(identity, account=account, second_factor=True)

    def _challenge(
        self,
        username: str,
        required: SecondFactorRequired,
        began: float,
        caller: Caller,
        identity: Identity | None = None,
    ) -> CodeDue:
        challenge = Challenge(self._directory.name, username, required.method, began, required.memo, identity)
        sealed = self._challenges.issue(challenge, caller.deadline)
        destination = required.memo.get(DESTINATION, "")
        return CodeDue(username, required.method, sealed, required.sent, required.expires, destination)

    def _finish(
        self, identity: Identity, username: str, began: float, attempt: "_Attempt", trial: Trial, caller: Caller
    ) -> SignedIn | CodeDue:
        """Give a token to who the directory says it is; `began` is when their password was right."""
        account = self._accounts.account_of(identity, caller.deadline)
        try:
            self._second_factor.ask(account, identity, caller.deadline)
        except SecondFactorRequired as required:
            attempt.note("challenged", required.reason)
            return self._challenge(username, required, began, caller, identity)
        token = self._tokens.issue(account, identity, caller.deadline)
        session, sealed = self._sessions.start(account.id, token, caller.deadline)
        trial.finish()
        return SignedIn(session, sealed)

    def _counted(self, username: str, caller: Caller) -> AbstractContextManager[Trial]:
        return self._throttle.attempt(username, caller.address, caller.request_id, caller.deadline)

    @contextmanager
    def _logged(self, username: str, caller: Caller) -> Iterator["_Attempt"]:
        attempt = _Attempt(username)
        try:
            yield attempt
        except GantryError as error:
            attempt.note("refused" if isinstance(error, SignInRefused) else "failed", error.reason)
            raise
        except BaseException:
            attempt.note("failed", "fault")
            raise
        finally:
            self._log.attempt(
                outcome=attempt.outcome,
                reason=attempt.reason,
                username=attempt.username,
                directory=self._directory.name,
                address=caller.address,
                request_id=caller.request_id,
            )


class _Attempt:
    def __init__(self, username: str) -> None:
        self.username = username
        self.outcome = "signed-in"
        self.reason = "ok"

    def note(self, outcome: str, reason: str) -> None:
        self.outcome = outcome
        self.reason = reason
