"""A stand-in workspace over HTTP, and a caller of its API."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from playground.workspace import PASSWORD, ManualClock, Serving, Workspace, serve
from playground.workspace.mongodb import MongoStore
from playground.workspace.store import MemoryStore, Store
from tests.database.fixtures import FreshDatabase


@dataclass
class Api:
    """Calls the API of a workspace over one kept connection."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False

    def get(self, route: str, login: tuple[str, str] | None = None) -> requests.Response:
        return self.session.get(f"{self.url}/api/v1/{route}", headers=_pair(login), timeout=5)

    def post(
        self,
        route: str,
        body: object = None,
        login: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        sent = {**_pair(login), **(headers or {})}
        return self.session.post(f"{self.url}/api/v1/{route}", json=body, headers=sent, timeout=5)

    def log_in(self, username: str, code: str | None = None, password: str = PASSWORD) -> requests.Response:
        body = {"user": username, "password": password}
        return self.post("login", body if code is None else {**body, "code": code})

    def login_of(self, username: str) -> tuple[str, str]:
        data: dict[str, Any] = self.log_in(username).json()["data"]
        return data["userId"], data["authToken"]


def _pair(login: tuple[str, str] | None) -> dict[str, str]:
    return {"X-User-Id": login[0], "X-Auth-Token": login[1]} if login else {}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_800_000_000)


@pytest.fixture(params=["memory", "mongodb"])
def store(request: pytest.FixtureRequest) -> Store:
    """An empty store of each kind in turn."""
    if request.param == "memory":
        return MemoryStore()
    database: FreshDatabase = request.getfixturevalue("database")
    return MongoStore(database.documents)


@pytest.fixture
def workspace(clock: ManualClock) -> Workspace:
    return Workspace(clock=clock)


@pytest.fixture
def serving(workspace: Workspace) -> Iterator[Serving]:
    with serve(workspace) as started:
        yield started


@pytest.fixture
def api(serving: Serving) -> Iterator[Api]:
    caller = Api(serving.url)
    yield caller
    caller.session.close()
