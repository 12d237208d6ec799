"""Warm requests: a process that has answered before is called in turn with a bare Chalice app's route.

Own time is the thread's processor time without what it spends within the driver's commands and the transport's calls.
Nothing is remembered from one request to the next that a second would outdate: the clock goes on by one a request,
except for the check that is asked again within that second.

A wait leaves the processor's caches cold, and whatever runs next takes twice as long or longer, the bare route too if
it had waited. So a check is held to that route with its backend's answer given at once, as it came the first time; the
same check with the real wait has a row of its own.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from time import perf_counter, thread_time, time
from typing import Any, TypeVar, cast

from chalice.app import Chalice
from cryptography.fernet import Fernet
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

import app
from benchmarks import events
from benchmarks.backends import SIGNING_IN
from benchmarks.stage import Stage
from chalicelib.bootstrap import Gantry
from chalicelib.deadline import Deadline
from chalicelib.mongodb import Mongo, Work
from chalicelib.rocketchat import Call, Reply, Send
from tests.api_gateway import Context
from tests.fakes import FakeSecretStore

BARE = "Chalice"
FLOOR = "floor: check"
BATCH_SECONDS = 0.03
LARGEST_BATCH = 200
WARMING_UP = 10
A_SECOND = 1.01

_T = TypeVar("_T")


@dataclass(frozen=True)
class Row:
    """One kind of request: seconds of our own for one, per batch; of its backends by the wall clock; and their calls.

    `first` are the calls of a container's first request of the kind, `calls` those of any later one.
    """

    own: Sequence[float]
    outside: Sequence[float]
    first: Mapping[str, int]
    calls: Mapping[str, int]


def measure(stage: Stage, cookies: Mapping[str, str], rounds: int) -> dict[str, Row]:
    """Measure every kind of request in a process of its own, in so many interleaved batches."""
    given = {
        "workspace": stage.backends.workspace_url,
        "kinds": {
            kind: {"environ": environ, "secret": stage.secrets[kind], "cookie": cookies[kind]}
            for kind, environ in stage.environs.items()
        },
        "rounds": rounds,
    }
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.warm"],
        input=json.dumps(given),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return {name: Row(**row) for name, row in json.loads(told.stdout).items()}


class _Outside:
    """What passes within drivers and transports, and how often they are called."""

    def __init__(self) -> None:
        self.processor = 0.0
        self.wall = 0.0
        self.calls: Counter[str] = Counter()
        self.repeats = False
        self._answer: Any = None

    def within(self, work: Callable[[], _T]) -> _T:
        if self.repeats and self._answer is not None:
            kept: _T = self._answer
            return kept
        self._answer = self._timed(work)
        return cast(_T, self._answer)

    def _timed(self, work: Callable[[], _T]) -> _T:
        began, processor = perf_counter(), thread_time()
        try:
            return work()
        finally:
            self.processor += thread_time() - processor
            self.wall += perf_counter() - began


class _Commands(CommandListener):
    def __init__(self, calls: Counter[str]) -> None:
        self._calls = calls

    def started(self, event: CommandStartedEvent) -> None:
        self._calls["database"] += 1

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """It was counted when it began."""

    def failed(self, event: CommandFailedEvent) -> None:
        """It was counted when it began."""


class _Clock:
    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        return time() + self._ahead

    def advance(self) -> None:
        self._ahead += A_SECOND


class _Secret(FakeSecretStore):
    calls: Counter[str]

    def fetch(self, deadline: Deadline) -> str:
        self.calls["secret"] += 1
        return super().fetch(deadline)


class _Container(Gantry):
    """Gantry with its transport and its driver under observation; `counts` listens to the driver, which takes time."""

    def __init__(self, environ: Mapping[str, str], secret: str, outside: _Outside, counts: bool = False) -> None:
        store = _Secret(secret)
        store.calls = outside.calls
        self.outside = outside
        self.ticking = _Clock()
        listeners = [_Commands(outside.calls)] if counts else []
        super().__init__(environ, clock=self.ticking, secret_store=store, listeners=listeners)

    @cached_property
    def workspace(self) -> Send:
        send = super().workspace

        def observed(call: Call, deadline: Deadline) -> Reply:
            self.outside.calls["workspace"] += 1
            return self.outside.within(lambda: send(call, deadline))

        return observed

    @cached_property
    def mongo(self) -> Mongo:
        mongo = super().mongo
        run = mongo.run

        def observed(work: Work[_T], deadline: Deadline) -> _T:
            return run(lambda database: self.outside.within(lambda: work(database)), deadline)

        mongo.run = observed  # type: ignore[method-assign]
        return mongo


class _Case:
    """One kind of request, and what answers it."""

    def __init__(
        self,
        make: Callable[[bool], _Container] | None,
        event: Callable[[], events.Event],
        status: int,
        advances: bool = True,
        repeats: bool = False,
    ) -> None:
        self._event = event
        self._status = status
        self._advances = advances
        self._container: _Container | None = None
        self._batch = 1
        self.own: list[float] = []
        self.outside: list[float] = []
        self.calls: list[Counter[str]] = [Counter(), Counter()]
        if make is not None:
            self._container = make(True)
            self.calls = [self._counted(self._container), self._counted(self._container)]
            self._container = make(False)
            self._container.outside.repeats = repeats

    def _counted(self, container: _Container) -> Counter[str]:
        container.outside.calls.clear()
        self._repeat(1)
        return Counter(container.outside.calls)

    def warm_up(self) -> None:
        """Answer some, and find how many make a batch."""
        self._repeat(WARMING_UP)
        own, outside = self._repeat(WARMING_UP)
        self._batch = max(1, min(LARGEST_BATCH, int(BATCH_SECONDS / max(own + outside, 1e-9))))

    def measure(self) -> None:
        """Answer a batch."""
        own, outside = self._repeat(self._batch)
        self.own.append(own)
        self.outside.append(outside)

    def _repeat(self, times: int) -> tuple[float, float]:
        """Answer so many; the seconds of our own, and those outside by the wall clock, of one."""
        made = [self._event() for _ in range(times)]
        context, outside = Context(), _Outside()
        answer: Callable[[Any, Any], Any] = _bare
        if self._container is not None:
            outside, app.gantry, answer = self._container.outside, self._container, app.app
        processor, wall = outside.processor, outside.wall
        began = thread_time()
        for each in made:
            status = answer(each, context)["statusCode"]
            if self._advances and self._container is not None:
                self._container.ticking.advance()
        ended = thread_time()
        if status != self._status:
            raise RuntimeError(f"{each['httpMethod']} {each['path']} was answered {status}")
        return (ended - began - (outside.processor - processor)) / times, (outside.wall - wall) / times


_bare = Chalice(app_name="bare")
_keys: list[Fernet] = []


@_bare.route("/session", methods=["GET", "POST"])
def session() -> dict[str, str]:
    """Answer with nothing."""
    return {}


@_bare.route("/floor", methods=["POST"])
def floor() -> dict[str, str]:
    """Do what no check can do without: open the seal, read an answer of the backend's, write one line."""
    request: Any = _bare.current_request
    sealed = request.headers["cookie"].partition("=")[2]
    content: dict[str, Any] = json.loads(_keys[0].decrypt(sealed))["content"]
    json.loads(_ME)
    print(json.dumps({"event": "request", "path": request.path, "status": 200}), flush=True)
    return {"loginToken": content["token"]}


_ME = b'{"_id": "23456789ABCDEFGHJ", "username": "alice", "active": true, "roles": ["user"], "success": true}'


def _always(event: events.Event) -> Callable[[], events.Event]:
    return lambda: event


def _cases(workspace: str, kinds: Mapping[str, Any]) -> dict[str, _Case]:
    def container(kind: str) -> Callable[[bool], _Container]:
        given = kinds[kind]
        return lambda counts: _Container(given["environ"], json.dumps(given["secret"]), _Outside(), counts)

    nobody = _always(events.check(workspace))
    cases = {
        BARE: _Case(None, nobody, HTTPStatus.OK),
        "check without a cookie": _Case(container("rest"), nobody, HTTPStatus.UNAUTHORIZED),
        "GET /login": _Case(container("rest"), events.login_page, HTTPStatus.OK),
    }
    _keys.append(Fernet(kinds["rest"]["secret"]["session_keys"][-1]))
    sealed = events.check(workspace, kinds["rest"]["cookie"], "/floor")
    cases[FLOOR] = _Case(None, _always(sealed), HTTPStatus.OK)
    for kind, given in kinds.items():
        somebody = events.check(workspace, given["cookie"])
        cases[f"check, {kind}"] = _Case(container(kind), _always(somebody), HTTPStatus.OK, repeats=True)
        cases[f"check, {kind}, with its wait"] = _Case(container(kind), _always(somebody), HTTPStatus.OK)
        cases[f"POST /login, {kind}"] = _Case(container(kind), lambda: events.sign_in(SIGNING_IN), HTTPStatus.OK)
    again = _always(events.check(workspace, kinds["rest"]["cookie"]))
    cases["check, rest, within a second"] = _Case(container("rest"), again, HTTPStatus.OK, advances=False)
    return cases


def main() -> None:
    """The child: what to do comes on standard input, the rows go to standard output."""
    given = json.load(sys.stdin)
    # The log is ours to pay for, and nobody's to read.
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        cases = _cases(given["workspace"], given["kinds"])
        for case in cases.values():
            case.warm_up()
        for _ in range(given["rounds"]):
            for case in cases.values():
                case.measure()
    rows = {name: vars(Row(case.own, case.outside, *case.calls)) for name, case in cases.items()}
    json.dump(rows, sys.stdout)


if __name__ == "__main__":
    main()
