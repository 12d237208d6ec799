"""Tokens of the workspace's REST API."""

import hashlib
from collections.abc import Callable
from time import time

from chalicelib import rocketchat
from chalicelib.deadline import Deadline
from chalicelib.errors import RateLimited, Unauthorized, Unavailable
from chalicelib.model import Account, Identity, Session, Token

REMEMBER_SECONDS = 1.0
MOST_REMEMBERED = 256


class RestTokens:
    """The token that `POST login` made, asked after with `GET me` and ended with `POST logout`."""

    def __init__(self, send: rocketchat.Send, clock: Callable[[], float] = time) -> None:
        self._send = send
        self._clock = clock
        self._known: dict[bytes, tuple[bool, float]] = {}

    def issue(self, account: Account, identity: Identity, deadline: Deadline) -> Token:
        """Return the token that came with the login which proved `identity`: nothing else is minted."""
        if identity.login is None:
            raise Unavailable(rocketchat.BACKEND, "the login brought no token")
        return identity.login

    def is_live(self, session: Session, deadline: Deadline) -> bool:
        """Tell whether the workspace still accepts the session's token. Raises `Unavailable` when it cannot be known.

        A 429 proves that the token lives: Rocket.Chat authenticates before it counts. An answer is remembered for a
        second, since one page load asks up to four times and one logout three times.
        """
        key = _fingerprint(session)
        live, until = self._known.get(key, (False, 0.0))
        if self._clock() < until:
            return live
        try:
            call = rocketchat.me(session.account_id, session.token.value)
            rocketchat.decipher(self._send(call, deadline), self._clock())
            live = True
        except RateLimited:
            live = True
        except Unauthorized:
            live = False
        self._remember(key, live)
        return live

    def revoke(self, session: Session, deadline: Deadline) -> None:
        """End the session's token in the workspace; one that is gone already is done. Raises `Unavailable`."""
        self._known.pop(_fingerprint(session), None)
        try:
            call = rocketchat.logout(session.account_id, session.token.value)
            rocketchat.decipher(self._send(call, deadline), self._clock())
        except Unauthorized:
            return

    def _remember(self, key: bytes, live: bool) -> None:
        now = self._clock()
        if len(self._known) >= MOST_REMEMBERED:
            self._known = {known: answer for known, answer in self._known.items() if answer[1] > now}
        if len(self._known) < MOST_REMEMBERED:
            self._known[key] = (live, now + REMEMBER_SECONDS)


def _fingerprint(session: Session) -> bytes:
    return hashlib.sha256(f"{session.account_id}\0{session.token.value.reveal()}".encode()).digest()
