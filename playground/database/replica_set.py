"""How a fresh mongod becomes what Rocket.Chat and Atlas run: a replica set, of one, with authentication."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pymongo.errors import OperationFailure, PyMongoError

from playground.database import addresses
from playground.database.engine import START_SECONDS, Client, Unavailable, connect

NAME = "gantry"
APPLICATION_ROLES = ("readWriteAnyDatabase",)
_CANNOT_YET = {10107, 13435, 11602, 189, 91}  # not primary, or on the way to it


@dataclass(frozen=True)
class User:
    """A database user with a made-up password."""

    name: str
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)


@dataclass(frozen=True)
class ReplicaSet:
    """Where the one member is, and its two users."""

    host: str
    port: int
    admin: User = field(default_factory=lambda: User("gantry-admin"))
    application: User = field(default_factory=lambda: User("gantry"))

    @property
    def uri(self) -> str:
        """For the application's user."""
        return self._uri(self.application)

    @property
    def admin_uri(self) -> str:
        """For the administrator."""
        return self._uri(self.admin)

    @property
    def member_uri(self) -> str:
        """The member itself, before it is a set and has users."""
        return addresses.for_server(self.host, self.port, {"directConnection": "true"})

    @property
    def admin_member_uri(self) -> str:
        """The member itself, for the administrator."""
        return addresses.for_user(self.member_uri, self.admin.name, self.admin.password)

    def _uri(self, user: User) -> str:
        whole = addresses.for_server(self.host, self.port, {"replicaSet": NAME})
        return addresses.for_user(whole, user.name, user.password)

    def found(self, alive: Callable[[], bool]) -> None:
        """Make the set and the administrator, who does not exist yet; the server must see us come from its own machine.

        Until there is a first user a server with authentication lets those in who come over loopback (MongoDB's manual,
        "Localhost Exception"), to found the set and to create that user.
        """
        persist(self.member_uri, alive, self._initiate)
        persist(self.member_uri, alive, self._create_admin)
        self.add_application(alive)

    def join(self, alive: Callable[[], bool]) -> None:
        """Make the set where the administrator exists already, and the application's user."""
        persist(self.admin_member_uri, alive, self._initiate)
        self.add_application(alive)

    def add_application(self, alive: Callable[[], bool]) -> None:
        """Create the user that Gantry is given."""
        persist(self.admin_member_uri, alive, self._create_application)

    def _initiate(self, client: Client) -> None:
        configuration = {"_id": NAME, "members": [{"_id": 0, "host": f"{self.host}:{self.port}"}]}
        try:
            client.admin.command("replSetInitiate", configuration)
        except OperationFailure as error:
            if error.code != 23:  # AlreadyInitialized: the answer to the first try was lost
                raise

    def _create_admin(self, client: Client) -> None:
        _create(client, self.admin, "root")

    def _create_application(self, client: Client) -> None:
        _create(client, self.application, *APPLICATION_ROLES)


def _create(client: Client, user: User, *roles: str) -> None:
    client.admin.command("createUser", user.name, pwd=user.password, roles=list(roles))


def persist(
    uri: str, alive: Callable[[], bool], step: Callable[[Client], None], seconds: float = START_SECONDS
) -> None:
    """Take a step as soon as the server is ready for it: it may not listen yet, or not be primary yet.

    Unavailable when it does not become so in that time, its process ends, or it refuses for another reason.
    """
    deadline = time.monotonic() + seconds
    problem = ""
    while True:
        try:
            with connect(uri, serverSelectionTimeoutMS=1_000) as client:
                step(client)
                return
        except OperationFailure as error:
            problem = f"{error.code} {(error.details or {}).get('codeName', '')}".strip()
            if error.code not in _CANNOT_YET:
                raise Unavailable(f"the new replica set refuses: {problem}") from None
        except PyMongoError as error:
            problem = type(error).__name__
        if not alive():
            raise Unavailable("the server ended while it was set up")
        if time.monotonic() > deadline:
            raise Unavailable(f"the new replica set is not ready: {problem}")
