"""One JSON object a line on standard output, where Lambda's log reads it.

Written without Python's logging: Lambda's runtime puts text before what the root logger prints, Chalice's own logger
drops what is below ERROR, and a record of its own for each line costs as much as opening a session does.
"""

import json
import logging
import sys
from typing import TextIO

from chalicelib.errors import ConfigurationError, GantryError

LONGEST_TEXT = 256
"""Longer texts are cut: names come from whoever fills in the form."""


class Journal:
    """Write what happened. Fields are plain values; text is escaped by JSON and cut at `LONGEST_TEXT` characters."""

    def __init__(self, level: str = "INFO", stream: TextIO | None = None) -> None:
        self._least = logging.getLevelNamesMapping()[level]
        self._stream = stream

    def event(self, event: str, *, level: int = logging.INFO, **fields: object) -> None:
        """Log `event` with its fields; None fields are left out."""
        if level < self._least:
            return
        line: dict[str, object] = {"level": logging.getLevelName(level), "event": event}
        for name, value in fields.items():
            if value is not None:
                line[name] = value[:LONGEST_TEXT] if isinstance(value, str) else value
        # Looked up at each line unless one is given, so that whoever captures standard output later is served too.
        stream = self._stream or sys.stdout
        stream.write(json.dumps(line) + "\n")
        stream.flush()

    def problems(self, error: ConfigurationError) -> None:
        """Log every problem of a configuration, by key and with its remedy."""
        self.event("configuration", level=logging.ERROR, problems=[str(problem) for problem in error.problems])

    def fault(self, error: BaseException, request_id: str) -> None:
        """Log an unexpected exception by class and place, without its text: that may hold what nobody should read."""
        places = []
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            places.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno} {code.co_name}")
            trace = trace.tb_next
        self.event(
            "fault", level=logging.ERROR, error=type(error).__qualname__, request_id=request_id, trace=places[-12:]
        )

    def attempt(
        self, *, outcome: str, reason: str, username: str, directory: str, address: str, request_id: str
    ) -> None:
        """Log one try to sign in (promise 33)."""
        self.event(
            "attempt",
            outcome=outcome,
            reason=reason,
            username=username,
            directory=directory,
            address=address,
            request_id=request_id,
        )

    def backend(self, error: GantryError, request_id: str) -> None:
        """Log why a backend could not be used."""
        self.event("backend", level=logging.WARNING, reason=error.reason, detail=str(error), request_id=request_id)
