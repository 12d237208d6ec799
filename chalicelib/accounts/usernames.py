"""Usernames as Rocket.Chat accepts them, and variants of them where somebody else has one."""

import re
import secrets
from collections.abc import Iterator

from chalicelib.errors import AccountNotMade
from chalicelib.model import Identity

LONGEST = 64
_NOT_ACCEPTED = re.compile(r"[^0-9a-zA-Z._-]+")


def base(identity: Identity) -> str:
    """Return the person's username without what Rocket.Chat's default pattern (`[0-9a-zA-Z-_.]+`) has no place for."""
    return _NOT_ACCEPTED.sub("", identity.username)[:LONGEST] or "user"


def candidates(identity: Identity, *, exact: bool, numbered: int, random: int) -> Iterator[str]:
    """Yield the usernames to try in turn: the person's own, then so many variants with a number, then with hex digits.

    With `exact` it is the person's own alone. Raises `AccountNotMade` where Rocket.Chat would not accept that.
    """
    own = base(identity)
    if exact:
        if own != identity.username:
            raise AccountNotMade("username-not-accepted")
        yield own
        return
    yield own
    for number in range(2, numbered + 2):
        yield f"{own}-{number}"
    for _ in range(random):
        yield f"{own}-{secrets.token_hex(3)}"
