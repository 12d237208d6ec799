"""Gantry's own indexes on the workspace's database: one list, read by every place that makes or checks them.

Links and attempts are found by `_id` alone, which every collection has indexed.
"""

from dataclasses import dataclass
from typing import Any

from pymongo.database import Database


@dataclass(frozen=True)
class OwnIndex:
    """An ascending index on one field; sparse, since not every document has it.

    With `expires` the field is a date, and the database removes a document some time after it. Nothing may rely on
    that: it is late at best, and there are servers that never do it.
    """

    collection: str
    field: str
    sparse: bool = True
    expires: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """What MongoDB's `createIndexes` is told beside the field."""
        return {"sparse": self.sparse} | ({"expireAfterSeconds": 0} if self.expires else {})


INDEXES = (
    # For the hourly sweep, which looks for `iframe` tokens older than ten minutes among all accounts.
    OwnIndex("users", "services.iframe.when"),
    # Removes attempts that count no more. The throttle compares the times itself.
    OwnIndex("gantry_attempts", "expires", expires=True),
)


def create(database: Database[dict[str, Any]]) -> list[str]:
    """Make those that are not there yet; return the names of all of them."""
    return [database[each.collection].create_index([(each.field, 1)], **each.options) for each in INDEXES]
