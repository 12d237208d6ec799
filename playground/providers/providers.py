"""The three vendors behind the stand-in: applications, people, and the tokens that were given out."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from playground.providers.people import DEMO, NAMES, ProviderPerson

LIFETIME_SECONDS = 3600
"""How long a token of Google's and Facebook's lives; Twitter's do not expire."""

FaultName = Literal["rate", "5xx", "temporary", "slow", "cut", "nonsense", "redirect", "application"]
FAULTS: Mapping[FaultName, str] = {
    "rate": "the vendor's documented answer to too many calls",
    "5xx": "503 with an HTML page",
    "temporary": "the vendor's own error object for a trouble of its own",
    "slow": "no answer before `Providers.slow_seconds`, or before the serving ends",
    "cut": "the connection is closed without an answer",
    "nonsense": "200 with an HTML page",
    "redirect": "302 to another address",
    "application": "the workspace's own application is refused: its secret was changed, or it was suspended",
}


@dataclass
class Grant:
    """A token that a provider made: for whom, for which application, and what has become of it.

    `application` is the application's id; `audience` is Google's `aud` where it is not the same.
    """

    provider: str
    person: ProviderPerson
    application: str
    token: str
    secret: str
    expires: float
    audience: str
    revoked: bool = False


@dataclass(frozen=True)
class Seen:
    """A call as it arrived: never with what it proved itself by."""

    provider: str
    route: str
    method: str
    query: tuple[str, ...] = field(default=())


class Providers:
    """All three vendors. `clock` gives seconds since 1970, `people` are known at each of them by their key."""

    def __init__(self, clock: Callable[[], float] = time.time, people: Iterable[ProviderPerson] = DEMO) -> None:
        self.clock = clock
        self.people = {person.key: person for person in people}
        self.applications = _applications()
        self.another = _applications()
        self.faults: dict[str, FaultName] = {}
        self.slow_seconds = 20.0
        self.suspended: set[str] = set()
        self.calls: list[Seen] = []
        self.ending = threading.Event()
        self._grants: dict[str, Grant] = {}

    def application_id(self, provider: str, application: str = "workspace") -> str:
        """The id of the workspace's application, or of somebody else's."""
        known = self.applications if application == "workspace" else self.another
        return next(iter(known[provider].values()))

    def grant(
        self, provider: str, person: str, application: str = "workspace", *, audience: str | None = None
    ) -> dict[str, Any]:
        """What the provider gives to the popup of an application, the `workspace`'s or `another`, for that person.

        Keys: provider, person, token, secret (Twitter's, else ""), id, email (None where none is told), name,
        given_name, family_name, username (Twitter's screen name), expires_in (seconds).
        """
        owner = self.people[person]
        given = self._issue(provider, owner, application, audience)
        return {
            "provider": provider,
            "person": person,
            "token": given.token,
            "secret": given.secret,
            "id": owner.ids[provider],
            "email": owner.told_email,
            "name": owner.name,
            "given_name": owner.given_name,
            "family_name": owner.family_name,
            "username": owner.screen_name,
            "expires_in": LIFETIME_SECONDS,
        }

    def expire(self, granted: Mapping[str, Any]) -> None:
        """Let the token's time be over at the provider."""
        self._grants[granted["token"]].expires = self.clock() - 1

    def revoke(self, granted: Mapping[str, Any]) -> None:
        """Let the person have taken the token back."""
        self._grants[granted["token"]].revoked = True

    def find(self, provider: str, token: str) -> Grant | None:
        """The grant of that token, alive or not."""
        found = self._grants.get(token)
        return found if found is not None and found.provider == provider else None

    def live(self, provider: str, token: str) -> Grant | None:
        """The grant of a token that still counts."""
        found = self.find(provider, token)
        return found if found and not found.revoked and self.clock() < found.expires else None

    def _issue(self, provider: str, person: ProviderPerson, application: str, audience: str | None) -> Grant:
        own = self.application_id(provider, application)
        by_twitter = provider == "twitter"
        token = f"{person.ids[provider]}-{secrets.token_urlsafe(24)}" if by_twitter else secrets.token_urlsafe(48)
        expires = float("inf") if by_twitter else self.clock() + LIFETIME_SECONDS
        secret = secrets.token_urlsafe(32) if by_twitter else ""
        self._grants[token] = Grant(provider, person, own, token, secret, expires, audience or own)
        return self._grants[token]


def answer(granted: Mapping[str, Any]) -> dict[str, Any]:
    """What a client of 1.x posts to the login page for a grant (rocketchat-protocol.md, section 2.2)."""
    provider = granted["provider"]
    responses: Mapping[str, dict[str, Any]] = {
        "google": {
            "email": granted["email"],
            "userId": granted["id"],
            "displayName": granted["name"],
            "gender": "",
            "imageUrl": "",
            "givenName": granted["given_name"],
            "familyName": granted["family_name"],
            "oauthToken": granted["token"],
        },
        "facebook": {
            "authResponse": {"accessToken": granted["token"], "expiresIn": granted["expires_in"], "secret": ""},
            "userID": granted["id"],
        },
        "twitter": {
            "userName": granted["username"],
            "userId": granted["id"],
            "secret": granted["secret"],
            "token": granted["token"],
        },
    }
    return {"event": f"{provider}-login-success", "response": responses[provider]}


def cancelled(provider: str) -> dict[str, Any]:
    """What a client of 1.x posts to the login page where the person has closed the popup or said no."""
    told: dict[str, Any] = {"event": f"{provider}-login-error", "error": "The person has cancelled."}
    return {**told, "response": {}} if provider == "facebook" else told


def _applications() -> dict[str, dict[str, str]]:
    """An application at each vendor, as the vendors write their ids; the id comes first."""
    number = secrets.randbelow(9 * 10**11) + 10**11
    made = {
        "google": {"client_id": f"{number}-{secrets.token_hex(16)}.apps.googleusercontent.com"},
        "facebook": {"app_id": str(secrets.randbelow(9 * 10**15) + 10**15), "app_secret": secrets.token_hex(16)},
        "twitter": {"consumer_key": secrets.token_hex(12), "consumer_secret": secrets.token_hex(25)},
    }
    assert tuple(made) == NAMES  # noqa: S101 - a stand-in
    return made
