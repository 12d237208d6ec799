"""Attempts in the workspace's database: what they cost, what is kept for how long, and what stands beside them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from bson import Int64

from chalicelib.attempts.mongodb import ATTEMPTS, MongoAttempts, MongoSteps
from chalicelib.errors import Unavailable
from chalicelib.indexes import INDEXES
from chalicelib.mongodb import Mongo
from chalicelib.throttle import Run
from tests.contract.test_attempt_stores import DEADLINE, RUN, Fixed
from tests.database.fixtures import FreshDatabase
from tests.door import Door, challenge, right
from tests.fakes import NOON, FakeClock
from tests.mongodb.filters import Heard
from tests.mongodb.stage import moment

A = "203.0.113.9"


@pytest.fixture
def mongo(database: FreshDatabase) -> Iterator[Mongo]:
    with closing(Mongo(Fixed(database.uri))) as connected:
        yield connected


@pytest.fixture
def attempts(mongo: Mongo) -> MongoAttempts:
    return MongoAttempts(mongo)


@pytest.fixture
def door(attempts: MongoAttempts) -> Door:
    return Door(attempts, FakeClock())


def kept(database: FreshDatabase) -> list[dict[str, Any]]:
    return list(database.documents[ATTEMPTS].find())


def test_a_run_is_a_document_of_its_own(attempts: MongoAttempts, database: FreshDatabase) -> None:
    """A run is kept under its key, with its version, and with the time after which the database may remove it."""
    attempts.write("name a", RUN, 0, NOON + 600.5, DEADLINE)
    [document] = kept(database)
    assert document.pop("expires").replace(tzinfo=moment(0).tzinfo) == moment(NOON + 600.5)
    assert document == {"_id": "name a", "version": 1, "run": RUN.as_plain()}
    attempts.write("name a", Run(), 1, NOON + 700, DEADLINE)
    [document] = kept(database)
    assert document.pop("expires").replace(tzinfo=moment(0).tzinfo) == moment(NOON + 700)
    assert document == {"_id": "name a", "version": 2, "run": Run().as_plain()}


def test_what_each_attempt_costs(door: Door, heard: Heard) -> None:
    """A success costs two finds and four writes, a failure half the writes, a refusal the finds: each by `_id`."""

    def cost() -> Counter[str]:
        counted = Counter(command.name for command in heard)
        assert {command.collection for command in heard} == {ATTEMPTS}
        heard.clear()
        return counted

    door.knock("alice", A, right)
    assert cost() == {"find": 2, "insert": 2, "update": 2}
    door.knock("alice", A)
    assert cost() == {"find": 2, "update": 2}
    door.knocks(4, "alice", A, challenge)
    cost()
    assert door.knock("alice", A) == 600
    assert cost() == {"find": 2}


def test_filters_begin_with_the_id(door: Door, heard: Heard) -> None:
    """Every read names `_id` alone, and every write `_id` and the version that it was read with."""
    door.knock("alice", A, right)
    assert {str(command) for command in heard} == {
        f"find {ATTEMPTS} {{_id: str}}",
        f"insert {ATTEMPTS}",
        f"update {ATTEMPTS} {{_id: str, version: int}}",
    }


def test_old_attempts_are_removed_by_the_database(database: FreshDatabase) -> None:
    """Gantry's own indexes have one on the time of removal, at once when it is past, for runs alone."""
    [index] = [each for each in INDEXES if each.collection == ATTEMPTS]
    assert (index.field, index.options) == ("expires", {"sparse": True, "expireAfterSeconds": 0})
    made = database.documents[ATTEMPTS].index_information()["expires_1"]
    assert made["key"] == [("expires", 1)]
    assert made["expireAfterSeconds"] == 0


def test_expiry_needs_no_index(door: Door, database: FreshDatabase) -> None:
    """Promise 5: where nobody made the index a served ban and old failures count no more, though they are there."""
    database.documents[ATTEMPTS].drop_index("expires_1")
    door.clock.now = 1_000_000_000.0
    assert door.knocks(6, "alice", A) == [0] * 5 + [600]
    door.clock.now += 600
    assert len(kept(database)) == 2
    assert door.knocks(6, "alice", A) == [0] * 5 + [600]


def test_totp_steps_and_attempts_stand_side_by_side(mongo: Mongo, door: Door, database: FreshDatabase) -> None:
    """A step that was used stays for good: it has no time of removal, and no run has its key."""
    steps = MongoSteps(mongo)
    assert steps.take("alice-id", 7, DEADLINE)
    door.knocks(6, "totp alice-id", A)
    assert not steps.take("alice-id", 7, DEADLINE)
    assert {document["_id"].partition(" ")[0]: "expires" in document for document in kept(database)} == {
        "totp": False,
        "name": True,
        "address": True,
    }


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {"version": 1},
        {"version": "1", "run": RUN.as_plain()},
        {"version": 1, "run": {"attempts": [1]}},
        {"step": 7},
    ],
    ids=str,
)
def test_a_document_of_somebody_elses_lets_nobody_in(
    attempts: MongoAttempts, database: FreshDatabase, strange: dict[str, Any]
) -> None:
    """Promise 7: what Gantry did not write is not taken for an empty run, and no write touches it."""
    database.documents[ATTEMPTS].insert_one({"_id": "name a", **strange})
    with pytest.raises(Unavailable, match="did not write"):
        attempts.read("name a", DEADLINE)
    assert not attempts.write("name a", Run(), 0, NOON, DEADLINE)
    assert kept(database) == [{"_id": "name a", **strange}]


def test_numbers_of_any_kind_are_understood(attempts: MongoAttempts, database: FreshDatabase) -> None:
    """A whole number of seconds, which some tools write as an integer, is the same time."""
    run = {"attempts": [{"id": "a", "at": 5, "other": "b"}], "banned_until": Int64(7)}
    database.documents[ATTEMPTS].insert_one({"_id": "name a", "version": Int64(3), "run": run})
    stored = attempts.read("name a", DEADLINE)
    assert (stored.version, stored.run.banned_until, stored.run.attempts[0].at) == (3, 7.0, 5.0)
    assert attempts.write("name a", Run(), 3, NOON, DEADLINE)
