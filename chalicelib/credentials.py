"""What the administrator keeps in the secret: one JSON object, checked as a whole like the settings.

Every problem is reported at once, by its key and with its remedy, never with a value.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.config import Settings
from chalicelib.deadline import Deadline
from chalicelib.errors import ConfigurationError, Problem
from chalicelib.people import ListedPerson, listed
from chalicelib.relay.applications import FacebookApplication, GoogleApplication, TwitterApplication
from chalicelib.secret import Secret

_MONGODB_URI = re.compile(r"mongodb(\+srv)?://[^/\s]")
_HEADER_VALUE = re.compile(r"[!-~]{1,512}")
_POOL_ID = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]_[0-9A-Za-z]{1,46}")
_CLIENT_ID = re.compile(r"[\w+]{1,128}", re.ASCII)
_APPLICATION_PART = re.compile(r"[!-~]{1,256}")
_APP_ID = re.compile(r"[0-9]{1,32}")

_KEY_REMEDY = (
    "Add one made by: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
)
_ACCOUNT_REMEDY = "Make a personal access token that ignores two factor authentication, and store its id and its token"


@dataclass(frozen=True)
class ServiceAccount:
    """The account in the workspace that Gantry acts with: its id, and its personal access token."""

    user_id: str
    token: Secret


@dataclass(frozen=True)
class UserPool:
    """A Cognito user pool and the app client by which Gantry signs people in."""

    id: str
    client_id: str
    client_secret: Secret | None = None

    @property
    def region(self) -> str:
        """The region that the pool's id begins with."""
        return self.id.partition("_")[0]


@dataclass(frozen=True)
class Credentials:
    """The secret, understood: what the settings do not need is None, whether or not the secret has it.

    `session_keys` are Fernet keys, oldest first: the last one seals, all of them open. `create_token_secret` is empty
    for a workspace that makes tokens without one. `people` are the directory `users`, by their folded names. `google`,
    `facebook` and `twitter` are there where `RELAY` names them.
    """

    session_keys: tuple[Secret, ...]
    mongodb_uri: Secret | None = None
    service_account: ServiceAccount | None = None
    create_token_secret: Secret | None = None
    registration_secret: Secret | None = None
    people: Mapping[str, ListedPerson] | None = None
    user_pool: UserPool | None = None
    google: GoogleApplication | None = None
    facebook: FacebookApplication | None = None
    twitter: TwitterApplication | None = None

    @classmethod
    def from_json(cls, text: str, settings: Settings | None = None) -> "Credentials":
        """Read the secret's JSON object; it must hold what `settings` need, and session keys in any case.

        Raises `ConfigurationError` with all problems at once, never with a value.
        """
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise ConfigurationError(
                (Problem("SECRET_ID", "the secret is not a JSON object", 'Store {"session_keys": […]} in it'),)
            )
        reader = _Reader(content)
        keys = reader.session_keys()
        if settings is None:
            credentials = cls(keys)
        else:
            credentials = cls(
                session_keys=keys,
                mongodb_uri=reader.mongodb_uri() if settings.uses_mongodb else None,
                service_account=reader.service_account(),
                create_token_secret=reader.text("rocketchat_create_token_secret", empty=True),
                registration_secret=reader.text("rocketchat_registration_secret"),
                people=reader.people() if settings.directory == "users" else None,
                user_pool=reader.user_pool() if settings.directory == "cognito" else None,
                google=reader.google() if "google" in settings.relay else None,
                facebook=reader.facebook() if "facebook" in settings.relay else None,
                twitter=reader.twitter() if "twitter" in settings.relay else None,
            )
            noted = {problem.key for problem in reader.problems}
            reader.problems.extend(each for each in credentials._lacks(settings) if each.key not in noted)
        if reader.problems:
            raise ConfigurationError(tuple(reader.problems))
        return credentials

    def _lacks(self, settings: Settings) -> Iterator[Problem]:
        """Yield what the settings ask for and the secret, or the two together, cannot give."""
        by_rest = settings.token_source == "rest"
        makes_tokens = by_rest and self.create_token_secret is not None
        foreign = settings.knows_foreigners
        if by_rest and not makes_tokens and (settings.directory == "mongodb" or settings.relay):
            key = "RELAY" if settings.relay else "DIRECTORY"
            what = f"the secret has none, and {key} with TOKEN_SOURCE=rest needs it"
            remedy = "Store the workspace's CREATE_TOKENS_FOR_USERS_SECRET, or set TOKEN_SOURCE to mongodb"
            yield Problem("rocketchat_create_token_secret", what, remedy)
        acts = makes_tokens and (foreign or settings.directory == "mongodb")
        creates = by_rest and foreign and settings.provision == "create"
        if self.service_account is None and (acts or creates):
            what = "the secret has none, and accounts are found or made with it"
            yield Problem("rocketchat_user_id", what, _ACCOUNT_REMEDY)
        registers = makes_tokens and foreign and settings.provision == "register"
        if registers and (settings.link_by == "email" or settings.relay) and not settings.keeps_links:
            # The address of whoever registers is not verified, so nothing but a link finds the account again. A relay
            # links by e-mail whatever LINK_BY says.
            what = "with PROVISION=register there is no place for links"
            yield Problem("STATE_TABLE", what, "Name a DynamoDB table, or set PROVISION to create")


class CredentialSource(Protocol):
    """Where the credentials come from: what they open (seals, the database) tells when to read them anew."""

    def current(self, deadline: Deadline) -> Credentials:
        """Return the credentials that are known here."""

    def refreshed(self, deadline: Deadline) -> Credentials:
        """Return the credentials read anew; the same object as before where that failed."""


class _Reader:
    """Read one key of the secret after the other and keep what is wrong with each."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.problems: list[Problem] = []
        self._content = content

    def session_keys(self) -> tuple[Secret, ...]:
        keys = self._content.get("session_keys")
        if not isinstance(keys, list) or not keys:
            self._note("session_keys", "the secret has no list of keys under this name", _KEY_REMEDY)
            return ()
        for position, key in enumerate(keys):
            if not _is_fernet_key(key):
                self._note(f"session_keys[{position}]", "this is not a Fernet key", _KEY_REMEDY)
        return tuple(Secret(key) for key in keys if isinstance(key, str))

    def mongodb_uri(self) -> Secret | None:
        uri = self._content.get("mongodb_uri")
        if isinstance(uri, str) and _MONGODB_URI.match(uri):
            return Secret(uri)
        what = "this is no MongoDB address" if uri else "the secret has none, and MongoDB is in the settings"
        self._note("mongodb_uri", what, "Write mongodb+srv://user:password@host/rocketchat")
        return None

    def text(self, key: str, *, empty: bool = False) -> Secret | None:
        value = self._content.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not (value or empty) or len(value) > 1024:
            self._note(key, "this is not a text", "Store it as a JSON text, or remove it")
            return None
        return Secret(value)

    def service_account(self) -> ServiceAccount | None:
        user_id, token = (self._content.get(key) for key in ("rocketchat_user_id", "rocketchat_auth_token"))
        if user_id is None and token is None:
            return None
        for key, value in (("rocketchat_user_id", user_id), ("rocketchat_auth_token", token)):
            if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
                what = "the secret has the other half alone" if value is None else "this cannot stand in a header"
                self._note(key, what, _ACCOUNT_REMEDY)
        return ServiceAccount(str(user_id), Secret(str(token)))

    def people(self) -> Mapping[str, ListedPerson]:
        people, problems = listed(self._content.get("users"))
        self.problems.extend(problems)
        return people

    def user_pool(self) -> UserPool | None:
        content = self._content.get("cognito")
        remedy = 'Store {"user_pool_id": "eu-central-1_…", "client_id": "…"}, as the console shows them'
        if not isinstance(content, dict):
            self._note("cognito", "the secret has none, and DIRECTORY is cognito", remedy)
            return None
        pool_id, client_id, secret = (content.get(key) for key in ("user_pool_id", "client_id", "client_secret"))
        known = len(self.problems)
        if not isinstance(pool_id, str) or not _POOL_ID.fullmatch(pool_id):
            self._note("cognito.user_pool_id", "this is not the id of a user pool", remedy)
        if not isinstance(client_id, str) or not _CLIENT_ID.fullmatch(client_id):
            self._note("cognito.client_id", "this is not the id of an app client", remedy)
        if secret is not None and not (isinstance(secret, str) and secret):
            self._note("cognito.client_secret", "this is not a text", "Remove it where the app client has none")
        if len(self.problems) > known:
            return None
        return UserPool(str(pool_id), str(client_id), Secret(secret) if isinstance(secret, str) else None)

    def google(self) -> GoogleApplication | None:
        remedy = 'Store {"client_id": "…"}: the client id that the workspace has under OAuth → Google'
        content = self._application("google", remedy)
        if content is None:
            return None
        known = len(self.problems)
        client_id = self._part("google", "client_id", _APPLICATION_PART, "this is no client id", remedy)
        scopes, web_client_id = content.get("scopes"), content.get("web_client_id")
        if scopes is not None and not _are_scopes(scopes):
            what = "this is not a list of scopes"
            self._note("google.scopes", what, 'Remove it, or store a list like ["openid", "email", "profile"]')
        if web_client_id is not None and not _fits(_APPLICATION_PART, web_client_id):
            self._note("google.web_client_id", "this is no client id", "Remove it where the workspace needs none")
        if len(self.problems) > known:
            return None
        return GoogleApplication(client_id, tuple(scopes or ()), web_client_id)

    def facebook(self) -> FacebookApplication | None:
        remedy = 'Store {"app_id": "…", "app_secret": "…"}, as the workspace has them under OAuth → Facebook'
        if self._application("facebook", remedy) is None:
            return None
        known = len(self.problems)
        app_id = self._part("facebook", "app_id", _APP_ID, "this is no app id, which has digits alone", remedy)
        secret = self._part("facebook", "app_secret", _APPLICATION_PART, "this is no app secret", remedy)
        return FacebookApplication(app_id, Secret(secret)) if len(self.problems) == known else None

    def twitter(self) -> TwitterApplication | None:
        remedy = 'Store {"consumer_key": "…", "consumer_secret": "…"}, as the workspace has them under OAuth → Twitter'
        if self._application("twitter", remedy) is None:
            return None
        known = len(self.problems)
        key = self._part("twitter", "consumer_key", _APPLICATION_PART, "this is no consumer key", remedy)
        secret = self._part("twitter", "consumer_secret", _APPLICATION_PART, "this is no consumer secret", remedy)
        return TwitterApplication(key, Secret(secret)) if len(self.problems) == known else None

    def _application(self, provider: str, remedy: str) -> Mapping[str, Any] | None:
        content = self._content.get(provider)
        if isinstance(content, dict):
            return content
        self._note(provider, f"the secret has none, and RELAY names {provider}", remedy)
        return None

    def _part(self, provider: str, name: str, form: re.Pattern[str], what: str, remedy: str) -> str:
        value = self._content[provider].get(name)
        if _fits(form, value):
            return str(value)
        self._note(f"{provider}.{name}", what, remedy)
        return ""

    def _note(self, key: str, what: str, remedy: str) -> None:
        self.problems.append(Problem(key, what, remedy))


def _fits(form: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and bool(form.fullmatch(value))


def _are_scopes(value: object) -> bool:
    return isinstance(value, list) and len(value) <= 20 and all(_fits(_APPLICATION_PART, each) for each in value)


def _is_fernet_key(key: object) -> bool:
    if not isinstance(key, str):
        return False
    try:
        return len(base64.urlsafe_b64decode(key.encode("ascii"))) == 32
    except (binascii.Error, ValueError):
        return False
