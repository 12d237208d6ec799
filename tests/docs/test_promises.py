"""The threat model's forty promises and the tests that hold them."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, rows, section

PAGE = DOCS / "threat-model.md"
TESTS = ROOT / "tests"
COUNT = 40
PROMISE = re.compile(r"\b[Pp]romises? (\d+(?:(?:, | and )\d+)*)")


def _rows() -> dict[int, list[str]]:
    return {int(cells[0]): cells[1:] for cells in rows(section(PAGE, "## Promises and their tests"))}


TABLE = _rows()


@cache
def _held_by(path: Path) -> frozenset[int]:
    """The promises that the docstrings of a file's tests name."""
    tree = ast.parse(path.read_text("utf-8"))
    tests = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    named = [numbers for test in tests for numbers in PROMISE.findall(ast.get_docstring(test) or "")]
    return frozenset(int(number) for numbers in named for number in re.findall(r"\d+", numbers))


def _named(number: int) -> list[str]:
    return re.findall(r"`([\w/]+\.py)`", TABLE[number][1])


def test_there_are_forty() -> None:
    """The table has the promises 1 to 40 in their order, each in one sentence."""
    assert list(TABLE) == list(range(1, COUNT + 1))
    assert all(re.fullmatch(r"[A-Z].*\.", cells[0]) for cells in TABLE.values())


@pytest.mark.parametrize("number", TABLE)
def test_the_tests_that_are_named_hold_the_promise(number: int) -> None:
    """Each file that is named for a promise is there, and the docstring of one of its tests names the promise."""
    for name in _named(number):
        assert number in _held_by(TESTS / name), name


@pytest.mark.parametrize("number", TABLE)
def test_every_promise_has_a_test(number: int) -> None:
    """Some test names each promise; where the page says that none does yet, none does."""
    holders = [path for path in TESTS.rglob("test_*.py") if number in _held_by(path)]
    assert bool(holders) == bool(_named(number))
    assert bool(holders) != TABLE[number][1].startswith("none yet")


def test_what_attackers_meet_are_promises() -> None:
    """The numbers beside the attackers are promises that a test holds."""
    cells = [cells[-1] for cells in rows(section(PAGE, "## Who might attack, and what meets them"))]
    groups = re.findall(r"\(([\d, to]+)\)", " ".join(cells))
    numbers = {int(number) for group in groups for number in re.findall(r"\d+", group)}
    assert numbers
    assert all(_named(number) for number in numbers)
