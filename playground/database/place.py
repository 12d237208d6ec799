"""A port that stays ours while the server that listens there is dead."""

from __future__ import annotations

import sys

from playground.database.engine import HOST
from playground.ports import bind


class Place:
    """A free port of 127.0.0.1, taken until `close`.

    On Linux a socket that is bound and never listens keeps the port from every other program, and still lets the server
    in. Elsewhere it would shut the server out: there the port is only chosen.
    """

    def __init__(self) -> None:
        self._socket = bind(HOST, 0, listen=False)
        self.port: int = self._socket.getsockname()[1]
        if sys.platform != "linux":
            self._socket.close()

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()
