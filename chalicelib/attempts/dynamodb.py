"""Attempts in the DynamoDB table of `STATE_TABLE`, for where there is no MongoDB."""

from chalicelib.deadline import Deadline
from chalicelib.state import StateTable
from chalicelib.throttle import Run, Stored


class TableAttempts:
    """Keep each run as an item of its own."""

    def __init__(self, table: StateTable) -> None:
        self._table = table

    def read(self, key: str, deadline: Deadline) -> Stored:
        """Return the run under `key`, an empty one of version 0 where there is none.

        Raises `Unavailable`, and `ConfigurationError` as `StateTable.read`.
        """
        content, version = self._table.read(_id(key), deadline)
        return Stored(Run.of_plain(content), version) if version else Stored()

    def write(self, key: str, run: Run, version: int, expires: float, deadline: Deadline) -> bool:
        """Keep `run` in the place of `version`; return False where that is not what is there any more.

        Raises as `read`.
        """
        return self._table.write(_id(key), run.as_plain(), version, deadline, expires)


def _id(key: str) -> str:
    # Links stand in the same table.
    return f"attempts {key}"
