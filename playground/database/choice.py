"""Which engine a run gets: the first of four that is there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping

from playground.database.container import Container
from playground.database.engine import Engine, Unavailable
from playground.database.given import Given
from playground.database.java import MongoJavaServer
from playground.database.mongod import Mongod

Start = Callable[[], Engine]


def candidates(environ: Mapping[str, str]) -> list[tuple[str, Start]]:
    """The engines to try, in order, each with what to call it in a reason; a named one is the only one.

    `MONGODB_URI` names a server, `MONGOD` a program; a machine without either is searched.
    """
    if uri := environ.get("MONGODB_URI"):
        return [("MONGODB_URI", lambda: Given(uri))]
    if named := environ.get("MONGOD"):
        return [("MONGOD", lambda: Mongod(named))]
    return [
        ("mongod", lambda: Mongod(_on_the_path("mongod", environ))),
        ("Docker", Container),
        ("mongo-java-server", lambda: MongoJavaServer(environ)),
    ]


def start(environ: Mapping[str, str] = os.environ) -> Engine:
    """Start the first engine that is there; whoever asks stops it. Unavailable with every reason when there is none.

    Nothing is fetched or installed: `python -m playground.database` does that.
    """
    reasons = []
    for what, attempt in candidates(environ):
        try:
            return attempt()
        except Unavailable as reason:
            reasons.append(f"{what}: {reason}")
    raise Unavailable("; ".join(reasons))


def _on_the_path(program: str, environ: Mapping[str, str]) -> str:
    found = shutil.which(program, path=environ.get("PATH"))
    if not found:
        raise Unavailable("none on the PATH")
    return found
