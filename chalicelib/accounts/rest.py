"""Accounts over the workspace's REST API: looked up and made by the service account, or registered."""

import secrets
import string
from collections.abc import Callable
from html import unescape
from time import time

from chalicelib import rocketchat, rocketchat_users
from chalicelib.accounts.record import AccountRecord
from chalicelib.accounts.usernames import candidates
from chalicelib.credentials import CredentialSource, ServiceAccount
from chalicelib.deadline import Deadline
from chalicelib.errors import (
    AccountNotMade,
    ConfigurationError,
    EmailTaken,
    NoEmail,
    Problem,
    RateLimited,
    SignInRefused,
    Unauthorized,
    Unavailable,
    UsernameTaken,
)
from chalicelib.model import Identity
from chalicelib.rocketchat import BACKEND, CallRefused
from chalicelib.secret import Secret
from chalicelib.service import Build, Service

TAKEN = "error-field-unavailable"
NUMBERED = 2
PASSWORD_LENGTH = 32
_SIGNS = "!#%*+-=?@_"
_KINDS = (string.ascii_lowercase, string.ascii_uppercase, string.digits, _SIGNS)


def new_password() -> Secret:
    """Return a password that nobody will ever type, which the strictest of Rocket.Chat's own policies accepts."""
    while True:
        password = "".join(secrets.choice("".join(_KINDS)) for _ in range(PASSWORD_LENGTH))
        neighbours = zip(password, password[1:], password[2:], strict=False)
        if all(set(kind) & set(password) for kind in _KINDS) and not any(len(set(three)) == 1 for three in neighbours):
            return Secret(password)


class RestRoster:
    """Accounts by `users.info`, which shows all that counts to a caller with `view-full-other-user-info`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def by_id(self, account_id: str, deadline: Deadline) -> AccountRecord | None:
        """Return the account with that id."""
        found = self._found(lambda service: rocketchat_users.info_by_id(service, account_id), deadline)
        if found is not None and found.id != account_id:
            raise Unavailable(BACKEND, "users.info answered with another account")
        return found

    def by_email(self, address: str, deadline: Deadline) -> AccountRecord | None:
        """Return the account that holds that address, in whatever case; None too where the workspace is before 8.4."""
        try:
            return self._found(lambda service: rocketchat_users.info_by_email(service, address), deadline)
        except CallRefused:
            return None

    def by_username(self, username: str, deadline: Deadline) -> AccountRecord | None:
        """Return the account of that name, in whatever case."""
        return self._found(lambda service: rocketchat_users.info_by_username(service, username), deadline)

    def _found(self, build: Build, deadline: Deadline) -> AccountRecord | None:
        try:
            record = rocketchat_users.account_in(self._service.call(build, deadline))
        except CallRefused as refused:
            # The sentence of 8.x, and the word of the versions before it.
            if "user not found" in refused.error.lower() or refused.error_type == "error-invalid-user":
                return None
            raise
        if record.at("roles") is None and record.at("createdAt") is None:
            # Every account has a date: without the permission neither is shown, and all would seem to have no roles.
            what = f"its account lacks the permission {rocketchat_users.SEES_ALL}"
            raise ConfigurationError(
                (Problem("rocketchat_auth_token", what, "Give it a role that has the permission"),)
            )
        return record


class RestCreate:
    """Make accounts by `users.create`: they join the default channels, and have a password that nobody knows."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def plan(self, identity: Identity, deadline: Deadline) -> str | None:
        """Return None: the workspace chooses the id. Raises `NoEmail`."""
        _address(identity)
        return None

    def create(
        self,
        identity: Identity,
        deadline: Deadline,
        *,
        planned: str | None = None,
        exact: bool = False,
        password: Secret | None = None,
    ) -> str:
        """Make the account and return the id that the workspace chose, whatever was planned.

        `password` is given where the person is to log in with it. A username that is taken is a stranger's: variants
        are tried within a bound, and where none is free it is the address that is taken. Raises `NoEmail`,
        `EmailTaken`, `UsernameTaken` (with `exact`), `AccountNotMade` for any other refusal, `ConfigurationError` and
        `Unavailable`.
        """
        address = _address(identity)
        secret = password or new_password()
        for username in candidates(identity, exact=exact, numbered=NUMBERED, random=1):

            def build(service: ServiceAccount, username: str = username) -> rocketchat.Call:
                return rocketchat_users.create(
                    service,
                    username=username,
                    name=identity.name or username,
                    email=address,
                    verified=identity.email_verified,
                    password=secret,
                )

            try:
                return rocketchat_users.account_in(self._service.call(build, deadline)).id
            except CallRefused as refused:
                if refused.error_type != TAKEN:
                    raise AccountNotMade(refused.word) from None
                if _names(refused, address):
                    raise EmailTaken from None
        raise UsernameTaken if exact else EmailTaken


class RestRegister:
    """Make accounts by `users.register`, as anybody may while registration is open or with its secret.

    Nobody has verified their address then, and the workspace allows one registration a minute.
    """

    def __init__(self, send: rocketchat.Send, credentials: CredentialSource, clock: Callable[[], float] = time) -> None:
        self._send = send
        self._credentials = credentials
        self._clock = clock

    def plan(self, identity: Identity, deadline: Deadline) -> str | None:
        """Return None: the workspace chooses the id. Raises `NoEmail`."""
        _address(identity)
        return None

    def create(
        self,
        identity: Identity,
        deadline: Deadline,
        *,
        planned: str | None = None,
        exact: bool = False,
        password: Secret | None = None,
    ) -> str:
        """Register the account and return its id; raises as `RestCreate.create`, and `RateLimited`.

        Where the username is taken one variant is tried, with random digits, so that it is free. Rocket.Chat's limit
        refuses that unless an administrator has raised it, and would do so at each further try too, since each begins
        with the username that is taken: so the person is not told to wait, but that the username is taken.
        """
        address = _address(identity)
        secret = password or new_password()
        taken = False
        for username in candidates(identity, exact=exact, numbered=0, random=1):
            try:
                return self._register(identity, username, address, secret, deadline)
            except RateLimited:
                if taken:
                    break
                raise
            except CallRefused as refused:
                # This call has no type for what is taken, in public sources, but a sentence for each.
                sentence = refused.error.lower()
                if refused.error_type != TAKEN and "already" not in sentence:
                    raise AccountNotMade(refused.word) from None
                if _names(refused, address) or "email already" in sentence:
                    raise EmailTaken from None
                taken = True
        raise UsernameTaken

    def _register(self, identity: Identity, username: str, address: str, password: Secret, deadline: Deadline) -> str:
        def attempt(secret: Secret | None) -> str:
            call = rocketchat_users.register(
                username=username, name=identity.name or username, email=address, password=password, secret=secret
            )
            try:
                content = rocketchat.decipher(self._send(call, deadline), self._clock())
            except (Unauthorized, SignInRefused):
                raise Unavailable(BACKEND, "users.register answered as if somebody logged in") from None
            return rocketchat_users.account_in(content).id

        known = self._credentials.current(deadline).registration_secret
        try:
            return attempt(known)
        except CallRefused as refused:
            if refused.error_type not in _CLOSED:
                raise
            closed = refused
        # It may have been changed since the secret was read (promise 34).
        renewed = self._credentials.refreshed(deadline).registration_secret
        if renewed != known:
            return attempt(renewed)
        raise ConfigurationError((_CLOSED[closed.error_type],))


_CLOSED = {
    "error-user-registration-disabled": Problem(
        "PROVISION", "it is register, and registration is disabled in the workspace", "Set it to create or off"
    ),
    "error-user-registration-secret": Problem(
        "rocketchat_registration_secret",
        "the workspace does not accept it",
        "Store the last part of the workspace's secret registration URL",
    ),
}


def _address(identity: Identity) -> str:
    if not identity.email:
        raise NoEmail
    return identity.email


def _names(refused: CallRefused, address: str) -> bool:
    """Tell whether the sentence repeats the address: Rocket.Chat says what is in use, escaped for a page."""
    return address.lower() in unescape(refused.error).lower()
