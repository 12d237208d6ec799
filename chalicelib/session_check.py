"""What is done with a session: tell whether it still stands, and end it."""

from dataclasses import dataclass
from typing import Protocol

from chalicelib.deadline import Deadline
from chalicelib.errors import NotSignedIn, Unavailable
from chalicelib.model import Session
from chalicelib.sessions import Sessions


class IssuedTokens(Protocol):
    """A place that knows the tokens that were handed out, and ends them."""

    def is_live(self, session: Session, deadline: Deadline) -> bool:
        """Tell whether the session's token still logs in. Raises `Unavailable` when that cannot be known."""

    def revoke(self, session: Session, deadline: Deadline) -> None:
        """End the session's token. Raises `Unavailable` when the workspace could not be told."""


@dataclass(frozen=True, kw_only=True, repr=False)
class SessionCheck:
    """The use cases of a browser that comes with a cookie, over one token source."""

    sessions: Sessions
    tokens: IssuedTokens

    def check(self, sealed: str, deadline: Deadline) -> Session:
        """Return the live session under `sealed`; nothing is minted, whoever asks how often (promise 30).

        Raises `NotSignedIn` when it is over here or in the workspace, `Unavailable` when that cannot be known.
        """
        session = self.sessions.open(sealed, deadline)
        if not self.tokens.is_live(session, deadline):
            raise NotSignedIn
        return session

    def sign_out(self, sealed: str, deadline: Deadline) -> bool:
        """End the session under `sealed` in the workspace; return False where there is none.

        Raises `Unavailable` when the workspace could not be told.
        """
        try:
            session = self.sessions.open(sealed, deadline)
        except NotSignedIn as gone:
            if not gone.certain:
                raise Unavailable("session", "no key that is known here opens it") from None
            return False
        self.tokens.revoke(session, deadline)
        return True
