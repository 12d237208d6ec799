"""Account records in the shape that Rocket.Chat 8.6 gives them, and dotted paths into them."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import bcrypt

from playground.people import Person

Document = dict[str, Any]

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


def digest(password: str) -> bytes:
    """Rocket.Chat's bcrypt gets the lower-case hexadecimal SHA-256 of the password."""
    return hashlib.sha256(password.encode("utf-8", "surrogatepass")).hexdigest().encode()


def new_record(person: Person, now: datetime) -> Document:
    """The record of a new account; the person's further `fields` are not in it yet."""
    services: Document = {}
    if person.password is not None:
        hashed = bcrypt.hashpw(digest(person.password), bcrypt.gensalt(_BCRYPT_ROUNDS))
        services["password"] = {"bcrypt": hashed.decode()}
    if person.totp_secret:
        hashes = [hashlib.sha256(code.encode()).hexdigest() for code in person.backup_codes]
        services["totp"] = {"enabled": True, "secret": person.totp_secret, "hashedBackup": hashes}
    if person.email_codes:
        services["email2fa"] = {"enabled": True, "changedAt": now}
    record: Document = {
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
        record["roles"] = list(person.roles)
    return record


def at(record: Document, path: str) -> Any:
    """What stands at a dotted path, None where there is nothing: others write into the records too."""
    value: Any = record
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def every(value: Any, path: str) -> Iterator[Any]:
    """Whatever stands at a dotted path, looking into each element of a list as MongoDB does."""
    name, _, rest = path.partition(".")
    found = value.get(name) if isinstance(value, dict) else None
    for each in found if isinstance(found, list) else [found]:
        if rest:
            yield from every(each, rest)
        elif each is not None:
            yield each
