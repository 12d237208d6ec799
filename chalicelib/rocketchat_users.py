"""The `users.*` calls of Rocket.Chat's REST API, without any I/O: what to send, and whose account an answer tells of.

The service account makes them; `users.register` alone is anybody's. Answers are deciphered by `rocketchat.decipher`.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from chalicelib.accounts.record import AccountRecord
from chalicelib.credentials import ServiceAccount
from chalicelib.errors import Unavailable
from chalicelib.rocketchat import BACKEND, Call, authentication, is_credential
from chalicelib.secret import Secret

INFO = "/api/v1/users.info"
CREATE = "/api/v1/users.create"
REGISTER = "/api/v1/users.register"
CREATE_TOKEN = "/api/v1/users.createToken"  # noqa: S105 - a path

SEES_ALL = "view-full-other-user-info"
PERMISSIONS: Mapping[str, str] = {
    INFO: SEES_ALL,
    CREATE: "create-user and assign-roles",
    CREATE_TOKEN: "user-generate-access-token",
}
"""What the service account needs for each call, by Rocket.Chat's own ids."""


def info_by_id(service: ServiceAccount, user_id: str) -> Call:
    """Build `GET users.info` for an account's id."""
    return _info(service, "userId", user_id)


def info_by_username(service: ServiceAccount, username: str) -> Call:
    """Build `GET users.info` for a username."""
    return _info(service, "username", username)


def info_by_email(service: ServiceAccount, address: str) -> Call:
    """Build `GET users.info` for an e-mail address, which workspaces know from 8.4."""
    return _info(service, "email", address)


def create(service: ServiceAccount, *, username: str, name: str, email: str, verified: bool, password: Secret) -> Call:
    """Build `POST users.create` for somebody who joins the default channels and has the role `user`.

    Rocket.Chat wants all four of username, name, e-mail address and password, and refuses keys that it does not know.
    """
    body = {
        "username": username,
        "name": name,
        "email": email,
        "verified": verified,
        "password": password.reveal(),
        "joinDefaultChannels": True,
        "requirePasswordChange": False,
        "roles": ["user"],
    }
    return Call("POST", CREATE, _headers(service), body)


def register(*, username: str, name: str, email: str, password: Secret, secret: Secret | None = None) -> Call:
    """Build `POST users.register`, without headers: a caller who is logged in is refused.

    `secret` is that of the workspace's secret registration URL, where it has one.
    """
    body = {"username": username, "name": name, "email": email, "pass": password.reveal()}
    if secret is not None:
        body["secret"] = secret.reveal()
    return Call("POST", REGISTER, {}, body)


def create_token(service: ServiceAccount, user_id: str, secret: Secret) -> Call:
    """Build `POST users.createToken` for the account `user_id`.

    8.x takes exactly account and secret, 6.x and 7.x exactly the account: an empty `secret` stands for those.
    """
    body = {"userId": user_id}
    if secret:
        body["secret"] = secret.reveal()
    return Call("POST", CREATE_TOKEN, _headers(service), body)


def account_in(content: Mapping[str, Any]) -> AccountRecord:
    """Return the account that an answer of `users.info`, `users.create` or `users.register` holds.

    Raises `Unavailable` for an answer of another shape.
    """
    match content.get("user"):
        case {"_id": str(user_id)} if is_credential(user_id):
            return AccountRecord(content["user"])
        case _:
            raise Unavailable(BACKEND, "an account was answered in an unknown shape")


def _info(service: ServiceAccount, key: str, value: str) -> Call:
    # A lone surrogate has no bytes: nobody has that name, and Rocket.Chat says so.
    query = urlencode({key: value}, errors="replace")
    return Call("GET", f"{INFO}?{query}", _headers(service))


def _headers(service: ServiceAccount) -> dict[str, str]:
    return authentication(service.user_id, service.token)
