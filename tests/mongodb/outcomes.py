"""What came of a use case, many at once or one alone, and that nothing secret stands in it."""

import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from chalicelib.errors import GantryError, Unavailable

_T = TypeVar("_T")


def outcome(work: Callable[[], _T]) -> _T | GantryError:
    """Return what `work` returns, or how Gantry refuses; whatever else it raises goes on."""
    try:
        return work()
    except GantryError as error:
        return error


def unavailable(work: Callable[[], object]) -> str:
    """Assert that `work` is answered 503; return everything that its exception tells."""
    try:
        came_to = work()
    except Unavailable as error:
        return "".join((*traceback.format_exception(error), repr(error), str(error)))
    raise AssertionError(f"not unavailable: {came_to!r}")


def together(count: int, work: Callable[[int], _T]) -> list[_T | GantryError]:
    """Return the outcomes of `work(0)`, `work(1)`, …, all begun at the same moment in threads of their own."""
    begun = Barrier(count, timeout=60)

    def one(number: int) -> _T | GantryError:
        begun.wait()
        return outcome(lambda: work(number))

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))
