"""What a server says that it would do for a command of Gantry's."""

from collections.abc import Mapping
from typing import Any

from pymongo.database import Database

from tests.mongodb.filters import Command

_EXPLAINED = frozenset(
    (
        *("find", "findAndModify", "count", "distinct", "aggregate", "update", "delete"),
        *("filter", "query", "key", "pipeline", "cursor", "updates", "deletes"),
        *("projection", "sort", "limit", "collation"),
    )
)
"""The parts of a command that its plan depends on; sessions, concerns and time-outs are the driver's own affair."""


def plan(database: Database[dict[str, Any]], command: Command) -> Mapping[str, Any]:
    """Return how the server would run `command`, without running it."""
    explained = {name: value for name, value in command.content.items() if name in _EXPLAINED}
    return database.command("explain", explained, verbosity="queryPlanner")


def scans(planned: object) -> bool:
    """Tell whether the winning plan reads a whole collection."""
    if isinstance(planned, Mapping):
        if planned.get("stage") == "COLLSCAN":
            return True
        return any(scans(value) for name, value in planned.items() if name != "rejectedPlans")
    return isinstance(planned, list) and any(scans(each) for each in planned)
