"""A throttle with a verifier behind it that counts: what the tests of every store knock at.

door = Door(MemoryAttempts(clock), clock)
assert door.knock("alice", A) == LET_IN               # a wrong password
assert door.knock("alice", A, right) == 600           # refused: seconds that are left of the ban
assert door.verified == 1
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Lock

from chalicelib.deadline import Deadline
from chalicelib.errors import Banned, GantryError, WrongCredentials
from chalicelib.model import Limits
from chalicelib.throttle import AttemptStore, Throttle, Trial
from tests.fakes import FakeClock

LET_IN = 0
Outcome = Callable[[Trial], None]


def wrong(trial: Trial) -> None:
    """A wrong password."""
    raise WrongCredentials


def right(trial: Trial) -> None:
    """A finished sign-in."""
    trial.finish()


def challenge(trial: Trial) -> None:
    """A right password whose second factor is due."""


def raises(error: BaseException) -> Outcome:
    """Anything else that may come of an attempt."""

    def outcome(trial: Trial) -> None:
        raise error

    return outcome


@dataclass
class Troubles:
    """The log of backends, kept."""

    told: list[tuple[str, str]] = field(default_factory=list)

    def backend(self, error: GantryError, request_id: str) -> None:
        self.told.append((str(error), request_id))


class Door:
    """A throttle over `store`; `verified` counts the passwords and codes that were looked at."""

    def __init__(self, store: AttemptStore, clock: FakeClock, limits: Limits | None = None) -> None:
        self.clock = clock
        self.troubles = Troubles()
        self.verified = 0
        self._throttle = Throttle(store, limits or Limits(), self.troubles, clock)
        self._lock = Lock()

    def attempt(self, name: str, address: str) -> AbstractContextManager[Trial]:
        """Begin an attempt, which is under way for as long as the block lasts."""
        return self._throttle.attempt(name, address, "request-1", Deadline.after(120))

    def knock(self, name: str, address: str, outcome: Outcome = wrong) -> int:
        """Make one attempt; return `LET_IN`, or the seconds after which to try again."""
        let_in = False
        try:
            with self.attempt(name, address) as trial:
                let_in = True
                with self._lock:
                    self.verified += 1
                outcome(trial)
        except (GantryError, OSError) as error:
            if let_in:
                return LET_IN
            if isinstance(error, Banned):
                return error.retry_after or -1
            raise
        return LET_IN

    def knocks(self, times: int, name: str, address: str, outcome: Outcome = wrong) -> list[int]:
        """Make so many attempts, one after the other."""
        return [self.knock(name, address, outcome) for _ in range(times)]
