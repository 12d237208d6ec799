"""Facebook: whose an access token is, and for which application it was made.

The pages named below are Meta's own, below developers.facebook.com/docs. Calls name no version of the Graph API: they
get the oldest that the application may use ("Versioning"), and these two have been the same in all of them.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from time import time
from typing import Any

from chalicelib.credentials import Credentials, CredentialSource
from chalicelib.deadline import Deadline
from chalicelib.errors import RateLimited, RelayRefused, Unavailable
from chalicelib.model import Identity, ProviderToken
from chalicelib.relay import answers
from chalicelib.relay.answers import ApplicationRefused
from chalicelib.relay.applications import FacebookApplication
from chalicelib.rocketchat import Call, Reply, Send
from chalicelib.secret import Secret

NAME = "facebook"
BASE_URL = "https://graph.facebook.com"

_ID = re.compile(r"[1-9][0-9]{0,31}")
_TOKEN = frozenset({102, 190})
"""The token that a call is made with has expired, was revoked or is otherwise invalid ("Handling Errors"); subcodes say
which, and nobody is told."""

_APPLICATION = frozenset({101, 102, 104, 190})
"""The same where the token is the application's own, 101 for an application that there is not, and 104 where a proof is
asked for."""

_PARAMETER = 100
"""An invalid parameter: the inspected token is another application's, or `appsecret_proof` is wrong."""

_LIMITS = frozenset({4, 17, 32, 341, 613})
"""Too many calls ("Handling Errors", "Rate Limits"); 80000 to 80014 are the limits of single products."""

_SECRET = ("facebook.app_secret", "Copy App ID and App secret anew from the App Dashboard, Settings, Basic")


class FacebookProvider:
    """Ask Facebook who somebody is. `send` carries calls to `BASE_URL`."""

    name = NAME

    def __init__(self, send: Send, credentials: CredentialSource, clock: Callable[[], float] = time) -> None:
        self._send = send
        self._credentials = credentials
        self._clock = clock

    def identify(self, token: ProviderToken, deadline: Deadline) -> Identity:
        """Return whose `token` is, by the two answers of Facebook's alone.

        The address counts as unverified: Facebook does not say whether it is (promise 37). Raises `RelayRefused` where
        the token is not good, or another application's, `ConfigurationError` where Facebook refuses our own
        application with the secret read anew too, and `Unavailable`.
        """
        return answers.with_secret_read_anew(
            self._credentials, lambda credentials: self._identify(token.value, credentials, deadline), deadline
        )

    def _identify(self, token: Secret, credentials: Credentials, deadline: Deadline) -> Identity:
        application = credentials.facebook
        if application is None:
            raise answers.missing(NAME)
        user_id = decipher_debug_token(
            self._send(debug_token(token, application), deadline), application, self._clock()
        )
        name, email = decipher_me(self._send(me(token, application), deadline), user_id)
        return Identity(NAME, user_id, answers.username(NAME, user_id, name), email, False, name)


def debug_token(token: Secret, application: FacebookApplication) -> Call:
    """Build the call for what Facebook knows about a token ("Debug-Token").

    The application shows itself by id and secret ("Access Token Guide", app access tokens), in a header ("Managing
    WhatsApp Business Accounts" shows this very call so). The inspected token has no other place than the query: it
    stands in an address that goes to Facebook alone, over TLS, and is neither logged nor printed.
    """
    own = Secret(f"{application.app_id}|{application.app_secret.reveal()}")
    return Call("GET", "/debug_token", answers.bearer(own), query={"input_token": token.reveal()})


def decipher_debug_token(reply: Reply, application: FacebookApplication, now: float) -> str:
    """Return the id of the person whose token `reply` is about, which must live and be our application's.

    `now` is in seconds since 1970. An error at the top is about us, who ask, but for the one that says that the token
    is another application's; what is wrong with the token stands beside `is_valid` ("Debug-Token"). `expires_at` is 0
    for a token that does not expire.

    Raises `RelayRefused`, `ApplicationRefused` and `Unavailable`.
    """
    told = answers.content(reply, NAME)
    code = _error(reply, told)
    if code == _PARAMETER:
        raise RelayRefused("facebook: made for another application")
    if code in _APPLICATION:
        key, remedy = _SECRET
        raise ApplicationRefused(key, "Facebook does not accept it for facebook.app_id", remedy)
    known = told.get("data") if code is None else None
    if not isinstance(known, dict):
        raise Unavailable(NAME, _unknown(reply, code))
    if known.get("is_valid") is not True:
        raise RelayRefused("facebook: not valid")
    app_id, user_id, expires = _id(known.get("app_id")), _id(known.get("user_id")), known.get("expires_at", 0)
    if app_id is None or answers.number(expires) is None:
        raise Unavailable(NAME, "token information in an unknown shape")
    if app_id != application.app_id:
        raise RelayRefused("facebook: made for another application")
    if known.get("type", "USER") != "USER" or "user_id" not in known:
        raise RelayRefused("facebook: not a person's")
    if user_id is None:
        raise Unavailable(NAME, "token information in an unknown shape")
    if answers.number(expires) and not now < expires:
        raise RelayRefused("facebook: expired")
    return user_id


def me(token: Secret, application: FacebookApplication) -> Call:
    """Build the call for the person's name and address, with the proof that our application makes it.

    The proof is the HMAC-SHA256 of the token under the application's secret ("Secure Graph API Calls").
    """
    proof = hmac.digest(application.app_secret.reveal().encode(), token.reveal().encode(), hashlib.sha256).hex()
    return Call("GET", "/me", answers.bearer(token), query={"fields": "id,name,email", "appsecret_proof": proof})


def decipher_me(reply: Reply, user_id: str) -> tuple[str | None, str | None]:
    """Return the display name and the e-mail address, each None where Facebook does not tell it.

    The answer must be about `user_id`. An address is missing where the permission `email` was not given or Facebook has
    none that works ("User", `email`). Raises `RelayRefused`, `ApplicationRefused` and `Unavailable`.
    """
    told = answers.content(reply, NAME)
    code = _error(reply, told)
    if code in _TOKEN:
        raise RelayRefused("facebook: not accepted")
    if code in (_PARAMETER, 104):
        key, remedy = _SECRET
        raise ApplicationRefused(key, "Facebook does not accept the proof that is made with it", remedy)
    if code is not None:
        raise Unavailable(NAME, _unknown(reply, code))
    known = _id(told.get("id"))
    if known is None:
        raise Unavailable(NAME, "profile in an unknown shape")
    if known != user_id:
        raise RelayRefused("facebook: the profile is somebody else's")
    return answers.name(told.get("name")), answers.address(told.get("email"))


def _error(reply: Reply, told: dict[str, Any]) -> int | None:
    """Return the code of Graph API's error object, -1 where an error has none, None where there is no error.

    Raises `RateLimited`.
    """
    error = told.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, int) and not isinstance(code, bool):
        if code in _LIMITS or 80000 <= code <= 80014:
            raise RateLimited(NAME, "rate limit", 60)
        return code
    return None if reply.status == 200 and error is None else -1


def _unknown(reply: Reply, code: int | None) -> str:
    # The code comes from outside, and is a number: a short one may be told.
    known = f" error {code}" if code is not None and 0 <= code < 100_000 else ""
    return f"status {reply.status}{known}"


def _id(value: object) -> str | None:
    """Return an id as text: Facebook's pages show them as numbers too."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**32:
        value = str(value)
    return value if isinstance(value, str) and _ID.fullmatch(value) else None
