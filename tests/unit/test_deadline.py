"""One deadline a request."""

import json
from pathlib import Path

import pytest

from chalicelib.deadline import FUNCTION_TIMEOUT_SECONDS, Deadline
from chalicelib.errors import Unavailable
from tests.fakes import FakeClock


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 20_000


def test_lambdas_remaining_time_less_two_seconds_is_the_deadline() -> None:
    """Promise 35: all calls of a request share the Lambda context's remaining time less 2 s."""
    clock = FakeClock(100.0)
    assert Deadline.of_context(Context(), clock).remaining() == 18.0


def test_without_a_context_the_configured_timeout_is_the_deadline() -> None:
    """Promise 35: without a context the configured time-out counts."""
    assert Deadline.of_context(None, FakeClock(100.0)).remaining() == 28.0


def test_the_configured_timeout_is_the_one_that_is_deployed() -> None:
    """The time-out that the code counts on is `lambda_timeout` of every stage."""
    config = json.loads((Path(__file__).parents[2] / ".chalice" / "config.json").read_text())
    for stage in config["stages"].values():
        assert {**config, **stage}["lambda_timeout"] == FUNCTION_TIMEOUT_SECONDS


def test_a_step_gets_what_is_left_and_no_more() -> None:
    """Promise 35: a call's time-out is its own limit or what is left of the deadline, whichever is less."""
    clock = FakeClock(0.0)
    deadline = Deadline.after(3.0, clock)
    assert deadline.timeout(2.0, "workspace") == 2.0
    clock.now = 2.5
    assert deadline.timeout(2.0, "workspace") == 0.5


def test_no_call_is_begun_when_no_time_is_left() -> None:
    """Promise 35: past the deadline no call is begun; the backend counts as unavailable."""
    clock = FakeClock(0.0)
    deadline = Deadline.after(3.0, clock)
    clock.now = 3.0
    with pytest.raises(Unavailable) as refused:
        deadline.timeout(2.0, "workspace")
    assert str(refused.value) == "workspace: deadline"
