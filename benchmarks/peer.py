"""The peer: the same two routes on Express 5, run by the system's Node, beside Gantry called in a bare process.

Express is started as a plain server and asked once over loopback; Gantry and the bare Chalice app are imported and
called once. None of them has a runtime client, and none a backend. Warm, all of them are called in process.
"""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter
from typing import IO

from benchmarks import events
from benchmarks.archives import ROOT, Archives
from benchmarks.containers import peak_memory
from benchmarks.stage import Stage
from tests.stage import new_key

SOURCES = Path(__file__).with_name("express")
PLACE = ROOT / "build" / "express"
EXPRESS, GANTRY, CHALICE = "Express 5", "Gantry", "Chalice"
_FILES = ("package.json", "package-lock.json", "app.js", "server.js", "warm.js")
_NPM_SECONDS = 180

# Standard output is the log's, so the answer is told by the other one.
_CALLED = """
import json, sys
import app
sys.stderr.write(f"{app.app(json.loads(sys.argv[1]), None)['statusCode']}\\n")
sys.stdin.read()
"""


class NoPeer(Exception):
    """There is no Express here; the text says why."""


@dataclass(frozen=True)
class Start:
    """Seconds from the start of a process to its first answer, and the largest resident set by then, in bytes."""

    total: float
    peak: int


@dataclass(frozen=True)
class Peer:
    """What was measured: starts by who started, and the peer's own seconds of a warm request, batch by batch."""

    starts: Mapping[str, Sequence[Start]]
    warm: Mapping[str, Sequence[float]]


def install() -> str:
    """Put the peer into `build/express` unless it is there; return Node's and Express's versions. Raises `NoPeer`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NoPeer("node and npm are not both on the PATH")
    PLACE.mkdir(parents=True, exist_ok=True)
    lock, installed = SOURCES / "package-lock.json", PLACE / "package-lock.json"
    current = (PLACE / "node_modules").exists() and installed.exists() and installed.read_bytes() == lock.read_bytes()
    for name in _FILES:
        shutil.copy2(SOURCES / name, PLACE / name)
    if not current:
        command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        try:
            done = subprocess.run(  # noqa: S603 - the npm that is on the PATH
                command, cwd=PLACE, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_NPM_SECONDS
            )
        except subprocess.TimeoutExpired:
            raise NoPeer("npm ci does not end") from None
        if done.returncode:
            raise NoPeer(f"npm ci: {done.stderr.strip().splitlines()[-1:]}")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    express = json.loads((PLACE / "node_modules/express/package.json").read_text())["version"]
    return f"Node {version.lstrip('v')}, Express {express}"


def measure(archives: Archives, stage: Stage, rounds: int, say: Callable[[str], None]) -> Peer:
    """Start each so many times in turn, and then let the peer answer warm; `install` must have been called."""
    environ = {**os.environ, "SESSION_KEY": new_key(), "ROCKETCHAT_URL": stage.backends.workspace_url}
    rest = stage.environs["rest"]
    event = events.check(stage.backends.workspace_url)
    ways: dict[str, Callable[[], Start]] = {
        EXPRESS: lambda: _served(environ),
        GANTRY: lambda: _called(archives.packed, archives.provided, rest, event, 401),
        CHALICE: lambda: _called(archives.baselines["Chalice"], archives.provided, rest, event, 200),
    }
    starts: dict[str, list[Start]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        say(f"The peer: round {number} of {rounds}" if number else "The peer: warming up")
        for name in random.sample(list(ways), len(ways)):
            start = ways[name]()
            if number:
                starts[name].append(start)
    told = subprocess.run(  # noqa: S603 - Node, which `install` has found
        [_node(), "warm.js", str(rounds)], cwd=PLACE, env=environ, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    warm = {name: [each / 1e6 for each in batches] for name, batches in json.loads(told).items()}
    return Peer(starts, warm)


def _node() -> str:
    return shutil.which("node") or "node"


def _served(environ: Mapping[str, str]) -> Start:
    began = perf_counter()
    with subprocess.Popen(  # noqa: S603 - Node, which `install` has found
        [_node(), "server.js"], cwd=PLACE, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        port = int(_line(process.stdout))
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", "/session", headers={"Origin": environ["ROCKETCHAT_URL"]})
        status = connection.getresponse().status
        start = Start(perf_counter() - began, peak_memory(process.pid))
        connection.close()
        process.communicate()
    return _expected(start, status, 401)


def _called(archive: Path, provided: Path, environ: Mapping[str, str], event: events.Event, expected: int) -> Start:
    began = perf_counter()
    with subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-S", "-c", _CALLED, json.dumps(event)],
        cwd=archive,
        env={**environ, "PYTHONPATH": f"{archive}:{provided}", "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        status = int(_line(process.stderr))
        start = Start(perf_counter() - began, peak_memory(process.pid))
        process.communicate()
    return _expected(start, status, expected)


def _line(stream: IO[str] | None) -> str:
    line = stream.readline() if stream is not None else ""
    if not line:
        raise RuntimeError("it has ended before it answered")
    return line


def _expected(start: Start, status: int, expected: int) -> Start:
    if status != expected:
        raise RuntimeError(f"the answer is {status} instead of {expected}")
    return start
