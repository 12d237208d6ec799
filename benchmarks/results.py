"""What a run has measured, and what follows from it for the targets."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.archives import Size
from benchmarks.cold import BARE, PACKED, SOURCES
from benchmarks.containers import Sample
from benchmarks.peer import Peer
from benchmarks.statistics import Summary, summary
from benchmarks.targets import Target
from benchmarks.warm import FLOOR, Row

MEGABYTE = 1e6
MEBIBYTE = 2.0**20

_COLD = (
    ("cold check without a cookie", "check without a cookie", BARE, 1.2, "floor: Chalice"),
    ("cold check, mongodb/login", "check, mongodb", "Chalice + MongoClient", 0.6, "floor: check, mongodb"),
    ("cold check, rest", "check, rest", "Chalice + requests", 0.9, "floor: check, rest"),
    ("cold GET /login", "GET /login", BARE, 2.0, "floor: Chalice"),
)
"""Name, row, baseline, limit, and the row that says what cannot be done without."""

_CHECKS = ("check, rest", "check, mongodb")


@dataclass(frozen=True)
class Archive:
    """The sizes of one archive, in bytes."""

    zipped: int
    packages: Mapping[str, Size]


@dataclass(frozen=True)
class Results:
    """All figures of a run; a part that was not asked for, or that cannot be had here, is empty."""

    rounds: int
    machine: Mapping[str, str]
    archives: Mapping[str, Archive] = field(default_factory=dict)
    cold: Mapping[str, Sequence[Sample]] = field(default_factory=dict)
    backends: Mapping[str, float] = field(default_factory=dict)
    warm: Mapping[str, Row] = field(default_factory=dict)
    peer: Peer | None = None

    def started(self, key: str, of: Callable[[Sample], float] = lambda sample: sample.total) -> Summary | None:
        """Summarise a figure of the cold starts of one row; None where there are none."""
        return summary([of(sample) for sample in self.cold[key]]) if self.cold.get(key) else None

    def own(self, name: str) -> Summary | None:
        """Summarise the own time of a warm request; None where it was not measured."""
        return summary(self.warm[name].own) if name in self.warm else None


def judged(results: Results) -> list[Target]:
    """Hold the figures to the targets. What ships is judged: the archive as it is packed."""
    return [*_cold(results), *_warm(results), *_sizes(results), *_memory(results)]


def ratio(figure: Summary | None, baseline: Summary | None) -> float | None:
    """The ratio of two medians; None where one of them is missing."""
    return None if figure is None or baseline is None else figure.over(baseline)


def _cold(results: Results) -> list[Target]:
    targets = []
    for name, row, baseline, limit, floor in _COLD:
        compared = results.started(baseline)
        notes = {
            "by processor time": ratio(
                results.started(f"{row}, {PACKED}", processor), results.started(baseline, processor)
            ),
            SOURCES: ratio(results.started(f"{row}, {SOURCES}"), compared),
            floor: ratio(results.started(floor), compared),
        }
        note = ", ".join(f"{what} {figure:.2f}" for what, figure in notes.items() if figure is not None)
        targets.append(
            Target(f"{name} / {baseline}", ratio(results.started(f"{row}, {PACKED}"), compared), limit, note=note)
        )
    return targets


def processor(sample: Sample) -> float:
    """The processor time of a start and its first answer."""
    return sample.cpu_start + sample.cpu_first


def _warm(results: Results) -> list[Target]:
    bare = results.own(BARE)
    floor = ratio(results.own(FLOOR), bare)
    note = "" if floor is None else f"{FLOOR} {floor:.2f}"
    return [
        Target(f"warm {name}, own time / {BARE}'s route", ratio(results.own(name), bare), 4.0, note=note)
        for name in _CHECKS
    ]


def _sizes(results: Results) -> list[Target]:
    def megabytes(form: str) -> float | None:
        return results.archives[form].zipped / MEGABYTE if form in results.archives else None

    return [
        Target("archive, zipped, without byte code", megabytes(SOURCES), 8.5, "MB"),
        Target("archive, zipped, as packed", megabytes(PACKED), 12.0, "MB"),
    ]


def _memory(results: Results) -> list[Target]:
    targets = []
    for name in _CHECKS:
        measured, floor = results.started(f"{name}, {PACKED}", peak), results.started(f"floor: {name}", peak)
        note = f"floor: {name} {floor.median:.1f}" if floor else ""
        targets.append(Target(f"peak memory of a {name}", measured.median if measured else None, 64.0, "MiB", note))
    return targets


def peak(sample: Sample) -> float:
    """The peak memory in mebibytes."""
    return sample.peak / MEBIBYTE
