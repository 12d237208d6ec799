"""Memory, MongoDB and DynamoDB keep attempts by the same promises, and guesses at the same time slip through none."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from chalicelib.attempts.dynamodb import TableAttempts
from chalicelib.attempts.memory import MemoryAttempts
from chalicelib.attempts.mongodb import MongoAttempts
from chalicelib.credentials import Credentials
from chalicelib.deadline import Deadline
from chalicelib.errors import Unavailable
from chalicelib.model import Limits
from chalicelib.mongodb import Mongo
from chalicelib.secret import Secret
from chalicelib.state import StateTable
from chalicelib.throttle import Attempt, AttemptStore, Run, Stored
from tests.database.fixtures import FreshDatabase
from tests.database.relay import Relay
from tests.door import Door, right
from tests.dynamodb import DynamoDB
from tests.fakes import NOON, FakeClock
from tests.mongodb.outcomes import together

DEADLINE = Deadline.after(600)
RUN = Run((Attempt("00ff", NOON + 0.123456, "ab" * 16), Attempt("01", NOON - 1, "")), NOON + 600.5)
EXPIRES = NOON + 600.5


class Fixed:
    """Credentials that nobody rotates."""

    def __init__(self, uri: str) -> None:
        self._credentials = Credentials((), Secret(uri))

    def current(self, deadline: Deadline) -> Credentials:
        return self._credentials

    def refreshed(self, deadline: Deadline) -> Credentials:
        return self._credentials


@pytest.fixture(scope="module")
def served() -> Iterator[DynamoDB]:
    with closing(DynamoDB()) as dynamodb:
        yield dynamodb


@pytest.fixture
def memory() -> MemoryAttempts:
    return MemoryAttempts(FakeClock())


@pytest.fixture
def mongodb(database: FreshDatabase) -> Iterator[MongoAttempts]:
    with closing(Mongo(Fixed(database.uri))) as mongo:
        yield MongoAttempts(mongo)


@pytest.fixture
def dynamodb(served: DynamoDB) -> Iterator[TableAttempts]:
    yield TableAttempts(StateTable(served.service, served.new()))
    served.failure = None


@pytest.fixture(params=["memory", "mongodb", "dynamodb"])
def store(request: pytest.FixtureRequest) -> AttemptStore:
    found: AttemptStore = request.getfixturevalue(request.param)
    return found


def test_nothing_is_an_empty_run_of_version_0(store: AttemptStore) -> None:
    """A key that nobody wrote has an empty run, in whose place version 0 writes."""
    assert store.read("name a", DEADLINE) == Stored(Run(), 0)


def test_a_run_is_read_as_it_was_written(store: AttemptStore) -> None:
    """Every attempt comes back in its order and with its time to the last digit; the version is one more."""
    assert store.write("name a", RUN, 0, EXPIRES, DEADLINE)
    assert store.read("name a", DEADLINE) == Stored(RUN, 1)
    assert store.write("name a", Run(), 1, EXPIRES, DEADLINE)
    assert store.read("name a", DEADLINE) == Stored(Run(), 2)


def test_keys_are_apart(store: AttemptStore) -> None:
    """What is written under one key is not read under another."""
    store.write("name a", RUN, 0, EXPIRES, DEADLINE)
    assert store.read("address a", DEADLINE) == Stored()
    assert store.write("address a", Run(), 0, EXPIRES, DEADLINE)
    assert store.read("name a", DEADLINE) == Stored(RUN, 1)


def test_a_write_counts_only_in_the_place_of_what_was_read(store: AttemptStore) -> None:
    """Compare-and-set: whoever read what has changed since writes nothing, and is told."""
    other = replace(RUN, banned_until=0.0)
    assert not store.write("name a", other, 1, EXPIRES, DEADLINE)
    assert store.write("name a", RUN, 0, EXPIRES, DEADLINE)
    for version in (0, 2):
        assert not store.write("name a", other, version, EXPIRES, DEADLINE)
    assert store.read("name a", DEADLINE) == Stored(RUN, 1)


def test_of_writes_at_the_same_time_one_counts(store: AttemptStore) -> None:
    """Of many writes in the place of one version exactly one is kept, for a new run as for an old one."""
    for version in (0, 1):
        runs = [Run(banned_until=float(number)) for number in range(16)]
        told = together(16, lambda number: store.write("name a", runs[number], version, EXPIRES, DEADLINE))  # noqa: B023
        assert told.count(True) == 1
        assert store.read("name a", DEADLINE) == Stored(runs[told.index(True)], version + 1)


def test_the_longest_run_fits(store: AttemptStore) -> None:
    """A run of as many attempts as the settings allow is kept whole."""
    longest = Run(tuple(Attempt(f"{number:016x}", NOON + number / 7, "f" * 32) for number in range(1000)), NOON)
    assert store.write("address a", longest, 0, EXPIRES, DEADLINE)
    assert store.read("address a", DEADLINE) == Stored(longest, 1)


def test_a_run_that_has_expired_can_be_written_on(store: AttemptStore) -> None:
    """A store that is late to delete, or never does, changes nothing: the run is there with its version."""
    assert store.write("name a", RUN, 0, 1.0, DEADLINE)
    stored = store.read("name a", DEADLINE)
    assert stored in (Stored(RUN, 1), Stored())
    assert store.write("name a", Run(), stored.version, EXPIRES, DEADLINE)


def test_expiry_is_compared_here(store: AttemptStore) -> None:
    """Promise 5: a served ban and failures out of the window count no more, whatever the store still has of them."""
    clock = FakeClock()
    door = Door(store, clock)
    assert max(door.knocks(5, "alice", "203.0.113.9")) == 0
    clock.now += 599
    assert door.knock("alice", "203.0.113.9") == 1
    clock.now += 1
    assert max(door.knocks(5, "alice", "203.0.113.9")) == 0
    assert door.knock("alice", "203.0.113.9") == 600


@pytest.fixture
def silent(relay: Relay, database: FreshDatabase) -> Iterator[MongoAttempts]:
    """A database behind a connection that breaks."""
    with closing(Mongo(Fixed(relay.uri(database.uri)))) as mongo:
        relay.cut(times=None)
        yield MongoAttempts(mongo)


@pytest.fixture
def failing(dynamodb: TableAttempts, served: DynamoDB) -> TableAttempts:
    """A table whose service has a fault."""
    served.failure = 500, "InternalServerError"
    return dynamodb


@pytest.mark.parametrize(
    ("broken", "seconds"), [("silent", 0.5), ("failing", 60.0), ("mongodb", 0.0), ("dynamodb", 0.0)]
)
def test_a_store_that_does_not_answer_is_unavailable(
    request: pytest.FixtureRequest, broken: str, seconds: float
) -> None:
    """Promise 7: what cannot be read or written in time is unavailable, so that nobody is let in."""
    store: AttemptStore = request.getfixturevalue(broken)
    with pytest.raises(Unavailable):
        store.read("name a", Deadline.after(seconds))
    with pytest.raises(Unavailable):
        store.write("name a", RUN, 0, EXPIRES, Deadline.after(seconds))


def crowd(store: AttemptStore, many: int, few: int) -> int:
    """How many at once: fewer where a call costs moto milliseconds, though still more than are let in."""
    return few if isinstance(store, TableAttempts) else many


def test_parallel_guesses_of_one_name(store: AttemptStore) -> None:
    """Promise 5: of 200 guesses of one name at the same time, each from elsewhere, exactly 5 are verified."""
    door = Door(store, FakeClock())
    count = crowd(store, 200, 60)
    answers = together(count, lambda number: door.knock("alice", f"192.0.2.{number}"))
    assert door.verified == 5
    assert sorted(map(str, answers)) == ["0"] * 5 + ["600"] * (count - 5)
    assert door.troubles.told == []


def test_parallel_guesses_from_one_address(store: AttemptStore) -> None:
    """Promise 5: of 200 guesses from one address at the same time, each of another name, exactly 20 are verified."""
    count, most = crowd(store, 200, 60), crowd(store, 20, 10)
    door = Door(store, FakeClock(), Limits(address_after=most))
    answers = together(count, lambda number: door.knock(f"name{number}", "203.0.113.9"))
    assert door.verified == most
    assert sorted(map(str, answers)) == ["0"] * most + ["600"] * (count - most)
    assert door.troubles.told == []


def test_parallel_guesses_of_one_name_from_one_address(store: AttemptStore) -> None:
    """Promise 5: of many guesses of one name from one address exactly 5 are verified, and 5 count for the address."""
    door = Door(store, FakeClock(), Limits(address_after=7))
    answers = together(crowd(store, 60, 20), lambda number: door.knock("alice", "203.0.113.9"))
    assert door.verified == 5
    assert answers.count(0) == 5
    assert door.knock("bob", "203.0.113.9") == 0
    assert door.knock("bob", "203.0.113.9") == 0
    assert door.knock("bob", "203.0.113.9") == 600


def test_people_who_sign_in_at_the_same_time(store: AttemptStore) -> None:
    """Promise 5: nobody's finished sign-in is lost among others', so a busy office leaves nothing counted behind."""
    count = crowd(store, 30, 8)
    door = Door(store, FakeClock(), Limits(address_after=count + 1))
    names = [f"name{number}" for number in range(count)]
    assert together(count, lambda number: door.knock(names[number], "203.0.113.9", right)) == [0] * count
    assert door.troubles.told == []
    assert [door.knock(name, "203.0.113.9") for name in (*names, "alice")] == [0] * (count + 1)
    assert door.knock("alice", "203.0.113.9") == 600
