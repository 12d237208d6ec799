"""The HTTP transport over a real socket: reuse, repetition, limits, and every way in which a backend can fail."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib import rocketchat
from chalicelib.deadline import Deadline
from chalicelib.errors import Unavailable
from chalicelib.secret import Secret
from chalicelib.transport import IDLE_SECONDS, LONGEST_BODY, HttpTransport
from playground.workspace import Fault, ManualClock, Serving, Workspace, serve
from tests.fakes import FakeClock

LOGIN = rocketchat.login("alice", Secret("gantry-demo"), "203.0.113.9")


@pytest.fixture
def workspace() -> Workspace:
    return Workspace(clock=ManualClock(), rate_limits=False)


@pytest.fixture
def serving(workspace: Workspace) -> Iterator[Serving]:
    with serve(workspace) as serving:
        yield serving


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def send(serving: Serving, clock: FakeClock) -> HttpTransport:
    return HttpTransport(serving.url, "workspace", clock)


def failing(send: HttpTransport, call: rocketchat.Call, seconds: float = 20.0) -> str:
    with pytest.raises(Unavailable) as unavailable:
        send(call, Deadline.after(seconds))
    assert unavailable.value.backend == "workspace"
    return unavailable.value.why


def test_a_call_arrives_and_its_answer_comes_back(send: HttpTransport, workspace: Workspace) -> None:
    """Method, path, body and headers arrive, and status, headers and body come back."""
    reply = send(LOGIN, Deadline.after(20))
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("application/json")
    (call,) = workspace.calls("login")
    assert call.headers["x-real-ip"] == "203.0.113.9"
    assert call.headers["user-agent"].startswith("Gantry/")
    assert call.headers["content-type"] == "application/json"


def test_a_redirect_is_not_followed(send: HttpTransport, workspace: Workspace) -> None:
    """Promise 35: a redirect is an answer and is never followed."""
    workspace.fault("info", Fault(status=302, body=b"", headers={"Location": "/api/v1/me"}))
    assert send(rocketchat.info(), Deadline.after(20)).status == 302
    assert workspace.calls("me") == []


def test_a_get_on_a_dead_connection_is_repeated_once(send: HttpTransport, workspace: Workspace) -> None:
    """A GET whose connection is cut is repeated once, and only once."""
    workspace.fault("info", Fault(cut=True), times=1)
    assert send(rocketchat.info(), Deadline.after(20)).status == 200
    workspace.fault("info", Fault(cut=True), times=2)
    assert failing(send, rocketchat.info()) == "ConnectionError"


def test_a_post_is_never_repeated(send: HttpTransport, workspace: Workspace) -> None:
    """A POST may have taken effect before the connection was cut, so it is not made twice."""
    workspace.fault("login", Fault(cut=True), times=1)
    assert failing(send, LOGIN) == "ConnectionError"
    assert len(workspace.calls("login")) == 1


def test_a_silent_backend_is_given_up_at_the_deadline(send: HttpTransport, workspace: Workspace) -> None:
    """Promise 35: a backend that accepts and stays silent is unavailable once the request's time is up."""
    held = threading.Event()
    workspace.fault("login", Fault(hold=held))
    assert failing(send, LOGIN, seconds=0.2) == "ReadTimeout"
    held.set()


def test_a_silent_backend_is_not_asked_twice(send: HttpTransport, workspace: Workspace) -> None:
    """Promise 35: a GET that timed out is not repeated: its time is spent."""
    held = threading.Event()
    workspace.fault("info", Fault(hold=held))
    assert failing(send, rocketchat.info(), seconds=0.2) == "ReadTimeout"
    held.set()
    assert len(workspace.calls("info")) <= 1


def test_a_dripping_backend_does_not_outlast_the_deadline(send: HttpTransport, workspace: Workspace) -> None:
    """Promise 35: an answer that comes byte by byte is given up when the request's time is over."""
    workspace.fault("info", Fault(drip=0.05))
    assert failing(send, rocketchat.info(), seconds=0.3) == "deadline"


def test_nobody_listening_is_unavailable(serving: Serving) -> None:
    """A port that nobody listens on is a backend that is unavailable."""
    assert failing(HttpTransport("http://127.0.0.1:9", "workspace"), rocketchat.info()) == "ConnectionError"


def test_an_endless_answer_is_cut_short(send: HttpTransport, workspace: Workspace) -> None:
    """An answer of more than a mebibyte is none of Rocket.Chat's and is not read to its end."""
    workspace.fault("info", Fault(status=200, body=b"x" * (LONGEST_BODY + 1)))
    assert failing(send, rocketchat.info()) == "answer too long"


def test_connections_are_kept_but_not_over_a_minute(
    send: HttpTransport, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection serves the next call, unless it was idle for more than 60 s."""
    opened: list[object] = []
    from urllib3.connection import HTTPConnection

    connect = HTTPConnection.connect

    def counted(self: HTTPConnection) -> None:
        opened.append(self)
        connect(self)

    monkeypatch.setattr(HTTPConnection, "connect", counted)
    for _ in range(3):
        send(rocketchat.info(), Deadline.after(20))
    clock.now += IDLE_SECONDS
    send(rocketchat.info(), Deadline.after(20))
    assert len(opened) == 1
    clock.now += IDLE_SECONDS + 1
    send(rocketchat.info(), Deadline.after(20))
    assert len(opened) == 2


def test_nothing_of_the_machines_own_is_sent_along(
    send: HttpTransport, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No proxy and no credentials that lie about on the machine are used."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login canary password canary\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    send(rocketchat.info(), Deadline.after(20))
    (call,) = workspace.calls("info")
    assert "authorization" not in call.headers
