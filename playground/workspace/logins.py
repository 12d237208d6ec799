"""The login handlers (password, resume, iframe) and what Rocket.Chat 8.6 checks after any of them."""

from __future__ import annotations

from dataclasses import dataclass

from playground.workspace.accounts import Accounts
from playground.workspace.limits import FailedLogins
from playground.workspace.records import Document
from playground.workspace.refusals import LoginRefused
from playground.workspace.second_factor import SecondFactor
from playground.workspace.settings import Settings

_NOT_A_FAILURE = frozenset({"totp-required", "error-login-blocked-for-ip", "error-login-blocked-for-user"})


@dataclass(frozen=True)
class Login:
    """An accepted login: the account as it is now and the native login token of the connection."""

    account: Document
    token: str


class Logins:
    """Rocket.Chat 8.6: blocked or wrong password first, then the second factor, then the state of the account."""

    def __init__(
        self, accounts: Accounts, second_factor: SecondFactor, failures: FailedLogins, settings: Settings
    ) -> None:
        self._accounts = accounts
        self._second_factor = second_factor
        self._failures = failures
        self._settings = settings
        self.wrong_credentials: str | int = "Unauthorized"  # 403 is the other form that workspaces answer

    def by_password(
        self,
        password: str,
        *,
        username: str = "",
        email: str = "",
        code: str | None = None,
        method: str | None = None,
        address: str = "",
    ) -> Login:
        """Log in with a password; an unknown user and a wrong password are told apart by nothing."""
        account = self._accounts.find_by_email(email) if email else self._accounts.find_by_username(username)
        name = _name(account) if account else (username or email)
        try:
            self._refuse_blocked(address, name)
            if account is None or not self._accounts.password_matches(account, password):
                raise LoginRefused(self.wrong_credentials, "Unauthorized")
            self._second_factor.check(account, code, method)
            self._refuse_state(account)
            self._refuse_unverified(account)
        except LoginRefused as refusal:
            self._note_failure(refusal, address, name)
            raise
        return self._accept(account, address, self._accounts.new_login_token(account))

    def by_resume(self, token: str, *, address: str = "") -> Login:
        """Log in with a native login token: no second factor, no new token."""
        account = self._accounts.find_by_login_token(token)
        if account is None:
            raise LoginRefused(403, "You've been logged out by the server. Please log in again.")
        self._refuse_blocked(address, _name(account))
        self._refuse_state(account)
        return self._accept(account, address, token)

    def by_iframe(self, token: str, *, address: str = "") -> Login:
        """Log in with `services.iframe.token`: the second factor applies, and there is no way to type its code.

        It makes a new native login token each time.
        """
        account = self._accounts.find_by_iframe_token(token)
        if account is None:
            raise LoginRefused(403, "User not found")
        try:
            self._refuse_blocked(address, _name(account))
            self._second_factor.check(account, None)
            self._refuse_state(account)
        except LoginRefused as refusal:
            self._note_failure(refusal, address, _name(account))
            raise
        return self._accept(account, address, self._accounts.new_login_token(account))

    def log_out(self, token: str) -> bool:
        """Remove the connection's own token element; nothing else of the account changes."""
        account = self._accounts.find_by_login_token(token)
        return account is not None and self._accounts.remove_login_token(account, token)

    def _accept(self, account: Document, address: str, token: str) -> Login:
        self._failures.forgive(address, _name(account))
        return Login(self._accounts.accept_login(account), token)

    def _note_failure(self, refusal: LoginRefused, address: str, username: str) -> None:
        if refusal.error not in _NOT_A_FAILURE:
            self._failures.record(address, username)

    def _refuse_blocked(self, address: str, username: str) -> None:
        if self._failures.blocks_address(address):
            raise LoginRefused("error-login-blocked-for-ip", "Login has been temporarily blocked For IP")
        if self._failures.blocks_user(username):
            raise LoginRefused("error-login-blocked-for-user", "Login has been temporarily blocked For User")

    @staticmethod
    def _refuse_state(account: Document) -> None:
        if account.get("type") == "app":
            raise LoginRefused("error-app-user-is-not-allowed-to-login", "App user is not allowed to login")
        if account.get("active") is not True:
            raise LoginRefused("error-user-is-not-activated", "User is not activated")
        if not isinstance(account.get("roles"), list):
            raise LoginRefused("error-user-has-no-roles", "User has no roles")

    def _refuse_unverified(self, account: Document) -> None:
        if not self._settings["Accounts_EmailVerification"] or "admin" in account["roles"]:
            return
        if not any(mail.get("verified") for mail in account.get("emails", [])):
            raise LoginRefused("error-invalid-email", "Invalid email")


def _name(account: Document) -> str:
    """The username; an account that is half made has none yet."""
    return str(account.get("username") or "")
