"""What the API of the stand-in received, and how a test makes it misbehave."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Call:
    """One API call as it arrived; `args` is its query.

    Passwords and secrets in `body` read "<hidden>": that one was sent shows, which one does not. `status` is None while
    the call is held and when it was cut.
    """

    route: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    address: str
    status: int | None = None
    username: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way for a call to go wrong.

    Without `status` the real answer is given. `hold` keeps the answer back until the event is set (or the server ends)
    or, where they are given, those `seconds` are over; `after` lets the call take effect first, `cut` closes the
    connection without an answer, `drip` sends the body byte by byte with that many seconds between two bytes.
    """

    status: int | None = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hold: threading.Event | None = None
    seconds: float | None = None
    after: bool = False
    cut: bool = False
    drip: float | None = None


class Faults:
    """The faults that wait for their calls, by route; "*" stands for every route."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._always: dict[str, Fault] = {}
        self._standing: dict[str, Fault] = {}
        self._holding: set[threading.Event] = set()

    def put(self, route: str, fault: Fault, times: int | None = 1) -> None:
        """Let the next `times` calls of a route go wrong, or all of them with None."""
        with self._lock:
            if fault.hold is not None:
                self._holding.add(fault.hold)
            if times is None:
                self._always[route] = fault
            else:
                self._waiting[route].extend([fault] * times)

    def take(self, route: str) -> Fault | None:
        """The fault for a call of that route that begins now."""
        with self._lock:
            for name in (route, "*"):
                if self._waiting[name]:
                    return self._waiting[name].popleft()
                if name in self._always:
                    return self._always[name]
            return min(self._standing.values(), key=lambda fault: not fault.cut, default=None)

    def stand(self, name: str, fault: Fault | None) -> None:
        """Let every call go wrong for a reason of that name, or not any more with None; a cut comes first."""
        with self._lock:
            before = self._standing.pop(name, None)
            if before is not None and before.hold is not None:
                self._holding.discard(before.hold)
                before.hold.set()
            if fault is not None:
                self._standing[name] = fault
                if fault.hold is not None:
                    self._holding.add(fault.hold)

    def clear(self) -> None:
        """Forget all faults and let every held call go on."""
        with self._lock:
            self._waiting.clear()
            self._always.clear()
            for event in self._holding:
                event.set()
            self._holding.clear()


class CallLog:
    """Every API call since the beginning, oldest first."""

    def __init__(self) -> None:
        self._arrived = threading.Condition()
        self._calls: list[Call] = []

    def add(self, call: Call) -> None:
        """Note a call that has just arrived."""
        with self._arrived:
            self._calls.append(call)
            self._arrived.notify_all()

    def of(self, route: str | None = None) -> list[Call]:
        """The calls of one route, or all."""
        with self._arrived:
            return [call for call in self._calls if route in (None, call.route)]

    def wait(self, route: str, count: int, timeout: float) -> list[Call]:
        """Wait until that many calls of a route have arrived (they may not be answered yet)."""
        with self._arrived:
            found = self._arrived.wait_for(
                lambda: sum(call.route == route for call in self._calls) >= count, timeout=timeout
            )
        if not found:
            raise TimeoutError(f"{len(self.of(route))} of {count} calls of {route} after {timeout} s")
        return self.of(route)

    def clear(self) -> None:
        """Forget the calls so far."""
        with self._arrived:
            self._calls.clear()
