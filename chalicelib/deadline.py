"""The one point in time by which a request must have its answer."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from chalicelib.errors import Unavailable

FUNCTION_TIMEOUT_SECONDS = 28.0
"""`lambda_timeout` of every stage: API Gateway hangs up one second later (API Gateway quotas, integration time-out)."""

RESERVE_SECONDS = 2.0
"""What is kept back to render and send an answer after the last outgoing call has failed."""


@dataclass(frozen=True)
class Deadline:
    """A moment on a monotonic clock; every outgoing call of one request is given what is left of it."""

    at: float
    clock: Callable[[], float] = monotonic

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = monotonic) -> "Deadline":
        """Return the deadline that lies `seconds` from now."""
        return cls(clock() + seconds, clock)

    @classmethod
    def of_context(cls, context: object, clock: Callable[[], float] = monotonic) -> "Deadline":
        """Return the deadline of a Lambda invocation: its remaining time less a reserve, or the configured time-out.

        `context` is Lambda's context object, or None where there is none (a test, a local server).
        """
        remaining = getattr(context, "get_remaining_time_in_millis", None)
        if remaining is None:
            return cls.after(FUNCTION_TIMEOUT_SECONDS, clock)
        return cls.after(remaining() / 1000 - RESERVE_SECONDS, clock)

    def remaining(self) -> float:
        """Return the seconds that are left, zero or less when there are none."""
        return self.at - self.clock()

    def timeout(self, at_most: float, backend: str) -> float:
        """Return the time-out in seconds for the next step of a call: what is left, but not more than `at_most`.

        Raises `Unavailable` for `backend` when no time is left, so that no call is begun that cannot be finished.
        """
        left = self.remaining()
        if left <= 0:
            raise Unavailable(backend, "deadline")
        return min(left, at_most)
