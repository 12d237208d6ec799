"""What is reachable: for monitors, which learn that something is not, and never why."""

from collections.abc import Callable, Mapping
from time import time

from chalicelib.deadline import Deadline
from chalicelib.errors import GantryError

INTERVAL_SECONDS = 30.0

Probe = Callable[[Deadline], object]
"""A question to a backend that raises a `GantryError` when it is not answered."""


class Health:
    """Ask the backends at most every `INTERVAL_SECONDS` a container, so that nobody uses us to drive load on them."""

    def __init__(self, probes: Mapping[str, Probe], clock: Callable[[], float] = time) -> None:
        self._probes = probes
        self._clock = clock
        self._known: dict[str, bool] = {}
        self._asked_at = float("-inf")

    def reachable(self, deadline: Deadline) -> dict[str, bool]:
        """Return for each backend whether it answered, now or within the last `INTERVAL_SECONDS`."""
        if self._clock() - self._asked_at >= INTERVAL_SECONDS:
            self._known = {name: _answers(probe, deadline) for name, probe in self._probes.items()}
            self._asked_at = self._clock()
        return dict(self._known)


def _answers(probe: Probe, deadline: Deadline) -> bool:
    try:
        probe(deadline)
    except GantryError:
        return False
    return True
