"""Whether a workspace relays: what its version says, how often it is asked, and what its silence costs."""

import pytest

from chalicelib.deadline import Deadline
from chalicelib.errors import RateLimited, Unavailable
from chalicelib.relay.version import MOST_SECONDS, WorkspaceVersion, relays
from chalicelib.rocketchat import Call, Reply
from tests.fakes import FakeClock, reply

DEADLINE = Deadline.after(1e6)


class Workspace:
    """A transport to a workspace that says its version, or what is raised or answered in its place."""

    def __init__(self, version: object) -> None:
        self.version = version
        self.calls: list[tuple[str, float]] = []

    def __call__(self, call: Call, deadline: Deadline) -> Reply:
        self.calls.append((call.path, deadline.remaining()))
        if isinstance(self.version, Exception):
            raise self.version
        if isinstance(self.version, Reply):
            return self.version
        return reply(200, {"version": self.version, "success": True})


@pytest.mark.parametrize(
    ("version", "known"),
    [
        *(("0.58.0", True), ("0.74", True), ("1.0", True), ("1.3.2", True), ("1.3.0-rc.1", True)),
        *(("2.0", None), ("2.4.14", None)),
        *(("3.0", False), ("3.18.7", False), ("6.13", False), ("8.6", False), ("10.1", False), ("12", False)),
        *(
            (None, None),
            (5, None),
            (1.3, None),
            ("", None),
            ("v1.3", None),
            ("one", None),
            ("1x", None),
            ("\u0661.3", None),
        ),
        *(([], None), ({"version": "1.3"}, None)),
    ],
)
def test_the_version_says_whether_a_workspace_relays(version: object, known: bool | None) -> None:
    """Clients before 2 relay, those from 3 on do not, and of 2 and of what is no version nothing is known."""
    assert relays(version) is known


@pytest.mark.parametrize(("version", "known"), [("1.3", True), ("2.4", None), ("8.6", False), (None, None)])
def test_the_workspace_is_asked_once_an_hour(version: object, known: bool | None) -> None:
    """An answer is remembered for an hour, whatever it is."""
    workspace, clock = Workspace(version), FakeClock()
    asked = WorkspaceVersion(workspace, clock)
    assert [asked.relays(DEADLINE) for _ in range(20)] == [known] * 20
    clock.now += 3599
    asked.relays(DEADLINE)
    assert [path for path, _ in workspace.calls] == ["/api/info"]
    clock.now += 1
    workspace.version = "8.6"
    assert asked.relays(DEADLINE) is False
    assert len(workspace.calls) == 2


@pytest.mark.parametrize(
    "silence",
    [
        Unavailable("workspace", "down"),
        RateLimited("workspace", "rate limit", 60),
        reply(502, b"<html>"),
        reply(401, {"status": "error"}),
        reply(401, {"status": "error", "error": "totp-required"}),
        reply(403, {"success": False}),
        reply(200, b"[]"),
    ],
)
def test_a_silent_workspace_is_asked_again_after_a_minute(silence: object) -> None:
    """Promise 35: without an answer nothing is known, nobody is told an error, and the next minute asks nothing."""
    workspace, clock = Workspace(silence), FakeClock()
    asked = WorkspaceVersion(workspace, clock)
    assert [asked.relays(DEADLINE) for _ in range(3)] == [None] * 3
    clock.now += 59
    assert asked.relays(DEADLINE) is None
    assert len(workspace.calls) == 1
    clock.now += 1
    workspace.version = "1.3"
    assert asked.relays(DEADLINE) is True
    clock.now += 3600
    workspace.version = silence
    assert asked.relays(DEADLINE) is True
    assert len(workspace.calls) == 3


@pytest.mark.parametrize(("left", "given"), [(26.0, MOST_SECONDS), (1.0, 1.0)])
def test_the_page_waits_two_seconds_at_most(left: float, given: float) -> None:
    """Promise 35: two seconds are spent on the question, and less where the request has less left."""
    workspace = Workspace("1.3")
    WorkspaceVersion(workspace, FakeClock()).relays(Deadline.after(left, FakeClock()))
    assert workspace.calls == [("/api/info", given)]
