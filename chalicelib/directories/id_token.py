"""Cognito's ID tokens: believed once the pool's key, the times and the purpose in them have been checked."""

import json
from collections.abc import Callable, Mapping
from time import time
from typing import TYPE_CHECKING, Any

from chalicelib.deadline import Deadline
from chalicelib.errors import Unavailable
from chalicelib.model import Identity
from chalicelib.rocketchat import Call, Send

if TYPE_CHECKING:
    from jwt import PyJWK

BACKEND = "cognito"
ALGORITHM = "RS256"
"""The only algorithm of user pools (Cognito Developer Guide, "Understanding user pool JSON web tokens")."""

LEEWAY_SECONDS = 10
"""How far our clock may be ahead of Cognito's: both are Amazon's and kept by NTP."""

REFETCH_SECONDS = 30.0
"""How often, at most, a key that is not known here makes the pool's keys be fetched anew."""


class IdTokens:
    """Verify the ID tokens of one pool.

    `issuer` is what they must name, `send` carries calls to the pool's endpoint, and `pool_id` says whose keys to ask
    for there. The keys are kept by their `kid`, since a pool may change them (Cognito Developer Guide, "Verifying JSON
    web tokens"). `clock` gives seconds since 1970.
    """

    def __init__(self, issuer: str, send: Send, pool_id: str, clock: Callable[[], float] = time) -> None:
        self._issuer = issuer
        self._send = send
        self._pool_id = pool_id
        self._clock = clock
        self._keys: Mapping[str, PyJWK] = {}
        self._fetched_at = float("-inf")

    def identity(self, token: str, client_id: str, *, second_factor: bool, deadline: Deadline) -> Identity:
        """Return who `token`, made for the app client `client_id`, is about.

        Raises `Unavailable` where it does not verify, since nothing is proved then: whoever typed the password is not
        to blame. The reason is the name of what is wrong, never a part of the token.
        """
        claims = self._claims(token, client_id, deadline)
        email = _text(claims.get("email"))
        return Identity(
            issuer=self._issuer,
            subject=claims["sub"],
            # Never the local part of an address: that is nobody's name (promise 37).
            username=_text(claims.get("preferred_username")) or _text(claims.get("cognito:username")) or claims["sub"],
            email=email,
            # Cognito writes a JSON true; a trigger of the pool, or an imitation, may write a text.
            email_verified=email is not None and _is_true(claims.get("email_verified")),
            name=_text(claims.get("name")),
            second_factor=second_factor,
        )

    def _claims(self, token: str, client_id: str, deadline: Deadline) -> dict[str, Any]:
        import jwt

        try:
            key = self._key(jwt.get_unverified_header(token).get("kid"), deadline)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=client_id,
                issuer=self._issuer,
                # The times are checked below, by the clock that all of Gantry goes by.
                options={
                    "require": ["exp", "iss", "aud", "sub", "token_use"],
                    "strict_aud": True,
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.PyJWTError as error:
            raise Unavailable(BACKEND, f"ID token: {type(error).__name__}") from None
        expires, purpose = claims["exp"], claims["token_use"]
        if isinstance(expires, bool) or not isinstance(expires, int | float):
            raise Unavailable(BACKEND, "ID token: no time in exp")
        if not self._clock() < expires + LEEWAY_SECONDS:
            raise Unavailable(BACKEND, "ID token: it has expired")
        if purpose != "id":
            raise Unavailable(BACKEND, "ID token: it is made for another use")
        if _text(claims["sub"]) is None:
            raise Unavailable(BACKEND, "ID token: nobody in sub")
        return claims

    def _key(self, kid: object, deadline: Deadline) -> "PyJWK":
        """Return the pool's key of that name. Raises `Unavailable` where the pool has none, or does not say."""
        if not isinstance(kid, str):
            raise Unavailable(BACKEND, "ID token: it names no key")
        if kid not in self._keys and self._clock() - self._fetched_at >= REFETCH_SECONDS:
            self._keys = self._fetch(deadline)
            # Only an answer counts: who could not be asked is asked again.
            self._fetched_at = self._clock()
        if kid not in self._keys:
            raise Unavailable(BACKEND, "ID token: its key is none of the pool's")
        return self._keys[kid]

    def _fetch(self, deadline: Deadline) -> Mapping[str, "PyJWK"]:
        reply = self._send(Call("GET", f"/{self._pool_id}/.well-known/jwks.json"), deadline)
        if reply.status != 200:
            raise Unavailable(BACKEND, f"keys: status {reply.status}")
        try:
            listed = json.loads(reply.body)["keys"]
            return {each["kid"]: _public_key(each) for each in listed if each.get("kty") == "RSA" and "kid" in each}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise Unavailable(BACKEND, "keys: not a key set") from None


def _public_key(plain: Mapping[str, Any]) -> "PyJWK":
    from jwt import PyJWK, PyJWTError

    try:
        return PyJWK(dict(plain), ALGORITHM)
    except PyJWTError:
        raise ValueError("not a key") from None


def _is_true(value: object) -> bool:
    return value is True or value == "true"


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
