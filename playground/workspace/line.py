"""A line from Gantry to the database server that can be cut, while the workspace goes on by its own connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from playground.database import addresses

_HOST = "127.0.0.1"
_PIECE = 65536


class Line:
    """Passes bytes between Gantry and the server of `uri`; `uri` of the line is what Gantry is given.

    ValueError for a server that only DNS or TLS leads to: there can be no line.
    """

    def __init__(self, uri: str) -> None:
        self._target = addresses.place(uri)
        self._listening = socket.create_server((_HOST, 0))
        self.uri = addresses.for_place(uri, _HOST, self._listening.getsockname()[1])
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._is_cut = False
        self._closing = False
        self._run(self._accept)

    def cut(self) -> None:
        """End every connection, and each new one at once."""
        with self._lock:
            self._is_cut = True
            for each in self._open:
                _shut(each)

    def mend(self) -> None:
        """Let connections through again."""
        with self._lock:
            self._is_cut = False

    def close(self) -> None:
        """Leave nothing open."""
        self._closing = True
        self.cut()
        with contextlib.suppress(OSError):
            socket.create_connection(self._listening.getsockname()).close()  # wakes the one that waits for connections
        while self._threads:
            for thread in list(self._threads):
                thread.join()
        self._listening.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, work: Callable[..., None], *arguments: socket.socket) -> None:
        def run() -> None:
            try:
                work(*arguments)
            finally:
                self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=run, daemon=True)
        self._threads.add(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            driver, _ = self._listening.accept()
            if self._closing:
                driver.close()
                return
            self._run(self._serve, driver)

    def _serve(self, driver: socket.socket) -> None:
        with driver, contextlib.suppress(OSError), socket.create_connection(self._target) as server:
            pair = {driver, server}
            with self._lock:
                if self._is_cut:
                    return
                self._open |= pair
            try:
                back = threading.Thread(target=_pass, args=(server, driver), daemon=True)
                back.start()
                _pass(driver, server)
                back.join()
            finally:
                with self._lock:
                    self._open -= pair


def _pass(source: socket.socket, target: socket.socket) -> None:
    """Pass on what comes until either side ends; then both have ended."""
    with contextlib.suppress(OSError):
        while piece := source.recv(_PIECE):
            target.sendall(piece)
    _shut(source)
    _shut(target)


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
