"""The one table from what went wrong to a status and to the words that a person reads."""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib import errors


@dataclass(frozen=True)
class Outcome:
    """A status, and the key of its text in the locales (`error.<key>`)."""

    status: int
    message: str


FAULT = Outcome(500, "fault")

OUTCOMES: Mapping[type[Exception], Outcome] = {
    errors.MalformedForm: Outcome(400, "malformed"),
    errors.WrongContentType: Outcome(415, "content-type"),
    errors.ForeignOrigin: Outcome(403, "foreign-origin"),
    errors.OutsideFrame: Outcome(403, "outside-frame"),
    errors.UnknownProvider: Outcome(404, "unknown-provider"),
    errors.WrongCredentials: Outcome(401, "wrong-credentials"),
    errors.SecondFactorRequired: Outcome(401, "code-due"),
    errors.WrongCode: Outcome(401, "wrong-code"),
    errors.TooManyCodes: Outcome(401, "too-many-codes"),
    errors.ChallengeGone: Outcome(401, "challenge-gone"),
    errors.UnknownSecondFactor: Outcome(401, "unknown-second-factor"),
    errors.Banned: Outcome(429, "banned"),
    errors.Unconfirmed: Outcome(401, "unconfirmed"),
    errors.NewPasswordDue: Outcome(401, "new-password"),
    errors.PasswordResetDue: Outcome(401, "password-reset"),
    errors.EnrolmentDue: Outcome(401, "enrolment"),
    errors.AccountDeactivated: Outcome(401, "deactivated"),
    errors.AccountWithoutRoles: Outcome(401, "no-roles"),
    errors.EmailUnverified: Outcome(401, "email-unverified"),
    errors.EmailCodesOnly: Outcome(401, "email-codes"),
    errors.SecondFactorUnserved: Outcome(401, "second-factor-unserved"),
    errors.AccountNotForPeople: Outcome(401, "app-account"),
    errors.NoAccount: Outcome(401, "no-account"),
    errors.NoEmail: Outcome(401, "no-email"),
    errors.EmailUnverifiedInDirectory: Outcome(401, "directory-email-unverified"),
    errors.EmailTaken: Outcome(401, "email-taken"),
    errors.UsernameTaken: Outcome(401, "username-taken"),
    errors.AccountNotMade: Outcome(401, "account-not-made"),
    errors.WorkspacePasswordDiffers: Outcome(401, "workspace-password"),
    errors.RelayRefused: Outcome(401, "relay-refused"),
    errors.LinkedElsewhere: Outcome(401, "linked-elsewhere"),
    errors.NotSignedIn: Outcome(401, "not-signed-in"),
    errors.ConfigurationError: Outcome(503, "configuration"),
    errors.RateLimited: Outcome(503, "rate-limited"),
    errors.Unavailable: Outcome(503, "unavailable"),
}


def outcome_of(error: Exception) -> Outcome:
    """Return what `error` means for the browser: the entry of its nearest class, or an internal fault."""
    for kind in type(error).__mro__:
        if kind in OUTCOMES:
            return OUTCOMES[kind]
    return FAULT


def message_of(error: Exception) -> str:
    """Return the key of the text for `error`: that of its outcome, or a closer one where more is known."""
    if isinstance(error, errors.MalformedForm) and error.fields:
        return "code-missing" if "code" in error.fields else "missing"
    if isinstance(error, errors.Banned) and error.retry_after is not None:
        return "banned-for"
    return outcome_of(error).message


def headers_of(error: Exception) -> dict[str, str]:
    """Return the headers that go with `error` wherever it is answered: `Retry-After` for what may pass."""
    if isinstance(error, errors.Unavailable | errors.Banned) and error.retry_after is not None:
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, errors.ConfigurationError):
        return {"Retry-After": "60"}
    return {}
