"""Gantry's own collection beside the accounts."""

from pymongo.errors import DuplicateKeyError

from chalicelib.deadline import Deadline
from chalicelib.mongodb import Mongo

ATTEMPTS = "gantry_attempts"


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
