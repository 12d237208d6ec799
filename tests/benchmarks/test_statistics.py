"""Medians, spreads and ratios."""

import pytest

from benchmarks.statistics import Summary, summary


def test_a_summary_is_the_median_within_its_quartiles() -> None:
    """A summary has the median, the quartiles around it and the number of figures, whatever their order."""
    assert summary([9, 1, 5, 3, 7]) == Summary(5, 3, 7, 5)
    assert summary([4, 2]) == Summary(3, 2.5, 3.5, 2)


def test_one_outlier_moves_no_median() -> None:
    """A slow moment of the machine leaves the figure as it is."""
    assert summary([1, 1, 1, 1, 900]).median == 1


def test_a_single_figure_has_no_spread() -> None:
    """One figure is its own median and quartiles."""
    assert summary([2.5]) == Summary(2.5, 2.5, 2.5, 1)
    assert summary([2.5]).spread == 0


def test_the_spread_is_a_share_of_the_median() -> None:
    """The spread is the distance of the quartiles over the median, and 0 where the median is."""
    assert summary([8, 10, 12]).spread == pytest.approx(0.2)
    assert summary([0, 0, 0]).spread == 0


def test_a_ratio_is_one_of_medians() -> None:
    """What is compared is median over median."""
    assert summary([2, 6, 100]).over(summary([3, 0, 4])) == 2
