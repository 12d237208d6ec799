"""The process tree of the playground: who is started, in which order, and how all of it ends.

The children stay in the parent's process group. Each holds the reading end of a pipe whose writing end only the
parent has, so none outlives it, and each reports by a pipe of its own, whose end tells the parent that a child died.
"""

from __future__ import annotations

import json
import os
import secrets
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

from playground.ports import bind
from playground.words import Demo

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
SECRET_ID = "gantry/demo"  # noqa: S105  - a name
_START_SECONDS = 60.0
_GRACE_SECONDS = 0.3  # a signal to the group may reach a child first
_END_SECONDS = 1.0
# What children see of the environment: no credentials, profiles, proxies or settings of whoever starts the playground.
_KEPT = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "VIRTUAL_ENV")
_KEPT_PREFIXES = ("LC_", "PYTHON", "COVERAGE_")


class Stopped(Exception):
    """A signal asks the playground to end."""


class Failed(Exception):
    """The playground cannot go on, as one sentence."""


class Signals:
    """SIGINT, SIGTERM and SIGHUP as something to wait for; SIGINT may have been inherited as ignored."""

    def __init__(self) -> None:
        self._arrived, self._writer = socket.socketpair()
        self._arrived.setblocking(False)
        self._writer.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _noted)

    def fileno(self) -> int:
        """What becomes readable when a signal arrives."""
        return self._arrived.fileno()


def _noted(number: int, frame: FrameType | None) -> None:
    """The wake-up socket has it already."""


@dataclass
class Child:
    """A running child with its two pipes."""

    name: str
    process: subprocess.Popen[bytes]
    orders: IO[bytes]
    reports: IO[bytes]

    def order(self, **fields: object) -> None:
        """Tell the child to go on; one that has died is noticed by its reports."""
        try:
            self.orders.write(json.dumps(fields).encode() + b"\n")
            self.orders.flush()
        except OSError:
            return


class Tree:
    """The children and the signals, waited for together."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._children: list[Child] = []
        self._reports: dict[str, dict[str, str]] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(signals, selectors.EVENT_READ)

    def start(
        self,
        name: str,
        module: str,
        environment: Mapping[str, str],
        *,
        stdout: int | None = None,
        descriptors: Sequence[int] = (),
    ) -> Child:
        """Start `python -m module` as a child that is in the same process group and ignores SIGINT."""
        reading, writing = os.pipe()
        try:
            process = subprocess.Popen(  # noqa: S603  - our own modules
                [sys.executable, "-m", module, str(writing)],
                cwd=ROOT,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=sys.stderr.fileno() if stdout is None else stdout,
                pass_fds=(writing, *descriptors),
                preexec_fn=_ignore_interrupts,
            )
        finally:
            os.close(writing)
        if process.stdin is None:
            raise RuntimeError("a child without a pipe")
        child = Child(name, process, process.stdin, os.fdopen(reading, "rb", buffering=0))
        self._children.append(child)
        self._selector.register(child.reports, selectors.EVENT_READ, child)
        return child

    def wait_ready(self, *children: Child, seconds: float | None = _START_SECONDS) -> dict[str, dict[str, str]]:
        """Wait until each of these has carried out its order; what they report, by name."""
        deadline = None if seconds is None else time.monotonic() + seconds
        names = {child.name for child in children}
        while waited := names - self._reports.keys():
            name, report = self._next_report(waited, deadline)
            if "problem" in report:
                raise Failed(report["problem"])
            self._reports[name] = report
        return {name: self._reports.pop(name) for name in names}

    def wait_end(self) -> NoReturn:
        """Wait for a signal or for the end of a child."""
        while True:
            self._next_report(set(), None)

    def _next_report(self, waited: set[str], deadline: float | None) -> tuple[str, dict[str, str]]:
        patience = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready = self._selector.select(patience)
        if any(key.data is None for key, _ in ready):
            raise Stopped
        if not ready:
            raise Failed(f"{' and '.join(sorted(waited))} did not start within {_START_SECONDS:.0f} seconds.")
        child: Child = ready[0][0].data
        line = child.reports.read(65536) or b""
        if not line:
            self._bury(child)
        # A report is one short line, and a child sends the next only after its next order.
        return child.name, json.loads(line)

    def _bury(self, child: Child) -> NoReturn:
        self._selector.unregister(child.reports)
        with selectors.DefaultSelector() as signals:
            signals.register(self._signals, selectors.EVENT_READ)
            if signals.select(_GRACE_SECONDS):
                raise Stopped
        child.process.kill()
        status = child.process.wait()
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        raise Failed(f"{child.name} has ended ({how}), so everything else ends too.")

    def end(self) -> None:
        """End every child, the slow ones by force, and leave nothing open."""
        for child in self._children:
            child.process.terminate()
        deadline = time.monotonic() + _END_SECONDS
        for child in self._children:
            try:
                child.process.wait(max(0.01, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
            child.reports.close()
            try:
                child.orders.close()
            except OSError:
                continue  # an order that nobody read
        self._selector.close()


def _ignore_interrupts() -> None:
    """Ctrl+C reaches the whole group; the parent alone acts on it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What a child may see of the environment that the playground was started in."""
    kept = {name: value for name, value in environment.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
    return {
        **kept,
        "AWS_ACCESS_KEY_ID": "playground",
        "AWS_SECRET_ACCESS_KEY": "playground",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NETRC": os.devnull,
        "NO_PROXY": "localhost,127.0.0.1",
        "PYTHONUNBUFFERED": "1",
    }


@dataclass(frozen=True)
class Addresses:
    """Where everything is, as browsers name it."""

    workspace: str
    gantry: str

    @property
    def login_page(self) -> str:
        """The IFrame URL."""
        return f"{self.gantry}/login"

    @property
    def session_check(self) -> str:
        """The API URL."""
        return f"{self.gantry}/session"


Announce = Callable[[Addresses, str], None]
"""Told where everything is, and what the database server is called; empty where there is none."""


def open_port(name: str, port: int, *, listen: bool) -> socket.socket:
    """Take a port of 127.0.0.1, or say which setting chooses another."""
    try:
        return bind(HOST, port, listen=listen)
    except PermissionError:
        raise Failed(f"Port {port} needs more rights than yours: choose another with {name}.") from None
    except OSError:
        raise Failed(taken(name, port)) from None


def taken(name: str, port: int) -> str:
    """What to do about a port that another program has."""
    return f"Port {port} on {HOST} is taken by another program: choose another with {name} (0 for any free one)."


def run(demo: Demo, environment: Mapping[str, str], signals: Signals, announce: Announce) -> NoReturn:
    """Start everything, Gantry's port last, and announce it; ends by Stopped or Failed, when nothing is left."""
    with ExitStack() as open_things:
        tree = Tree(signals)
        open_things.callback(tree.end)
        workspace_listener = open_things.enter_context(
            open_port("DEMO_WORKSPACE_PORT", demo.workspace_port, listen=True)
        )
        gantry_place = open_things.enter_context(open_port("DEMO_PORT", demo.port, listen=False))
        aws_listener = open_things.enter_context(bind(HOST, 0, listen=True))
        workspace_port, gantry_port, aws_port = (
            listener.getsockname()[1] for listener in (workspace_listener, gantry_place, aws_listener)
        )
        addresses = Addresses(f"http://localhost:{workspace_port}", f"http://{demo.gantry_host}:{gantry_port}")
        log_reading, log_writing = os.pipe()
        clean = child_environment(environment)
        settings = {
            "ROCKETCHAT_URL": addresses.workspace,
            "SECRET_ID": SECRET_ID,
            "AWS_ENDPOINT_URL": f"http://{HOST}:{aws_port}",
            "COOKIE_SITE": "cross",
            **demo.settings,
        }
        try:
            aws = tree.start("AWS", "playground.aws", clean, descriptors=[aws_listener.fileno()])
            workspace = tree.start(
                "The workspace",
                "playground.workspace",
                clean,
                descriptors=[workspace_listener.fileno(), log_reading],
            )
            gantry = tree.start("Gantry", "playground.gantry", {**clean, **settings}, stdout=log_writing)
        finally:
            os.close(log_reading)
            os.close(log_writing)
        gantry.order()
        database = {"name": "", "uri": ""}
        if demo.backend == "mongodb":
            # It may have to be fetched first, which has bounds of its own.
            server = tree.start("The database", "playground.mongodb", environment)
            server.order()
            database = tree.wait_ready(server, seconds=None)[server.name]
        create_tokens_secret = secrets.token_hex(16) if demo.create_tokens == "on" else ""
        workspace.order(
            listener=workspace_listener.fileno(),
            log=log_reading,
            iframe_url=addresses.login_page,
            api_url=addresses.session_check,
            database=database,
            secret={"endpoint": settings["AWS_ENDPOINT_URL"], "id": settings["SECRET_ID"]},
            settings=demo.settings,
            create_tokens_secret=create_tokens_secret,
            client=demo.client,
        )
        service = tree.wait_ready(workspace)[workspace.name]
        credentials = {"rocketchat_user_id": service["user_id"], "rocketchat_auth_token": service["token"]}
        if create_tokens_secret:
            credentials["rocketchat_create_token_secret"] = create_tokens_secret
        if database["uri"]:
            credentials["mongodb_uri"] = service["mongodb_uri"]
        providers = json.loads(service["providers"])
        aws.order(
            listener=aws_listener.fileno(),
            secret_id=settings["SECRET_ID"],
            credentials={**credentials, **providers["applications"]},
            settings=demo.settings,
        )
        workspace_listener.close()
        aws_listener.close()
        tree.wait_ready(aws, gantry)
        gantry_place.close()
        gantry.order(
            host=HOST, port=gantry_port, taken=taken("DEMO_PORT", gantry_port), providers=providers["addresses"]
        )
        tree.wait_ready(gantry)
        announce(addresses, database["name"])
        tree.wait_end()
