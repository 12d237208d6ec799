"""Attempts in the memory of one container: what is left where there is neither MongoDB nor `STATE_TABLE`."""

from collections.abc import Callable
from threading import Lock
from time import time

from chalicelib.deadline import Deadline
from chalicelib.throttle import Run, Stored

MOST_RUNS = 10_000
"""Of one container: a few megabytes. Whoever wants to push somebody's run out needs hundreds of addresses."""


class MemoryAttempts:
    """Keep runs for as long as the container lives. Another container counts anew, so this is weak."""

    def __init__(self, clock: Callable[[], float] = time, most: int = MOST_RUNS) -> None:
        self._clock = clock
        self._most = most
        self._lock = Lock()
        # In the order of their last writes, the oldest first.
        self._kept: dict[str, tuple[Stored, float]] = {}

    def read(self, key: str, deadline: Deadline) -> Stored:
        """Return the run under `key`, an empty one of version 0 where there is none."""
        with self._lock:
            return self._kept[key][0] if key in self._kept else Stored()

    def write(self, key: str, run: Run, version: int, expires: float, deadline: Deadline) -> bool:
        """Keep `run` in the place of `version`; return False where that is not what is there any more.

        Where there are too many runs, those go that have expired, and then the one that was written longest ago.
        """
        with self._lock:
            if self._version(key) != version:
                return False
            self._kept.pop(key, None)
            if len(self._kept) >= self._most:
                self._forget()
            self._kept[key] = Stored(run, version + 1), expires
            return True

    def _version(self, key: str) -> int:
        return self._kept[key][0].version if key in self._kept else 0

    def _forget(self) -> None:
        now = self._clock()
        self._kept = {key: kept for key, kept in self._kept.items() if now < kept[1]}
        while len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
