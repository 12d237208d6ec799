"""How programs and containers are started, watched and ended; what they are told and what they are not."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self

import pytest
from pymongo.errors import AutoReconnect, NotPrimaryError, OperationFailure

from playground.database import container, mongod, replica_set
from playground.database.attached import Attached
from playground.database.engine import Unavailable
from playground.database.replica_set import ReplicaSet

GUARD = Path(mongod.__file__).with_name("guard.py")
REPORTING = """#!{python}
import json, os, pathlib, sys, time
report = {{"pid": os.getpid(), "argv": sys.argv, "environ": dict(os.environ)}}
part = pathlib.Path({report!r} + ".part")
part.write_text(json.dumps(report))
part.rename({report!r})
time.sleep(600)
"""


class Server:
    """Stands for a new mongod: notes each command with the address it came by, and fails as told."""

    def __init__(self, *failures: Exception | None) -> None:
        self.failures = list(failures)
        self.commands: list[tuple[str, str, Any]] = []

    def connect(self, uri: str, **options: object) -> "Connection":
        return Connection(self, uri)


class Connection:
    def __init__(self, server: Server, uri: str) -> None:
        self._server, self._uri = server, uri
        self.admin = self

    def command(self, name: str, *arguments: Any, **fields: Any) -> dict[str, Any]:
        failure = self._server.failures.pop(0) if self._server.failures else None
        if failure:
            raise failure
        self._server.commands.append((self._uri, name, arguments))
        return {"ok": 1}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open."""


def test_a_replica_set_is_founded_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The set, then the administrator over loopback without credentials, then, as administrator, Gantry's user."""
    not_yet = [AutoReconnect("refused"), None, NotPrimaryError("not primary", {"code": 10107}), None]
    server = Server(*not_yet)
    monkeypatch.setattr(replica_set, "connect", server.connect)
    members = ReplicaSet("127.0.0.1", 7)
    members.found(lambda: True)
    assert [(name, arguments[0]) for _, name, arguments in server.commands] == [
        ("replSetInitiate", {"_id": "gantry", "members": [{"_id": 0, "host": "127.0.0.1:7"}]}),
        ("createUser", "gantry-admin"),
        ("createUser", "gantry"),
    ]
    assert ["@" in uri for uri, _, _ in server.commands] == [False, False, True]
    assert all("directConnection=true" in uri for uri, _, _ in server.commands)
    assert "replicaSet=gantry" in members.uri
    for password in (members.admin.password, members.application.password):
        assert password not in repr(members)


def test_a_set_in_a_container_is_founded_by_its_administrator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the image has made the administrator everything is done by that user; a set that is there is left."""
    server = Server(OperationFailure("already initialized", 23))
    monkeypatch.setattr(replica_set, "connect", server.connect)
    ReplicaSet("127.0.0.1", 7).join(lambda: True)
    assert [name for _, name, _ in server.commands] == ["createUser"]
    assert all("gantry-admin" in uri for uri, _, _ in server.commands)


@pytest.mark.parametrize(
    ("failure", "alive", "reason"),
    [
        (OperationFailure("no", 13, {"codeName": "Unauthorized"}), True, "refuses: 13 Unauthorized"),
        (AutoReconnect("refused"), False, "the server ended"),
        (AutoReconnect("refused"), True, "is not ready: AutoReconnect"),
    ],
)
def test_founding_ends(monkeypatch: pytest.MonkeyPatch, failure: Exception, alive: bool, reason: str) -> None:
    """A refusal, the server's death and the end of patience are reasons of their own."""
    monkeypatch.setattr(replica_set, "connect", Server(*[failure] * 3).connect)
    with pytest.raises(Unavailable, match=reason):
        replica_set.persist("mongodb://h", lambda: alive, lambda client: client.admin.command("ping"), seconds=0)  # type: ignore[arg-type]


def wait_for(report: Path) -> dict[str, Any]:
    """What the reporting program has written."""
    deadline = time.monotonic() + 20
    while not report.exists():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def gone(pid: int) -> bool:
    """Whether a process has ended, within ten seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        threading.Event().wait(0.02)
    return False


@pytest.fixture
def reporting(tmp_path: Path) -> Callable[[str], tuple[str, Path]]:
    """A program that writes down how it was called, and goes on until it is ended."""

    def make(name: str) -> tuple[str, Path]:
        report = tmp_path / f"{name}.json"
        program = tmp_path / name
        program.write_text(REPORTING.format(python=sys.executable, report=str(report)))
        program.chmod(0o755)
        return str(program), report

    return make


def test_mongod_is_told_no_password(
    monkeypatch: pytest.MonkeyPatch, reporting: Callable[[str], tuple[str, Path]]
) -> None:
    """Started, killed, restarted and stopped: no password in arguments or environment, and nothing is left over."""
    program, report = reporting("mongod")
    server = Server()
    monkeypatch.setattr(replica_set, "connect", server.connect)
    monkeypatch.setattr(mongod, "wait_until_it_answers", lambda *ignored: {"version": "7.0.0"})
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-for-children")
    engine = mongod.Mongod(program)
    first = wait_for(report)
    passwords = re.findall(r"//[^:]+:([^@]+)@", f"{engine.uri} {engine.admin_uri}")
    assert len(set(passwords)) == 2
    told = json.dumps(first)
    assert not [password for password in [*passwords, "not-for-children"] if password in told]
    arguments = first["argv"][1:]
    assert {"--auth", "--replSet", "--keyFile"} <= set(arguments)
    assert arguments[arguments.index("--bind_ip") + 1] == "127.0.0.1"
    key = Path(arguments[arguments.index("--keyFile") + 1])
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert 6 <= len(key.read_text()) <= 1024
    assert re.fullmatch(r"[A-Za-z0-9+/]+", key.read_text())
    report.unlink()
    engine.kill()
    assert gone(first["pid"])
    engine.restart()
    second = wait_for(report)
    assert second["argv"] == first["argv"]
    engine.stop()
    assert gone(second["pid"])
    assert not key.parent.exists()
    assert engine.name == f"mongod 7.0.0 ({program})"


def test_a_mongod_that_ends_is_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A program that does not stay is told, and its directory is gone."""
    broken = tmp_path / "mongod"
    broken.write_text(f"#!{sys.executable}\nraise SystemExit(3)\n")
    broken.chmod(0o755)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with pytest.raises(Unavailable, match="the server ended"):
        mongod.Mongod(str(broken))
    assert [path.name for path in tmp_path.iterdir()] == ["mongod"]


@pytest.mark.parametrize("how", ["told", "orphaned", "killed"])
def test_a_guard_takes_its_program_along(
    reporting: Callable[[str], tuple[str, Path]], tmp_path: Path, how: str
) -> None:
    """Told so it kills the program; orphaned it removes the directory as well; on Linux its own death is enough."""
    if how == "killed" and sys.platform != "linux":
        pytest.skip("only Linux tells a program of its parent's death")
    program, report = reporting("server")
    directory = tmp_path / "data"
    directory.mkdir()
    guard = Attached([sys.executable, str(GUARD), str(directory), program], tmp_path / "errors")
    pid = wait_for(report)["pid"]
    assert guard.alive()
    if how == "told":
        guard.kill_guarded()
        guard.kill_guarded()
    elif how == "orphaned":
        guard.abandon()
    else:
        guard.kill()
    assert gone(pid)
    assert not guard.alive()
    assert directory.exists() == (how != "orphaned")


def test_a_guard_passes_on_the_end_of_its_program(tmp_path: Path) -> None:
    """The guard ends with its program: with its status, or as a shell would tell a signal."""
    command = [sys.executable, str(GUARD), str(tmp_path), sys.executable, "-c"]
    for code, status in (("raise SystemExit(7)", 7), (f"import os; os.kill(os.getpid(), {signal.SIGTERM})", 143)):
        with subprocess.Popen([*command, code], stdin=subprocess.PIPE) as guard:
            assert guard.wait(20) == status


def test_what_a_program_says_is_waited_for(tmp_path: Path) -> None:
    """The expected line is read; another one, silence and the end of the program are reasons, with its last words."""
    code = "import sys; print(input(), flush=True); print(input(), flush=True); sys.exit('last words')"
    program = Attached([sys.executable, "-c", code], tmp_path / "errors")
    program.order("one")
    program.expect("one", 20)
    with pytest.raises(Unavailable, match="did not say 'two'"):
        program.expect("two", 0)
    program.order("three")
    with pytest.raises(Unavailable, match="in place of 'two'"):
        program.expect("two", 20)
    with pytest.raises(Unavailable, match="ended with status 1: last words"):
        program.expect("four", 20)
    with pytest.raises(Unavailable):
        program.order("five")
    program.kill()
    with pytest.raises(Unavailable, match="cannot be started"):
        Attached([str(tmp_path / "nothing")], tmp_path / "errors")


class FakeContainer:
    """testcontainers' DockerContainer, as far as it is used."""

    host = "localhost"
    made: "list[FakeContainer]" = []  # noqa: RUF012  - one list for all of them

    def __init__(self, image: str, command: list[str]) -> None:
        self.image, self.command = image, command
        self.ports: dict[str, object] = {}
        self.environment: dict[str, str] = {}
        self.calls: list[str] = []
        self.status = "running"
        self.made.append(self)

    def with_envs(self, **variables: str) -> Self:
        self.environment.update(variables)
        return self

    def get_container_host_ip(self) -> str:
        return self.host

    def get_wrapped_container(self) -> Self:
        return self

    def start(self) -> None:
        self.calls.append("start")

    def kill(self, with_signal: str) -> None:
        self.calls.append(with_signal)

    def stop(self) -> None:
        self.calls.append("stop")

    def reload(self) -> None:
        """The status never changes."""


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> type[FakeContainer]:
    """Docker runs, and what is started in it is a fake; the replica set is founded by a fake, too."""
    monkeypatch.setattr(FakeContainer, "made", [])
    core = ModuleType("testcontainers.core.container")
    core.DockerContainer = FakeContainer  # type: ignore[attr-defined]
    for name in ("testcontainers", "testcontainers.core"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, core.__name__, core)
    monkeypatch.setattr(container, "daemon_runs", lambda: None)
    monkeypatch.setattr(container, "wait_until_it_answers", lambda *ignored: {"version": "7.0.0"})
    monkeypatch.setattr(replica_set, "connect", Server().connect)
    return FakeContainer


def test_a_container_is_told_no_password(docker: type[FakeContainer]) -> None:
    """The same port inside and outside, on loopback; the command line holds no password and no key."""
    engine = container.Container()
    (made,) = docker.made
    port = engine.uri.partition("?")[0].rpartition("/")[0].rpartition(":")[2]
    assert made.ports == {f"{port}/tcp": ("127.0.0.1", int(port))}
    line = " ".join(made.command)
    assert f"--port {port}" in line
    assert "docker-entrypoint.sh mongod" in line
    secrets = [*made.environment.values(), *re.findall(r"//[^:]+:([^@]+)@", engine.uri)]
    assert made.environment.keys() == {"MONGO_INITDB_ROOT_USERNAME", "MONGO_INITDB_ROOT_PASSWORD"}
    assert not [secret for secret in secrets if secret in line]
    engine.kill()
    engine.restart()
    engine.stop()
    assert made.calls == ["start", "SIGKILL", "start", "stop"]


def test_docker_elsewhere_is_no_engine(docker: type[FakeContainer], monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon whose ports are not on this machine is refused, and its container is removed."""
    monkeypatch.setattr(docker, "host", "192.0.2.1")
    with pytest.raises(Unavailable, match="another machine"):
        container.Container()
    assert docker.made[0].calls == ["start", "stop"]


def test_docker_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the library, without a socket, and without a daemon that answers, nothing is tried."""
    known = {"docker"}
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name if name in known else None)
    with pytest.raises(Unavailable, match="testcontainers is not installed"):
        container.daemon_runs({})
    known.add("testcontainers.core.container")
    monkeypatch.setattr(container, "SOCKET", str(tmp_path / "docker.sock"))
    with pytest.raises(Unavailable, match="there is no "):
        container.daemon_runs({})
    with pytest.raises(Unavailable, match="no Docker daemon answers"):
        container.daemon_runs({**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/docker.sock"})
