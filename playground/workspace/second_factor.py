"""The second factors of an account, asked for and checked as Rocket.Chat 8.6 does."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import bcrypt
import pyotp

from playground.workspace.accounts import Accounts
from playground.workspace.records import Document, at
from playground.workspace.refusals import LoginRefused
from playground.workspace.settings import Settings

MAX_WRONG_CODES = 5
EMAIL_CODE = "services.emailCode"
_QUIET_TIME = timedelta(minutes=5)
_BUILT_IN = frozenset(
    {"password", "resume", "totp", "email2fa", "emailCode", "email", "iframe", "passwordHistory", "cloud"}
)


@dataclass(frozen=True)
class Mail:
    """An e-mail with a code: what the person would read in their mail program."""

    username: str
    address: str
    code: str
    sent: datetime
    expires: datetime


class SecondFactor:
    """TOTP before e-mail codes; an account may have both. `mailbox` holds every e-mail sent, oldest first."""

    def __init__(self, accounts: Accounts, settings: Settings) -> None:
        self._accounts = accounts
        self._settings = settings
        self.mailbox: list[Mail] = []

    def methods(self, document: Document) -> list[str]:
        """The methods switched on for an account, in the order in which Rocket.Chat prefers them."""
        settings = self._settings
        if not settings["Accounts_TwoFactorAuthentication_Enabled"]:
            return []
        methods = []
        if settings["Accounts_TwoFactorAuthentication_By_TOTP_Enabled"] and at(document, "services.totp.enabled"):
            methods.append("totp")
        if (
            settings["Accounts_TwoFactorAuthentication_By_Email_Enabled"]
            and at(document, "services.email2fa.enabled")
            and self._verified_addresses(document)
            and (
                settings["Accounts_twoFactorAuthentication_email_available_for_OAuth_users"]
                or set(document["services"]) <= _BUILT_IN
            )
        ):
            methods.append("email")
        return methods

    def check(self, document: Document, code: str | None, method: str | None = None) -> None:
        """Return where the code is right or none is due; else `totp-required`, `totp-invalid` or `totp-max-attempts`.

        A method by name is taken where the account has it, else the account's first.
        """
        available = self.methods(document)
        if not available:
            return
        method = method if method in available else available[0]
        if not code:
            self._refuse("totp-required", "TOTP Required", document, method)
        elif method == "totp":
            if not self._totp_matches(document, code):
                self._refuse("totp-invalid", "TOTP Invalid", document, method)
        else:
            self._check_email_code(document, code)

    def _refuse(self, error: str, message: str, document: Document, method: str) -> None:
        due: Document = {"codeGenerated": False} if method == "totp" else self._ask_by_email(document)
        details = {"method": method, **due, "availableMethods": self.methods(document)}
        raise LoginRefused(error, message, details)

    def _totp_matches(self, document: Document, code: str) -> bool:
        if len(code) == 8:  # a backup code: SHA-256 in hexadecimal, removed when it was used
            hashed = hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()
            return self._accounts.records.pull(document["_id"], "services.totp.hashedBackup", [hashed])
        window = int(self._settings["Accounts_TwoFactorAuthentication_MaxDelta"])
        totp = pyotp.TOTP(at(document, "services.totp.secret"))
        return totp.verify(code, for_time=self._accounts.now(), valid_window=window)

    def _check_email_code(self, document: Document, code: str) -> None:
        stored = at(document, EMAIL_CODE)
        if stored is None or stored["expire"] < self._accounts.now():
            self._refuse("totp-invalid", "TOTP Invalid", document, "email")
        elif stored["attempts"] >= MAX_WRONG_CODES:
            self._refuse("totp-max-attempts", "TOTP Maximun Failed Attempts Reached", document, "email")
        elif bcrypt.checkpw(code.encode("utf-8", "replace")[:72], stored["code"].encode()):
            self._accounts.records.unset(document["_id"], EMAIL_CODE)
        else:
            attempts = stored["attempts"] + 1
            self._accounts.records.set(document["_id"], {f"{EMAIL_CODE}.attempts": attempts})
            if attempts >= MAX_WRONG_CODES:
                self._refuse("totp-max-attempts", "TOTP Maximun Failed Attempts Reached", document, "email")
            self._refuse("totp-invalid", "TOTP Invalid", document, "email")

    def _ask_by_email(self, document: Document) -> Document:
        """Send a code unless one runs or ran out less than five minutes ago; one that ran out is removed either way."""
        address = self._verified_addresses(document)[0]
        # As it is now: a wrong code has just been counted.
        record, now = self._accounts.find_by_id(document["_id"]), self._accounts.now()
        stored = at(record or document, EMAIL_CODE)
        if stored and stored["expire"] < now:
            self._accounts.records.unset(document["_id"], EMAIL_CODE)
        if stored and stored["expire"] > now - _QUIET_TIME:
            return {"codeGenerated": False, "codeExpires": stored["expire"], "emailOrUsername": address}
        self._send(document, address)
        return {"codeGenerated": True, "emailOrUsername": address}

    def _send(self, document: Document, address: str) -> None:
        code = f"{secrets.randbelow(1_000_000):06}"
        now = self._accounts.now()
        seconds = self._settings["Accounts_TwoFactorAuthentication_By_Email_Code_Expiration"]
        expires = now + timedelta(seconds=seconds)
        hashed = bcrypt.hashpw(code.encode(), bcrypt.gensalt(4)).decode()
        code_record = {"code": hashed, "expire": expires, "attempts": 0}
        self._accounts.records.set(document["_id"], {EMAIL_CODE: code_record})
        self.mailbox.append(Mail(document["username"], address, code, now, expires))

    @staticmethod
    def _verified_addresses(document: Document) -> list[str]:
        return [mail["address"] for mail in document.get("emails", []) if mail.get("verified")]
