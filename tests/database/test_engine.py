"""What every engine keeps to, and what it says of itself."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from socket import create_connection
from typing import TypeVar

import pytest
from pymongo import MongoClient, ReturnDocument
from pymongo.collation import Collation
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from chalicelib.indexes import INDEXES
from playground.database import addresses, indexes
from playground.database.capabilities import CAPABILITIES
from playground.database.engine import HOST, Client, Engine, connect
from playground.database.java import MongoJavaServer
from playground.database.place import Place
from tests.database import needs_mongodb
from tests.database.fixtures import FreshDatabase

ROOT = Path(__file__).parents[2]
THREADS = 50
Answer = TypeVar("Answer")


def at_once(action: Callable[[int], Answer]) -> list[Answer]:
    """Let 50 threads act at the same moment."""
    barrier = threading.Barrier(THREADS)

    def act(number: int) -> Answer:
        barrier.wait(30)
        return action(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(act, range(THREADS)))


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Look again and again for so long at most."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.02)
    return True


def test_the_engine_answers_under_the_address_that_gantry_gets(engine: Engine) -> None:
    """The application's URI names a database in its path and leads to a server that answers."""
    with connect(engine.uri) as client:
        assert client.admin.command("ping")["ok"] == 1
        assert client.get_default_database().name


def test_the_engine_tells_its_version_and_no_password(engine: Engine) -> None:
    """The name for the last lines has a version in it and nothing of the credentials."""
    assert any(character.isdigit() for character in engine.name)
    assert "@" not in engine.name
    assert "mongodb://" not in engine.name


def test_a_test_has_a_database_of_its_own(database: FreshDatabase) -> None:
    """The application's user writes into the fresh database, and it holds nothing but indexes before."""
    assert database.users.count_documents({}) == 0
    with connect(database.uri) as client:
        client.get_default_database().users.insert_one({"_id": "a"})
    assert database.users.count_documents({}) == 1


def test_a_username_is_taken_once(database: FreshDatabase) -> None:
    """Rocket.Chat's unique index holds, for inserts and updates, and accounts without a username pass."""
    database.users.insert_many([{"_id": "a", "username": "alice"}, {"_id": "b", "username": "bob"}])
    with pytest.raises(DuplicateKeyError):
        database.users.insert_one({"_id": "c", "username": "alice"})
    with pytest.raises(DuplicateKeyError):
        database.users.update_one({"_id": "b"}, {"$set": {"username": "alice"}})
    database.users.insert_many([{"_id": "d"}, {"_id": "e"}])


def test_one_of_fifty_inserts_wins(database: FreshDatabase) -> None:
    """Fifty threads that insert the same username end with one account and 49 duplicate key errors."""

    def insert(number: int) -> bool:
        try:
            database.users.insert_one({"_id": number, "username": "alice"})
        except DuplicateKeyError:
            return False
        return True

    assert at_once(insert).count(True) == 1
    assert database.users.count_documents({"username": "alice"}) == 1


def test_one_of_fifty_compare_and_sets_wins(database: FreshDatabase) -> None:
    """`update_one` with the expected state in its filter changes the account for one of fifty threads."""
    database.users.insert_one({"_id": "a"})

    def claim(number: int) -> int:
        change = {"$set": {"services.iframe.token": str(number)}}
        return database.users.update_one(
            {"_id": "a", "services.iframe.token": {"$exists": False}}, change
        ).modified_count

    assert sum(at_once(claim)) == 1


def test_fifty_find_and_updates_agree(database: FreshDatabase) -> None:
    """`find_one_and_update` with an upsert gives fifty threads one document."""

    def claim(number: int) -> object:
        found = database.documents.gantry_links.find_one_and_update(
            {"_id": "link"}, {"$setOnInsert": {"account": number}}, upsert=True, return_document=ReturnDocument.AFTER
        )
        return found and found["account"]

    assert len(set(at_once(claim))) == 1


def test_fifty_pushes_make_fifty_elements(database: FreshDatabase) -> None:
    """`$push` into an array that is not there yet loses nothing under fifty threads."""
    database.users.insert_one({"_id": "a"})
    at_once(
        lambda number: database.users.update_one(
            {"_id": "a"}, {"$push": {"services.resume.loginTokens": {"n": number}}}
        )
    )
    account = database.users.find_one({"_id": "a"})
    assert account is not None
    assert {element["n"] for element in account["services"]["resume"]["loginTokens"]} == set(range(THREADS))


@needs_mongodb("restart")
def test_what_was_acknowledged_survives_a_kill(engine: Engine, database: FreshDatabase) -> None:
    """SIGKILL right after an acknowledged write loses nothing, and the same port serves it again to the same client."""
    database.users.insert_one({"_id": "a", "username": "alice"})
    engine.kill()
    with connect(engine.uri, serverSelectionTimeoutMS=200) as client, pytest.raises(PyMongoError):
        client.admin.command("ping")
    engine.restart()
    assert database.users.count_documents({}) == 1
    with pytest.raises(DuplicateKeyError):
        database.users.insert_one({"_id": "b", "username": "alice"})


@needs_mongodb("restart")
def test_a_kill_amid_writes_loses_nothing_acknowledged(engine: Engine, database: FreshDatabase) -> None:
    """Eight threads write while the server is killed: whatever was acknowledged to them is there afterwards."""
    acknowledged: list[str] = []
    begun, dead = threading.Event(), threading.Event()

    def write(writer: int) -> None:
        with connect(database.uri, serverSelectionTimeoutMS=500, retryWrites=False) as client:
            users = client.get_default_database().users
            for number in itertools.count():
                if dead.is_set():
                    return
                with suppress(PyMongoError):
                    users.insert_one({"_id": f"{writer}-{number}"})
                    acknowledged.append(f"{writer}-{number}")
                    if number > 3:
                        begun.set()

    with ThreadPoolExecutor(8) as pool:
        writing = [pool.submit(write, writer) for writer in range(8)]
        assert begun.wait(30)
        engine.kill()
        dead.set()
        for each in writing:
            each.result(30)
    engine.restart()
    kept = {account["_id"] for account in database.users.find({}, {"_id": 1})}
    assert acknowledged
    assert set(acknowledged) <= kept


def test_the_capabilities_are_known_by_name(engine: Engine) -> None:
    """An engine says yes or no to each name; mongo-java-server says what was measured of it."""
    can = {capability for capability in CAPABILITIES if engine.can(capability)}
    if isinstance(engine, MongoJavaServer):
        assert can == {"restart", "relay"}


@needs_mongodb("collation")
def test_a_collation_ignores_case(database: FreshDatabase) -> None:
    """Rocket.Chat's case-insensitive index answers a look-up with its collation."""
    database.users.insert_one({"_id": "a", "username": "Alice"})
    assert database.users.find_one({"username": "aLICE"}, collation=Collation("en", strength=2))


@needs_mongodb("array-index")
def test_an_address_is_taken_once(database: FreshDatabase) -> None:
    """Meteor's unique index over the addresses of all accounts holds."""
    database.users.insert_one({"_id": "a", "emails": [{"address": "a@example.com"}]})
    with pytest.raises(DuplicateKeyError):
        database.users.insert_one({"_id": "b", "emails": [{"address": "a@example.com"}]})


@needs_mongodb("explain", "plain-index")
def test_a_plan_names_the_index(database: FreshDatabase) -> None:
    """The plan of a look-up by an index without uniqueness is an index scan."""
    plan = database.users.find({"lastLogin": 1}).explain()["queryPlanner"]
    assert "IXSCAN" in str(plan)


@needs_mongodb("authentication")
def test_a_changed_password_is_refused(engine: Engine) -> None:
    """A user of the test's own comes in, and after a change of password only with the new one."""
    old = engine.add_user("gantry-test", "one", ["readWriteAnyDatabase"])
    try:
        with connect(old) as client:
            assert client.admin.command("ping")
        new = engine.change_password("gantry-test", "two: @/%")
        with connect(old) as client, pytest.raises(OperationFailure) as refused:
            client.admin.command("ping")
        assert refused.value.code == 18
        with connect(new) as client:
            assert client.admin.command("ping")
    finally:
        engine.remove_user("gantry-test")


@needs_mongodb("step-down")
def test_a_step_down_is_survived(engine: Engine, database: FreshDatabase) -> None:
    """After a step-down the same client writes again."""
    with connect(database.uri) as client:
        users = client.get_default_database().users
        users.insert_one({"_id": "before"})
        engine.step_down()

        def written() -> bool:
            try:
                users.update_one({"_id": "before"}, {"$set": {"after": True}})
            except PyMongoError:
                return False
            return True

        assert wait_until(written, 60)


def test_rocketchats_indexes_are_there_as_far_as_the_engine_has_them_right(
    engine: Engine, database: FreshDatabase
) -> None:
    """Rocket.Chat's indexes and ours are made, but those that the engine would get wrong, which are told."""
    made = set(database.users.index_information()) - {"_id_"}
    left_out = {index.full_name for index in indexes.USERS if index.needs and not engine.can(index.needs)}
    own = {f"{index.field}_1" for index in INDEXES if index.collection == "users"}
    assert made == ({index.full_name for index in indexes.USERS} | own) - left_out
    assert set(indexes.create(database.users, engine.can)) == left_out


ORPHAN = """
import sys
from playground.database import choice
engine = choice.start()
print(engine.uri, flush=True)
sys.stdin.read()
"""


@needs_mongodb("restart")
def test_the_engine_ends_with_its_parent(tmp_path: Path) -> None:
    """A parent that is killed takes its engine with it, and what it kept on disk."""
    with subprocess.Popen(
        [sys.executable, "-c", ORPHAN],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        host, port = addresses.place(parent.stdout.readline().strip())
        assert _listens(host, port)
        parent.send_signal(signal.SIGKILL)
        parent.wait(10)
        assert wait_until(lambda: not _listens(host, port), 40)  # a container's reaper waits for 10 s
    assert wait_until(lambda: not list(tmp_path.iterdir()))


def _listens(host: str, port: int) -> bool:
    try:
        create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True


TAKE = "import socket, sys; socket.socket().bind(('127.0.0.1', int(sys.argv[1])))"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a port like that")
def test_the_place_of_a_dead_engine_is_kept() -> None:
    """While nothing listens there a connection is refused, and no other program gets the port."""
    place = Place()
    try:
        assert not _listens(HOST, place.port)
        taken = subprocess.run(
            [sys.executable, "-c", TAKE, str(place.port)], capture_output=True, text=True, timeout=30
        )
        assert "Address already in use" in taken.stderr
    finally:
        place.close()


def test_a_client_of_the_fixture_is_one_of_pymongo(database_administrator: Client) -> None:
    """Nothing is patched: the client is pymongo's own."""
    assert type(database_administrator) is MongoClient
