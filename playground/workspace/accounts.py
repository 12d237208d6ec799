"""The accounts of the stand-in workspace: Rocket.Chat's own documents behind a small store."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import bcrypt

from playground.people import Person

Document = dict[str, Any]
Clock = Callable[[], float]

MAX_LOGIN_TOKENS = 50
LOGIN_EXPIRATION = timedelta(days=90)
PERSONAL = "personalAccessToken"
_ID_LETTERS = "23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz"
_BCRYPT_ROUNDS = 4  # Rocket.Chat takes 10; a throw-away account needs no slow hash


def new_id() -> str:
    """An id as Rocket.Chat makes them: 17 characters that cannot be mistaken for each other."""
    return "".join(secrets.choice(_ID_LETTERS) for _ in range(17))


def hash_token(token: str) -> str:
    """The form in which Rocket.Chat stores a native login token: base64 of its SHA-256."""
    return base64.b64encode(hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()).decode()


def moment(seconds: float) -> datetime:
    """A point in time as MongoDB stores it: UTC, to the millisecond."""
    return datetime.fromtimestamp(int(seconds * 1000) / 1000, tz=UTC)


def _digest(password: str) -> bytes:
    """Rocket.Chat's bcrypt gets the lower-case hexadecimal SHA-256 of the password."""
    return hashlib.sha256(password.encode("utf-8", "surrogatepass")).hexdigest().encode()


class Accounts:
    """Account records in memory; `accounts["alice"]` is the live record.

    Whoever changes a record from outside uses `update` and `unset` with dotted paths, as MongoDB does.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._documents: list[Document] = []

    def __getitem__(self, username: str) -> Document:
        for document in self._documents:
            if document.get("username") == username:
                return document
        raise KeyError(username)

    def __contains__(self, username: str) -> bool:
        return any(document.get("username") == username for document in self._documents)

    def __iter__(self) -> Iterator[Document]:
        return iter(list(self._documents))

    def __len__(self) -> int:
        return len(self._documents)

    def now(self) -> datetime:
        """The current time of the injected clock, as stored in records."""
        return moment(self._clock())

    def add(self, person: Person) -> Document:
        """Insert an account in the shape that Rocket.Chat 8.6 gives its account records."""
        if person.username in self:
            raise ValueError(f"there is an account {person.username} already")
        now = self.now()
        services: Document = {}
        if person.password is not None:
            hashed = bcrypt.hashpw(_digest(person.password), bcrypt.gensalt(_BCRYPT_ROUNDS))
            services["password"] = {"bcrypt": hashed.decode()}
        if person.totp_secret:
            hashes = [hashlib.sha256(code.encode()).hexdigest() for code in person.backup_codes]
            services["totp"] = {"enabled": True, "secret": person.totp_secret, "hashedBackup": hashes}
        if person.email_codes:
            services["email2fa"] = {"enabled": True, "changedAt": now}
        document: Document = {
            "_id": new_id(),
            "createdAt": now,
            "services": services,
            "emails": [{"address": person.email, "verified": person.verified}] if person.email else [],
            "name": person.name or person.username,
            "username": person.username,
            "active": person.active,
            "statusDefault": "online",
            "type": person.type,
            "_updatedAt": now,
        }
        if person.roles is not None:
            document["roles"] = list(person.roles)
        self._documents.append(document)
        self.update(person.username, dict(person.fields))
        return document

    def remove(self, username: str) -> None:
        """Delete an account."""
        self._documents.remove(self[username])

    def update(self, username: str, fields: Document) -> None:
        """Set dotted paths of an account, as MongoDB's `$set` does."""
        document = self[username]
        for path, value in fields.items():
            *parents, last = path.split(".")
            target = document
            for part in parents:
                target = target.setdefault(part, {})
            target[last] = value

    def unset(self, username: str, *paths: str) -> None:
        """Remove dotted paths of an account, as MongoDB's `$unset` does."""
        for path in paths:
            *parents, last = path.split(".")
            target: Any = self[username]
            for part in parents:
                target = target.get(part, {})
            target.pop(last, None)

    def find_by_id(self, account_id: str) -> Document | None:
        """The account with that `_id`."""
        return next((document for document in self._documents if document["_id"] == account_id), None)

    def find_by_username(self, username: str) -> Document | None:
        """The account with that username: exactly, else the only one that differs in case alone."""
        return self._only([(document.get("username") or "", document) for document in self._documents], username)

    def find_by_email(self, address: str) -> Document | None:
        """The account with that address: exactly, else the only one that differs in case alone."""
        pairs = [(mail["address"], document) for document in self._documents for mail in document.get("emails", [])]
        return self._only(pairs, address)

    @staticmethod
    def _only(pairs: list[tuple[str, Document]], wanted: str) -> Document | None:
        for key, document in pairs:
            if key == wanted:
                return document
        alike = [document for key, document in pairs if key.lower() == wanted.lower()]
        return alike[0] if len(alike) == 1 else None

    def find_by_login_token(self, token: str) -> Document | None:
        """The account that a native login token belongs to, unless the token ran out (90 days)."""
        hashed, oldest = hash_token(token), self.now() - LOGIN_EXPIRATION
        for document in self._documents:
            for element in self.login_tokens(document):
                if element["hashedToken"] == hashed:
                    return document if element.get("type") == PERSONAL or element["when"] > oldest else None
        return None

    def find_by_iframe_token(self, token: str) -> Document | None:
        """The account whose `services.iframe.token` is that text, in plain and without expiry."""
        for document in self._documents:
            if document["services"].get("iframe", {}).get("token") == token:
                return document
        return None

    @staticmethod
    def password_matches(document: Document, password: str) -> bool:
        """Whether the account has a password and it is this one."""
        stored = document["services"].get("password", {}).get("bcrypt")
        return isinstance(stored, str) and bcrypt.checkpw(_digest(password), stored.encode())

    @staticmethod
    def login_tokens(document: Document) -> list[Document]:
        """The elements of `services.resume.loginTokens`, personal access tokens included."""
        elements: list[Document] = document["services"].get("resume", {}).get("loginTokens", [])
        return elements

    def new_login_token(self, document: Document) -> str:
        """A new native login token of 43 characters; only its hash is stored."""
        return self._push(document, {"when": self.now()})

    def new_personal_access_token(self, document: Document, name: str) -> str:
        """A personal access token: in the same array, without expiry, outside the limit of 50."""
        return self._push(
            document, {"type": PERSONAL, "createdAt": self.now(), "name": name, "bypassTwoFactor": True}, named=True
        )

    @staticmethod
    def _push(document: Document, element: Document, *, named: bool = False) -> str:
        token = secrets.token_urlsafe(32)
        element = {**element, "hashedToken": hash_token(token)}
        if named:
            element["lastTokenPart"] = token[-6:]
        document["services"].setdefault("resume", {}).setdefault("loginTokens", []).append(element)
        return token

    def remove_login_token(self, document: Document, token: str) -> bool:
        """Take a token's element out of the array; logging out does this and leaves `lastLogin` alone."""
        elements, hashed = self.login_tokens(document), hash_token(token)
        kept = [element for element in elements if element["hashedToken"] != hashed]
        removed = len(kept) < len(elements)
        elements[:] = kept
        return removed

    def remove_login_tokens(self, username: str) -> None:
        """End every login of an account but its personal access tokens."""
        elements = self.login_tokens(self[username])
        elements[:] = [element for element in elements if element.get("type") == PERSONAL]

    def accept_login(self, document: Document) -> None:
        """What Rocket.Chat does at every accepted login, resume included.

        It sets `lastLogin`, removes tokens that ran out and trims to the 50 newest. Personal access tokens stay.
        """
        now = self.now()
        document["lastLogin"] = now
        elements = self.login_tokens(document)
        live = [element for element in elements if element.get("type") != PERSONAL]
        live = [element for element in live if element["when"] > now - LOGIN_EXPIRATION]
        newest = sorted(live, key=lambda element: element["when"])[-MAX_LOGIN_TOKENS:]
        kept = {element["hashedToken"] for element in newest}
        elements[:] = [item for item in elements if item.get("type") == PERSONAL or item["hashedToken"] in kept]
