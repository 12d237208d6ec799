"""One JSON object a line, and nothing secret in any of them."""

import io
import json
import logging

import pytest

from chalicelib.errors import ConfigurationError, Problem, Unavailable
from chalicelib.log import LONGEST_TEXT, Journal


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object() -> None:
    """Each event is one line of JSON with its level and fields; absent values are left out."""
    stream = io.StringIO()
    Journal(stream=stream).event("request", status=200, reason=None)
    assert stream.getvalue() == '{"level": "INFO", "event": "request", "status": 200}\n'


def test_names_are_escaped_and_cut() -> None:
    """Promise 32: a username with line breaks, quotes or other scripts stays on its line, and a long one is cut."""
    stream = io.StringIO()
    hostile = 'a\r\n{"event": "forged"}\u2028\x1b[31m' + "x" * 1000
    Journal(stream=stream).attempt(
        outcome="refused", reason="r", username=hostile, directory="d", address="a", request_id="i"
    )
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().isascii()
    assert lines(stream)[0]["username"] == hostile[:LONGEST_TEXT]


def test_an_unexpected_exception_is_logged_by_class_and_place_only() -> None:
    """Promise 32: an exception's text may hold anything, so the log has its class and its places."""
    stream = io.StringIO()
    try:
        raise RuntimeError("canary")
    except RuntimeError as error:
        Journal(stream=stream).fault(error, "request-1")
    (line,) = lines(stream)
    assert (line["error"], line["request_id"]) == ("RuntimeError", "request-1")
    assert "test_log.py" in str(line["trace"])
    assert "canary" not in stream.getvalue()


def test_a_backends_failure_says_which_and_why() -> None:
    """The administrator reads which backend failed and how."""
    stream = io.StringIO()
    Journal(stream=stream).backend(Unavailable("workspace", "ReadTimeout"), "request-1")
    assert lines(stream)[0]["detail"] == "workspace: ReadTimeout"


def test_all_problems_are_logged() -> None:
    """A wrong configuration is one line with every problem."""
    stream = io.StringIO()
    Journal(stream=stream).problems(ConfigurationError((Problem("A", "b", "c"), Problem("D", "e", "f"))))
    assert lines(stream)[0]["problems"] == ["A: b. c", "D: e. f"]


def test_what_is_below_the_level_is_not_logged() -> None:
    """`LOG_LEVEL` holds for our own lines."""
    stream = io.StringIO()
    Journal("ERROR", stream).event("request")
    assert stream.getvalue() == ""


def test_lines_go_to_standard_output_and_not_through_the_root_logger(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Lambda puts text before what the root logger prints, so our lines reach standard output by themselves."""
    with caplog.at_level(logging.DEBUG):
        Journal().event("request", status=200)
    assert json.loads(capsys.readouterr().out)["status"] == 200
    assert caplog.records == []
