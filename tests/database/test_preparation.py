"""`python -m playground.database`: what it does on a bare machine, and what it leaves behind."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from playground import installation
from playground.database import __main__ as command
from playground.database import choice, java, preparation
from playground.database.engine import Unavailable


class Machine:
    """A machine whose Java, Maven and engine are there from the step on that brings them."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has: set[str], root: bool) -> None:
        self.has, self.jars = set(has), tmp_path / "cache" / "jars"
        self.steps: list[str] = []
        self.failing = ""
        self.record = tmp_path / "database.json"
        monkeypatch.setattr(preparation, "RECORD", self.record)
        monkeypatch.setattr(preparation, "run", self.run)
        monkeypatch.setattr(installation, "run", self.run)
        monkeypatch.setattr("os.geteuid", lambda: 0 if root else 1000)
        monkeypatch.setattr("shutil.which", lambda name, path=None: name if name in {"apt-get", *self.has} else None)
        monkeypatch.setattr(java, "find_java", self.find_java)
        monkeypatch.setattr(java, "libraries", lambda: self.jars)
        monkeypatch.setattr(choice, "start", self.start)

    def run(self, what: str, seconds: float, command: Sequence[str], environ: Mapping[str, str]) -> str:
        self.steps.append(what)
        if what == self.failing:
            return f"{what} ended with 1"
        if what == "apt-get install":
            self.has |= {"java", "mvn"}
        if what == "mvn":
            target = next(word for word in command if word.startswith("-DoutputDirectory="))
            (Path(target.partition("=")[2]) / "server.jar").touch()
        return ""

    def find_java(self, environ: Mapping[str, str]) -> tuple[str, str]:
        if "java" not in self.has:
            raise Unavailable("no java")
        return "java", "17"

    def start(self, environ: Mapping[str, str]) -> Any:
        if environ.get("MONGODB_URI") or not ("java" in self.has and self.jars.is_dir()):
            raise Unavailable("nothing starts")
        return Started()


class Started:
    name = "an engine 1.0"

    def __enter__(self) -> "Started":
        return self

    def __exit__(self, *ignored: object) -> None:
        """It has been started once; that is all."""


def test_a_machine_with_everything_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that starts is taken, nothing is installed or fetched, and an old reason is forgotten."""
    machine = Machine(tmp_path, monkeypatch, has={"java", "mvn"}, root=True)
    machine.jars.mkdir(parents=True)
    machine.record.write_text(json.dumps({"reason": "of last time"}))
    assert preparation.prepare({}) == "an engine 1.0"
    assert machine.steps == []
    assert preparation.recorded_reason() is None


def test_the_jars_are_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Java and Maven are there: the jars are fetched into their place, and the second time nothing is."""
    machine = Machine(tmp_path, monkeypatch, has={"java", "mvn"}, root=False)
    for _ in range(2):
        preparation.prepare({})
    assert machine.steps == ["mvn"]
    assert [path.name for path in machine.jars.parent.rglob("*.jar")] == ["server.jar"]
    assert [path.name for path in machine.jars.parent.iterdir()] == ["jars"]


def test_a_failed_fetch_leaves_nothing_half_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Maven could not finish is not taken for the jars."""
    machine = Machine(tmp_path, monkeypatch, has={"java", "mvn"}, root=False)
    machine.failing = "mvn"
    with pytest.raises(Unavailable, match="mvn ended with 1"):
        preparation.prepare({})
    assert list(machine.jars.parent.iterdir()) == []


@pytest.mark.parametrize("has", [set(), {"java"}, {"mvn"}])
def test_root_gets_debians_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], has: set[str]
) -> None:
    """On a bare machine root installs Java and Maven, announced, and then fetches."""
    machine = Machine(tmp_path, monkeypatch, has=has, root=True)
    preparation.prepare({})
    assert machine.steps == ["apt-get update", "apt-get install", "mvn"]
    assert "default-jdk-headless and maven with apt-get (a step outside" in capsys.readouterr().out


def test_others_get_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not root gets nothing installed, and the reason is kept for the tests."""
    machine = Machine(tmp_path, monkeypatch, has=set(), root=False)
    with pytest.raises(Unavailable):
        preparation.prepare({})
    assert machine.steps == []
    assert preparation.recorded_reason() == "nothing starts; Debian's packages need root and apt-get"


def test_a_named_server_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `MONGODB_URI` names a server that does not answer nothing else is made in its stead."""
    machine = Machine(tmp_path, monkeypatch, has=set(), root=True)
    with pytest.raises(Unavailable):
        preparation.prepare({"MONGODB_URI": "mongodb://127.0.0.1:1"})
    assert machine.steps == []


def test_a_step_is_bounded(tmp_path: Path) -> None:
    """A step that takes too long is ended with its children; one that fails tells its status."""
    assert installation.run("sleep", 0.1, ["sleep", "600"], {}) == "sleep took longer than 0 s"
    assert installation.run("false", 20, ["false"], {}) == "false ended with 1"
    assert installation.run("true", 20, ["true"], {}) == ""
    assert "cannot be started" in installation.run("it", 20, [str(tmp_path / "nothing")], {})


def test_maven_is_strict_and_quiet(tmp_path: Path) -> None:
    """Maven reads our pinned pom.xml, never asks, and takes no file with a wrong checksum."""
    line = preparation.fetch_command(tmp_path)
    assert {"--batch-mode", "--quiet", "--strict-checksums"} <= set(line)
    assert str(java.POM) in line
    assert java.VERSION == "1.47.0"


@pytest.mark.parametrize(("strict", "status"), [(None, 0), ("1", 1)])
def test_the_command_fails_where_nothing_may_be_skipped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], strict: str | None, status: int
) -> None:
    """Without an engine the command says why; with GANTRY_SKIP_NOTHING=1 that is a failure."""

    def none() -> str:
        raise Unavailable("no java")

    if strict:
        monkeypatch.setenv("GANTRY_SKIP_NOTHING", strict)
    else:
        monkeypatch.delenv("GANTRY_SKIP_NOTHING", raising=False)
    monkeypatch.setattr(command, "prepare", none)
    assert command.main() == status
    assert "No database: no java" in capsys.readouterr().err
    monkeypatch.setattr(command, "prepare", lambda: "an engine 1.0")
    assert command.main() == 0
    assert "Database: an engine 1.0" in capsys.readouterr().out
