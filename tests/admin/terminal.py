"""A program at a pseudo-terminal, as an administrator sits before one."""

import os
import pty
import select
import subprocess
from pathlib import Path
from time import monotonic
from typing import Any

ROOT = Path(__file__).parents[2]


class Terminal:
    """A program at a terminal of its own: what it shows, and what is typed."""

    def __init__(self, *command: str) -> None:
        self.screen = ""
        self._keys, inside = pty.openpty()
        self._program = subprocess.Popen(
            command, cwd=ROOT, stdin=inside, stdout=inside, stderr=inside, start_new_session=True
        )
        os.close(inside)

    def answer(self, prompt: str, line: str) -> None:
        """Type `line` once `prompt` is there."""
        seen = len(self.screen)
        self._watch(lambda: prompt in self.screen[seen:])
        os.write(self._keys, line.encode() + b"\n")

    def ended(self) -> int:
        self._watch(lambda: False)
        os.close(self._keys)
        return self._program.wait(timeout=30)

    def _watch(self, enough: Any) -> None:
        until = monotonic() + 30
        while not enough():
            assert select.select([self._keys], [], [], max(until - monotonic(), 0))[0], self.screen
            try:
                shown = os.read(self._keys, 4096)
            except OSError:  # Linux's word for a terminal that nobody writes to any more.
                shown = b""
            if not shown:
                return
            self.screen += shown.decode()
