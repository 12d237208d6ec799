"""Twitter (X): whose an access token and its secret are, and that they were made for the workspace's application.

The pages named below are those of developer.x.com. Calls are signed as OAuth 1.0a asks (RFC 5849, section 3.4).
"""

import base64
import logging
import re
from collections.abc import Callable
from time import time
from typing import Any
from urllib.parse import quote

from chalicelib.credentials import Credentials, CredentialSource
from chalicelib.deadline import Deadline
from chalicelib.errors import RateLimited, RelayRefused, Unavailable
from chalicelib.model import Identity, ProviderToken
from chalicelib.relay import answers
from chalicelib.relay.answers import ApplicationRefused
from chalicelib.relay.applications import TwitterApplication
from chalicelib.rocketchat import Call, Reply, Send

NAME = "twitter"
BASE_URL = "https://api.twitter.com"
VERIFY = "/1.1/account/verify_credentials.json"

PROVED_SECONDS = 300.0
"""How long an application that Twitter has accepted is taken for a good one."""

_QUERY = {"include_email": "true", "include_entities": "false", "skip_status": "true"}
_ID = re.compile(r"[1-9][0-9]{0,31}")
_SCREEN_NAME = re.compile(r"[0-9A-Za-z_]{1,50}")
_SECONDS = re.compile(r"[0-9]{1,12}")

# "Response codes and errors", the table of codes.
_TOKEN = {64: "suspended", 89: "expired, revoked or made for another application", 326: "locked"}
_UNAUTHENTICATED = frozenset({32, 215})
_LIMIT = 88
_APPLICATION_SUSPENDED = 416
_NO_ACCESS = 453
_NOT_VERIFIED = 99
_REMEDY = "Copy API Key and API Key Secret anew from the application's Keys and tokens in the developer portal"

# Below this level both write signatures, tokens and what was signed (promise 26).
for _library in ("oauthlib", "requests_oauthlib"):
    logging.getLogger(_library).setLevel(logging.WARNING)


class SignatureRefused(Exception):
    """Twitter does not accept the signature: either the token's secret is wrong, or the application's is."""


class TwitterProvider:
    """Ask Twitter who somebody is.

    `send` carries calls to `base_url` (`BASE_URL` but in tests), which a signature covers as well.
    """

    name = NAME

    def __init__(
        self, send: Send, credentials: CredentialSource, base_url: str, clock: Callable[[], float] = time
    ) -> None:
        self._send = send
        self._credentials = credentials
        self._base_url = base_url
        self._clock = clock
        self._proved: TwitterApplication | None = None
        self._proved_at = float("-inf")

    def identify(self, token: ProviderToken, deadline: Deadline) -> Identity:
        """Return whose `token` is, by Twitter's answer alone.

        The call is signed with the application's secret and the token's: a token of another application is not
        accepted with it (promise 38). Raises `RelayRefused` where the token is not good, `ConfigurationError` where
        Twitter refuses our own application with the secret read anew too, and `Unavailable`.
        """
        if token.secret is None or not token.secret or not token.value:
            raise RelayRefused("twitter: half of the token is missing")
        return answers.with_secret_read_anew(
            self._credentials, lambda credentials: self._identify(token, credentials, deadline), deadline
        )

    def _identify(self, token: ProviderToken, credentials: Credentials, deadline: Deadline) -> Identity:
        application = credentials.twitter
        if application is None:
            raise answers.missing(NAME)
        call = verify_credentials(token, application, self._base_url, self._clock())
        try:
            identity = decipher_credentials(self._send(call, deadline), self._clock())
        except SignatureRefused:
            # The browser brings half of what signs, so a forged half must not be taken for a fault of ours.
            self._prove(application, deadline)
            raise RelayRefused("twitter: the token's secret is not its own") from None
        self._remember(application)
        return identity

    def _prove(self, application: TwitterApplication, deadline: Deadline) -> None:
        """Return where Twitter accepts our application by itself; asked anew after `PROVED_SECONDS` at most.

        So forged tokens cost Twitter one further call in that time, and Secrets Manager none.
        """
        if self._proved == application and self._clock() - self._proved_at < PROVED_SECONDS:
            return
        decipher_application(self._send(application_token(application), deadline), self._clock())
        self._remember(application)

    def _remember(self, application: TwitterApplication) -> None:
        self._proved, self._proved_at = application, self._clock()


def verify_credentials(token: ProviderToken, application: TwitterApplication, base_url: str, now: float) -> Call:
    """Build the signed call for the person behind `token`, with their address ("GET account/verify_credentials").

    `now` is in seconds since 1970: a signature is good for some minutes around it (RFC 5849, section 3.3).
    """
    from requests import Request
    from requests_oauthlib import OAuth1

    signature = OAuth1(
        application.consumer_key,
        application.consumer_secret.reveal(),
        token.value.reveal(),
        token.secret.reveal() if token.secret is not None else "",
        timestamp=str(int(now)),
    )
    signed = Request("GET", base_url + VERIFY, params=_QUERY, auth=signature).prepare()
    header = signed.headers["Authorization"]
    return Call(
        "GET", VERIFY, {"Authorization": header.decode() if isinstance(header, bytes) else header}, query=_QUERY
    )


def decipher_credentials(reply: Reply, now: float) -> Identity:
    """Return who `reply` says somebody is. `now` is in seconds since 1970.

    An address is told only where it is verified, and `null` stands for any other ("GET account/verify_credentials").
    The id is `id_str`: `id` is a number that may be too large ("Twitter IDs").

    Raises `RelayRefused`, `SignatureRefused`, `ApplicationRefused` and `Unavailable`.
    """
    told = _accepted(reply, now)
    subject = told.get("id_str")
    if not isinstance(subject, str) or not _ID.fullmatch(subject):
        raise Unavailable(NAME, "credentials in an unknown shape")
    screen_name, email = told.get("screen_name"), answers.address(told.get("email"))
    known = isinstance(screen_name, str) and _SCREEN_NAME.fullmatch(screen_name)
    return Identity(
        issuer=NAME,
        subject=subject,
        username=str(screen_name) if known else answers.username(NAME, subject, None),
        email=email,
        email_verified=email is not None,
        name=answers.name(told.get("name")),
    )


def application_token(application: TwitterApplication) -> Call:
    """Build the call by which an application shows itself without a person ("POST oauth2/token").

    It answers with the one token that the application has anyway, so nothing is used up.
    """
    pair = f"{quote(application.consumer_key, safe='')}:{quote(application.consumer_secret.reveal(), safe='')}"
    headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return Call("POST", "/oauth2/token", headers, form={"grant_type": "client_credentials"})


def decipher_application(reply: Reply, now: float) -> None:
    """Return where Twitter accepts the application. Raises `ApplicationRefused` and `Unavailable`."""
    try:
        told = _accepted(reply, now)
    except SignatureRefused:
        raise _key_refused() from None
    if told.get("token_type") != "bearer":
        raise Unavailable(NAME, "application token in an unknown shape")


def _accepted(reply: Reply, now: float) -> dict[str, Any]:
    """Return what an accepted call is answered; raises as the two above."""
    reset = reply.headers.get("x-rate-limit-reset", "").strip()
    if reply.status in (420, 429) and _SECONDS.fullmatch(reset):
        # In seconds since 1970 ("Rate limits").
        raise RateLimited(NAME, "rate limit", answers.wait(int(reset) - now))
    told = answers.content(reply, NAME)
    if reply.status == 200:
        return told
    code = _code(told)
    if code == _LIMIT:
        raise RateLimited(NAME, "rate limit", 60)
    if code in _TOKEN:
        raise RelayRefused(f"twitter: {_TOKEN[code]}")
    if code == _NOT_VERIFIED:
        raise _key_refused()
    if code == _APPLICATION_SUSPENDED:
        raise ApplicationRefused("twitter.consumer_key", "Twitter has suspended the application", _REMEDY)
    if code == _NO_ACCESS or reply.status == 402:
        what = "the application's access at Twitter does not include account/verify_credentials"
        raise ApplicationRefused("twitter.consumer_key", what, "Choose another access level in the developer portal")
    if code in _UNAUTHENTICATED or (code is None and reply.status == 401):
        raise SignatureRefused
    raise Unavailable(NAME, f"status {reply.status}" + (f" error {code}" if code is not None else ""))


def _key_refused() -> ApplicationRefused:
    return ApplicationRefused("twitter.consumer_secret", "Twitter does not accept it for consumer_key", _REMEDY)


def _code(told: dict[str, Any]) -> int | None:
    match told.get("errors"):
        case [{"code": int(code)}, *_] if not isinstance(code, bool) and 0 <= code < 100_000:
            return code
        case _:
            return None
