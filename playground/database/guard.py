"""Run a program that cannot watch a pipe itself: `python guard.py directory program arguments…`.

A line on standard input sends the program a SIGKILL. So does its end, which says that whoever started us is gone;
then the throw-away directory goes too. Should the guard itself be killed, Linux ends the program.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading

_PR_SET_PDEATHSIG = 1  # prctl(2)


def main(directory: str, command: list[str]) -> int:
    """Run the program to its end; the answer is its exit status, 128 and the signal's number for a signal."""
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_die_with_the_guard)  # noqa: S603
    orphaned = threading.Event()
    threading.Thread(target=_watch, args=(program, orphaned), daemon=True).start()
    status = program.wait()
    if orphaned.is_set():
        shutil.rmtree(directory, ignore_errors=True)
    return 128 - status if status < 0 else status


def _die_with_the_guard() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _watch(program: subprocess.Popen[bytes], orphaned: threading.Event) -> None:
    if not os.read(sys.stdin.fileno(), 1024):
        orphaned.set()
    program.kill()


if __name__ == "__main__":
    os._exit(main(sys.argv[1], sys.argv[2:]))
