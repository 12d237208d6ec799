"""The second factor of an account in the workspace, read from its record: what is due, and whether a code is right."""

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from hmac import compare_digest
from time import time
from typing import Literal, Protocol

import pyotp

from chalicelib.accounts.record import AccountRecord
from chalicelib.accounts.users import Users
from chalicelib.deadline import Deadline
from chalicelib.errors import (
    EmailCodesOnly,
    SecondFactorRequired,
    SecondFactorUnserved,
    Unavailable,
    UnknownSecondFactor,
    WrongCode,
)
from chalicelib.model import Account, Identity
from chalicelib.mongodb import BACKEND, Mongo

SETTINGS = "rocketchat_settings"
BACKUP_CODE_LENGTH = 8
BACKUP_CODES = "services.totp.hashedBackup"
STEP_SECONDS = 30
STEPS_ASIDE = (0, -1, 1)

TWO_FACTOR = "Accounts_TwoFactorAuthentication_Enabled"
TWO_FACTOR_TOTP = "Accounts_TwoFactorAuthentication_By_TOTP_Enabled"
TWO_FACTOR_EMAIL = "Accounts_TwoFactorAuthentication_By_Email_Enabled"
TWO_FACTOR_EMAIL_OAUTH = "Accounts_twoFactorAuthentication_email_available_for_OAuth_users"
DEFAULTS = dict.fromkeys((TWO_FACTOR, TWO_FACTOR_TOTP, TWO_FACTOR_EMAIL, TWO_FACTOR_EMAIL_OAUTH), True)
"""The workspace's settings that decide, as Rocket.Chat ships them."""

_FIELDS = {"emails": 1, "services": 1}

Rule = Literal["honour", "totp", "skip", "refuse"]
"""The first three are `WORKSPACE_2FA`. `refuse` is for tokens that Rocket.Chat's own two-factor check applies to, with
which an account that has a second factor could not log in at all."""

UseUp = Callable[[Deadline], bool]
"""What makes a code that was right good for nothing more; False where it was used up meanwhile."""


class Steps(Protocol):
    """Where the TOTP steps that were used are remembered."""

    def take(self, account_id: str, step: int, deadline: Deadline) -> bool:
        """Record `step` for the account; return False where it, or a later one, is taken."""


def has_any(record: AccountRecord) -> bool:
    """Tell whether the account has a second factor, which the workspace's settings may still switch off."""
    return record.totp_enabled or record.wants_email_codes


def is_totp_due(record: AccountRecord, settings: Mapping[str, bool], rule: Rule) -> bool:
    """Tell whether a TOTP or backup code is to be asked for before the account is given a token.

    Raises what stands in the way where a code would not do: `SecondFactorUnserved`, `UnknownSecondFactor` for an
    account whose secret is not there, `EmailCodesOnly` since only the workspace can send one.
    """
    by_totp, by_email = _applies_totp(record, settings), _applies_email(record, settings)
    if rule == "refuse" and (by_totp or by_email):
        raise SecondFactorUnserved
    if rule in ("honour", "totp") and by_totp:
        if record.text("services.totp.secret") is None:
            raise UnknownSecondFactor
        return True
    if rule == "honour" and by_email:
        raise EmailCodesOnly
    return False


def _applies_totp(record: AccountRecord, settings: Mapping[str, bool]) -> bool:
    return record.totp_enabled and settings[TWO_FACTOR] and settings[TWO_FACTOR_TOTP]


def _applies_email(record: AccountRecord, settings: Mapping[str, bool]) -> bool:
    switched_on = settings[TWO_FACTOR] and settings[TWO_FACTOR_EMAIL]
    for_this_one = settings[TWO_FACTOR_EMAIL_OAUTH] or not record.from_provider
    return record.wants_email_codes and switched_on and for_this_one


def workspace_settings(mongo: Mongo, defaults: Mapping[str, bool], deadline: Deadline) -> Mapping[str, bool]:
    """Return the settings that `defaults` names as the workspace has them; what is there and no truth value is not."""
    if not defaults:
        return {}
    wanted = {"_id": {"$in": list(defaults)}}
    found = mongo.run(lambda database: list(database[SETTINGS].find(wanted, {"value": 1})), deadline)
    return {**defaults, **{each["_id"]: each["value"] for each in found if isinstance(each.get("value"), bool)}}


class Codes:
    """TOTP and backup codes of accounts, each good for one sign-in."""

    def __init__(self, users: Users, steps: Steps, clock: Callable[[], float] = time) -> None:
        self._users = users
        self._steps = steps
        self._clock = clock

    def right(self, record: AccountRecord, code: str) -> UseUp | None:
        """Return what uses `code` up where it is right, None where it is wrong. Raises `UnknownSecondFactor`."""
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


class RecordSecondFactor:
    """What the account's record asks of somebody whom another directory vouches for (promise 39).

    TOTP is asked for here. Codes by e-mail are not: every new account has them switched on, and the directory has its
    own proof of who this is. With the rule `refuse` neither can be served, whatever the directory has checked.
    """

    def __init__(self, mongo: Mongo, steps: Steps, rule: Rule, clock: Callable[[], float] = time) -> None:
        self._mongo = mongo
        self._users = Users(mongo)
        self._codes = Codes(self._users, steps, clock)
        self._rule: Rule = "totp" if rule == "honour" else rule

    def ask(self, account: Account, identity: Identity, deadline: Deadline) -> None:
        """Return where nothing is due. Raises `SecondFactorRequired`, or as `is_totp_due`, and `Unavailable`."""
        if self._rule == "skip" or (identity.second_factor and self._rule != "refuse"):
            return
        record = self._record(account, deadline)
        settings = workspace_settings(self._mongo, DEFAULTS, deadline) if has_any(record) else DEFAULTS
        if is_totp_due(record, settings, self._rule):
            raise SecondFactorRequired("totp")

    def answer(self, account: Account, code: str, deadline: Deadline) -> None:
        """Return where `code` is right, and use it up. Raises `WrongCode`, `UnknownSecondFactor` and `Unavailable`."""
        use_up = self._codes.right(self._record(account, deadline), code)
        if use_up is None or not use_up(deadline):
            raise WrongCode

    def _record(self, account: Account, deadline: Deadline) -> AccountRecord:
        record = self._users.one({"_id": account.id}, _FIELDS, deadline)
        if record is None:
            raise Unavailable(BACKEND, "an account vanished while its owner signed in")
        return record


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
