"""Faults that somebody in front of the stand-in may switch on and off, each with what is broken then.

workspace.switches.turn("down", True)
workspace.switches.on                                        # ("down",)
workspace.switches.add_secret(SessionKeys(connect, "name"))   # where the secret can be reached
workspace.switches.add_database(line)                        # where a line stands between Gantry and the database
workspace.switches.remove("down", "slow", "limited")         # where Gantry makes no API call
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from playground.workspace.calls import Fault, Faults
from playground.workspace.explanations import HEALTH, ROTATING, SECRET, SITES, Explanation
from playground.workspace.limits import RateLimiter
from playground.workspace.trace import Trace

ORDER = ("down", "slow", "limited", "secret", "database", "cookies")
API = frozenset({"down", "slow", "limited"})
SLOW_SECONDS = 2.0


def calls_the_api(settings: Mapping[str, str]) -> bool:
    """Whether a Gantry with these settings has anything to ask the workspace's API for."""
    return settings.get("TOKEN_SOURCE") != "mongodb" or settings.get("DIRECTORY") != "mongodb"


class Keys(Protocol):
    """Who can rotate the session keys."""

    def rotate(self) -> None:
        """Put a new one behind those that there are."""

    def take_back(self) -> None:
        """Restore those that there were."""


class Connection(Protocol):
    """Gantry's way to the database."""

    def cut(self) -> None:
        """End it, and refuse it from now on."""

    def mend(self) -> None:
        """Let it through again."""


@dataclass(frozen=True)
class Switch:
    """One fault: its button, what is broken while it is on, and how it is turned."""

    name: str
    label: str
    broken: Explanation
    turn: Callable[[bool], None]


class Switches:
    """The faults that are offered here, and which of them are on."""

    def __init__(self, trace: Trace, faults: Faults, limiter: RateLimiter) -> None:
        self._trace = trace
        self._lock = threading.Lock()
        self._switches: dict[str, Switch] = {}
        self._on: set[str] = set()

        def down(on: bool) -> None:
            faults.stand("down", Fault(cut=True) if on else None)

        def slow(on: bool) -> None:
            faults.stand("slow", Fault(hold=threading.Event(), seconds=SLOW_SECONDS) if on else None)

        def limited(on: bool) -> None:
            limiter.exhausted = on

        self._add(
            "down",
            "Workspace down",
            "Gantry's calls to the workspace are cut; browsers still reach its pages.",
            HEALTH,
            down,
        )
        self._add("slow", "Slow", f"The workspace takes {SLOW_SECONDS:.0f} s for each call of Gantry.", HEALTH, slow)
        self._add(
            "limited",
            "Rate-limited",
            "The workspace refuses each call with 429, as in a rush, and here the service account's too.",
            SECRET,
            limited,
        )
        self._add(
            "cookies",
            "Cookies blocked",
            "Simulated, for no page can change that setting: the checks are sent without Gantry's cookie.",
            SITES,
            lambda on: None,
        )

    def add_secret(self, keys: Keys) -> None:
        """Offer to rotate the session keys."""

        def secret(on: bool) -> None:
            if on:
                keys.rotate()
            else:
                keys.take_back()

        self._add(
            "secret",
            "Secret rotated",
            "A new session key is the newest; the old one still opens sessions, so nobody should notice.",
            ROTATING,
            secret,
        )

    def add_database(self, line: Connection) -> None:
        """Offer to cut Gantry's connection to the database."""

        def database(on: bool) -> None:
            if on:
                line.cut()
            else:
                line.mend()

        self._add(
            "database",
            "Database down",
            "Gantry's own connection to the database is cut; the workspace keeps its own.",
            HEALTH,
            database,
        )

    def remove(self, *names: str) -> None:
        """Offer these no longer."""
        for name in names:
            del self._switches[name]

    @property
    def on(self) -> tuple[str, ...]:
        """What is broken now."""
        with self._lock:
            return tuple(name for name in ORDER if name in self._on)

    def turn(self, name: str, on: bool) -> None:
        """Switch a fault on or off; KeyError for one that is not offered."""
        switch = self._switches[name]
        with self._lock:
            if on == (name in self._on):
                return
            switch.turn(on)
            if on:
                self._on.add(name)
            else:
                self._on.remove(name)
        self._trace.add("note", f"Switched {'on' if on else 'off'}: {switch.label}", "plain")

    def shown(self) -> list[dict[str, object]]:
        """The buttons, for the panel."""
        on = self.on
        offered = [self._switches[name] for name in ORDER if name in self._switches]
        return [
            {"name": each.name, "label": each.label, "on": each.name in on, "broken": each.broken.as_json()}
            for each in offered
        ]

    def _add(self, name: str, label: str, text: str, place: tuple[str, str], turn: Callable[[bool], None]) -> None:
        self._switches[name] = Switch(name, label, Explanation(text, *place), turn)
