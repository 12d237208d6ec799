"""The calls that Gantry makes as its service account in the workspace."""

from collections.abc import Callable, Mapping
from time import time
from typing import Any

from chalicelib import rocketchat
from chalicelib.credentials import Credentials, CredentialSource, ServiceAccount
from chalicelib.deadline import Deadline
from chalicelib.errors import (
    ConfigurationError,
    GantryError,
    Problem,
    SecondFactorRequired,
    SignInRefused,
    Unauthorized,
    UnknownSecondFactor,
)
from chalicelib.rocketchat_users import PERMISSIONS

Build = Callable[[ServiceAccount], rocketchat.Call]
"""What makes a call of the service account as it is then: it may have been rotated meanwhile."""

NOT_PERMITTED = frozenset({"error-action-not-allowed", "error-unauthorized"})
TOKEN = "rocketchat_auth_token"  # noqa: S105 - a key of the secret
_REMEDY = "Make a personal access token that ignores two factor authentication, and store its id and its token"


class Service:
    """Call the workspace as the service account, whoever's token has been rotated meanwhile (promise 34)."""

    def __init__(self, send: rocketchat.Send, credentials: CredentialSource, clock: Callable[[], float] = time) -> None:
        self._send = send
        self._credentials = credentials
        self._clock = clock

    def call(self, build: Build, deadline: Deadline) -> dict[str, Any]:
        """Return what the call that `build` makes is answered.

        A token that is not accepted makes the secret be read anew and the call be made once more. Raises
        `ConfigurationError` where an administrator must help: there is no service account, its token is dead or asks
        for a second factor, or it lacks a permission. Raises `CallRefused` for any other no, and `Unavailable`.
        """
        try:
            return self._attempt(build, self._credentials.current(deadline), deadline)
        except Unauthorized:
            renewed = self._credentials.refreshed(deadline)
        try:
            return self._attempt(build, renewed, deadline)
        except Unauthorized:
            raise _misconfigured(TOKEN, "the workspace does not accept it for rocketchat_user_id", _REMEDY) from None

    def headers(self, deadline: Deadline) -> Mapping[str, str]:
        """Return the two headers that say who calls, none where there is no service account or no secret to be had.

        They are for calls that are made without them just as well.
        """
        try:
            account = self._credentials.current(deadline).service_account
        except GantryError:
            return {}
        return rocketchat.authentication(account.user_id, account.token) if account is not None else {}

    def _attempt(self, build: Build, credentials: Credentials, deadline: Deadline) -> dict[str, Any]:
        account = credentials.service_account
        if account is None:
            raise _misconfigured("rocketchat_user_id", "the secret has none, and accounts are found with it", _REMEDY)
        call = build(account)
        try:
            return rocketchat.decipher(self._send(call, deadline), self._clock())
        except (SecondFactorRequired, UnknownSecondFactor):
            raise _asks_for_second_factor() from None
        except SignInRefused:
            # What is wrong with the service account is nothing to tell the person who signs in.
            raise Unauthorized from None
        except rocketchat.CallRefused as refused:
            if refused.error_type == "totp-required":
                raise _asks_for_second_factor() from None
            if refused.status == 403 or refused.error_type in NOT_PERMITTED:
                permission = PERMISSIONS.get(call.path.partition("?")[0], "for this call")
                what = f"its account lacks the permission {permission}"
                raise _misconfigured(TOKEN, what, "Give it a role that has the permission") from None
            raise


def _asks_for_second_factor() -> ConfigurationError:
    # One that ignores two-factor was asked all the same by some calls until 8.6.0.
    remedy = f"{_REMEDY}. If it does ignore it, update the workspace to 8.6.1 or newer"
    return _misconfigured(TOKEN, "the workspace asks for a second factor with it", remedy)


def _misconfigured(key: str, what: str, remedy: str) -> ConfigurationError:
    return ConfigurationError((Problem(key, what, remedy),))
