"""Everything that can go wrong, as one tree of exceptions that carry data.

No HTTP here: `chalicelib.web.outcomes` holds the one table from these classes to statuses and messages. `reason` is
the code that stands in the log; `str()` of any of them is safe to log.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


class GantryError(Exception):
    """Whatever Gantry raises itself."""

    reason: ClassVar[str] = "error"

    def __str__(self) -> str:
        return self.reason


# --- the administrator's part ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """One thing to mend in the configuration: which key, what is wrong with it, and how to mend it. Never a value."""

    key: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.key}: {self.what}. {self.remedy}"


class ConfigurationError(GantryError):
    """The settings or the secret cannot be used; `problems` has all there is to mend.

    `frame_ancestors` are the origins that were understood all the same, so that the page that says so can be shown.
    """

    reason = "configuration"

    def __init__(self, problems: tuple[Problem, ...], frame_ancestors: tuple[str, ...] = ()) -> None:
        super().__init__(problems)
        self.problems = problems
        self.frame_ancestors = frame_ancestors

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


# --- what a request may not do ---------------------------------------------------------------------------------------


class RequestRefused(GantryError):
    """The request itself is not acceptable, whoever sent it."""


class MalformedForm(RequestRefused):
    """The form cannot be read, or lacks what it must have; `fields` names what is missing where that is known."""

    reason = "malformed"

    def __init__(self, detail: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = fields


class WrongContentType(RequestRefused):
    """A form route was sent something other than a form."""

    reason = "content-type"


class ForeignOrigin(RequestRefused):
    """The request comes from a page that has no business here."""

    reason = "foreign-origin"


class OutsideFrame(RequestRefused):
    """The page stands at the top level, where a session of the workspace's partition cannot be made."""

    reason = "outside-frame"


class UnknownProvider(RequestRefused):
    """Logins by this provider are not relayed here."""

    reason = "unknown-provider"


# --- why somebody is not signed in -----------------------------------------------------------------------------------


class SignInRefused(GantryError):
    """The directory, the account or a limit says no."""


class WrongCredentials(SignInRefused):
    """The password is wrong, or there is no such user: nobody is told which."""

    reason = "wrong-credentials"


class DisabledInDirectory(WrongCredentials):
    """The directory has switched this person off. It may say so before it has seen a right password: nobody is told."""

    reason = "disabled"


class UnconfirmedUnsaid(WrongCredentials):
    """The directory waits for the person to confirm who they are, and says so whatever the password: nobody is told."""

    reason = "unconfirmed"


class PasswordResetUnsaid(WrongCredentials):
    """The directory wants the password to be reset, and says so whatever the password: nobody is told."""

    reason = "password-reset"


class LockedUnsaid(WrongCredentials):
    """The directory has locked the name for a while, and may do so for names that somebody has only: nobody is told."""

    reason = "locked"


class Unconfirmed(SignInRefused):
    """The directory waits for the person to confirm who they are."""

    reason = "unconfirmed"


class NewPasswordDue(SignInRefused):
    """The directory wants a new password to be chosen first."""

    reason = "new-password"


class PasswordResetDue(SignInRefused):
    """The directory wants the password to be reset first."""

    reason = "password-reset"


class EnrolmentDue(SignInRefused):
    """The directory wants a second factor to be set up first."""

    reason = "enrolment"


class SecondFactorRequired(SignInRefused):
    """The password was right and a code is due.

    `method` is `totp` (an authenticator app or a backup code), `app` (an authenticator app alone), `email` or `sms`.
    `memo` is what the directory needs to hear again with the code; it travels sealed. `sent` tells whether a code has
    just been sent (None where none is sent at all), `expires` when an earlier one runs out (seconds since the epoch),
    where that is known.
    """

    reason = "second-factor-required"

    def __init__(
        self, method: str, memo: Mapping[str, str] | None = None, sent: bool | None = None, expires: float | None = None
    ) -> None:
        super().__init__(method)
        self.method = method
        self.memo = dict(memo or {})
        self.sent = sent
        self.expires = expires

    def __repr__(self) -> str:
        return f"SecondFactorRequired({self.method!r})"


class WrongCode(SignInRefused):
    """The second factor's code is wrong or has run out; the challenge may be answered again."""

    reason = "wrong-code"


class TooManyCodes(SignInRefused):
    """So many wrong codes that the backend wants to begin again with the password."""

    reason = "too-many-codes"


class ChallengeGone(SignInRefused):
    """The second factor's form is too old, or was not made here."""

    reason = "challenge-gone"


class UnknownSecondFactor(SignInRefused):
    """The account wants a second factor that cannot be asked for here."""

    reason = "unknown-second-factor"


class Banned(SignInRefused):
    """Too many failed attempts for this name or from this address.

    `retry_after` is in seconds, None where only the workspace knows how long its own block lasts.
    """

    reason = "banned"

    def __init__(self, retry_after: int | None = None) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class AccountDeactivated(SignInRefused):
    """The account was switched off by an administrator."""

    reason = "deactivated"


class AccountWithoutRoles(SignInRefused):
    """The account has no role in the workspace, so nobody can log in with it."""

    reason = "no-roles"


class EmailUnverified(SignInRefused):
    """The workspace wants a verified e-mail address and the account has none."""

    reason = "email-unverified"


class EmailCodesOnly(SignInRefused):
    """The account's second factor is a code by e-mail, which only the workspace itself can send."""

    reason = "email-codes"


class SecondFactorUnserved(SignInRefused):
    """The account has a second factor, and the kind of token that is handed out cannot get past it."""

    reason = "second-factor-unserved"


class AccountNotForPeople(SignInRefused):
    """The account is an app's: nobody can log in with it."""

    reason = "app-account"


class NoAccount(SignInRefused):
    """A known person has no account in the workspace, and none may be made."""

    reason = "no-account"


class NoEmail(SignInRefused):
    """An account could be made, but the directory knows no e-mail address of the person and the workspace wants one."""

    reason = "no-email"


class EmailUnverifiedInDirectory(SignInRefused):
    """An account could be made, but could not be found again: the directory has not verified the person's address."""

    reason = "directory-email-unverified"


class UsernameTaken(SignInRefused):
    """Somebody else's account has the person's username, and no other may be given to them."""

    reason = "username-taken"


class AccountNotMade(SignInRefused):
    """The workspace refuses to make an account for the person; `why` is for the log."""

    reason = "account-not-made"

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return f"workspace: {self.why}"


class WorkspacePasswordDiffers(SignInRefused):
    """The password is right in the directory, and the workspace has another one for the person, or no account."""

    reason = "workspace-password"


class EmailTaken(SignInRefused):
    """Another account holds the person's e-mail address, and nothing proves that it is theirs."""

    reason = "email-taken"


class RelayRefused(SignInRefused):
    """The provider does not say that the token is good and was made for our application; `why` is for the log."""

    reason = "relay-refused"

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return f"relay: {self.why}"


class LinkedElsewhere(SignInRefused):
    """The account that holds the person's address is tied to somebody else at the same provider."""

    reason = "linked-elsewhere"


# --- sessions --------------------------------------------------------------------------------------------------------


class NotSignedIn(GantryError):
    """There is no session here, or no longer.

    `certain` is False where a cookie could not be opened and the keys could not be read anew just now: that cookie may
    be good in another container, so it must not be expired.
    """

    reason = "not-signed-in"

    def __init__(self, certain: bool = True) -> None:
        super().__init__(certain)
        self.certain = certain


class SealRefused(GantryError):
    """A sealed text is not good for the purpose it was presented for."""

    reason = "seal-refused"


class SealUnknown(SealRefused):
    """No key opens the seal: it was forged, or made with a key that is not known here (yet).

    `certain` tells whether the keys had just been read anew.
    """

    reason = "seal-unknown"

    def __init__(self, certain: bool) -> None:
        super().__init__(certain)
        self.certain = certain


class SealExpired(SealRefused):
    """The seal's time has run out."""

    reason = "seal-expired"


# --- backends --------------------------------------------------------------------------------------------------------


class Unavailable(GantryError):
    """A backend gave no usable answer in time; nothing is known, so nothing is changed.

    `backend` and `why` are words for the log. `retry_after` is in seconds.
    """

    reason = "unavailable"

    def __init__(self, backend: str, why: str, retry_after: int = 5) -> None:
        super().__init__(backend, why)
        self.backend = backend
        self.why = why
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.backend}: {self.why}"


class RateLimited(Unavailable):
    """The backend asks for patience; `retry_after` is its own word, in seconds."""

    reason = "rate-limited"


class Unauthorized(GantryError):
    """A backend does not accept the credentials or the token that a call brought."""

    reason = "unauthorized"
