"""The workspace's database as the directory: passwords and TOTP are checked here, by the workspace's own rules."""

import hashlib
from collections.abc import Callable, Mapping
from hmac import compare_digest
from time import time

import bcrypt

from chalicelib.accounts.record import AccountRecord
from chalicelib.accounts.second_factor import (
    DEFAULTS,
    Codes,
    Rule,
    Steps,
    has_any,
    is_totp_due,
    workspace_settings,
)
from chalicelib.accounts.users import Users
from chalicelib.deadline import Deadline
from chalicelib.directories import LONGEST_PASSWORD_BYTES
from chalicelib.errors import ChallengeGone, EmailUnverified, SecondFactorRequired, WrongCode, WrongCredentials
from chalicelib.model import Account, Caller, Challenge, Identity
from chalicelib.mongodb import Mongo
from chalicelib.secret import Secret
from chalicelib.throttle import folded

DUMMY_HASH = "$2b$10$XTOmXpEIPL1e4KSFS5nnN./XwbBAVwFRvvgAtAS.KSve14vU.XTyG"
"""Of nothing that anybody knows, at the cost of Rocket.Chat's own: what an unknown user's password is held to."""

EMAIL_VERIFICATION = "Accounts_EmailVerification"
_DEFAULTS = {**DEFAULTS, EMAIL_VERIFICATION: False}

_FIELDS = {
    "username": 1,
    "name": 1,
    "emails": 1,
    "active": 1,
    "roles": 1,
    "type": 1,
    "services": 1,
}


class MongoDirectory:
    """Verify people by their account record; `rule` says what is done about an account's second factor."""

    name = "mongodb"

    def __init__(
        self,
        mongo: Mongo,
        steps: Steps,
        issuer: str,
        rule: Rule = "honour",
        clock: Callable[[], float] = time,
    ) -> None:
        self._mongo = mongo
        self._users = Users(mongo)
        self._codes = Codes(self._users, steps, clock)
        self._issuer = issuer
        self._rule = rule

    def authenticate(self, username: str, password: Secret, caller: Caller) -> Identity:
        """Return who `username` (or e-mail address) with `password` is.

        The order is Rocket.Chat's: password, second factor, then what is wrong with the account. Raises
        `WrongCredentials`, `SecondFactorRequired`, any other `SignInRefused`, and `Unavailable`.
        """
        record = self._find(username, caller.deadline)
        if not _password_fits(password, record) or record is None:
            raise WrongCredentials
        settings = self._settings(record, caller.deadline, second_factor=has_any(record))
        if is_totp_due(record, settings, self._rule):
            raise SecondFactorRequired("totp", {"account": record.id, "password": _fingerprint(record)})
        return self._identity(record, settings, second_factor=False)

    def answer(self, challenge: Challenge, code: str, caller: Caller) -> Identity:
        """Return who answered `challenge` with a TOTP or a backup code; raises as `authenticate`, and `WrongCode`.

        Raises `ChallengeGone` when account or password have changed since the password was right.
        """
        record = self._users.one({"_id": challenge.memo["account"]}, _FIELDS, caller.deadline)
        if record is None or not compare_digest(_fingerprint(record), challenge.memo["password"]):
            raise ChallengeGone
        use_up = self._codes.right(record, code)
        if use_up is None:
            raise WrongCode
        # What is wrong with the account is said after the code was right, and before the code is used up.
        settings = self._settings(record, caller.deadline, second_factor=False)
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
        # The database takes more spellings for one name than the throttle does: each would have a budget of its own.
        alike = [record for record in alike if folded(username) in map(folded, record.names())]
        return alike[0] if len(alike) == 1 else None

    def _settings(self, record: AccountRecord, deadline: Deadline, *, second_factor: bool) -> Mapping[str, bool]:
        """Return the workspace's settings: those that decide here as they are, all others as Rocket.Chat ships them."""
        verified = any(verified for _, verified in record.emails())
        relevant = {**(DEFAULTS if second_factor else {}), **({} if verified else {EMAIL_VERIFICATION: False})}
        return {**_DEFAULTS, **workspace_settings(self._mongo, relevant, deadline)}

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
