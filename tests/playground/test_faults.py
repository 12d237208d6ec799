"""How a test makes the stand-in misbehave."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from urllib3.exceptions import ReadTimeoutError

from playground.workspace import Fault, ManualClock, Workspace, serve
from tests.playground.conftest import Api


def test_a_fault_replaces_the_next_answers_of_its_route(workspace: Workspace, api: Api) -> None:
    """The next calls of a route get the answer that the test gave, and those after it the real one."""
    page = Fault(status=502, body=b"<html>", headers={"Content-Type": "text/html"})
    workspace.fault("login", page, times=2)
    assert api.get("me").status_code == 401
    for _ in range(2):
        answer = api.log_in("alice")
        assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (502, b"<html>", "text/html")
    assert api.log_in("alice").status_code == 200


def test_a_standing_fault_lasts_until_it_is_cleared(workspace: Workspace, api: Api) -> None:
    """A fault without a number of times stays, on any route where it says so."""
    workspace.fault("*", Fault(status=503), times=None)
    assert {api.log_in("alice").status_code, api.get("me").status_code} == {503}
    workspace.clear_faults()
    assert api.log_in("alice").status_code == 200


def test_a_held_call_answers_when_the_event_is_set(workspace: Workspace, api: Api) -> None:
    """A held call has arrived, has no status yet, and gets its real answer when the event is set."""
    event = threading.Event()
    workspace.fault("login", Fault(hold=event))
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(api.log_in, "alice")
        (call,) = workspace.wait_for_calls("login")
        assert call.status is None
        event.set()
        assert answer.result(5).status_code == 200


def test_a_held_call_does_not_outlive_the_server(clock: ManualClock) -> None:
    """When serving ends, a call that is still held ends with it."""
    workspace = Workspace(clock=clock)
    workspace.fault("login", Fault(hold=threading.Event()))
    with ThreadPoolExecutor() as pool:
        with serve(workspace) as serving:
            waiting = pool.submit(requests.post, f"{serving.url}/api/v1/login", json={}, timeout=5)
            workspace.wait_for_calls("login")
        assert not isinstance(waiting.exception(5), requests.Timeout)


def test_a_cut_call_has_no_answer_but_may_have_had_its_effect(workspace: Workspace, api: Api) -> None:
    """A cut connection gives no answer; with `after` the call took effect nevertheless."""
    login = api.login_of("alice")
    workspace.fault("logout", Fault(cut=True))
    with pytest.raises(requests.ConnectionError):
        api.post("logout", login=login)
    assert api.get("me", login).status_code == 200
    workspace.fault("logout", Fault(cut=True, after=True))
    with pytest.raises(requests.ConnectionError):
        api.post("logout", login=login)
    assert api.get("me", login).status_code == 401


def test_a_dripping_answer_comes_byte_by_byte(workspace: Workspace, api: Api) -> None:
    """A dripping answer arrives whole for whoever waits, and one byte at a time for whoever looks."""
    workspace.fault("me", Fault(status=401, body=b"slow", drip=0.001))
    assert api.get("me").content == b"slow"
    workspace.fault("me", Fault(status=401, body=b"slow", drip=60))
    with api.session.get(f"{api.url}/api/v1/me", timeout=0.2, stream=True) as answer:
        assert answer.raw.read(1) == b"s"
        with pytest.raises(ReadTimeoutError):
            answer.raw.read(1)


def test_waiting_for_calls_that_never_come_says_so(workspace: Workspace) -> None:
    """Waiting for more calls than arrive is a TimeoutError that counts them."""
    with pytest.raises(TimeoutError, match="0 of 1 calls of login"):
        workspace.wait_for_calls("login", timeout=0.01)
