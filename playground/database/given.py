"""The first engine: the server that `MONGODB_URI` names. It is somebody else's: nothing starts or stops it."""

from __future__ import annotations

from urllib.parse import urlsplit

from pymongo.errors import ConfigurationError, InvalidURI, PyMongoError

from playground.database import addresses
from playground.database.capabilities import Capability
from playground.database.engine import Engine, Unavailable, connect

PATIENCE_MILLISECONDS = 10_000


class Given(Engine):
    """Its user must be able to create and drop databases; whatever else that user may do, the engine can."""

    def __init__(self, uri: str) -> None:
        """Unavailable when the server does not answer, or refuses."""
        self.uri = self.admin_uri = uri if urlsplit(uri).path.strip("/") else addresses.for_database(uri, "rocketchat")
        try:
            with connect(self.uri, serverSelectionTimeoutMS=PATIENCE_MILLISECONDS) as client:
                client.admin.command("ping")
                version = client.server_info()["version"]
                self._alone = len(client.nodes) == 1
        except (InvalidURI, ConfigurationError):
            raise Unavailable("MONGODB_URI is no connection string that pymongo understands") from None
        except (PyMongoError, ValueError) as error:
            raise Unavailable(f"the server of MONGODB_URI does not serve: {type(error).__name__}") from None
        self.name = f"MongoDB {version} (MONGODB_URI)"

    def own_capabilities(self) -> frozenset[Capability]:
        """It cannot be killed; the relay reaches it if it is one server, without TLS."""
        try:
            addresses.place(self.uri)
        except ValueError:
            return frozenset()
        return frozenset({"relay"}) if self._alone else frozenset()

    def kill(self) -> None:
        """It is not ours to kill."""
        raise NotImplementedError("MONGODB_URI names a server that is not ours")

    def restart(self) -> None:
        """It is not ours to start."""
        raise NotImplementedError("MONGODB_URI names a server that is not ours")

    def stop(self) -> None:
        """Leave it running."""
