"""A program that ends with us: it, or the guard before it, watches a pipe that only we hold open."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from playground.database.engine import Unavailable

_KEPT = ("PATH", "HOME", "LANG", "TZ", "TMPDIR")
_END_SECONDS = 10.0
_LOG_CHARACTERS = 300


class Attached:
    """A running program. It is a session of its own, so Ctrl+C reaches us alone and we end it."""

    def __init__(self, command: Sequence[str], log: Path, environ: Mapping[str, str] = os.environ) -> None:
        """Start it; what it says on standard error goes to `log`. Unavailable when it cannot be started."""
        self._log = log
        with log.open("ab") as errors:
            try:
                self._process = subprocess.Popen(  # noqa: S603  - an engine of this package
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    bufsize=0,
                    env={name: environ[name] for name in _KEPT if name in environ},
                    start_new_session=True,
                )
            except OSError as error:
                raise Unavailable(f"{command[0]} cannot be started: {error.strerror}") from None

    @property
    def pid(self) -> int:
        """The process id of the program, or of its guard."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def order(self, line: str) -> None:
        """Write it a line; Unavailable when it has ended."""
        stdin = self._process.stdin
        if stdin is None or stdin.closed:
            raise self._ended()
        try:
            stdin.write(line.encode() + b"\n")
        except OSError:
            raise self._ended() from None

    def expect(self, line: str, seconds: float) -> None:
        """Wait for exactly this line; Unavailable when it says something else, ends, or takes longer."""
        stdout = self._process.stdout
        if stdout is None:
            raise Unavailable("no pipe")
        deadline = time.monotonic() + seconds
        said = b""
        while not said.endswith(b"\n"):
            ready, _, _ = select.select([stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise Unavailable(f"it did not say {line!r} within {seconds:.0f} s")
            byte = stdout.read(1)
            if not byte:
                raise self._ended()
            said += byte
        if said.decode(errors="replace").strip() != line:
            raise Unavailable(f"it said {said!r} in place of {line!r}")

    def kill(self) -> None:
        """End the program itself with SIGKILL and wait for it."""
        self._process.kill()
        self._bury()

    def kill_guarded(self) -> None:
        """End the program behind a guard: the guard sends the SIGKILL and ends."""
        with suppress(Unavailable):  # ended already
            self.order("kill")
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._bury()

    def abandon(self) -> None:
        """Let go of the pipe, as our own end would, and wait for the program's end."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._bury()

    def _bury(self) -> None:
        self._process.wait(_END_SECONDS)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _ended(self) -> Unavailable:
        try:
            status = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            status = 0
        last = self._log.read_text("utf-8", "replace").strip()[-_LOG_CHARACTERS:]
        return Unavailable(f"it ended with status {status}" + (f": {last}" if last else ""))
