"""Rocket.Chat's REST API, without any I/O: what to send, and what the answer means.

Builders return a `Call`; a transport turns it into a `Reply`; `decipher` turns that into a value or an exception. The
rules were read from Rocket.Chat's sources, versions 6 to 8.6.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from chalicelib.deadline import Deadline
from chalicelib.errors import (
    AccountDeactivated,
    AccountWithoutRoles,
    Banned,
    EmailUnverified,
    GantryError,
    RateLimited,
    SecondFactorRequired,
    TooManyCodes,
    Unauthorized,
    Unavailable,
    UnknownSecondFactor,
    WrongCode,
)
from chalicelib.secret import Secret

BACKEND = "workspace"
SECOND_FACTORS = ("totp", "email")
_MILLISECONDS = re.compile(r"[0-9]{1,16}")
_CREDENTIAL = re.compile(r"[!-~]{1,512}")
_ERROR_TYPE = re.compile(r"[a-z0-9-]{1,64}")
_TYPE_BEHIND = re.compile(r"\[([a-z0-9-]{1,64})\]$")


@dataclass(frozen=True)
class Call:
    """One request to make. Header values, the query and the bodies may hold secrets, so none of them prints.

    `body` is sent as JSON and `form` URL-encoded: one of them at most. `query` is put behind the path as it is sent.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Reply:
    """What came back. `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


Send = Callable[[Call, Deadline], Reply]
"""A transport: it makes the call within the deadline, or raises `Unavailable`."""


@dataclass(frozen=True)
class Login:
    """A login that the workspace accepted: the account, and the native login token that it made."""

    user_id: str
    token: Secret
    username: str
    name: str | None
    email: str | None
    email_verified: bool


class CallRefused(Unavailable):
    """The workspace understood a call and says no: 400, or 403 where a permission is missing.

    `error_type` is Rocket.Chat's own word (`error-field-unavailable`), empty where there is none. `error` is its
    sentence, which may repeat what was sent and is not for the log. Who asks for nothing in particular has no answer:
    it is `Unavailable` then.
    """

    reason = "call-refused"

    def __init__(self, status: int, error_type: str, error: str) -> None:
        super().__init__(BACKEND, f"status {status} {error_type}".rstrip())
        self.status = status
        self.error_type = error_type
        self.error = error

    @property
    def word(self) -> str:
        """What the log calls it: the error's type, else the status."""
        return self.error_type or f"status {self.status}"


def login(
    username: str,
    password: Secret,
    address: str,
    code: str | None = None,
    service: Mapping[str, str] = MappingProxyType({}),
) -> Call:
    """Build `POST login` for a username or an e-mail address, with the second factor's `code` where there is one.

    Any further key beside `password` makes Rocket.Chat refuse the body. `address` is where the person sits: the
    workspace counts failed logins by address, and without these headers that would be ours, everybody's. `service` are
    the headers of a service account: 8.x does not count the calls of one that may call often.
    """
    body = {"user": username, "password": password.reveal()}
    if code is not None:
        body["code"] = code
    headers = {"X-Real-IP": address, "X-Forwarded-For": address} if address else {}
    return Call("POST", "/api/v1/login", {**headers, **service}, body)


def me(user_id: str, token: Secret) -> Call:
    """Build `GET me`, which tells whether `token` still lives."""
    return Call("GET", "/api/v1/me", authentication(user_id, token))


def logout(user_id: str, token: Secret) -> Call:
    """Build `POST logout`, which ends `token`."""
    return Call("POST", "/api/v1/logout", authentication(user_id, token))


def info() -> Call:
    """Build `GET /api/info`, which needs no authentication."""
    return Call("GET", "/api/info")


def authentication(user_id: str, token: Secret) -> dict[str, str]:
    """Return the two headers that say who calls."""
    return {"X-User-Id": user_id, "X-Auth-Token": token.reveal()}


def decipher(reply: Reply, now: float) -> dict[str, Any]:
    """Return the JSON object of an accepted call. `now` is in seconds since 1970.

    Raises `Unauthorized` when credentials or token are not accepted, a `SignInRefused` for what else the workspace says
    no to at a login, `CallRefused` for the 400 and 403 of any other call, `RateLimited` for 429 and `Unavailable` for
    everything that is not an answer of Rocket.Chat's.
    """
    if reply.status == 429:
        raise RateLimited(BACKEND, "rate limit", _seconds_until_reset(reply.headers, now))
    if 300 <= reply.status < 400:
        raise Unavailable(BACKEND, f"status {reply.status}: a redirect; is ROCKETCHAT_URL the workspace's own address?")
    try:
        content = json.loads(reply.body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise Unavailable(BACKEND, f"status {reply.status} without a JSON object")
    if reply.status == 200:
        return content
    if reply.status == 401:
        raise _refusal(content)
    if reply.status in (400, 403):
        raise _call_refused(reply.status, content)
    raise Unavailable(BACKEND, f"status {reply.status}")


def decipher_login(reply: Reply, now: float) -> Login:
    """Return the login that `reply` grants; raises as `decipher`, and `Unavailable` for a body of another shape."""
    match decipher(reply, now).get("data"):
        case {"userId": str(user_id), "authToken": str(token), "me": {"username": str(username), **account}}:
            pass
        case _:
            raise Unavailable(BACKEND, "login answered in an unknown shape")
    if not (is_credential(user_id) and is_credential(token)):
        raise Unavailable(BACKEND, "login answered with what cannot stand in a header")
    email, verified = _first_email(account.get("emails"))
    name = account.get("name")
    return Login(user_id, Secret(token), username, name if isinstance(name, str) else None, email, verified)


def is_credential(text: str) -> bool:
    """Tell whether an id or a token can stand in a header."""
    return bool(_CREDENTIAL.fullmatch(text))


def _call_refused(status: int, content: Mapping[str, Any]) -> CallRefused:
    # The type stands in a field of its own, or, in some versions, only in brackets behind the sentence.
    error, error_type = content.get("error"), content.get("errorType")
    sentence = error if isinstance(error, str) else ""
    behind = _TYPE_BEHIND.search(sentence)
    if not (isinstance(error_type, str) and _ERROR_TYPE.fullmatch(error_type)):
        error_type = behind[1] if behind else ""
    return CallRefused(status, error_type, sentence)


_REFUSALS: Mapping[str, type[GantryError]] = {
    "totp-invalid": WrongCode,
    "totp-max-attempts": TooManyCodes,
    "error-login-blocked-for-ip": Banned,
    "error-login-blocked-for-user": Banned,
    "error-user-is-not-activated": AccountDeactivated,
    "error-user-has-no-roles": AccountWithoutRoles,
    "error-invalid-email": EmailUnverified,
}


def _refusal(content: Mapping[str, Any]) -> GantryError:
    # `error` is a word, the number 403, or missing (a dead token's 401 has a message alone).
    error = content.get("error")
    if error == "totp-required":
        return _second_factor(content.get("details"))
    return _REFUSALS[error]() if isinstance(error, str) and error in _REFUSALS else Unauthorized()


def _second_factor(details: object) -> GantryError:
    method = details.get("method") if isinstance(details, dict) else None
    if not isinstance(details, dict) or method not in SECOND_FACTORS:
        return UnknownSecondFactor()
    sent = details.get("codeGenerated")
    return SecondFactorRequired(
        method, sent=sent if isinstance(sent, bool) else None, expires=_moment(details.get("codeExpires"))
    )


def _moment(value: object) -> float | None:
    """Return seconds since 1970 for a date as JSON or EJSON writes it, None for anything else."""
    if isinstance(value, dict):
        value = value.get("$date")
    try:
        match value:
            case bool():
                return None
            case int() | float() if math.isfinite(value):
                return value / 1000
            case str():
                moment = datetime.fromisoformat(value)
                return moment.timestamp() if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
    return None


def _seconds_until_reset(headers: Mapping[str, str], now: float) -> int:
    """Return the whole seconds until `X-RateLimit-Reset` (milliseconds since 1970), between 1 and 60; 60 without it."""
    reset = headers.get("x-ratelimit-reset", "").strip()
    if not _MILLISECONDS.fullmatch(reset):
        return 60
    return max(1, min(60, math.ceil(int(reset) / 1000 - now)))


def _first_email(emails: object) -> tuple[str | None, bool]:
    match emails:
        case [{"address": str(address), **rest}, *_]:
            return address, rest.get("verified") is True
        case _:
            return None, False
