"""The playground as people start it: a real child process of Gantry, and an end that leaves nothing behind."""

import contextlib
import html
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from playground.workspace import PASSWORD
from tests.stage import COOKIE
from tests.verdict import unmeasured

ROOT = Path(__file__).parent.parent.parent
START_SECONDS = 60.0
END_SECONDS = 2.0
PLACES = ("DEMO_PORT=0", "DEMO_WORKSPACE_PORT=0", "DEMO_GANTRY_HOST=127.0.0.1")


class Playground:
    """`python -m playground` on free ports, in a process group of its own."""

    def __init__(self, *words: str) -> None:
        self._text = ""
        self._grew = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "playground", *PLACES, *words],
            cwd=ROOT,
            env=unmeasured(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.gantry = self._address(r"Gantry +(http://[\w.]+:\d+)/login")
        self.workspace = self._address(r"Workspace +(http://[\w.]+:\d+)")

    def end(self) -> None:
        """Leave nothing, whatever the test came to."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def children(self) -> list[int]:
        """The processes of its group, itself included."""
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and os.getpgid(int(entry.name)) == self.process.pid:
                    state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                    found += [int(entry.name)] if state != "Z" else []
        return found

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._grew:
                self._text += line
                self._grew.notify_all()

    def _address(self, pattern: str) -> str:
        with self._grew:
            assert self._grew.wait_for(lambda: re.search(pattern, self._text), START_SECONDS), self._text
            found = re.search(pattern, self._text)
            assert found
            return found[1]


@pytest.fixture
def playground() -> Iterator[Playground]:
    started = Playground()
    try:
        yield started
    finally:
        started.end()


@pytest.fixture
def relaying_playground() -> Iterator[Playground]:
    started = Playground("CLIENT=1.x", "RELAY=google")
    try:
        yield started
    finally:
        started.end()


def answers(address: str) -> bool:
    place = urlsplit(address)
    assert place.hostname is not None
    with contextlib.suppress(OSError), socket.create_connection((place.hostname, place.port or 0), timeout=1):
        return True
    return False


def in_time(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition comes true in so many seconds."""
    until = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        if time.monotonic() > until:
            return False
        pause.wait(0.01)
    return True


def sign_in(playground: Playground) -> requests.Response:
    form = {"username": "alice", "password": PASSWORD}
    with requests.post(f"{playground.gantry}/login", form, headers={"Origin": playground.gantry}, timeout=10) as answer:
        return answer


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the processes of a group are read from /proc")
# The other two pairs, and what else a signal must end, are tests/playground/test_tree.py's.
@pytest.mark.parametrize(
    ("number", "to_the_group"), [(signal.SIGTERM, False), (signal.SIGINT, True)], ids=["SIGTERM", "Ctrl+C"]
)
def test_the_real_process_signs_in_and_ends(playground: Playground, number: signal.Signals, to_the_group: bool) -> None:
    """The playground's own Gantry signs alice in, and two seconds after a signal neither process nor port is left."""
    answer = sign_in(playground)
    assert answer.status_code == 200
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    assert cookie.startswith(f"{COOKIE}=")
    check = {"Cookie": cookie, "Origin": playground.workspace}
    with requests.post(f"{playground.gantry}/session", headers=check, timeout=10) as checked:
        assert list(checked.json()) == ["loginToken"]
    assert len(playground.children()) > 1

    (os.killpg if to_the_group else os.kill)(playground.process.pid, number)
    began = time.monotonic()
    assert playground.process.wait(END_SECONDS) == 0
    assert in_time(lambda: not playground.children(), END_SECONDS - (time.monotonic() - began))
    assert not answers(playground.gantry)
    assert not answers(playground.workspace)


@pytest.mark.parametrize(
    "words",
    [("DIRECTORY=users",), ("DIRECTORY=cognito", "CREATE_TOKENS=off"), ("DIRECTORY=users", "BACKEND=mongodb")],
    ids=" ".join,
)
def test_the_demo_runs_with_people_from_elsewhere(request: pytest.FixtureRequest, words: tuple[str, ...]) -> None:
    """`make demo DIRECTORY=users` and `DIRECTORY=cognito` sign people in, over REST and with a database."""
    if "BACKEND=mongodb" in words:
        request.getfixturevalue("engine")
    started = Playground(*words)
    try:
        answer = sign_in(started)
        assert answer.status_code == 200
        assert "loginToken" in answer.text
    finally:
        started.end()


def test_a_playground_that_relays(relaying_playground: Playground) -> None:
    """RELAY brings providers, applications, a table and a version that relays: a token of theirs signs somebody in."""
    gantry, workspace = relaying_playground.gantry, relaying_playground.workspace
    with requests.Session() as browser:
        browser.trust_env = False
        page = browser.get(workspace, timeout=10).text
        google = json.loads(html.unescape(re.findall(r'data-providers="([^"]*)"', page)[0]))["google"]
        assert 'data-provider="google"' in browser.get(f"{gantry}/login", timeout=10).text
        token = browser.post(f"{google}/consent", json={"person": "gina"}, timeout=10).json()["granted"]["token"]
        answer = browser.post(f"{gantry}/relay/google", {"token": token}, headers={"Origin": gantry}, timeout=20)
        assert answer.status_code == 200
        assert COOKIE in answer.headers["Set-Cookie"]
