"""The collection `users`: every read and write of an account goes through here."""

from collections.abc import Mapping
from typing import Any

from chalicelib.accounts.record import AccountRecord
from chalicelib.deadline import Deadline
from chalicelib.mongodb import Mongo

USERS = "users"
CASE_INSENSITIVE = {"locale": "en", "strength": 2}
"""The collation of the workspace's own indexes `username_insensitive` and `emails.address_insensitive`."""

Filter = Mapping[str, Any]
Fields = Mapping[str, int]


class Users:
    """Read accounts, and change one at a time. Every method raises `Unavailable` as `Mongo.run` does."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    def one(self, wanted: Filter, fields: Fields, deadline: Deadline) -> AccountRecord | None:
        """Return the account that `wanted` matches, with `fields`, None where there is none."""
        found = self._mongo.run(lambda database: database[USERS].find_one(wanted, fields), deadline)
        return AccountRecord(found) if found is not None else None

    def many(self, wanted: Filter, fields: Fields, deadline: Deadline) -> list[AccountRecord]:
        """Return all accounts that `wanted` matches."""
        found = self._mongo.run(lambda database: list(database[USERS].find(wanted, fields)), deadline)
        return [AccountRecord(each) for each in found]

    def ignoring_case(self, wanted: Filter, fields: Fields, deadline: Deadline) -> list[AccountRecord]:
        """Return the accounts, two at most, that `wanted` matches whatever the capitals."""
        found = self._mongo.run(
            lambda database: list(database[USERS].find(wanted, fields).collation(CASE_INSENSITIVE).limit(2)), deadline
        )
        return [AccountRecord(each) for each in found]

    def change(self, wanted: Filter, change: Mapping[str, Any], deadline: Deadline) -> bool:
        """Apply `change` to the one account that `wanted` matches; return False where none did.

        Nobody may take that for success without a reason: a lost compare-and-set, or something that is gone already
        (promise 29).
        """
        result = self._mongo.run(lambda database: database[USERS].update_one(wanted, change), deadline)
        return result.matched_count == 1

    def insert(self, record: dict[str, Any], deadline: Deadline) -> None:
        """Add an account. Raises pymongo's `DuplicateKeyError` where id, username or address are taken."""
        self._mongo.run(lambda database: database[USERS].insert_one(record), deadline)
