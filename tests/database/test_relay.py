"""Each fault of the relay as pymongo sees it: which exception, which code, and that it heals."""

import gc
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Queue
from typing import Any, Literal, get_args

import pytest
from pymongo.collection import Collection
from pymongo.errors import (
    AutoReconnect,
    ConnectionFailure,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    ServerSelectionTimeoutError,
)

from playground.database import addresses
from playground.database.engine import Client, Engine, connect
from tests.database import needs_mongodb
from tests.database.fixtures import FreshDatabase
from tests.database.relay import HOST, RefusalCode, Relay

SHORT_MILLISECONDS = 300
NAMES = {13: "Unauthorized", 18: "AuthenticationFailed", 8000: "AtlasError"}


@pytest.fixture
def client(relay: Relay, database: FreshDatabase) -> Iterator[Client]:
    """A client that goes through the relay, with time-outs that suit a test."""
    with connect(
        relay.uri(database.uri), serverSelectionTimeoutMS=3_000, socketTimeoutMS=5_000, maxPoolSize=50
    ) as opened:
        yield opened


@pytest.fixture
def users(client: Client) -> Collection[dict[str, Any]]:
    """The accounts through the relay."""
    return client.get_default_database().users


def test_what_is_passed_on_arrives(relay: Relay, users: Collection[dict[str, Any]]) -> None:
    """Without a fault nothing changes, commands of many packets included, and each is counted by its name."""
    users.insert_one({"_id": "a", "name": "x" * 3_000_000})
    found = users.find_one({"_id": "a"})
    assert found is not None
    assert len(found["name"]) == 3_000_000
    assert users.find_one({"_id": "b"}) is None
    assert relay.count("insert") == 1
    assert relay.counts()["find"] == 2
    assert relay.count("update") == 0


def test_fifty_threads_pass(relay: Relay, users: Collection[dict[str, Any]]) -> None:
    """Fifty threads read and write through it at once and lose nothing."""
    users.insert_one({"_id": "a"})
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(lambda number: users.update_one({"_id": "a"}, {"$push": {"n": number}}), range(200)))
    found = users.find_one({"_id": "a"})
    assert found is not None
    assert sorted(found["n"]) == list(range(200))
    assert relay.count("update") == 200


@pytest.mark.parametrize("code", get_args(RefusalCode))
def test_a_refusal_reaches_every_command(
    relay: Relay, users: Collection[dict[str, Any]], code: RefusalCode, database: FreshDatabase
) -> None:
    """Refused, a command raises `OperationFailure` with the server's code; healed, the same client works."""
    relay.refuse(code)
    for command in (lambda: users.find_one({}), lambda: users.insert_one({"_id": "a"})):
        with pytest.raises(OperationFailure) as refused:
            command()
        assert refused.value.code == code
        assert refused.value.details is not None
        assert refused.value.details["codeName"] == NAMES[code]
    assert database.users.count_documents({}) == 0
    relay.heal()
    users.insert_one({"_id": "a"})


@pytest.mark.parametrize("code", [18, 8000])
def test_a_password_is_refused(relay: Relay, database: FreshDatabase, code: Literal[18, 8000]) -> None:
    """A driver with credentials is refused when it authenticates; the rotated address leads past the refusal."""
    relay.refuse(code)
    secret = addresses.for_user(relay.uri(database.uri), "gantry", "old: @/%")
    with connect(secret) as client, pytest.raises(OperationFailure) as refused:
        client.get_default_database().users.find_one({})
    assert refused.value.code == code
    assert relay.count("saslStart") + relay.count("saslContinue") >= 1
    assert relay.count("find") == 0
    with connect(database.uri) as client:
        assert client.get_default_database().users.find_one({}) is None


@needs_mongodb("authentication")
def test_missing_rights_let_a_password_pass(relay: Relay, users: Collection[dict[str, Any]]) -> None:
    """Code 13 comes after authentication, not in its place."""
    relay.refuse(13)
    with pytest.raises(OperationFailure) as refused:
        users.find_one({})
    assert refused.value.code == 13
    assert relay.count("find") == 1


def test_some_commands_are_refused_by_name(relay: Relay, users: Collection[dict[str, Any]]) -> None:
    """A refusal by name and number leaves every other command alone."""
    relay.refuse(13, "update", times=1)
    users.insert_one({"_id": "a"})
    with pytest.raises(OperationFailure):
        users.update_one({"_id": "a"}, {"$set": {"n": 1}})
    assert users.update_one({"_id": "a"}, {"$set": {"n": 1}}).modified_count == 1


def test_a_read_outlives_one_step_down(relay: Relay, users: Collection[dict[str, Any]]) -> None:
    """pymongo repeats a read that met NotWritablePrimary once, and gives up at the second."""
    relay.not_primary("find")
    assert users.find_one({}) is None
    assert relay.count("find") == 2
    relay.not_primary("find", times=2)
    with pytest.raises(NotPrimaryError) as stepped_down:
        users.find_one({})
    assert stepped_down.value.details["code"] == 10107  # type: ignore[call-overload]
    assert users.find_one({}) is None


def test_a_write_meets_a_step_down(relay: Relay, users: Collection[dict[str, Any]], database: FreshDatabase) -> None:
    """A write that meets NotWritablePrimary every time raises and has changed nothing; then the client recovers."""
    relay.not_primary("insert", times=None)
    with pytest.raises(NotPrimaryError):
        users.insert_one({"_id": "a"})
    assert database.users.count_documents({}) == 0
    relay.heal()
    users.insert_one({"_id": "a"})


def test_a_cut_read_is_repeated_once(relay: Relay, users: Collection[dict[str, Any]]) -> None:
    """A read whose connection ends is repeated; the second end raises `AutoReconnect`."""
    relay.cut("find")
    assert users.find_one({}) is None
    assert relay.count("find") == 2
    relay.cut("find", times=2)
    with pytest.raises(AutoReconnect):
        users.find_one({})
    assert users.find_one({}) is None


def test_a_write_cut_before_did_not_arrive(
    relay: Relay, users: Collection[dict[str, Any]], database: FreshDatabase
) -> None:
    """A write whose connection ends first, every time, raises `AutoReconnect` and is nowhere."""
    relay.cut("insert", times=None)
    with pytest.raises(AutoReconnect):
        users.insert_one({"_id": "a"})
    assert database.users.count_documents({}) == 0


def test_a_write_cut_after_did_arrive(relay: Relay, users: Collection[dict[str, Any]], database: FreshDatabase) -> None:
    """A write whose answer is lost is there once, whether the driver repeats it (a replica set) or not."""
    relay.cut("insert", after=True)
    with suppress(AutoReconnect):
        users.insert_one({"_id": "a", "n": 1})
    assert database.users.count_documents({"n": 1}) == 1


@pytest.mark.parametrize("after", [False, True])
def test_silence_ends_in_a_time_out(relay: Relay, database: FreshDatabase, after: bool) -> None:
    """An unanswered command raises `NetworkTimeout` after the driver's own time; it arrived only with `after`."""
    with (
        connect(relay.uri(database.uri), socketTimeoutMS=SHORT_MILLISECONDS, retryWrites=False) as client,
        relay.silence("insert", after=after) as silence,
    ):
        users = client.get_default_database().users
        with pytest.raises(NetworkTimeout):
            users.insert_one({"_id": "a"})
        assert silence.reached.is_set()
        assert users.find_one({"_id": "b"}) is None
    assert database.users.count_documents({}) == int(after)


def test_the_end_of_silence_is_noticed_at_once(relay: Relay, users: Collection[dict[str, Any]]) -> None:
    """Those who wait are let go when the silence ends, and the driver's repetition is answered."""
    with ThreadPoolExecutor(1) as pool:
        with relay.silence("find") as silence:
            waiting = pool.submit(users.find_one, {})
            assert silence.reached.wait(5)
            assert not waiting.done()
        assert waiting.result(5) is None


def test_silence_from_the_first_handshake_on(relay: Relay, database: FreshDatabase) -> None:
    """Where even the handshake gets no answer no server is found in the driver's time."""
    times = {"serverSelectionTimeoutMS": SHORT_MILLISECONDS, "connectTimeoutMS": SHORT_MILLISECONDS}
    with (
        relay.silence("hello", "isMaster", "ismaster"),
        connect(relay.uri(database.uri), **times) as client,
        pytest.raises(ServerSelectionTimeoutError),
    ):
        client.get_default_database().users.find_one({})


def test_a_delay_only_delays(relay: Relay, database: FreshDatabase) -> None:
    """A delayed command is answered in the end, unless the driver is out of patience."""
    relay.delay(SHORT_MILLISECONDS / 1000 * 3, "find", times=2)
    with (
        connect(relay.uri(database.uri), socketTimeoutMS=SHORT_MILLISECONDS) as client,
        pytest.raises(NetworkTimeout),
    ):
        client.get_default_database().users.find_one({})
    relay.delay(0.05, "find", times=1)
    with connect(relay.uri(database.uri)) as client:
        assert client.get_default_database().users.find_one({}) is None


def test_a_relay_is_pointed_elsewhere(relay: Relay, users: Collection[dict[str, Any]], engine: Engine) -> None:
    """Pointed to another place the same client goes there, by new connections."""
    users.insert_one({"_id": "a"})
    with Relay(engine.uri) as other:
        relay.point_to(other.uri(engine.uri))
        assert users.find_one({"_id": "a"})
        assert other.count("find") == 1
        relay.point_to(engine.uri)


def test_connections_end_on_command(relay: Relay, client: Client) -> None:
    """After `disconnect` a client connects anew and a read does not notice."""
    client.admin.command("ping")
    before = relay.counts()
    relay.disconnect()
    assert client.get_default_database().users.find_one({}) is None
    after = relay.counts()
    handshakes = ("hello", "isMaster", "ismaster")
    assert sum(after[name] for name in handshakes) > sum(before[name] for name in handshakes)


@needs_mongodb("restart")
def test_a_dead_server_behind_the_relay(relay: Relay, database: FreshDatabase, engine: Engine) -> None:
    """While the server is dead the driver fails as without a relay; afterwards the same client works."""
    database.users.insert_one({"_id": "a"})
    with connect(relay.uri(database.uri), serverSelectionTimeoutMS=1_000) as client:
        users = client.get_default_database().users
        assert users.find_one({"_id": "a"})
        engine.kill()
        with pytest.raises(ConnectionFailure):
            users.find_one({"_id": "a"})
        engine.restart()
        assert users.find_one({"_id": "a"})


def test_a_closed_relay_leaves_nothing(engine: Engine) -> None:
    """Closed with connections open and a command waiting, it refuses connections and its thread is gone."""
    relay = Relay(engine.uri)
    times = {"serverSelectionTimeoutMS": SHORT_MILLISECONDS, "connectTimeoutMS": SHORT_MILLISECONDS}
    with (
        connect(relay.uri(engine.uri), **times) as client,
        relay.silence("ping") as silence,
        ThreadPoolExecutor(1) as pool,
    ):
        waiting = pool.submit(client.admin.command, "ping")
        assert silence.reached.wait(5)
        relay.close()
        with pytest.raises(ConnectionFailure):
            waiting.result(10)
    relay.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "relay"]


def test_a_connection_that_comes_while_it_closes_is_ended(engine: Engine) -> None:
    """A connection that is accepted in the very moment of closing is closed too, not left to the garbage collector."""
    relay = Relay(engine.uri)
    came: Queue[socket.socket] = Queue()

    def come_and_close() -> None:
        came.put(socket.create_connection((HOST, relay.port)))
        relay._soon(relay._closing.set)  # so the relay's thread meets both in its next round

    relay._soon(come_and_close)
    with came.get(timeout=5) as driver:
        driver.settimeout(5)
        relay.close()
        assert driver.recv(1) == b""
    gc.collect()  # a socket that nobody has closed fails this test, not a later one


def test_a_relay_that_would_need_tls_is_refused() -> None:
    """Addresses that only DNS or TLS leads to are refused at once."""
    for uri in ("mongodb+srv://cluster.example.com/", "mongodb://127.0.0.1/?tls=true"):
        with pytest.raises(ValueError, match="neither DNS nor TLS"):
            Relay(uri)
