"""The database of the tests as fixtures, over the wire on whichever engine is there.

    def test_something(database: FreshDatabase, relay: Relay) -> None:
        settings["mongodb_uri"] = database.uri               # straight
        settings["mongodb_uri"] = relay.uri(database.uri)    # with the relay's faults between

What the engine cannot do is skipped by name (`tests.database.needs_mongodb`); the last lines of the run tell the engine
and what was skipped for its sake. Having no engine at all is `missing`.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pymongo.collection import Collection
from pymongo.database import Database

from chalicelib import indexes as own_indexes
from playground.database import addresses, choice, indexes, preparation
from playground.database.capabilities import CAPABILITIES, Capability
from playground.database.engine import Client, Engine, Unavailable, connect
from tests.database.relay import Relay
from tests.verdict import lacks, missing, note

_WHAT = "database"


@dataclass(frozen=True)
class FreshDatabase:
    """A database of one test's own, with Rocket.Chat's indexes; `uri` is what Gantry would be given for it."""

    name: str
    uri: str
    documents: Database[dict[str, Any]]

    @property
    def users(self) -> Collection[dict[str, Any]]:
        """Rocket.Chat's accounts, with an administrator's rights."""
        return self.documents.users


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs_mongodb(*capabilities): skipped by name where the engine cannot do that")


@pytest.fixture(scope="session")
def engine(pytestconfig: pytest.Config) -> Iterator[Engine]:
    """The engine of this run; a test may kill it if it restarts it."""
    try:
        started = choice.start()
    except Unavailable as reason:
        missing(pytestconfig, _WHAT, preparation.recorded_reason() or str(reason))
    with started:
        note(pytestconfig, _WHAT, started.name)
        lacks(pytestconfig, _WHAT)
        yield started


@pytest.fixture(autouse=True)
def _needs_mongodb(request: pytest.FixtureRequest) -> None:
    wanted = [str(name) for mark in request.node.iter_markers("needs_mongodb") for name in mark.args]
    if wanted:
        _require(request, wanted)


@pytest.fixture(scope="session")
def database_administrator(engine: Engine) -> Iterator[Client]:
    """A client with every right."""
    with connect(engine.admin_uri) as client:
        yield client


@pytest.fixture
def database(engine: Engine, database_administrator: Client) -> Iterator[FreshDatabase]:
    """An empty database with a name of its own, dropped after the test."""
    name = f"gantry_test_{secrets.token_hex(8)}"
    fresh = FreshDatabase(name, addresses.for_database(engine.uri, name), database_administrator[name])
    try:
        indexes.create(fresh.users, engine.can)
        own_indexes.create(fresh.documents)
        yield fresh
    finally:
        database_administrator.drop_database(name)


@pytest.fixture
def relay(request: pytest.FixtureRequest, engine: Engine) -> Iterator[Relay]:
    """A relay before the engine, without faults until the test asks for some."""
    _require(request, ["relay"])
    with Relay(engine.uri) as started:
        yield started


def _require(request: pytest.FixtureRequest, wanted: list[str]) -> None:
    unknown = set(wanted) - CAPABILITIES
    if unknown:
        pytest.fail(f"needs_mongodb knows no {', '.join(sorted(unknown))}")
    engine: Engine = request.getfixturevalue("engine")
    names: list[Capability] = sorted(CAPABILITIES.intersection(wanted))
    lacking = [name for name in names if not engine.can(name)]
    if lacking:
        lacks(request.config, _WHAT, *lacking)
        pytest.skip(f"{engine.name} has no {', '.join(lacking)}")
