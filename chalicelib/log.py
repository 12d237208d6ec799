"""One JSON object a line on standard output, where Lambda's log reads it.

A handler of our own on a logger that does not propagate: Lambda's runtime puts text before what the root logger prints,
and Chalice's own logger drops what is below ERROR.
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
        self._logger = logging.Logger("gantry", level)
        self._logger.propagate = False
        # Looked up at each line unless one is given, so that whoever captures standard output later is served too.
        handler = logging.StreamHandler(stream) if stream is not None else _StandardOutput()
        handler.setFormatter(_JsonLines())
        self._logger.addHandler(handler)

    def event(self, event: str, *, level: int = logging.INFO, **fields: object) -> None:
        """Log `event` with its fields; None fields are left out."""
        self._logger.log(level, event, extra={"fields": fields})

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


class _StandardOutput(logging.StreamHandler[TextIO]):
    def __init__(self) -> None:
        super().__init__(sys.stdout)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stdout
        super().emit(record)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", {})
        line: dict[str, object] = {"level": record.levelname, "event": record.getMessage()}
        line.update((name, _cut(value)) for name, value in fields.items() if value is not None)
        return json.dumps(line)


def _cut(value: object) -> object:
    return value[:LONGEST_TEXT] if isinstance(value, str) else value
