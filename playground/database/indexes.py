"""Rocket.Chat's own indexes on `users`, as Meteor and Rocket.Chat 8.6 make them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pymongo.collation import Collation
from pymongo.collection import Collection

from playground.database.capabilities import Capability

CASE_INSENSITIVE = Collation(locale="en", strength=2)


@dataclass(frozen=True)
class Index:
    """An ascending index on one field; `needs` is what a server must be able to do to have it right."""

    field: str
    unique: bool = False
    sparse: bool = True
    collation: Collation | None = None
    name: str = ""
    needs: Capability | None = None

    @property
    def full_name(self) -> str:
        """What the server calls it."""
        return self.name or f"{self.field}_1"


USERS = (
    Index("username", unique=True),
    Index("emails.address", unique=True, needs="array-index"),
    Index("services.resume.loginTokens.hashedToken", unique=True, needs="array-index"),
    Index("username", name="username_insensitive", collation=CASE_INSENSITIVE, needs="collation"),
    Index("emails.address", name="emails.address_insensitive", collation=CASE_INSENSITIVE, needs="collation"),
    Index("lastLogin", sparse=False),
    Index("services.google.id", unique=True),
    Index("services.facebook.id", unique=True),
    Index("services.twitter.id", unique=True),
)


def create(users: Collection[dict[str, Any]], can: Callable[[Capability], bool]) -> list[str]:
    """Create those that the engine has right (`engine.can`); the answer names the ones that were left out."""
    left_out = []
    for index in USERS:
        if index.needs and not can(index.needs):
            left_out.append(index.full_name)
            continue
        options: dict[str, Any] = {"name": index.full_name}
        # A server may refuse `sparse: false` or `collation: null` where it takes their absence.
        options.update({"unique": True} if index.unique else {})
        options.update({"sparse": True} if index.sparse else {})
        options.update({"collation": index.collation} if index.collation else {})
        users.create_index([(index.field, 1)], **options)
    return left_out
