"""The report: tables and JSON."""

import json

import pytest

from benchmarks import report
from benchmarks.results import Results
from tests.benchmarks.results import RESULTS, WITHOUT_A_DATABASE, sample


def cells(results: Results, name: str) -> list[list[str]]:
    """The cells behind that name, in every table that has such a row."""
    begin = name + "  "
    return [line.removeprefix(begin).split() for line in report.lines(results) if line.startswith(begin)]


def test_a_table_has_even_columns() -> None:
    """Names stand to the left, figures to the right, and no line ends in blanks."""
    assert report.table(["", "x"], [["one", "1.00"], ["eleven", ""]]) == ["           x", "one     1.00", "eleven"]


def test_the_report_begins_with_the_machine_and_ends_with_the_verdict() -> None:
    """The machine and versions are at the top, and the last line names every missed target."""
    lines = report.lines(RESULTS)
    assert lines[0].split(maxsplit=1) == ["machine", "a machine"]
    assert lines[-1].startswith("4 of 10 targets are MISSED: cold check, mongodb/login")


def test_cold_starts_are_ratios_to_the_bare_app() -> None:
    """A row has its ratios by the wall clock and by processor time before any millisecond."""
    started, left = cells(RESULTS, "check, mongodb, as packed")
    assert started == ["6.00", "10.00", "6.00", "300", "0%", "300", "75.0", "225", "10.0", "64.0", "secret", "1"]
    assert left == ["4.30", "743", "371", "215"]


def test_warm_requests_are_ratios_to_the_bare_route() -> None:
    """A row has its ratio to the bare app's route before any microsecond, and the calls that it makes."""
    (row,) = cells(RESULTS, "check, rest")[:1]
    assert row == ["4.00", "80.0", "2450%", "1000", "secret", "1", "none"]


def test_the_peer_is_the_baseline_of_its_own_table() -> None:
    """Start and memory are ratios to Express's, and so is the warm time where it was measured."""
    assert cells(RESULTS, "Gantry") == [["0.50", "100", "0%", "1.00", "50.0"]]
    assert cells(RESULTS, "check, rest")[1] == ["1.60", "80.0", "50.0"]


@pytest.mark.parametrize(("megabytes", "seconds"), [(512, 3.455), (1024, 1.728), (1769, 1.0), (10_240, 1.0)])
def test_an_event_has_its_share_of_a_processor(megabytes: int, seconds: float) -> None:
    """Processor time grows by 1,769 MB over the memory, and does not shrink where there is more."""
    assert report.at_memory(1.0, megabytes) == pytest.approx(seconds, abs=0.001)


def test_what_is_left_to_the_first_event() -> None:
    """It is the first event's processor time without what any later one takes, and never less than nothing."""
    assert report.left_over([sample(0.4)]).median == pytest.approx(0.29)
    assert report.left_over([sample(0.004)]).median == 0


def test_parts_that_were_not_measured_have_no_table() -> None:
    """A report of one part shows no empty tables of the others."""
    titles = [line for line in report.lines(WITHOUT_A_DATABASE) if line.startswith("== ")]
    assert not any("runtime client" in title for title in titles)
    assert [line for line in report.lines(Results(3, {"machine": "x"})) if line.startswith("== ")] == ["== Targets"]


def test_the_figures_are_kept_as_json() -> None:
    """The JSON has the targets with name, ratio, limit and verdict, and every raw figure of the run."""
    plain = json.loads(json.dumps(report.as_plain(RESULTS)))
    first = plain["targets"][0]
    assert {key: first[key] for key in ("name", "limit", "holds")} == {
        "name": "cold check without a cookie / Chalice",
        "limit": 1.2,
        "holds": True,
    }
    assert first["ratio"] == pytest.approx(1.2)
    assert [each["total"] for each in plain["cold"]["Chalice"]] == [0.05, 0.05, 3.0]
    assert plain["warm"]["check, rest"]["own"] == [80e-6, 80e-6, 4e-3]
    assert plain["archives"]["as packed"]["packages"]["chalicelib"] == {"zipped": 100_000, "unpacked": 300_000}
    assert plain["peer"]["starts"]["Gantry"][0]["total"] == 0.1
