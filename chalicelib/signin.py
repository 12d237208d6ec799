"""The use cases that end with a session: sign somebody in, by a password or by what a provider gave the browser.

The ports beside them say what they need from the outside; `chalicelib.bootstrap` plugs in what is there. What is done
with a session afterwards is in `chalicelib.session_check`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from time import time
from typing import Protocol

from chalicelib.deadline import Deadline
from chalicelib.errors import ChallengeGone, GantryError, SecondFactorRequired, SignInRefused, WrongCode
from chalicelib.model import Account, Caller, Challenge, Identity, ProviderToken, Session, Token
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


class Provider(Protocol):
    """A vendor whose own login the workspace relays."""

    @property
    def name(self) -> str:
        """The provider's name in the settings and in the log."""

    def identify(self, token: ProviderToken, deadline: Deadline) -> Identity:
        """Return whose `token` is, by the provider's own word that it was made for our application (promise 38).

        Raises `RelayRefused`, `ConfigurationError` or `Unavailable`.
        """


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
    """A place that makes an account's tokens."""

    def issue(self, account: Account, identity: Identity, deadline: Deadline) -> Token:
        """Return a token for `account`. Raises a `SignInRefused` or `Unavailable`."""


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


@dataclass(frozen=True, kw_only=True, repr=False)
class _SignIn(ABC):
    """What every way to sign in has in common, once it is known who somebody is."""

    accounts: Accounts
    second_factor: SecondFactor
    tokens: TokenSource
    sessions: Sessions
    challenges: Challenges
    throttle: Throttle
    log: AttemptLog
    clock: Callable[[], float] = time

    @property
    @abstractmethod
    def _issuer(self) -> str:
        """What challenges are bound to and the log names: the directory or the provider."""

    @abstractmethod
    def _shown(self, identity: Identity, username: str) -> str:
        """Return what the second factor's form calls the person."""

    @abstractmethod
    def _budget(self, challenge: Challenge) -> str:
        """Return the name that wrong codes count against."""

    @abstractmethod
    def _ask_again(self, challenge: Challenge, code: str, caller: Caller) -> Identity:
        """Return who answered a challenge that is not the account's; raises as `Directory.answer`."""

    def with_code(self, sealed: str, code: str, caller: Caller) -> SignedIn | CodeDue:
        """Answer the challenge under `sealed`, or return what is due still: the same challenge after a wrong code.

        A challenge keeps the time at which its password was right, so a wrong code buys no new five minutes
        (promise 15). Raises `ChallengeGone`, the `SignInRefused` that says why not, `Unavailable`, or
        `ConfigurationError`.
        """
        with self._logged("", caller) as attempt:
            challenge = self.challenges.open(sealed, self._issuer, caller.deadline)
            attempt.username = challenge.username
            with self._counted(self._budget(challenge), caller) as trial:
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
        challenge = self.challenges.open(sealed, self._issuer, caller.deadline)
        return CodeDue.of(challenge, sealed)

    def _prove(self, username: str | None, prove: Callable[[], Identity], caller: Caller) -> SignedIn | CodeDue:
        """Sign in whom `prove` finds, or return what second factor is due. No `username` is no budget of a name."""
        with self._logged(username or "", caller) as attempt, self._counted(username, caller) as trial:
            # Without keys no session can be sealed: find out before the workspace makes a token that nobody would get.
            self.sessions.ready(caller.deadline)
            try:
                identity = prove()
            except SecondFactorRequired as required:
                attempt.note("challenged", required.reason)
                return self._challenge(username or "", required, self.clock(), caller)
            shown = self._shown(identity, username or "")
            attempt.username = shown
            return self._finish(identity, shown, self.clock(), attempt, trial, caller)

    def _answered(self, challenge: Challenge, code: str, caller: Caller) -> Identity:
        """Return who answered `challenge`, which is the directory's or the account's; raises as either."""
        identity = challenge.identity
        if identity is None:
            return self._ask_again(challenge, code, caller)
        account = self.accounts.account_of(identity, caller.deadline)
        self.second_factor.answer(account, code, caller.deadline)
        return replace(identity, account=account, second_factor=True)

    def _challenge(
        self,
        username: str,
        required: SecondFactorRequired,
        began: float,
        caller: Caller,
        identity: Identity | None = None,
    ) -> CodeDue:
        challenge = Challenge(self._issuer, username, required.method, began, required.memo, identity)
        sealed = self.challenges.issue(challenge, caller.deadline)
        destination = required.memo.get(DESTINATION, "")
        return CodeDue(username, required.method, sealed, required.sent, required.expires, destination)

    def _finish(
        self, identity: Identity, username: str, began: float, attempt: "_Attempt", trial: Trial, caller: Caller
    ) -> SignedIn | CodeDue:
        """Give a token to who the directory says it is; `began` is when their password was right."""
        account = self.accounts.account_of(identity, caller.deadline)
        try:
            self.second_factor.ask(account, identity, caller.deadline)
        except SecondFactorRequired as required:
            attempt.note("challenged", required.reason)
            return self._challenge(username, required, began, caller, identity)
        token = self.tokens.issue(account, identity, caller.deadline)
        session, sealed = self.sessions.start(account.id, token, caller.deadline)
        trial.finish()
        return SignedIn(session, sealed)

    def _counted(self, username: str | None, caller: Caller) -> AbstractContextManager[Trial]:
        return self.throttle.attempt(username, caller.address, caller.request_id, caller.deadline)

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
            self.log.attempt(
                outcome=attempt.outcome,
                reason=attempt.reason,
                username=attempt.username,
                directory=self._issuer,
                address=caller.address,
                request_id=caller.request_id,
            )


@dataclass(frozen=True, kw_only=True, repr=False)
class SignIn(_SignIn):
    """Sign in by a password that a directory checks."""

    directory: Directory

    def with_password(self, username: str, password: Secret, caller: Caller) -> SignedIn | CodeDue:
        """Sign in with a password, or return what second factor is due.

        Raises the `SignInRefused` that says why not, `Unavailable`, or `ConfigurationError`.
        """
        return self._prove(username, lambda: self.directory.authenticate(username, password, caller), caller)

    @property
    def _issuer(self) -> str:
        return self.directory.name

    def _shown(self, identity: Identity, username: str) -> str:
        return username

    def _budget(self, challenge: Challenge) -> str:
        return challenge.username

    def _ask_again(self, challenge: Challenge, code: str, caller: Caller) -> Identity:
        return self.directory.answer(challenge, code, caller)


@dataclass(frozen=True, kw_only=True, repr=False)
class RelaySignIn(_SignIn):
    """Sign in by the token that a provider gave the browser through the workspace."""

    provider: Provider

    def with_token(self, token: ProviderToken, caller: Caller) -> SignedIn | CodeDue:
        """Sign in with a provider's token, or return what second factor the account has.

        A token is no guess at anybody's password: the attempt counts against the source address alone. Raises
        `RelayRefused` or another `SignInRefused` that says why not, `Unavailable`, or `ConfigurationError`.
        """
        return self._prove(None, lambda: self.provider.identify(token, caller.deadline), caller)

    @property
    def _issuer(self) -> str:
        return self.provider.name

    def _shown(self, identity: Identity, username: str) -> str:
        return identity.email or identity.name or identity.username

    def _budget(self, challenge: Challenge) -> str:
        if challenge.identity is None:
            raise ChallengeGone
        # What is shown is not unique: the subject is. Nobody can type a line break as a username, so no password that
        # is guessed uses this budget up.
        return f"{challenge.identity.issuer}\n{challenge.identity.subject}"

    def _ask_again(self, challenge: Challenge, code: str, caller: Caller) -> Identity:
        raise ChallengeGone


class _Attempt:
    def __init__(self, username: str) -> None:
        self.username = username
        self.outcome = "signed-in"
        self.reason = "ok"

    def note(self, outcome: str, reason: str) -> None:
        self.outcome = outcome
        self.reason = reason
