"""Which workspaces still relay: the clients up to about 1.x answer `call-google-login` and its like."""

import re
from collections.abc import Callable
from time import time

from chalicelib import rocketchat
from chalicelib.deadline import Deadline
from chalicelib.errors import GantryError

LAST_THAT_RELAYS = 1
FIRST_THAT_DOES_NOT = 3
REMEMBER_SECONDS = 3600.0
REMEMBER_SILENCE_SECONDS = 60.0
MOST_SECONDS = 2.0
"""What the login page waits for an answer: without one it shows its buttons, and waits for the workspace's client."""

_VERSION = re.compile(r"(\d{1,4})(\.|$)", re.ASCII)


def relays(version: object) -> bool | None:
    """Tell whether the client of a workspace relays, by the version that `GET /api/info` gives.

    None where that is not known: for 2.x, and for what is no version. What is before 2 relays, what is from 3 on does
    not (protocol page, section 2.2).
    """
    found = _VERSION.match(version) if isinstance(version, str) else None
    if found is None:
        return None
    major = int(found[1])
    if major <= LAST_THAT_RELAYS:
        return True
    return False if major >= FIRST_THAT_DOES_NOT else None


class WorkspaceVersion:
    """Ask the workspace for its version, at most once an hour a container, and once a minute while it is silent."""

    def __init__(self, send: rocketchat.Send, clock: Callable[[], float] = time) -> None:
        self._send = send
        self._clock = clock
        self._known: bool | None = None
        self._until = float("-inf")

    def relays(self, deadline: Deadline) -> bool | None:
        """Tell whether the workspace relays, None where it is not known; at most `MOST_SECONDS` are spent on it."""
        if self._clock() < self._until:
            return self._known
        soon = Deadline.after(min(MOST_SECONDS, deadline.remaining()), deadline.clock)
        try:
            self._known = relays(rocketchat.decipher(self._send(rocketchat.info(), soon), self._clock()).get("version"))
            remember = REMEMBER_SECONDS
        except GantryError:
            # What it said an hour ago is likelier than nothing: a workspace is updated, and never back.
            remember = REMEMBER_SILENCE_SECONDS
        self._until = self._clock() + remember
        return self._known
