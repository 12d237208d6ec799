"""The workspace's database as the directory: passwords and TOTP are checked here, by the workspace's own rules."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hmac import compare_digest
from time import time
from typing import Literal, Protocol

import bcrypt
import pyotp

from chalicelib.accounts.record import AccountRecord
from chalicelib.accounts.users import Users
from chalicelib.deadline import Deadline
from chalicelib.directories import LONGEST_PASSWORD_BYTES
from chalicelib.errors import (
    ChallengeGone,
    EmailCodesOnly,
    EmailUnverified,
    SecondFactorRequired,
    SecondFactorUnserved,
    UnknownSecondFactor,
    WrongCode,
    WrongCredentials,
)
from chalicelib.model import Account, Caller, Challenge, Identity
from chalicelib.mongodb import Mongo
from chalicelib.secret import Secret

SETTINGS = "rocketchat_settings"
BACKUP_CODE_LENGTH = 8
BACKUP_CODES = "services.totp.hashedBackup"
STEP_SECONDS = 30
STEPS_ASIDE = (0, -1, 1)

DUMMY_HASH = "$2b$10$XTOmXpEIPL1e4KSFS5nnN./XwbBAVwFRvvgAtAS.KSve14vU.XTyG"
"""Of nothing that anybody knows, at the cost of Rocket.Chat's own: what an unknown user's password is held to."""

TWO_FACTOR = "Accounts_TwoFactorAuthentication_Enabled"
TWO_FACTOR_TOTP = "Accounts_TwoFactorAuthentication_By_TOTP_Enabled"
TWO_FACTOR_EMAIL = "Accounts_TwoFactorAuthentication_By_Email_Enabled"
TWO_FACTOR_EMAIL_OAUTH = "Accounts_twoFactorAuthentication_email_available_for_OAuth_users"
TWO_FACTOR_SETTINGS = (TWO_FACTOR, TWO_FACTOR_TOTP, TWO_FACTOR_EMAIL, TWO_FACTOR_EMAIL_OAUTH)
EMAIL_VERIFICATION = "Accounts_EmailVerification"
_DEFAULTS = {**dict.fromkeys(TWO_FACTOR_SETTINGS, True), EMAIL_VERIFICATION: False}

_FIELDS = {
    "username": 1,
    "name": 1,
    "emails": 1,
    "active": 1,
    "roles": 1,
    "type": 1,
    "services": 1,
}


Policy = Literal["honour", "totp", "skip", "refuse"]
UseUp = Callable[[Deadline], bool]
"""What makes a code that was right good for nothing more; False where it was used up meanwhile."""


class Steps(Protocol):
    """Where the TOTP steps that were used are remembered."""

    def take(self, account_id: str, step: int, deadline: Deadline) -> bool:
        """Record `step` for the account; return False where it, or a later one, is taken."""


class MongoDirectory:
    """Verify people by their account record.

    `policy` says what is done about an account's second factor. The first three are `WORKSPACE_2FA`; `refuse` is for
    tokens that Rocket.Chat's two-factor check applies to, with which such an account could not log in at all.
    """

    name = "mongodb"

    def __init__(
        self,
        mongo: Mongo,
        steps: Steps,
        issuer: str,
        policy: Policy = "honour",
        clock: Callable[[], float] = time,
    ) -> None:
        self._mongo = mongo
        self._users = Users(mongo)
        self._steps = steps
        self._issuer = issuer
        self._policy = policy
        self._clock = clock

    def authenticate(self, username: str, password: Secret, caller: Caller) -> Identity:
        """Return who `username` (or e-mail address) with `password` is.

        The order is Rocket.Chat's: password, second factor, then what is wrong with the account. Raises
        `WrongCredentials`, `SecondFactorRequired`, any other `SignInRefused`, and `Unavailable`.
        """
        record = self._find(username, caller.deadline)
        if not _password_fits(password, record) or record is None:
            raise WrongCredentials
        settings = self._settings(_relevant(record), caller.deadline)
        self._ask_for_second_factor(record, settings)
        return self._identity(record, settings, second_factor=False)

    def answer(self, challenge: Challenge, code: str, caller: Caller) -> Identity:
        """Return who answered `challenge` with a TOTP or a backup code; raises as `authenticate`, and `WrongCode`.

        Raises `ChallengeGone` when account or password have changed since the password was right.
        """
        record = self._users.one({"_id": challenge.memo["account"]}, _FIELDS, caller.deadline)
        if record is None or not compare_digest(_fingerprint(record), challenge.memo["password"]):
            raise ChallengeGone
        use_up = self._right_code(record, code)
        if use_up is None:
            raise WrongCode
        # What is wrong with the account is said after the code was right, and before the code is used up.
        settings = self._settings(_for_verification(record), caller.deadline)
        identity = self._identity(record, settings, second_factor=True)
        if not use_up(caller.deadline):
            raise WrongCode
        return identity

    def _find(self, username: str, deadline: Deadline) -> AccountRecord | None:
        # As Rocket.Chat: what has an @ is an address. The exact look-up first: it has a unique index everywhere.
        wanted = {"emails.address" if "@" in username else "username": username}
        found = self._users.one(wanted, _FIELDS, deadline)
        if found is not None:
            return found
        alike = self._users.ignoring_case(wanted, _FIELDS, deadline)
        return alike[0] if len(alike) == 1 else None

    def _settings(self, names: Sequence[str], deadline: Deadline) -> Mapping[str, bool]:
        """Return the workspace's settings: those of `names` as they are, all others as Rocket.Chat ships them."""
        if not names:
            return _DEFAULTS
        wanted = {"_id": {"$in": list(names)}}
        found = self._mongo.run(lambda database: list(database[SETTINGS].find(wanted, {"value": 1})), deadline)
        return {**_DEFAULTS, **{each["_id"]: each["value"] for each in found if isinstance(each.get("value"), bool)}}

    def _ask_for_second_factor(self, record: AccountRecord, settings: Mapping[str, bool]) -> None:
        """Raise what stands between a right password and a token; return where nothing does."""
        by_totp, by_email = _applies_totp(record, settings), _applies_email(record, settings)
        if self._policy == "refuse" and (by_totp or by_email):
            raise SecondFactorUnserved
        if self._policy in ("honour", "totp") and by_totp:
            if record.text("services.totp.secret") is None:
                raise UnknownSecondFactor
            raise SecondFactorRequired("totp", {"account": record.id, "password": _fingerprint(record)})
        if self._policy == "honour" and by_email:
            raise EmailCodesOnly

    def _identity(self, record: AccountRecord, settings: Mapping[str, bool], *, second_factor: bool) -> Identity:
        record.refuse_unfit()
        emails = list(record.emails())
        if settings[EMAIL_VERIFICATION] and not any(verified for _, verified in emails):
            raise EmailUnverified
        email, verified = emails[0] if emails else (None, False)
        return Identity(
            issuer=self._issuer,
            subject=record.id,
            username=record.text("username") or "",
            email=email,
            email_verified=verified,
            name=record.text("name"),
            second_factor=second_factor,
            account=Account(record.id),
        )

    def _right_code(self, record: AccountRecord, code: str) -> UseUp | None:
        """Return what uses `code` up where it is right, None where it is wrong."""
        if len(code) == BACKUP_CODE_LENGTH:
            hashed = hashlib.sha256(code.encode()).hexdigest()
            held = record.at(BACKUP_CODES)
            return partial(self._take_backup_code, record.id, hashed) if hashed in _texts(held) else None
        step = self._step_of(record, code)
        return partial(self._steps.take, record.id, step) if step is not None else None

    def _step_of(self, record: AccountRecord, code: str) -> int | None:
        """Return the step of `code`: this one or one beside it (Rocket.Chat's own window), None for a wrong code."""
        secret = record.text("services.totp.secret")
        if secret is None or not (code.isascii() and code.isdigit()):
            return None
        now = int(self._clock()) // STEP_SECONDS
        try:
            totp = pyotp.TOTP(secret)
            codes = {now + aside: totp.generate_otp(now + aside) for aside in STEPS_ASIDE}
        except ValueError:
            raise UnknownSecondFactor from None
        return next((step for step, right in codes.items() if compare_digest(right, code)), None)

    def _take_backup_code(self, account_id: str, hashed: str, deadline: Deadline) -> bool:
        """Remove a backup code; return False where another request has had it."""
        wanted, change = {"_id": account_id, BACKUP_CODES: hashed}, {"$pull": {BACKUP_CODES: hashed}}
        return self._users.change(wanted, change, deadline)


def _relevant(record: AccountRecord) -> Sequence[str]:
    """Return the names of the settings that decide about this account at its password."""
    second_factor = TWO_FACTOR_SETTINGS if record.totp_enabled or record.wants_email_codes else ()
    return (*second_factor, *_for_verification(record))


def _for_verification(record: AccountRecord) -> Sequence[str]:
    return () if any(verified for _, verified in record.emails()) else (EMAIL_VERIFICATION,)


def _applies_totp(record: AccountRecord, settings: Mapping[str, bool]) -> bool:
    return record.totp_enabled and settings[TWO_FACTOR] and settings[TWO_FACTOR_TOTP]


def _applies_email(record: AccountRecord, settings: Mapping[str, bool]) -> bool:
    switched_on = settings[TWO_FACTOR] and settings[TWO_FACTOR_EMAIL]
    for_this_one = settings[TWO_FACTOR_EMAIL_OAUTH] or not record.from_provider
    return record.wants_email_codes and switched_on and for_this_one


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _password_fits(password: Secret, record: AccountRecord | None) -> bool:
    """Tell whether `password` is the account's: exactly one hash, whatever there is to compare with (promise 1)."""
    typed = password.reveal().encode()
    stored = record.password_hash if record is not None else None
    short_enough = len(typed) <= LONGEST_PASSWORD_BYTES
    digest = hashlib.sha256(typed if short_enough else b"").hexdigest()
    same = bcrypt.checkpw(digest.encode(), (stored or DUMMY_HASH).encode())
    return same and stored is not None and short_enough


def _fingerprint(record: AccountRecord) -> str:
    """Return what changes whenever the account's password does, without being of use to anybody."""
    return hashlib.sha256((record.password_hash or "").encode()).hexdigest()
