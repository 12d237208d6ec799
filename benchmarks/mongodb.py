"""What a check and a sign-in cost with a thousand, ten thousand and a hundred thousand accounts.

`make bench-mongodb` runs it on the first engine that is there; BENCH_ACCOUNTS=1000000 goes on to a million. All sizes
are measured in one run and in turn, so that a slow moment of the machine meets each of them. Read the ratios, not the
milliseconds: passwords have bcrypt's lowest cost, and the database is on loopback.
"""

import os
import random
import secrets
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from math import sqrt
from statistics import median
from time import perf_counter
from typing import Any

from pymongo.database import Database
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from chalicelib import indexes as own_indexes
from chalicelib.bootstrap import Gantry
from chalicelib.signin import SignedIn
from playground.database import addresses, choice, indexes
from playground.database.engine import Client, Engine, Unavailable, connect
from tests.fakes import FakeClock, FakeSecretStore, caller, fernet_key, secret_text
from tests.mongodb.filters import Command, understood
from tests.mongodb.plans import plan, scans
from tests.mongodb.stage import PASSWORD, WORKSPACE, account, hashed, moment, services

SMALLEST = 1_000
USUAL = 100_000
BATCH = 5_000
ROUNDS = 30
WARMING_UP = 5
SECONDS = 120.0
"""No new round is begun after so long."""

Documents = Database[dict[str, Any]]
Medians = Mapping[int, float]


class Timer(CommandListener):
    """How long each distinct command took, in milliseconds, by the driver's own account."""

    def __init__(self) -> None:
        self.milliseconds: defaultdict[str, list[float]] = defaultdict(list)
        self.commands: dict[str, Command] = {}
        self.counts = False
        self._under_way: dict[int, str] = {}

    def started(self, event: CommandStartedEvent) -> None:
        """Remember what the command is."""
        command = understood(event.command_name, event.command)
        if command.filters and command.collection:
            self.commands[str(command)] = command
            self._under_way[event.request_id] = str(command)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Write down how long it took."""
        name = self._under_way.pop(event.request_id, None)
        if name is not None and self.counts:
            self.milliseconds[name].append(event.duration_micros / 1000)

    def failed(self, event: CommandFailedEvent) -> None:
        """A command that fails ends the use case, and with it the run."""


class Workspace:
    """A database of so many accounts, with a container of Gantry for each kind of token."""

    def __init__(self, engine: Engine, client: Client, size: int) -> None:
        self.size = size
        self.timer = Timer()
        self.name = f"gantry_bench_{secrets.token_hex(6)}"
        self.documents: Documents = client[self.name]
        self._uri = addresses.for_database(engine.uri, self.name)
        self._clock = FakeClock()
        self._random = random.Random(size)  # noqa: S311 - whose turn it is, no secret
        self.milliseconds: defaultdict[str, list[float]] = defaultdict(list)
        indexes.create(self.documents.users, engine.can)
        own_indexes.create(self.documents)
        self._fill()
        self._login, self._iframe = self._container("login"), self._container("iframe")

    def _fill(self) -> None:
        for start in range(0, self.size, BATCH):
            end = min(start + BATCH, self.size)
            self.documents.users.insert_many([_person(number) for number in range(start, end)])

    def _container(self, kind: str) -> Gantry:
        environ = {
            "ROCKETCHAT_URL": WORKSPACE,
            "SECRET_ID": "gantry/bench",
            "DIRECTORY": "mongodb",
            "TOKEN_SOURCE": "mongodb",
            "TOKEN_KIND": kind,
            "LOG_LEVEL": "ERROR",
        }
        store = FakeSecretStore(secret_text(fernet_key(), mongodb_uri=self._uri))
        return Gantry(environ, clock=self._clock, secret_store=store, listeners=[self.timer])

    def close(self) -> None:
        """Close both containers' connections."""
        self._login.mongo.close()
        self._iframe.mongo.close()

    def round(self, counts: bool) -> None:
        """Ask for everything once, each time for somebody else; only what `counts` is written down."""
        self.timer.counts = counts
        # Whoever is asked about is somewhere among the accounts: a scan ends where it finds.
        for gantry, kind in ((self._login, ""), (self._iframe, ", kind iframe")):
            username = f"person{self._random.randrange(self.size)}"
            signed_in = self._sign_in(f"sign-in by username{kind}", gantry, username, counts)
            with self._measured(f"check{kind}", counts):
                gantry.session_check.check(signed_in.sealed, caller().deadline)
            with self._measured(f"sign-out{kind}", counts):
                gantry.session_check.sign_out(signed_in.sealed, caller().deadline)
        address = f"person{self._random.randrange(self.size)}@example.com"
        self._sign_in("sign-in by address", self._login, address, counts)

    def sweep(self) -> None:
        """One hourly sweep that finds one old token."""
        old = {"services.iframe": {"token": "old", "when": moment(self._clock.now - 700)}}
        self.documents.users.update_one({"_id": f"person{self._random.randrange(self.size)}-id"}, {"$set": old})
        with self._measured("sweep of one old token", True):
            removed = self._iframe.sweep(caller().deadline)
        if removed != 1:
            raise AssertionError(f"the sweep removed {removed}")

    def _sign_in(self, name: str, gantry: Gantry, typed: str, counts: bool) -> SignedIn:
        with self._measured(name, counts):
            came_to = gantry.sign_in.with_password(typed, PASSWORD, caller())
        if not isinstance(came_to, SignedIn):
            raise AssertionError(f"{typed} is not signed in")
        return came_to

    @contextmanager
    def _measured(self, name: str, counts: bool) -> Iterator[None]:
        began = perf_counter()
        yield
        if counts:
            self.milliseconds[name].append((perf_counter() - began) * 1000)


def _person(number: int) -> dict[str, Any]:
    tokens = [{"when": moment(1_700_000_000), "hashedToken": hashed(f"{number} {each}")} for each in range(2)]
    return account(f"person{number}", services=services(resume={"loginTokens": tokens}))


def sizes(environ: Mapping[str, str]) -> list[int]:
    """The powers of ten from a thousand to BENCH_ACCOUNTS, and that number itself."""
    largest = max(int(environ.get("BENCH_ACCOUNTS") or USUAL), SMALLEST)
    powers = [10**power for power in range(3, 10)]
    return [*(each for each in powers if each < largest), largest]


def table(names: Mapping[str, Medians], marks: Mapping[str, str], title: str) -> list[str]:
    """Lay out medians in milliseconds with their ratios to the smallest size."""
    wanted = sorted({size for medians in names.values() for size in medians})
    width = max(map(len, [title, *names]))
    head = [f"{title:<{width}}", *(f"{size:>10,}" + (f" {'x':>6}" if size != wanted[0] else "") for size in wanted)]
    lines = ["  ".join(head).rstrip()]
    for name, medians in names.items():
        cells = [f"{name:<{width}}"]
        for size in wanted:
            ratio = f" {medians[size] / medians[wanted[0]]:6.1f}" if size != wanted[0] else ""
            cells.append(f"{medians[size]:10.2f}{ratio}")
        lines.append("  ".join([*cells, marks.get(name, "")]).rstrip())
    return lines


def marked(engine: Engine, workspaces: Sequence[Workspace], medians: Mapping[str, Medians]) -> dict[str, str]:
    """Say which commands read the whole collection: by the server's own plan, else by how their time grows."""
    largest, smallest = workspaces[-1], workspaces[0]
    if engine.can("explain"):
        slow = [name for name in medians if scans(plan(largest.documents, largest.timer.commands[name]))]
    else:
        # Half way, on a logarithmic scale, between not growing at all and growing with the accounts.
        limit = sqrt(largest.size / smallest.size)
        slow = [name for name, each in medians.items() if each[largest.size] / each[smallest.size] > limit]
    return dict.fromkeys(slow, "scans")


def measure(engine: Engine, client: Client, wanted: Sequence[int], say: Callable[[str], None]) -> list[str]:
    """Fill a database of each size, measure them in turn, drop them, and return the report."""
    workspaces: list[Workspace] = []
    with ExitStack() as things:
        for size in wanted:
            say(f"Filling {size:,} accounts")
            workspaces.append(Workspace(engine, client, size))
            things.callback(client.drop_database, workspaces[-1].name)
            things.callback(workspaces[-1].close)
        say("Measuring")
        for each in workspaces * WARMING_UP:
            each.round(counts=False)
        rounds, until = 0, perf_counter() + SECONDS
        while rounds < ROUNDS and (not rounds or perf_counter() < until):
            for each in workspaces:
                each.round(counts=True)
                if rounds % 5 == 0:
                    each.sweep()
            rounds += 1
        return _report(engine, workspaces, rounds)


def _report(engine: Engine, workspaces: Sequence[Workspace], rounds: int) -> list[str]:
    cases = {
        name: {each.size: median(each.milliseconds[name]) for each in workspaces} for name in workspaces[0].milliseconds
    }
    commands = {
        name: {each.size: median(each.timer.milliseconds[name]) for each in workspaces}
        for name in workspaces[0].timer.milliseconds
        if all(each.timer.milliseconds[name] for each in workspaces)
    }
    marks = marked(engine, workspaces, commands)
    how = "by its own plan" if engine.can("explain") else "by how its time grows (no plan is explained)"
    return [
        f"Engine: {engine.name}",
        f"Median milliseconds of {rounds} rounds (the sweep: fewer), x = ratio to the fewest accounts, all in one run.",
        "",
        *table(cases, {}, "use case / accounts"),
        "",
        *table(commands, marks, "command / accounts"),
        "",
        f'"scans": this engine reads every account for it, {how}. On MongoDB an index',
        "serves each of them, Rocket.Chat's or Gantry's own; an engine that uses an index only for a query on exactly",
        "its fields does not show that.",
    ]


def main() -> None:
    """Run on the first engine that is there, and print the report."""
    try:
        engine = choice.start()
    except Unavailable as reason:
        sys.exit(f"There is no MongoDB server to measure: {reason}")
    with engine, connect(engine.admin_uri, socketTimeoutMS=600_000) as client:
        report = measure(engine, client, sizes(os.environ), lambda line: print(line, file=sys.stderr, flush=True))
    print("\n".join(report))


if __name__ == "__main__":
    main()
