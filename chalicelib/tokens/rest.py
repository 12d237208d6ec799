"""Tokens of the workspace's REST API."""

import hashlib
from collections.abc import Callable
from time import time

from chalicelib import rocketchat
from chalicelib.deadline import Deadline
from chalicelib.errors import RateLimited, Unauthorized, Unavailable
from chalicelib.model import Identity, Session, Token

REMEMBER_SECONDS = 1.0
MOST_REMEMBERED = 256


class RestTokens:
    """The token that `POST login` made, asked after with `GET me` and ended with `POST logout`."""

    def __init__(self, send: rocketchat.Send, clock: Callable[[], float] = time) -> None:
        self._send = send
        self._clock = clock
        self._live_until: dict[bytes, float] = {}

    def issue(self, identity: Identity, deadline: Deadline) -> Token:
        """Return the token that came with the login which proved `identity`: nothing else is minted."""
        if identity.login is None:
            raise Unavailable(rocketchat.BACKEND, "the login brought no token")
        return identity.login

    def is_live(self, session: Session, deadline: Deadline) -> bool:
        """Tell whether the workspace still accepts the session's token. Raises `Unavailable` when it cannot be known.

        A 429 proves that the token lives: Rocket.Chat authenticates before it counts. A live answer is remembered for a
        second, since one page load asks up to four times.
        """
        key = _fingerprint(session)
        if self._clock() < self._live_until.get(key, 0.0):
            return True
        try:
            call = rocketchat.me(session.account_id, session.token.value)
            rocketchat.decipher(self._send(call, deadline), self._clock())
        except RateLimited:
            pass
        except Unauthorized:
            return False
        self._remember(key)
        return True

    def revoke(self, session: Session, deadline: Deadline) -> None:
        """End the session's token in the workspace; one that is gone already is done. Raises `Unavailable`."""
        self._live_until.pop(_fingerprint(session), None)
        try:
            call = rocketchat.logout(session.account_id, session.token.value)
            rocketchat.decipher(self._send(call, deadline), self._clock())
        except Unauthorized:
            return

    def _remember(self, key: bytes) -> None:
        now = self._clock()
        if len(self._live_until) >= MOST_REMEMBERED:
            self._live_until = {known: until for known, until in self._live_until.items() if until > now}
        if len(self._live_until) < MOST_REMEMBERED:
            self._live_until[key] = now + REMEMBER_SECONDS


def _fingerprint(session: Session) -> bytes:
    return hashlib.sha256(f"{session.account_id}\0{session.token.value.reveal()}".encode()).digest()
