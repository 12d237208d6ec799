"""The inspector's list: every check, message, login and API call with its outcome, in the order of their beginnings."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["check", "message", "login", "call", "mail", "log", "note"]
Outcome = Literal["pending", "good", "bad", "plain"]
KINDS: frozenset[str] = frozenset({"check", "message", "login", "call", "mail", "note"})
OUTCOMES: frozenset[str] = frozenset({"pending", "good", "bad", "plain"})
_KEPT = 500
_SECRET = re.compile(r"[\w-]{40,}")  # tokens and seals have 43 characters and more; what else is as long loses little


@dataclass
class Entry:
    """One line of the inspector. `at` and `took` are milliseconds of real time; `change` grows with every change."""

    id: int
    change: int
    at: float
    kind: Kind
    title: str
    result: str = ""
    outcome: Outcome = "pending"
    detail: str = ""
    took: float | None = None


class Trace:
    """A thread-safe ordered list that tells its followers of additions and changes."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._counter = itertools.count(1)
        self._changes = 0
        self._entries: dict[int, Entry] = {}
        self._refs: dict[str, int] = {}
        self._cleared = 0
        self._closed = False

    @property
    def entries(self) -> list[Entry]:
        """All entries in the order in which they began."""
        with self._changed:
            return sorted(self._entries.values(), key=lambda entry: (entry.at, entry.id))

    def begin(self, kind: Kind, title: str, *, detail: str = "", at: float | None = None, ref: str = "") -> int:
        """Add an entry that is not finished yet and return its id; `ref` is a name for it from outside."""
        with self._changed:
            number = next(self._counter)
            at = time.time() * 1000 if at is None else at
            entry = Entry(
                number, self._next_change(), at, kind, _without_secrets(title), detail=_without_secrets(detail)
            )
            self._entries[number] = entry
            if ref:
                self._refs[ref] = number
            while len(self._entries) > _KEPT:
                self._entries.pop(next(iter(self._entries)))
            self._changed.notify_all()
            return number

    def finish(
        self, number: int, outcome: Outcome, result: str, *, detail: str | None = None, took: float | None = None
    ) -> None:
        """Say how an entry ended; an entry that was cleared meanwhile stays cleared."""
        with self._changed:
            entry = self._entries.get(number)
            if entry is None:
                return
            entry.outcome, entry.result = outcome, _without_secrets(result)
            entry.detail = entry.detail if detail is None else _without_secrets(detail)
            entry.took = time.time() * 1000 - entry.at if took is None else took
            entry.change = self._next_change()
            self._changed.notify_all()

    def add(self, kind: Kind, title: str, outcome: Outcome, result: str = "", *, detail: str = "") -> None:
        """Add an entry that is finished at once."""
        self.finish(self.begin(kind, title, detail=detail), outcome, result, took=0)

    def find(self, ref: str) -> int | None:
        """The id of the entry that was begun under that name."""
        with self._changed:
            return self._refs.get(ref)

    def clear(self) -> None:
        """Forget everything."""
        with self._changed:
            self._entries.clear()
            self._refs.clear()
            self._cleared = self._next_change()
            self._changed.notify_all()

    def close(self) -> None:
        """Let every follower end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def open(self) -> None:
        """Take followers again after `close`."""
        with self._changed:
            self._closed = False

    def follow(self, patience: Callable[[], float]) -> Iterator[tuple[bool, list[Entry]]]:
        """Yield (cleared, changed entries) at once, then whenever there is news or `patience()` seconds have passed."""
        seen = -1
        while True:
            with self._changed:
                if self._changes == seen and not self._closed:
                    self._changed.wait(patience())
                if self._closed:
                    return
                news = [replace(entry) for entry in self._entries.values() if entry.change > seen]
                cleared = self._cleared > seen
                seen = self._changes
            yield cleared, news

    def _next_change(self) -> int:
        self._changes += 1
        return self._changes


def shorten(token: object) -> str:
    """A token as people may see it: its first six characters."""
    return f"{token[:6]}…" if isinstance(token, str) and len(token) > 6 else "…"


def _without_secrets(text: str) -> str:
    """Whatever is as long as a token is shortened like one: what stands in the list may be shown and copied."""
    return _SECRET.sub(lambda found: shorten(found[0]), text)
