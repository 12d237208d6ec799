"""The fourth engine: mongo-java-server, a MongoDB server in Java on H2's store, from Maven Central.

It has no authentication and no replica set, and knows few commands; what it does is atomic and stays after a kill.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from playground.database import addresses
from playground.database.attached import Attached
from playground.database.engine import HOST, START_SECONDS, Engine, Unavailable, wait_until_it_answers
from playground.database.place import Place

SOURCES = Path(__file__).with_name("mongojava")
POM = SOURCES / "pom.xml"
CACHE = Path(__file__).resolve().parents[2] / "build" / "mongo-java-server"
VERSION = re.findall(r"h2-backend</artifactId>\s*<version>([^<]+)", POM.read_text("utf-8"))[0]
OLDEST_JAVA = 17
DEFAULT = "/usr/bin/java"
_ASK_SECONDS = 30
_SETTLE_SECONDS = 20.0


def libraries(cache: Path = CACHE) -> Path:
    """Where the jars of exactly this pom.xml are, or would be."""
    return cache / hashlib.sha256(POM.read_bytes()).hexdigest()[:16]


def find_java(environ: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """A `java` that runs a source file, and its version; Unavailable says what is wrong with those that are here.

    `JAVA_HOME` comes first, then the PATH, then where distributions put the default one. That takes Java 17 and the
    module jdk.compiler: a mere runtime starts programs, and cannot read a source file.
    """
    home = environ.get("JAVA_HOME")
    on_path = shutil.which("java", path=environ.get("PATH"))
    named = [*([f"{home}/bin/java"] if home else []), *([on_path] if on_path else []), DEFAULT]
    problems = []
    for java in dict.fromkeys(named):
        if not os.access(java, os.X_OK):
            continue
        problem, version = _ask(java)
        if not problem:
            return java, version
        problems.append(f"{java} {problem}")
    raise Unavailable("; ".join(problems) or "no java")


def _ask(java: str) -> tuple[str, str]:
    try:
        told = subprocess.run(  # noqa: S603  - what JAVA_HOME or the PATH names
            [java, "--list-modules"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_ASK_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not run: {type(error).__name__}", ""
    modules = dict(line.strip().partition("@")[::2] for line in told.stdout.splitlines() if "@" in line)
    version = modules.get("java.base", "")
    major = re.match(r"\d+", version)
    if told.returncode or not major:
        return f"is older than Java {OLDEST_JAVA}", ""
    if int(major.group()) < OLDEST_JAVA:
        return f"is Java {version}, older than {OLDEST_JAVA}", ""
    return ("", version) if "jdk.compiler" in modules else (f"is a runtime without a compiler (Java {version})", "")


def command_line(java: str, jars: Path, directory: Path, port: int) -> list[str]:
    """How the server is started from its source file; there are no passwords, so none is in it."""
    # A server that lives for seconds never earns back what the optimising compiler costs: it took a third of a test
    # run's time, beside the very requests that it is to speed up.
    options = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*"]
    return [java, *options, str(SOURCES / "Main.java"), str(directory), str(port)]


class MongoJavaServer(Engine):
    """mongo-java-server with a store on disk that is thrown away."""

    def __init__(self, environ: Mapping[str, str] = os.environ, cache: Path = CACHE) -> None:
        """Start it. Unavailable without a fit Java or without the jars; nothing is left then, and nothing fetched."""
        java, version = find_java(environ)
        jars = libraries(cache)
        if not jars.is_dir():
            raise Unavailable("mongo-java-server is not fetched yet (python -m playground.database does)")
        self.name = f"mongo-java-server {VERSION} (Java {version})"
        with ExitStack() as things:
            directory = Path(things.enter_context(TemporaryDirectory(prefix="gantry-mongo-java-")))
            place = Place()
            things.callback(place.close)
            self.uri = self.admin_uri = addresses.for_server(HOST, place.port)
            self._log = directory / "errors"
            self._command = command_line(java, jars, directory, place.port)
            self._process = self._start()
            things.callback(self._end)
            self._await()
            self._things = things.pop_all()

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    def _start(self) -> Attached:
        return Attached(self._command, self._log)

    def _await(self) -> None:
        self._process.expect("ready", START_SECONDS)
        wait_until_it_answers(self.uri, self._process.alive)

    def kill(self) -> None:
        """End the server with SIGKILL.

        Its store writes 10 ms behind what it acknowledges. So it is told first: it begins no further command and writes
        what it has done, as a journal would have it.
        """
        self._process.order("settle")
        self._process.expect("settled", _SETTLE_SECONDS)
        self._process.kill()

    def restart(self) -> None:
        """Start the killed server again on its store."""
        self._process = self._start()
        self._await()

    def _end(self) -> None:
        self._process.kill()

    def stop(self) -> None:
        """End the server and remove its store."""
        self._things.close()
