"""What the figures are held to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Unit = Literal["x", "MB", "MiB"]


@dataclass(frozen=True)
class Target:
    """A limit of a figure. `ratio` is the figure in `unit`: a ratio, or a size; None where it was not measured."""

    name: str
    ratio: float | None
    limit: float
    unit: Unit = "x"
    note: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the figure is within its limit; None where there is none."""
        return None if self.ratio is None else self.ratio <= self.limit

    @property
    def verdict(self) -> str:
        """One word for the table."""
        return {True: "holds", False: "MISSED", None: "not measured"}[self.holds]

    def as_plain(self) -> dict[str, Any]:
        """What stands in the report."""
        return {
            "name": self.name,
            "ratio": self.ratio,
            "limit": self.limit,
            "holds": self.holds,
            "unit": self.unit,
            "note": self.note,
        }


def missed(targets: Sequence[Target]) -> list[Target]:
    """Those that do not hold."""
    return [target for target in targets if target.holds is False]
