"""The watch over every filter that Gantry sends, in whichever test: one that no index serves fails the test by name.

A pytest plugin. It hears the commands of every `chalicelib.mongodb.Mongo` of this process, not those of the tests' own
clients. `heard` is what the test's Gantry has sent so far:

    def test_something(stage: Stage, heard: Heard) -> None:
        before = len(heard)
        stage.check(signed_in)
        assert [command.collection for command in heard[before:]] == ["users"]
"""

import sys
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from types import FrameType
from typing import Any

import pytest
from pymongo.collation import Collation
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from chalicelib.indexes import INDEXES
from chalicelib.mongodb import Mongo
from playground.database.indexes import USERS

_RANGES = frozenset({"$lt", "$lte", "$gt", "$gte"})
_EQUALITIES = frozenset({"$eq", "$in"})
_WITHOUT_FILTER = frozenset({"insert", "getMore", "killCursors", "ping"})
_CONNECTING = frozenset({"saslStart", "saslContinue", "authenticate", "endSessions"})
"""What the driver sends of itself."""

_FILTERED = {"find": "filter", "findAndModify": "query", "count": "query", "distinct": "query"}
_LISTED = {"update": "updates", "delete": "deletes"}


@dataclass(frozen=True)
class Served:
    """What an index finds: an equality on its leading field, texts compared by its collation."""

    collection: str
    field: str
    sparse: bool = True
    collation: tuple[str, int] | None = None


@dataclass(frozen=True)
class Filter:
    """What a command looks for, and how texts are compared."""

    content: Mapping[str, Any]
    collation: tuple[str, int] | None = None

    @property
    def shape(self) -> str:
        """The filter without its values, which may be secrets."""
        return f"{_shape(self.content)}{' ignoring case' if self.collation else ''}"


@dataclass(frozen=True)
class Command:
    """A command that Gantry sent: its name, its collection, what it looked for, and which of our functions sent it."""

    name: str
    collection: str
    filters: tuple[Filter, ...]
    functions: tuple[str, ...]
    content: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        shapes = ", ".join(each.shape for each in self.filters)
        return f"{self.name} {self.collection} {shapes}".rstrip()


Heard = list[Command]


def _key(collation: Any) -> tuple[str, int] | None:
    if collation is None:
        return None
    document = collation.document if isinstance(collation, Collation) else collation
    return document["locale"], document.get("strength", 3)


SERVED = (
    *(Served("users", each.field, each.sparse, _key(each.collation)) for each in USERS),
    *(Served(each.collection, each.field, each.sparse) for each in INDEXES),
)
"""What Rocket.Chat's own indexes and Gantry's find; `_id` every collection finds."""


def understood(name: str, content: Mapping[str, Any], functions: Sequence[str] = ()) -> Command:
    """Return a command as it went over the wire, taken apart. One that is not known here counts as no filter at all."""
    collection = content.get(name)
    filters: tuple[Filter, ...]
    if name in _WITHOUT_FILTER:
        filters = ()
    elif name in _FILTERED:
        filters = (Filter(content.get(_FILTERED[name]) or {}, _key(content.get("collation"))),)
    elif name in _LISTED:
        filters = tuple(Filter(each["q"], _key(each.get("collation"))) for each in content[_LISTED[name]])
    elif name == "aggregate":
        first: Mapping[str, Any] = next(iter(content["pipeline"]), {})
        filters = (Filter(first.get("$match", {}), _key(content.get("collation"))),)
    else:
        filters = (Filter({}),)
    return Command(name, collection if isinstance(collection, str) else "", filters, tuple(functions), content)


def unserved(command: Command) -> list[str]:
    """Return the filters of a command that no index serves, by their shape."""
    ranges = "sweep" in command.functions
    return [str(command) for each in command.filters if not _serves(each.content, each, command.collection, ranges)]


def _serves(content: Mapping[str, Any], whole: Filter, collection: str, ranges: bool) -> bool:
    for name, value in content.items():
        if name == "$and" and any(_serves(branch, whole, collection, ranges) for branch in value):
            return True
        if name == "$or" and all(_serves(branch, whole, collection, ranges) for branch in value):
            return True
        # The index on `_id` compares texts by no collation, and knows every document.
        known = Served(collection, "_id", sparse=False)
        for index in (known, *SERVED):
            if (index.collection, index.field, index.collation) != (collection, name, whole.collation):
                continue
            if _is_equality(value, index.sparse) or (ranges and index is not known and _is_range(value)):
                return True
    return False


def _is_equality(value: Any, sparse: bool) -> bool:
    """Tell whether a condition names its values; null is not in a sparse index."""
    if isinstance(value, Mapping) and any(str(key).startswith("$") for key in value):
        if not set(value) & _EQUALITIES:
            return False
        named = [value["$eq"]] if "$eq" in value else list(value["$in"])
    else:
        named = [value]
    return not (sparse and None in named)


def _is_range(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and set(value) <= _RANGES


def _shape(value: Any) -> str:
    if not isinstance(value, Mapping):
        return type(value).__name__
    return "{" + ", ".join(f"{key}: {_shape(each)}" for key, each in value.items()) + "}"


def _our_functions() -> tuple[str, ...]:
    """Return the functions of Gantry's database adapters that are under way, the nearest first."""
    found = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("chalicelib."):
            found.append(frame.f_code.co_name)
        frame = frame.f_back
    return tuple(found)


class Watch(CommandListener):
    """Hears what one or many clients send. The driver calls it in the thread that sends."""

    def __init__(self) -> None:
        self.heard: Heard = []
        self.unserved: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        """Keep the command; a fault here would be printed and forgotten by the driver, so it counts as unserved."""
        if event.command_name in _CONNECTING:
            return
        try:
            command = understood(event.command_name, event.command, _our_functions())
            self.heard.append(command)
            self.unserved += unserved(command)
        except Exception as error:
            self.unserved.append(f"{event.command_name}: not understood ({type(error).__name__})")

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Nothing is kept of answers."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Nothing is kept of failures."""

    def judge(self, test: str) -> None:
        """Fail `test` where a filter since the last judgement is served by no index."""
        found, self.unserved = self.unserved, []
        if found:
            lines = "\n  ".join(sorted(set(found)))
            pytest.fail(f"{test} sent filters that no index serves:\n  {lines}", pytrace=False)


_watch = pytest.StashKey[Watch]()
_original = pytest.StashKey[Any]()


def pytest_configure(config: pytest.Config) -> None:
    watch = config.stash[_watch] = Watch()
    original = config.stash[_original] = Mongo.__init__

    @wraps(original)
    def watched(self: Mongo, credentials: Any, listeners: Sequence[CommandListener] = ()) -> None:
        original(self, credentials, [*listeners, watch])

    Mongo.__init__ = watched  # type: ignore[method-assign]


def pytest_unconfigure(config: pytest.Config) -> None:
    Mongo.__init__ = config.stash[_original]  # type: ignore[method-assign]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    item.config.stash[_watch].heard.clear()
    yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    yield
    item.config.stash[_watch].judge(item.name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    yield
    item.config.stash[_watch].judge(item.name)


@pytest.fixture
def heard(pytestconfig: pytest.Config) -> Heard:
    """The commands that Gantry has sent in this test so far, in their order."""
    return pytestconfig.stash[_watch].heard
