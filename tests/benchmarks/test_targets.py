"""What the figures are held to."""

from benchmarks.results import Results, judged
from benchmarks.targets import Target, missed
from tests.benchmarks.results import RESULTS, WITHOUT_A_DATABASE


def verdicts(results: Results) -> dict[str, tuple[float | None, float, bool | None]]:
    return {
        target.name: (None if target.ratio is None else round(target.ratio, 3), target.limit, target.holds)
        for target in judged(results)
    }


def test_each_figure_is_held_to_its_limit() -> None:
    """Ratios are of medians in one run, sizes in MB of a million bytes, memory in MiB; at the limit it holds."""
    assert verdicts(RESULTS) == {
        "cold check without a cookie / Chalice": (1.2, 1.2, True),
        "cold check, mongodb/login / Chalice + MongoClient": (0.75, 0.6, False),
        "cold check, rest / Chalice + requests": (0.8, 0.9, True),
        "cold GET /login / Chalice": (2.0, 2.0, True),
        "warm check, rest, own time / Chalice's route": (4.0, 4.0, True),
        "warm check, mongodb, own time / Chalice's route": (4.1, 4.0, False),
        "archive, zipped, without byte code": (8.5, 8.5, True),
        "archive, zipped, as packed": (12.0, 12.0, False),
        "peak memory of a check, rest": (65.0, 64.0, False),
        "peak memory of a check, mongodb": (64.0, 64.0, True),
    }


def test_what_ships_is_judged() -> None:
    """The archive as it is packed is held to the limit; the figure without byte code and the floor stand beside it."""
    (target,) = [each for each in judged(RESULTS) if each.name.startswith("cold check, rest")]
    assert target.note == ("by processor time 0.80, without byte code 1.50, floor: check, rest 0.50")


def test_what_was_not_measured_is_neither_held_nor_missed() -> None:
    """Where there is no database, or a part was not asked for, the target stays open."""
    opened = {name for name, (_, _, holds) in verdicts(WITHOUT_A_DATABASE).items() if holds is None}
    assert opened == {
        "cold check, mongodb/login / Chalice + MongoClient",
        "warm check, mongodb, own time / Chalice's route",
        "peak memory of a check, mongodb",
    }
    assert {target.holds for target in judged(Results(3, {}))} == {None}


def test_only_what_does_not_hold_is_missed() -> None:
    """A target without a figure is not missed."""
    targets = [Target("holds", 1.0, 1.0), Target("not", 1.01, 1.0), Target("open", None, 1.0)]
    assert [target.name for target in missed(targets)] == ["not"]
    assert [target.verdict for target in targets] == ["holds", "MISSED", "not measured"]
