"""The child's side of the process tree: orders come on standard input, reports go back by a pipe.

When standard input ends, the parent is gone, however it went: the child ends at once.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, NoReturn


class Parent:
    """What a child knows of its parent. Made before anything that takes time."""

    def __init__(self, ended: Callable[[], None] = lambda: os._exit(0)) -> None:
        """`ended` is what to do when the parent is gone: by default end at once, without looking back."""
        self._ended = ended
        self._reports = os.fdopen(int(sys.argv[1]), "w")
        self._orders: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in sys.stdin:
            self._orders.put(json.loads(line))
        self._ended()

    def next_order(self) -> dict[str, Any]:
        """Wait for the next order."""
        return self._orders.get()

    def report_ready(self, **facts: str) -> None:
        """Say that the last order is carried out, and what the parent has to know of it."""
        self._report(facts)

    def report_problem(self, sentence: str) -> NoReturn:
        """Say why it cannot be, and end."""
        self._report({"problem": sentence})
        sys.exit(1)

    def _report(self, report: Mapping[str, str]) -> None:
        print(json.dumps(report), file=self._reports, flush=True)


def wait_forever() -> NoReturn:
    """Let the other threads work until a signal or the parent's end."""
    while True:
        signal.pause()
