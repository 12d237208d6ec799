"""The second engine: a `mongod` of this machine, in a directory of its own that is thrown away."""

from __future__ import annotations

import secrets
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from playground.database.attached import Attached
from playground.database.engine import HOST, Engine, Unavailable, wait_until_it_answers
from playground.database.place import Place
from playground.database.replica_set import NAME, ReplicaSet

_GUARD = Path(__file__).with_name("guard.py")
_KEY_BYTES = 96  # 128 characters; a key file holds 6 to 1024


def command_line(binary: str, directory: Path, port: int) -> list[str]:
    """How the server is started: on loopback alone, authentication on, everything below `directory`."""
    return [
        binary,
        "--replSet",
        NAME,
        "--auth",
        "--keyFile",
        str(directory / "key"),
        "--bind_ip",
        HOST,
        "--port",
        str(port),
        "--dbpath",
        str(directory / "data"),
        "--logpath",
        str(directory / "log"),
        "--logappend",
        "--nounixsocket",
    ]


def furnish(directory: Path) -> None:
    """Make what the server wants to find: an empty data directory, and a key file that only its owner may read."""
    (directory / "data").mkdir()
    key = directory / "key"
    key.touch(mode=0o600)
    key.write_text(secrets.token_urlsafe(_KEY_BYTES).replace("-", "+").replace("_", "/"), "ascii")


class Mongod(Engine):
    """A single-node replica set with authentication, as Rocket.Chat and Atlas have."""

    def __init__(self, binary: str) -> None:
        """Start it and make its users. Unavailable when it does not start; nothing is left then."""
        if not shutil.which(binary):
            raise Unavailable(f"{binary} is no program")
        with ExitStack() as things:
            self._directory = Path(things.enter_context(TemporaryDirectory(prefix="gantry-mongod-")))
            furnish(self._directory)
            place = Place()
            things.callback(place.close)
            self._set = ReplicaSet(HOST, place.port)
            self.uri, self.admin_uri = self._set.uri, self._set.admin_uri
            self._command = command_line(binary, self._directory, place.port)
            self._process = self._start()
            things.callback(self.kill)
            self._set.found(self._process.alive)
            version = wait_until_it_answers(self.admin_uri, self._process.alive)["version"]
            self._things = things.pop_all()
        self.name = f"mongod {version} ({binary})"

    def _start(self) -> Attached:
        guard = [sys.executable, str(_GUARD), str(self._directory)]
        return Attached([*guard, *self._command], self._directory / "errors")

    def kill(self) -> None:
        """End the server with SIGKILL: majority-acknowledged writes are in its journal."""
        self._process.kill_guarded()

    def restart(self) -> None:
        """Start the killed server again and wait until it is primary."""
        self._process = self._start()
        wait_until_it_answers(self.admin_uri, self._process.alive)

    def stop(self) -> None:
        """End the server and remove its directory."""
        self._things.close()
