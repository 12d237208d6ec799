"""Which engine a run gets, and what it says when there is none."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from playground.database import addresses, choice, container, given, java
from playground.database.engine import Unavailable
from playground.ports import bind


def names(environ: Mapping[str, str]) -> list[str]:
    return [name for name, _ in choice.candidates(environ)]


def test_a_machine_is_searched_in_the_order_of_the_design() -> None:
    """Without a word a program of the machine comes first, then Docker, then mongo-java-server."""
    assert names({"PATH": ""}) == ["mongod", "Docker", "mongo-java-server"]


@pytest.mark.parametrize(
    ("environ", "only"),
    [
        ({"MONGODB_URI": "mongodb://127.0.0.1:1"}, ["MONGODB_URI"]),
        ({"MONGOD": "/opt/mongod"}, ["MONGOD"]),
        ({"MONGODB_URI": "mongodb://127.0.0.1:1", "MONGOD": "/opt/mongod"}, ["MONGODB_URI"]),
        ({"MONGODB_URI": "", "MONGOD": ""}, ["mongod", "Docker", "mongo-java-server"]),
    ],
)
def test_a_named_engine_is_the_only_one(environ: dict[str, str], only: list[str]) -> None:
    """Who names a server or a program gets that one or none; the server comes before the program."""
    assert names(environ) == only


def test_the_reasons_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """With none of them there the sentence says why for each."""
    monkeypatch.setattr(java, "DEFAULT", "/nowhere/java")

    def no_docker() -> None:
        raise Unavailable("no Docker daemon answers")

    monkeypatch.setattr(container, "daemon_runs", no_docker)
    with pytest.raises(Unavailable) as none:
        choice.start({"PATH": "/nowhere"})
    expected = "mongod: none on the PATH; Docker: no Docker daemon answers; mongo-java-server: no java"
    assert str(none.value) == expected


def test_a_dead_server_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer is a reason, and the reason holds nothing of the connection string."""
    monkeypatch.setattr(given, "PATIENCE_MILLISECONDS", 100)
    place = bind("127.0.0.1", 0, listen=False)
    try:
        uri = f"mongodb://u:top-secret@127.0.0.1:{place.getsockname()[1]}/"
        with pytest.raises(Unavailable) as dead:
            choice.start({"MONGODB_URI": uri})
    finally:
        place.close()
    assert "does not serve" in str(dead.value)
    assert "top-secret" not in str(dead.value)
    with pytest.raises(Unavailable, match="no connection string"):
        choice.start({"MONGODB_URI": "postgres://u:top-secret@127.0.0.1/"})


def test_a_program_that_is_none_is_told() -> None:
    """`MONGOD` with a wrong path fails at once."""
    with pytest.raises(Unavailable, match="MONGOD: /nowhere/mongod is no program"):
        choice.start({"MONGOD": "/nowhere/mongod"})


@pytest.fixture
def java_that_says(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """A `java` that lists these modules, as the only one of a PATH."""

    def make(*modules: str, status: int = 0) -> dict[str, str]:
        program = tmp_path / "java"
        program.write_text(f"#!{sys.executable}\nprint({chr(10).join(modules)!r})\nraise SystemExit({status})\n")
        program.chmod(0o755)
        return {"PATH": str(tmp_path)}

    return make


@pytest.mark.parametrize(
    ("modules", "status", "reason"),
    [
        ((), 1, "is older than Java 17"),
        (("java.base@11.0.2", "jdk.compiler@11.0.2"), 0, "is Java 11.0.2, older than 17"),
        (("java.base@17.0.15", "java.sql@17.0.15"), 0, "is a runtime without a compiler (Java 17.0.15)"),
    ],
)
def test_a_java_that_runs_no_source_file_is_refused(
    java_that_says: Callable[..., dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    modules: tuple[str, ...],
    status: int,
    reason: str,
) -> None:
    """Too old a Java, and one without the compiler, are named with what they lack."""
    monkeypatch.setattr(java, "DEFAULT", "/nowhere/java")
    environ = java_that_says(*modules, status=status)
    with pytest.raises(Unavailable) as refused:
        java.find_java(environ)
    assert str(refused.value) == f"{environ['PATH']}/java {reason}"


def test_a_java_with_a_compiler_is_taken(java_that_says: Callable[..., dict[str, str]]) -> None:
    """Java 17 with jdk.compiler is taken from the PATH, and before it from `JAVA_HOME`."""
    environ = java_that_says("java.base@25", "jdk.compiler@25")
    assert java.find_java(environ) == (f"{environ['PATH']}/java", "25")
    home = Path(environ["PATH"]) / "home"
    (home / "bin").mkdir(parents=True)
    (Path(environ["PATH"]) / "java").rename(home / "bin" / "java")
    assert java.find_java({"JAVA_HOME": str(home)}) == (f"{home}/bin/java", "25")


def test_nothing_is_fetched_at_a_start(java_that_says: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    """Without the jars the reason names the command that fetches them."""
    environ = java_that_says("java.base@17.0.15", "jdk.compiler@17.0.15")
    with pytest.raises(Unavailable, match=r"python -m playground\.database"):
        java.MongoJavaServer(environ, cache=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("mongodb://h:1/rocketchat", "mongodb://h:1/new"),
        ("mongodb://u:p%40@h:1/rocketchat?w=1", "mongodb://u:p%40@h:1/new?w=1&authSource=rocketchat"),
        ("mongodb://u:p@h:1,i:2/?authSource=x", "mongodb://u:p@h:1,i:2/new?authSource=x"),
        ("mongodb://u:p@h", "mongodb://u:p@h/new?authSource=admin"),
        ("mongodb+srv://u:p@h/rocketchat", "mongodb+srv://u:p@h/new"),
    ],
)
def test_another_database_has_the_same_user(uri: str, expected: str) -> None:
    """A new path changes the database and not where the user is looked up."""
    assert addresses.for_database(uri, "new") == expected


def test_a_place_is_taken_directly() -> None:
    """Through a relay the driver must not follow the replica set's own addresses."""
    through = addresses.for_place("mongodb://u:p@h:1/rocketchat?replicaSet=rs&retryWrites=true", "127.0.0.1", 9)
    assert through == (
        "mongodb://u:p@127.0.0.1:9/rocketchat?retryWrites=true&directConnection=true&authSource=rocketchat"
    )
    assert addresses.place("mongodb://u:p@h:1,i:2/x") == ("h", 1)
    assert addresses.place("mongodb://h") == ("h", 27017)


def test_a_password_is_quoted() -> None:
    """Whatever is in a password, the connection string holds it as one."""
    uri = addresses.for_user("mongodb://a:b@h:1/x?authSource=x", "n@me", "p:/?#[]@%")
    assert uri == "mongodb://n%40me:p%3A%2F%3F%23%5B%5D%40%25@h:1/x?authSource=admin"
