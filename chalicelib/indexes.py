"""Gantry's own indexes on the workspace's database: one list, read by every place that makes or checks them.

Links and attempts are found by `_id` alone, which every collection has indexed.
"""

from dataclasses import dataclass
from typing import Any

from pymongo.database import Database


@dataclass(frozen=True)
class OwnIndex:
    """An ascending index on one field; sparse, since few documents have it."""

    collection: str
    field: str
    sparse: bool = True


INDEXES = (OwnIndex("users", "services.iframe.when"),)
"""For the hourly sweep, which looks for `iframe` tokens older than ten minutes among all accounts."""


def create(database: Database[dict[str, Any]]) -> list[str]:
    """Make those that are not there yet; return the names of all of them."""
    return [database[each.collection].create_index([(each.field, 1)], sparse=each.sparse) for each in INDEXES]
