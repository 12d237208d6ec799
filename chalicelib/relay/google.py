"""Google: whose an access token is, and for which client it was made.

The pages named below are Google's own, below developers.google.com/identity.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import time
from typing import Any

from chalicelib.credentials import Credentials, CredentialSource
from chalicelib.deadline import Deadline
from chalicelib.errors import RateLimited, RelayRefused, Unavailable
from chalicelib.model import Identity, ProviderToken
from chalicelib.relay import answers
from chalicelib.relay.applications import GoogleApplication
from chalicelib.rocketchat import Call, Reply, Send
from chalicelib.secret import Secret

NAME = "google"
BASE_URL = "https://oauth2.googleapis.com"
PROFILES_URL = "https://openidconnect.googleapis.com"
"""The `userinfo_endpoint` of Google's Discovery document stands on a host of its own ("OpenID Connect")."""

_LIMITS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "dailyLimitExceeded", "quotaExceeded"})


@dataclass(frozen=True, repr=False)
class TokenInformation:
    """What Google says of a token that was made for the workspace's client."""

    subject: str
    email: str | None
    email_verified: bool


class GoogleProvider:
    """Ask Google who somebody is. `send` carries calls to `BASE_URL`, `profiles` those to `PROFILES_URL`."""

    name = NAME

    def __init__(
        self, send: Send, credentials: CredentialSource, clock: Callable[[], float] = time, *, profiles: Send
    ) -> None:
        self._send = send
        self._credentials = credentials
        self._clock = clock
        self._profiles = profiles

    def identify(self, token: ProviderToken, deadline: Deadline) -> Identity:
        """Return whose `token` is, by the two answers of Google's alone.

        The token goes to Google in a header and stands in no address. Raises `RelayRefused` where Google does not know
        it (any more) or made it for another client, `ConfigurationError` where the secret names no client, and
        `Unavailable`.
        """
        application = self._application(self._credentials.current(deadline))
        known = decipher_token_information(
            self._send(token_information(token.value), deadline), application, self._clock()
        )
        name = decipher_profile(self._profiles(profile(token.value), deadline), known.subject)
        return Identity(
            issuer=NAME,
            subject=known.subject,
            username=answers.username(NAME, known.subject, name),
            email=known.email,
            email_verified=known.email_verified,
            name=name,
        )

    def _application(self, credentials: Credentials) -> GoogleApplication:
        if credentials.google is None:
            raise answers.missing(NAME)
        return credentials.google


def token_information(token: Secret) -> Call:
    """Build the call for what Google knows about an access token.

    As a POST with the token in a header, which is how Google's own library asks (google-auth-library,
    `OAuth2Client.getTokenInfo`): the query, where older examples put it, is no place for it.
    """
    headers = {**answers.bearer(token), "Content-Type": "application/x-www-form-urlencoded"}
    return Call("POST", "/tokeninfo", headers)


def decipher_token_information(reply: Reply, application: GoogleApplication, now: float) -> TokenInformation:
    """Return whose token `reply` is about, which must live and be the workspace's client's. `now` is in seconds.

    Google says that whoever takes an access token from a browser must compare its audience ("OAuth 2.0 for Client-side
    Web Applications", validating the token). Where several clients of one project share an audience, `azp` is the one
    that was given the token ("Cross-client Identity"). So both must be ours and one of them `client_id`: beside it
    `web_client_id` alone may stand, because the login page asks for it. Any other client of the same project is another
    application, whose tokens prove nothing here (promise 38).

    Raises `RelayRefused`, and `Unavailable` for what is no such answer.
    """
    told = _accepted(reply)
    audience, presenter, expires = told.get("aud"), told.get("azp", told.get("aud")), answers.number(told.get("exp"))
    if not isinstance(audience, str) or not isinstance(presenter, str) or expires is None:
        raise Unavailable(NAME, "token information in an unknown shape")
    named, ours = {audience, presenter}, {application.client_id, application.web_client_id}
    if application.client_id not in named or not named <= ours:
        raise RelayRefused("google: made for another application")
    if not now < expires:
        raise RelayRefused("google: expired")
    # Without one of the scopes openid, email and profile Google tells nobody's id ("OpenID Connect").
    if "sub" not in told:
        raise RelayRefused("google: it names nobody")
    subject = answers.subject(told["sub"])
    if subject is None:
        raise Unavailable(NAME, "token information in an unknown shape")
    email = answers.address(told.get("email"))
    # Token information writes its truths as texts, an ID token's claims are JSON's own.
    verified = email is not None and (told.get("email_verified") is True or told.get("email_verified") == "true")
    return TokenInformation(subject, email, verified)


def profile(token: Secret) -> Call:
    """Build the call for the person's profile ("OpenID Connect", obtaining user profile information)."""
    return Call("GET", "/v1/userinfo", answers.bearer(token))


def decipher_profile(reply: Reply, subject: str) -> str | None:
    """Return the display name, None where the token's scopes do not reach it.

    The answer must be about the same `subject` (OpenID Connect Core, section 5.3.2). Raises `RelayRefused` and
    `Unavailable`.
    """
    if reply.status == 403 and not _is_limit(answers.content(reply, NAME)):
        return None
    told = _accepted(reply)
    if answers.subject(told.get("sub")) != subject:
        raise RelayRefused("google: the profile is somebody else's")
    return answers.name(told.get("name"))


def _accepted(reply: Reply) -> dict[str, Any]:
    """Return what an accepted call is answered. Expired, revoked and malformed tokens are all the same to Google."""
    told = answers.content(reply, NAME)
    if reply.status == 200:
        return told
    if _is_limit(told):
        raise RateLimited(NAME, "rate limit", 60)
    if reply.status == 401 or (reply.status == 400 and _is_about_the_token(told)):
        raise RelayRefused("google: not accepted")
    raise Unavailable(NAME, f"status {reply.status}")


def _is_about_the_token(told: dict[str, Any]) -> bool:
    return told.get("error") == "invalid_token" or told.get("error_description") == "Invalid Value"


def _is_limit(told: dict[str, Any]) -> bool:
    """Tell whether Google asks for patience with a 403, as it may ("Standard error responses" of Google's APIs)."""
    match told.get("error"):
        case {"errors": [{"reason": str(reason)}, *_]}:
            return reason in _LIMITS
        case {"status": str(status)}:
            return status == "RESOURCE_EXHAUSTED"
        case _:
            return False
