"""Medians with their spread, and ratios of medians."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True)
class Summary:
    """The median of so many figures, and the quartiles around it."""

    median: float
    low: float
    high: float
    count: int

    @property
    def spread(self) -> float:
        """How far the quartiles lie apart, as a share of the median; 0 where the median is 0."""
        return (self.high - self.low) / self.median if self.median else 0.0

    def over(self, baseline: "Summary") -> float:
        """The ratio of the medians. Raises `ZeroDivisionError` for a baseline of nothing."""
        return self.median / baseline.median


def summary(figures: Sequence[float]) -> Summary:
    """Summarise at least one figure; a single one is its own quartiles."""
    if len(figures) == 1:
        return Summary(figures[0], figures[0], figures[0], 1)
    low, _, high = quantiles(figures, n=4, method="inclusive")
    return Summary(median(figures), low, high, len(figures))
