"""The third engine: MongoDB's own image, where Docker runs; testcontainers removes the container if we cannot."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from playground.database.engine import HOST, Engine, Unavailable, wait_until_it_answers
from playground.database.place import Place
from playground.database.replica_set import NAME, ReplicaSet

IMAGE = "mongo:7.0"
SOCKET = "/var/run/docker.sock"
_DAEMON_SECONDS = 10


def command(port: int) -> list[str]:
    """What the container runs: it makes its own key file, so none stands in a command line, and starts the set.

    The port is the same inside and outside: a replica set tells drivers the address that it has for itself.
    """
    key = "head -c 96 /dev/urandom | base64 -w 0 > /key && chmod 400 /key && chown mongodb /key"
    server = f"mongod --replSet {NAME} --keyFile /key --bind_ip_all --port {port}"
    return ["bash", "-c", f"{key} && exec docker-entrypoint.sh {server}"]


def daemon_runs(environ: Mapping[str, str] = os.environ) -> None:
    """Unavailable, with the reason, unless testcontainers is installed and a Docker daemon answers soon.

    A process of its own asks, so that one which hangs, or a library that leaves a socket open, is no matter of ours.
    """
    for name in ("docker", "testcontainers.core.container"):
        try:
            found = importlib.util.find_spec(name) is not None
        except ImportError:
            found = False
        if not found:
            raise Unavailable(f"{name.partition('.')[0]} is not installed")
    if not environ.get("DOCKER_HOST") and not Path(SOCKET).exists():
        raise Unavailable(f"no Docker daemon: there is no {SOCKET}")
    question = [sys.executable, "-W", "ignore", "-c", "import docker; docker.from_env().ping()"]
    try:
        asked = subprocess.run(  # noqa: S603  - Python itself
            question, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, timeout=_DAEMON_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"the Docker daemon does not answer within {_DAEMON_SECONDS} s") from None
    if asked.returncode:
        raise Unavailable("no Docker daemon answers")


class Container(Engine):
    """A single-node replica set with authentication in a container, on a port of 127.0.0.1."""

    def __init__(self) -> None:
        """Start it (the image is fetched if need be). Unavailable when that fails; nothing is left then."""
        daemon_runs()
        place = Place()
        place.close()  # Docker takes it, and keeps it for the container
        self._set = ReplicaSet(HOST, place.port)
        self.uri, self.admin_uri = self._set.uri, self._set.admin_uri
        with ExitStack() as things:
            try:
                with warnings.catch_warnings(action="ignore"):  # other people's
                    self._container = self._started(things, place.port)
            except Exception as error:  # Docker's, requests' and testcontainers' own
                raise Unavailable(f"{IMAGE} does not start: {type(error).__name__}") from None
            if self._container.get_container_host_ip() not in ("localhost", HOST):
                raise Unavailable("the Docker daemon is on another machine" + _host())
            self._set.join(self._runs)
            version = wait_until_it_answers(self.admin_uri, self._runs)["version"]
            self._things = things.pop_all()
        self.name = f"MongoDB {version} (container {IMAGE})"

    def _started(self, things: ExitStack, port: int) -> Any:
        containers = importlib.import_module("testcontainers.core.container")
        made = containers.DockerContainer(IMAGE, command=command(port))
        # The image's own start script creates this user; the API carries the words, no command line does.
        admin = self._set.admin
        made.with_envs(MONGO_INITDB_ROOT_USERNAME=admin.name, MONGO_INITDB_ROOT_PASSWORD=admin.password)
        made.ports[f"{port}/tcp"] = (HOST, port)
        things.callback(made.stop)
        made.start()
        return made

    def _runs(self) -> bool:
        self._container.reload()
        return bool(self._container.status == "running")

    def kill(self) -> None:
        """End the server with SIGKILL: majority-acknowledged writes are in its journal."""
        self._container.get_wrapped_container().kill("SIGKILL")

    def restart(self) -> None:
        """Start the same container again and wait until its server is primary."""
        self._container.get_wrapped_container().start()
        wait_until_it_answers(self.admin_uri, self._runs)

    def stop(self) -> None:
        """End and remove the container with its data."""
        self._things.close()


def _host() -> str:
    named = os.environ.get("DOCKER_HOST", "")
    return f" ({named})" if named and "@" not in named else ""
