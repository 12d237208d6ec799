"""One fresh container of a function, measured: from the start of its process over its first answer to its second."""

import queue
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deploy.lambda_runtime import PATIENCE, Function

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Sample:
    """What one container took, in seconds, and its memory in bytes.

    `total` is from the start of the process to its first answer. It has two parts: `start` until it asks for an event,
    when a Lambda function has a full CPU, and `first` from the event to the answer. `again` is a second event of the
    same kind. The `cpu_…` are the processor time of all its threads; what is done behind an answer is in them.
    `peak` is the largest resident set up to the first answer, the interpreter and the runtime client included.
    """

    total: float
    start: float
    first: float
    again: float
    cpu_start: float
    cpu_first: float
    cpu_again: float
    peak: int
    status: int
    calls: Mapping[str, int]
    """How often the first event made it call each backend."""


class Container(Function):
    """A function that is listened to: when it asks for an event, and when it answers."""

    def __init__(self, archive: Path, provided: Path, handler: str, environ: Mapping[str, str]) -> None:
        self._asked: queue.Queue[tuple[float, float]] = queue.Queue()
        self._answered: queue.Queue[float] = queue.Queue()
        super().__init__(archive, provided, handler, environ)

    def asks(self) -> None:
        """Note the time, and the processor time so far: it waits for us now."""
        self._asked.put((time.perf_counter(), processor_time(self.pid)))

    def answers(self) -> None:
        """Note the time."""
        self._answered.put(time.perf_counter())

    def idle(self) -> tuple[float, float]:
        """Wait until it asks for an event; when that was, and how much processor time it had taken by then."""
        return self._asked.get(timeout=PATIENCE)

    def answered(self) -> float:
        """When it gave the answer that was received last."""
        return self._answered.get(timeout=PATIENCE)


def processor_time(pid: int) -> float:
    """The processor time that a process has taken, in seconds, its ended threads included.

    clock_getcpuclockid(3): the clock's id is the process's, complemented and shifted; 2 is CPUCLOCK_SCHED.
    """
    return time.clock_gettime((~pid << 3) | 2)


def peak_memory(pid: int) -> int:
    """The largest resident set that a process has had, in bytes (proc_pid_status(5), VmHWM).

    `ru_maxrss` would not do: it begins with what the process had that started it.
    """
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("this system does not tell VmHWM")


def measured(
    archive: Path, provided: Path, environ: Mapping[str, str], event: Event, count: Callable[[], Mapping[str, int]]
) -> Sample:
    """Start `app.app` in `archive`, let it answer `event` twice, end it. Raises `FunctionFailed`.

    `count` tells how often each backend has been called since it was last asked.
    """
    count()
    with Container(archive, provided, "app.app", environ) as container:
        answer = container(event)
        answered = container.answered()
        began, cpu_start = container.idle()
        _, cpu_first = container.idle()
        peak, calls = peak_memory(container.pid), count()
        asked_again = time.perf_counter()
        container(event)
        again = container.answered() - asked_again
        _, cpu_again = container.idle()
        return Sample(
            total=answered - container.began,
            start=began - container.began,
            first=answered - began,
            again=again,
            cpu_start=cpu_start,
            cpu_first=cpu_first - cpu_start,
            cpu_again=cpu_again - cpu_first,
            peak=peak,
            status=answer["statusCode"],
            calls=calls,
        )
