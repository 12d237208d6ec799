"""The connection to the workspace's database: one client a container, and one way to use it."""

import warnings
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, TypeVar

import pymongo
from bson.errors import BSONError
from pymongo.database import Database
from pymongo.errors import ConfigurationError as UnusableUri
from pymongo.errors import DuplicateKeyError, InvalidName, OperationFailure, PyMongoError
from pymongo.monitoring import CommandListener

from chalicelib.credentials import Credentials, CredentialSource
from chalicelib.deadline import Deadline
from chalicelib.errors import ConfigurationError, Problem, Unauthorized, Unavailable

BACKEND = "database"
DEFAULT_DATABASE = "rocketchat"
COMMAND_SECONDS = 5.0
"""The longest that one command may take, server selection and the driver's own retries included."""

_AUTHENTICATION_FAILURES = frozenset({13, 18, 8000})
"""Unauthorized, AuthenticationFailed (MongoDB error codes), AtlasError (what Atlas answers for a wrong password)."""

Record = dict[str, Any]
_T = TypeVar("_T")
Work = Callable[[Database[Record]], _T]


class Mongo:
    """Run commands on the workspace's database, within a deadline, whoever's password has been rotated meanwhile."""

    def __init__(self, credentials: CredentialSource, listeners: Sequence[CommandListener] = ()) -> None:
        self._credentials = credentials
        self._listeners = list(listeners)
        self._lock = Lock()
        self._uri: str | None = None
        self._database: Database[Record] | None = None

    def run(self, work: Work[_T], deadline: Deadline) -> _T:
        """Return what `work` makes of the database. `work` is one command: it may be run again after a refusal.

        A refused authentication makes the secret be read anew and the client be built anew, once (promise 34). Raises
        `Unavailable` when the database gives no answer in time, `ConfigurationError` for a URI that cannot be used, and
        pymongo's `DuplicateKeyError`, which is an answer.
        """
        try:
            return self._attempt(self._credentials.current(deadline), work, deadline)
        except Unauthorized:
            renewed = self._credentials.refreshed(deadline)
            self.close()
        try:
            return self._attempt(renewed, work, deadline)
        except Unauthorized:
            raise Unavailable(BACKEND, "it refuses the user or the password of mongodb_uri") from None

    def close(self) -> None:
        """Close the client; the next command builds another one."""
        with self._lock:
            database, self._database, self._uri = self._database, None, None
        if database is not None:
            database.client.close()

    def _attempt(self, credentials: Credentials, work: Work[_T], deadline: Deadline) -> _T:
        try:
            database = self._connected(credentials)
            with pymongo.timeout(deadline.timeout(COMMAND_SECONDS, BACKEND)):
                return work(database)
        except DuplicateKeyError:
            raise
        except OperationFailure as failure:
            if failure.code in _AUTHENTICATION_FAILURES:
                raise Unauthorized from None
            raise Unavailable(BACKEND, f"{type(failure).__name__} {failure.code}") from None
        except (PyMongoError, BSONError) as failure:
            raise Unavailable(BACKEND, type(failure).__name__) from None

    def _connected(self, credentials: Credentials) -> Database[Record]:
        uri = credentials.mongodb_uri.reveal() if credentials.mongodb_uri else ""
        with self._lock:
            if self._database is not None and self._uri == uri:
                return self._database
            database = _database(uri, self._listeners)
            stale, self._database, self._uri = self._database, database, uri
        if stale is not None:
            stale.client.close()
        return database


def _database(uri: str, listeners: Sequence[CommandListener]) -> Database[Record]:
    """Return the database of a client that connects when it is first used.

    Raises `ConfigurationError` for a URI that cannot be used.
    """
    with warnings.catch_warnings():
        # pymongo warns of what it does not understand by repeating it, and that may be a part of the password.
        warnings.simplefilter("ignore")
        try:
            # `retryWrites` is left to the URI: it is on by default, and Amazon DocumentDB wants it off.
            client: pymongo.MongoClient[Record] = pymongo.MongoClient(
                uri,
                appname="gantry",
                tz_aware=True,
                # MongoDB's dates reach further than Python's: what does not fit comes as a number of its own kind.
                datetime_conversion="DATETIME_AUTO",
                serverSelectionTimeoutMS=3000,
                connectTimeoutMS=2000,
                socketTimeoutMS=5000,
                maxPoolSize=4,
                maxIdleTimeMS=60_000,
                event_listeners=list(listeners),
            )
            return client.get_default_database(DEFAULT_DATABASE)
        except (UnusableUri, InvalidName, ValueError, TypeError, OSError):
            problem = Problem(
                "mongodb_uri",
                "it cannot be used: host, port, options, files or DNS",
                "Copy it from Atlas again, and write /, ?, @, : and % of a password as %2F, %3F, %40, %3A and %25",
            )
            raise ConfigurationError((problem,)) from None
