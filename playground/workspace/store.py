"""Where the stand-in keeps its accounts and settings: the port, and the store in memory.

Accounts and settings belong to the workspace, but others may write to the same store (Gantry does, with
`TOKEN_SOURCE=mongodb`), so every use of a record reads it anew and every change names dotted paths only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from threading import RLock
from typing import Any, Protocol

from playground.workspace.records import Document, at, every
from playground.workspace.settings import Settings


class Records(Protocol):
    """The account records. What is read is a copy; each change is made in one piece, to one record."""

    def __iter__(self) -> Iterator[Document]:
        """Every record, as it is now."""
        ...

    def find(self, path: str, value: object) -> Document | None:
        """The record with exactly that value at a dotted path, or in a list there."""
        ...

    def find_alike(self, path: str, text: str) -> list[Document]:
        """The records whose text at a dotted path is that one, whatever its case."""
        ...

    def insert(self, record: Document) -> None:
        """Add a record; ValueError where its id or username is taken."""
        ...

    def remove(self, account_id: str) -> None:
        """Delete a record."""
        ...

    def set(self, account_id: str, fields: Mapping[str, object]) -> None:
        """Set dotted paths, as MongoDB's `$set` does."""
        ...

    def unset(self, account_id: str, *paths: str) -> None:
        """Remove dotted paths, as MongoDB's `$unset` does."""
        ...

    def push(self, account_id: str, path: str, element: object) -> None:
        """Append to the list at a dotted path, which is made where it is missing: `$push`."""
        ...

    def pull(self, account_id: str, path: str, values: Collection[object], key: str = "") -> bool:
        """Remove the elements that are one of these values, or whose `key` is, and say whether there was any: `$pull`.

        Of several callers at the same time only one is told that it removed an element.
        """
        ...


class Store(Protocol):
    """`place` says in words where the accounts are; empty for the stand-in's own memory."""

    @property
    def place(self) -> str: ...

    @property
    def records(self) -> Records: ...

    @property
    def settings(self) -> Settings: ...


class MemoryRecords:
    """Account records in memory."""

    def __init__(self) -> None:
        self._records: dict[str, Document] = {}
        self._lock = RLock()

    def __iter__(self) -> Iterator[Document]:
        with self._lock:
            return iter(deepcopy(list(self._records.values())))

    def find(self, path: str, value: object) -> Document | None:
        """The record with exactly that value there."""
        with self._lock:
            fitting = (record for record in self._records.values() if value in every(record, path))
            return deepcopy(next(fitting, None))

    def find_alike(self, path: str, text: str) -> list[Document]:
        """The records whose text there is that one, whatever its case."""
        wanted = text.lower()
        with self._lock:
            alike = [
                record
                for record in self._records.values()
                if any(isinstance(each, str) and each.lower() == wanted for each in every(record, path))
            ]
            return deepcopy(alike)

    def insert(self, record: Document) -> None:
        """Add a record."""
        with self._lock:
            if record["_id"] in self._records or self.find("username", record.get("username")) is not None:
                raise ValueError("there is an account with that id or username already")
            self._records[record["_id"]] = deepcopy(record)

    def remove(self, account_id: str) -> None:
        """Delete a record."""
        with self._lock:
            self._records.pop(account_id, None)

    def set(self, account_id: str, fields: Mapping[str, object]) -> None:
        """Set dotted paths."""
        with self._lock:
            for path, value in fields.items():
                *parents, last = path.split(".")
                target = self._records.get(account_id, {})
                for part in parents:
                    target = target.setdefault(part, {})
                target[last] = deepcopy(value)

    def unset(self, account_id: str, *paths: str) -> None:
        """Remove dotted paths."""
        with self._lock:
            for path in paths:
                parent, _, last = path.rpartition(".")
                record = self._records.get(account_id, {})
                target = at(record, parent) if parent else record
                if isinstance(target, dict):
                    target.pop(last, None)

    def push(self, account_id: str, path: str, element: object) -> None:
        """Append to the list there."""
        with self._lock:
            record = self._records.get(account_id)
            if record is None:
                return
            if at(record, path) is None:
                self.set(account_id, {path: []})
            at(record, path).append(deepcopy(element))

    def pull(self, account_id: str, path: str, values: Collection[object], key: str = "") -> bool:
        """Remove elements of the list there."""
        with self._lock:
            held = at(self._records.get(account_id, {}), path) or []
            kept = [each for each in held if (at(each, key) if key else each) not in values]
            removed = len(kept) < len(held)
            held[:] = kept
            return removed


class MemoryStore:
    """A workspace of its own, gone with the process: what tests of the REST API use."""

    def __init__(self) -> None:
        self.place = ""
        self.records: Records = MemoryRecords()
        self.settings: Settings = dict[str, Any]()
