"""A MongoDB server in the process tree: the first engine that is there, else one that is fetched now."""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from playground.child import Parent

_PULSE_SECONDS = 1.0


def main() -> None:
    """Start the server, make the workspace's database with Rocket.Chat's indexes, say where it is, and watch it."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    # Whatever ends this process ends the server first and removes its files: nothing is left to be found later.
    parent = Parent(ended=lambda: os.kill(os.getpid(), signal.SIGTERM))
    parent.next_order()

    from pymongo.errors import PyMongoError

    from chalicelib.indexes import create as create_own_indexes
    from playground.database import choice, indexes
    from playground.database.addresses import for_database
    from playground.database.engine import Engine, Unavailable, connect
    from playground.database.given import Given
    from playground.database.preparation import prepare

    def started() -> Engine:
        try:
            return choice.start()
        except Unavailable:
            if os.environ.get("MONGODB_URI") or os.environ.get("MONGOD"):
                raise
            prepare()
            return choice.start()

    @contextmanager
    def database(engine: Engine) -> Iterator[str]:
        # A server that was given outlives us and may hold a workspace: the playground has a database of its own there.
        name = f"gantry_demo_{secrets.token_hex(4)}"
        with connect(engine.admin_uri) as client:
            indexes.create(client[name].users, engine.can)
            create_own_indexes(client[name])
            try:
                yield for_database(engine.uri, name)
            finally:
                if isinstance(engine, Given):
                    client.drop_database(name)

    def watch(engine: Engine) -> NoReturn:
        with connect(engine.admin_uri) as client:
            while True:
                client.admin.command("ping")
                time.sleep(_PULSE_SECONDS)

    try:
        with started() as engine, database(engine) as uri:
            parent.report_ready(name=engine.name, uri=uri)
            watch(engine)
    except Unavailable as reason:
        parent.report_problem(
            f"BACKEND=mongodb needs a MongoDB server, and there is none ({reason}): install mongod, Docker, or Java 17 "
            "and Maven, or name a server of yours by the environment variable MONGODB_URI."
        )
    except PyMongoError as error:
        parent.report_problem(f"The MongoDB server does not serve: {type(error).__name__}.")


def _end(number: int, frame: FrameType | None) -> None:
    """End by way of every `finally`; a second signal does not disturb that."""
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(0)


if __name__ == "__main__":
    main()
