"""The stand-in's accounts and settings in a MongoDB database, in the collections in which Rocket.Chat has them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, MutableMapping
from typing import Any

from bson import CodecOptions
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from playground.workspace.records import Document
from playground.workspace.settings import Settings
from playground.workspace.store import Records

USERS = "users"
SETTINGS = "rocketchat_settings"
# Dates come back as they went: with their zone.
_OPTIONS: CodecOptions[Document] = CodecOptions(tz_aware=True)


class MongoRecords:
    """The account records of the collection `users`; one command a use, and nothing is kept in between."""

    def __init__(self, database: Database[Document]) -> None:
        self._users = database.get_collection(USERS, codec_options=_OPTIONS)

    def __iter__(self) -> Iterator[Document]:
        return iter(list(self._users.find()))

    def find(self, path: str, value: object) -> Document | None:
        """The record with exactly that value there."""
        if isinstance(value, str) and not _can_be_stored(value):
            return None
        return self._users.find_one({path: value})

    def find_alike(self, path: str, text: str) -> list[Document]:
        """The records whose text there is that one, whatever its case.

        Rocket.Chat asks with a collation; a pattern finds the same, also on a server that ignores collations.
        """
        if not _can_be_stored(text):
            return []
        return list(self._users.find({path: {"$regex": f"^{re.escape(text)}$", "$options": "i"}}))

    def insert(self, record: Document) -> None:
        """Add a record."""
        try:
            self._users.insert_one(dict(record))
        except DuplicateKeyError:
            raise ValueError("there is an account with that id or username already") from None

    def remove(self, account_id: str) -> None:
        """Delete a record."""
        self._users.delete_one({"_id": account_id})

    def set(self, account_id: str, fields: Mapping[str, object]) -> None:
        """Set dotted paths."""
        if fields:
            self._users.update_one({"_id": account_id}, {"$set": dict(fields)})

    def unset(self, account_id: str, *paths: str) -> None:
        """Remove dotted paths."""
        if paths:
            self._users.update_one({"_id": account_id}, {"$unset": dict.fromkeys(paths, "")})

    def push(self, account_id: str, path: str, element: object) -> None:
        """Append to the list there."""
        self._users.update_one({"_id": account_id}, {"$push": {path: element}})

    def pull(self, account_id: str, path: str, values: Collection[object], key: str = "") -> bool:
        """Remove elements of the list there."""
        wanted = {"$in": list(values)}
        change = {"$pull": {path: {key: wanted} if key else wanted}}
        return self._users.update_one({"_id": account_id}, change).modified_count == 1


class MongoSettings(MutableMapping[str, Any]):
    """The workspace's settings: documents `{_id, value}`, read at every use."""

    def __init__(self, database: Database[Document]) -> None:
        self._settings = database[SETTINGS]

    def __getitem__(self, name: str) -> Any:
        found = self._settings.find_one({"_id": name})
        if found is None:
            raise KeyError(name)
        return found.get("value")

    def __setitem__(self, name: str, value: Any) -> None:
        self._settings.update_one({"_id": name}, {"$set": {"value": value}}, upsert=True)

    def __delitem__(self, name: str) -> None:
        if self._settings.delete_one({"_id": name}).deleted_count == 0:
            raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter([found["_id"] for found in self._settings.find({}, {"_id": 1})])

    def __len__(self) -> int:
        return self._settings.count_documents({})


class MongoStore:
    """A workspace in a database: whoever else writes there is seen at once, and sees it.

    `engine` is what the server is called. Rocket.Chat's indexes are whoever's who made the database
    (`playground.database.indexes`).
    """

    def __init__(self, database: Database[Document], engine: str = "") -> None:
        self.place = f"the database {database.name}" + (f" of {engine}" if engine else "")
        self.records: Records = MongoRecords(database)
        self.settings: Settings = MongoSettings(database)


def _can_be_stored(text: str) -> bool:
    """Whether there are UTF-8 bytes for a text, and none that ends a pattern."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
