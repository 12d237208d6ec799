"""The accounts of the stand-in workspace, and what Rocket.Chat does with their records at a login."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

import bcrypt

from playground.people import Person
from playground.workspace.records import Document, at, digest, hash_token, moment, new_record
from playground.workspace.store import MemoryRecords, Records

Clock = Callable[[], float]

MAX_LOGIN_TOKENS = 50
LOGIN_EXPIRATION = timedelta(days=90)
PERSONAL = "personalAccessToken"
LOGIN_TOKENS = "services.resume.loginTokens"
IFRAME_TOKEN = "services.iframe.token"  # noqa: S105  - a path


class Accounts:
    """Account records by Rocket.Chat's rules; `accounts["alice"]` is the record as it is now.

    A record that was read stays as it was: read it again to see what a login, or somebody else, has changed.
    """

    def __init__(self, clock: Clock, records: Records | None = None) -> None:
        self._clock = clock
        self.records: Records = MemoryRecords() if records is None else records

    def __getitem__(self, username: str) -> Document:
        record = self.records.find("username", username)
        if record is None:
            raise KeyError(username)
        return record

    def __contains__(self, username: str) -> bool:
        return self.records.find("username", username) is not None

    def __iter__(self) -> Iterator[Document]:
        return iter(self.records)

    def __len__(self) -> int:
        return sum(1 for _ in self.records)

    def now(self) -> datetime:
        """The current time of the injected clock, as stored in records."""
        return moment(self._clock())

    def add(self, person: Person) -> Document:
        """Insert an account in the shape that Rocket.Chat 8.6 gives its account records."""
        if person.username in self:
            raise ValueError(f"there is an account {person.username} already")
        record = new_record(person, self.now())
        self.records.insert(record)
        self.records.set(record["_id"], person.fields)
        return self._current(record)

    def remove(self, username: str) -> None:
        """Delete an account."""
        self.records.remove(self[username]["_id"])

    def update(self, username: str, fields: Mapping[str, object]) -> None:
        """Set dotted paths of an account, as MongoDB's `$set` does."""
        self.records.set(self[username]["_id"], fields)

    def unset(self, username: str, *paths: str) -> None:
        """Remove dotted paths of an account, as MongoDB's `$unset` does."""
        self.records.unset(self[username]["_id"], *paths)

    def find_by_id(self, account_id: str) -> Document | None:
        """The account with that `_id`."""
        return self.records.find("_id", account_id)

    def find_by_username(self, username: str) -> Document | None:
        """The account with that username: exactly, else the only one that differs in case alone."""
        return self._find("username", username)

    def find_by_email(self, address: str) -> Document | None:
        """The account with that address: exactly, else the only one that differs in case alone."""
        return self._find("emails.address", address)

    def username_is_taken(self, username: str) -> bool:
        """Whether there is an account with that username, whatever its case."""
        return bool(self.records.find_alike("username", username))

    def email_is_taken(self, address: str) -> bool:
        """Whether there is an account with that address, whatever its case."""
        return bool(self.records.find_alike("emails.address", address))

    def _find(self, path: str, text: str) -> Document | None:
        exact = self.records.find(path, text)
        if exact is not None:
            return exact
        alike = self.records.find_alike(path, text)
        return alike[0] if len(alike) == 1 else None

    def _current(self, record: Document) -> Document:
        return self.find_by_id(record["_id"]) or record

    def find_by_login_token(self, token: str) -> Document | None:
        """The account that a native login token belongs to, unless the token ran out (90 days)."""
        hashed = hash_token(token)
        record = self.records.find(f"{LOGIN_TOKENS}.hashedToken", hashed)
        if record is None:
            return None
        return record if any(each["hashedToken"] == hashed for each in self._live(record)) else None

    def find_by_iframe_token(self, token: str) -> Document | None:
        """The account whose `services.iframe.token` is that text, in plain and without expiry."""
        return self.records.find(IFRAME_TOKEN, token)

    @staticmethod
    def password_matches(record: Document, password: str) -> bool:
        """Whether the account has a password and it is this one."""
        stored = at(record, "services.password.bcrypt")
        return isinstance(stored, str) and bcrypt.checkpw(digest(password), stored.encode())

    def login_tokens(self, record: Document) -> list[Document]:
        """The elements that an account has under `services.resume.loginTokens` now, personal access tokens included."""
        return _elements(self._current(record))

    def new_login_token(self, record: Document) -> str:
        """A new native login token of 43 characters; only its hash is stored."""
        token = secrets.token_urlsafe(32)
        self.records.push(record["_id"], LOGIN_TOKENS, {"when": self.now(), "hashedToken": hash_token(token)})
        return token

    def new_personal_access_token(self, record: Document, name: str, *, ignores_second_factor: bool = True) -> str:
        """A personal access token: in the same array, without expiry, outside the limit of 50."""
        token = secrets.token_urlsafe(32)
        element = {
            "hashedToken": hash_token(token),
            "type": PERSONAL,
            "createdAt": self.now(),
            "lastTokenPart": token[-6:],
            "name": name,
            "bypassTwoFactor": ignores_second_factor,
        }
        self.records.push(record["_id"], LOGIN_TOKENS, element)
        return token

    @staticmethod
    def ignores_second_factor(record: Document, token: str) -> bool:
        """Whether that token is a personal access token that was made to ignore two-factor."""
        hashed = hash_token(token)
        return any(each["hashedToken"] == hashed and each.get("bypassTwoFactor") is True for each in _elements(record))

    def remove_login_token(self, record: Document, token: str) -> bool:
        """Take a token's element out of the array; logging out does this and leaves `lastLogin` alone."""
        return self.records.pull(record["_id"], LOGIN_TOKENS, [hash_token(token)], key="hashedToken")

    def remove_login_tokens(self, record: Document) -> None:
        """End every login of an account but its personal access tokens."""
        hashes = [each["hashedToken"] for each in self.login_tokens(record) if each.get("type") != PERSONAL]
        self.records.pull(record["_id"], LOGIN_TOKENS, hashes, key="hashedToken")

    def accept_login(self, record: Document) -> Document:
        """What Rocket.Chat does at every accepted login, resume included, and the record afterwards.

        It sets `lastLogin`, removes tokens that ran out and trims to the 50 newest. Personal access tokens stay.
        """
        self.records.set(record["_id"], {"lastLogin": self.now()})
        record = self._current(record)
        native = [each for each in self._live(record) if each.get("type") != PERSONAL]
        newest = sorted(native, key=lambda element: element["when"])[-MAX_LOGIN_TOKENS:]
        kept = {element["hashedToken"] for element in newest}
        dead = [
            each["hashedToken"]
            for each in _elements(record)
            if each.get("type") != PERSONAL and each["hashedToken"] not in kept
        ]
        if dead:
            self.records.pull(record["_id"], LOGIN_TOKENS, dead, key="hashedToken")
        return self._current(record)

    def _live(self, record: Document) -> list[Document]:
        """The elements that still log in: personal access tokens, and native tokens of the last 90 days."""
        oldest = self.now() - LOGIN_EXPIRATION
        return [
            each
            for each in _elements(record)
            if each.get("type") == PERSONAL or (isinstance(each.get("when"), datetime) and each["when"] > oldest)
        ]


def _elements(record: Document) -> list[Document]:
    held = at(record, LOGIN_TOKENS)
    listed = held if isinstance(held, list) else []
    return [each for each in listed if isinstance(each, dict) and isinstance(each.get("hashedToken"), str)]
