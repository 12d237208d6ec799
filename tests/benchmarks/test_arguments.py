"""The words of the command line."""

import pytest

from benchmarks.__main__ import PARTS, ROUNDS, arguments


def test_everything_is_measured_unless_parts_are_named() -> None:
    """Without words all parts are measured; named ones alone otherwise."""
    assert arguments([], {}).parts == set(PARTS)
    assert arguments(["cold", "archive"], {}).parts == {"cold", "archive"}


def test_the_number_of_rounds_may_be_said_in_two_ways() -> None:
    """BENCH_ROUNDS is the number of rounds, unless a word says it."""
    assert arguments([], {}).rounds == ROUNDS
    assert arguments([], {"BENCH_ROUNDS": "40"}).rounds == 40
    assert arguments(["--rounds", "5"], {"BENCH_ROUNDS": "40"}).rounds == 5


@pytest.mark.parametrize("words", [["lukewarm"], ["--rounds", "0"]])
def test_what_is_not_there_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown part, or no round at all, ends in a sentence."""
    with pytest.raises(SystemExit):
        arguments(words, {})
    assert "there " in capsys.readouterr().err
