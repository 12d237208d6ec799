"""What every engine is: a running MongoDB server that says what it can, dies on command and comes back."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import TracebackType
from typing import Any, Literal, Self

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, PyMongoError

from playground.database import addresses
from playground.database.capabilities import Capability, measure

Client = MongoClient[dict[str, Any]]
Role = str | Mapping[str, str]

HOST = "127.0.0.1"
START_SECONDS = 60.0
_ATTEMPT_MILLISECONDS = 1_000

ServerKind = Literal["given", "mongod", "container", "mongo-java-server"]


class Unavailable(Exception):
    """An engine is not to be had here; the text says why, without any password."""


class Engine(ABC):
    """A MongoDB server that runs until `stop`.

    `name` is for people, with the version. `uri` is what Gantry would be given: an application's user where there is
    authentication, and a database in the path. `admin_uri` may do everything. Both hold passwords: never print them.
    """

    name: str
    uri: str
    admin_uri: str

    def can(self, capability: Capability) -> bool:
        """Whether the server, as it runs here, has a capability; measured once, when first asked."""
        return capability in self._capabilities

    @cached_property
    def _capabilities(self) -> frozenset[Capability]:
        with connect(self.admin_uri) as client:
            return measure(client) | self.own_capabilities()

    def own_capabilities(self) -> frozenset[Capability]:
        """What follows from how the engine is run rather than from what the server answers."""
        return frozenset({"restart", "relay"})

    @abstractmethod
    def kill(self) -> None:
        """End the server with SIGKILL; what was acknowledged before this call is on disk."""

    @abstractmethod
    def restart(self) -> None:
        """Start the killed server again, on the same port with the same data; returns when it answers."""

    @abstractmethod
    def stop(self) -> None:
        """End the server and remove its data; an engine that was given is left alone."""

    def add_user(self, name: str, password: str, roles: Sequence[Role]) -> str:
        """Create a user in the database `admin`, for an engine that can "authentication"; the answer is its URI.

        A role is a name or `{"role": …, "db": …}`.
        """
        self._administer("createUser", name, pwd=password, roles=list(roles))
        return addresses.for_user(self.uri, name, password)

    def change_password(self, name: str, password: str) -> str:
        """Change the password of such a user; the answer is the new URI.

        Connections that have authenticated stay open: cut them to see the old password refused.
        """
        self._administer("updateUser", name, pwd=password)
        return addresses.for_user(self.uri, name, password)

    def remove_user(self, name: str) -> None:
        """Remove such a user."""
        self._administer("dropUser", name)

    def step_down(self, seconds: int = 1) -> None:
        """Make the primary step down for so long at least, for an engine that can "step-down"."""
        with connect(self.admin_uri) as client:
            try:
                # A set of one has nobody to catch up: without force the primary would stay.
                client.admin.command("replSetStepDown", seconds, secondaryCatchUpPeriodSecs=0, force=True)
            except ConnectionFailure:
                return  # older servers close every connection when they step down

    def _administer(self, command: str, *arguments: Any, **fields: Any) -> None:
        with connect(self.admin_uri) as client:
            client.admin.command(command, *arguments, **fields)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def connect(uri: str, **options: Any) -> Client:
    """A client for a few commands of our own: small, and never waiting longer than a few seconds."""
    return MongoClient(
        uri,
        **{
            "serverSelectionTimeoutMS": 5_000,
            "connectTimeoutMS": 2_000,
            "socketTimeoutMS": 30_000,
            "maxPoolSize": 2,
            "appname": "gantry-playground",
            **options,
        },
    )


def wait_until_it_answers(
    uri: str, alive: Callable[[], bool] = lambda: True, seconds: float = START_SECONDS
) -> dict[str, Any]:
    """Wait until a server that takes writes answers, and return its `buildInfo`.

    Unavailable when it does not within that time, or when `alive` says that its process has ended.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            with connect(uri, serverSelectionTimeoutMS=_ATTEMPT_MILLISECONDS) as client:
                client.admin.command("ping")
                return client.server_info()
        except PyMongoError as error:
            if not alive():
                raise Unavailable("the server ended while it started") from None
            if time.monotonic() > deadline:
                raise Unavailable(f"the server does not answer: {type(error).__name__}") from None
