"""Gantry's own collection beside the accounts."""

from datetime import UTC, datetime
from typing import Any

from pymongo.errors import DuplicateKeyError

from chalicelib.deadline import Deadline
from chalicelib.errors import Unavailable
from chalicelib.mongodb import BACKEND, Mongo
from chalicelib.throttle import Run, Stored

ATTEMPTS = "gantry_attempts"


class MongoAttempts:
    """Keep each run as a document of its own, by its key; `expires` is for the index that removes the old ones."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    def read(self, key: str, deadline: Deadline) -> Stored:
        """Return the run under `key`, an empty one of version 0 where there is none. Raises as `Mongo.run`."""
        found = self._mongo.run(lambda database: database[ATTEMPTS].find_one({"_id": key}), deadline)
        if found is None:
            return Stored()
        version = found.get("version")
        if not isinstance(version, int):
            raise Unavailable(BACKEND, "an attempt that Gantry did not write")
        return Stored(Run.of_plain(found.get("run")), version)

    def write(self, key: str, run: Run, version: int, expires: float, deadline: Deadline) -> bool:
        """Keep `run` in the place of `version`; return False where that is not what is there any more.

        Raises as `Mongo.run`.
        """
        content: dict[str, Any] = {
            "version": version + 1,
            "run": run.as_plain(),
            "expires": datetime.fromtimestamp(expires, UTC),
        }
        if version == 0:
            return self._insert({"_id": key, **content}, deadline)
        wanted, change = {"_id": key, "version": version}, {"$set": content}
        result = self._mongo.run(lambda database: database[ATTEMPTS].update_one(wanted, change), deadline)
        return result.matched_count == 1

    def _insert(self, document: dict[str, Any], deadline: Deadline) -> bool:
        try:
            self._mongo.run(lambda database: database[ATTEMPTS].insert_one(document), deadline)
        except DuplicateKeyError:
            return False
        return True


class MongoSteps:
    """Which TOTP step each account has used last: a step is accepted once (RFC 6238 section 5.2)."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo

    def take(self, account_id: str, step: int, deadline: Deadline) -> bool:
        """Record `step` for the account; return False where it, or a later one, is taken. Raises `Unavailable`."""
        wanted = {"_id": f"totp {account_id}", "step": {"$lt": step}}
        change = {"$set": {"step": step}}
        try:
            self._mongo.run(lambda database: database[ATTEMPTS].update_one(wanted, change, upsert=True), deadline)
        except DuplicateKeyError:
            # The record is there with the same or a later step, so the upsert wanted to insert it a second time.
            return False
        return True
