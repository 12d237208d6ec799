"""Tokens written straight into the account's record in the workspace's database."""

import base64
import hashlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from time import time

from chalicelib.accounts.record import AccountRecord, milliseconds
from chalicelib.accounts.users import Users
from chalicelib.deadline import Deadline
from chalicelib.errors import AccountDeactivated, SecondFactorUnserved, Unavailable
from chalicelib.model import Account, Identity, Session, Token
from chalicelib.mongodb import BACKEND, Mongo
from chalicelib.secret import Secret

LOGIN_TOKENS = "services.resume.loginTokens"
IFRAME_TOKEN = "services.iframe.token"  # noqa: S105 - a path, not a token
IFRAME_WHEN = "services.iframe.when"
REUSE_SECONDS = 600
MOST_TRIES = 10


def new_token() -> str:
    """Return 43 characters of `A-Za-z0-9-_` from `secrets`, as Meteor's own tokens have: 256 bits."""
    return secrets.token_urlsafe(32)


def hashed(token: str) -> str:
    """Return what Meteor stores of a native login token: base64 of its SHA-256."""
    return base64.b64encode(hashlib.sha256(token.encode()).digest()).decode()


class LoginTokens:
    """Native login tokens: only the hash is stored, and Rocket.Chat's two-factor check does not apply to them.

    Nothing is pruned: the workspace trims and expires, and personal access tokens live in the same list.
    """

    def __init__(self, mongo: Mongo, clock: Callable[[], float] = time) -> None:
        self._users = Users(mongo)
        self._clock = clock

    def issue(self, account: Account, identity: Identity, deadline: Deadline) -> Token:
        """Return the token that came with the login, else a new one, appended to the account's.

        Raises `AccountDeactivated` when the account is not there or not active any more, and `Unavailable`.
        """
        if identity.login is not None:
            return identity.login
        token = new_token()
        element = {"when": _moment(self._clock()), "hashedToken": hashed(token)}
        change = {"$push": {LOGIN_TOKENS: element}}
        wanted = {"_id": account.id, "active": True}
        if not self._users.change(wanted, change, deadline):
            raise AccountDeactivated
        return Token(Secret(token))

    def is_live(self, session: Session, deadline: Deadline) -> bool:
        """Tell whether the account is active and still holds the session's token: one read by `_id`."""
        fields = {"active": 1, LOGIN_TOKENS: 1}
        record = self._users.one({"_id": session.account_id}, fields, deadline)
        if record is None or not record.active:
            return False
        held = record.at(LOGIN_TOKENS)
        own = hashed(session.token.value.reveal())
        hashes = [_hash_of(element) for element in held] if isinstance(held, list) else []
        return any(compare_digest(own.encode(), each.encode()) for each in hashes)

    def revoke(self, session: Session, deadline: Deadline) -> None:
        """Remove exactly the session's token; one that is gone already is done."""
        change = {"$pull": {LOGIN_TOKENS: {"hashedToken": hashed(session.token.value.reveal())}}}
        self._users.change({"_id": session.account_id}, change, deadline)


class IframeTokens:
    """The token of the `iframe` service: a hand-over that is good for one login.

    Rocket.Chat neither expires nor rotates it, so it is replaced after ten minutes, removed at sign-out and swept. That
    it was used shows in the account's `lastLogin` alone, which every accepted login sets and a logout leaves.
    """

    def __init__(self, mongo: Mongo, clock: Callable[[], float] = time) -> None:
        self._users = Users(mongo)
        self._login_tokens = LoginTokens(mongo, clock)
        self._clock = clock

    def issue(self, account: Account, identity: Identity, deadline: Deadline) -> Token:
        """Return the account's token while it is young, else a new one that all who ask at the same time agree on.

        Raises `SecondFactorUnserved` where the workspace's own login asked for one, since Rocket.Chat asks for it again
        after an `iframe` token and its client has no form for it, and `AccountDeactivated` and `Unavailable` as
        `LoginTokens.issue`. A second factor that another directory checked says nothing of the account's.
        """
        if identity.login is not None:
            # The workspace made a native token when it checked the password: it is not the one that is handed out.
            unused = Session(account.id, identity.login, 0.0, 0.0)
            self._login_tokens.revoke(unused, deadline)
            if identity.second_factor:
                raise SecondFactorUnserved
        fields = {"active": 1, "services.iframe": 1, "lastLogin": 1}
        for _ in range(MOST_TRIES):
            record = self._users.one({"_id": account.id}, fields, deadline)
            if record is None or not record.active:
                raise AccountDeactivated
            held = record.at(IFRAME_TOKEN)
            if isinstance(held, str) and held and self._is_young(record):
                return Token(Secret(held), "iframe", record.last_login)
            token = self._replace(account, held, deadline)
            if token is not None:
                # `lastLogin` is the one read before: should a login have come between, the check says 401 and is safe.
                return Token(token, "iframe", record.last_login)
        raise Unavailable(BACKEND, "the iframe token changes faster than it can be read")

    def is_live(self, session: Session, deadline: Deadline) -> bool:
        """Tell whether the token is still the account's and no login was accepted since it was handed out."""
        fields = {"active": 1, IFRAME_TOKEN: 1, "lastLogin": 1}
        record = self._users.one({"_id": session.account_id}, fields, deadline)
        held = record.text(IFRAME_TOKEN) if record is not None else None
        if record is None or held is None or not record.active:
            return False
        unused = record.last_login == session.token.last_login
        return compare_digest(held.encode(), session.token.value.reveal().encode()) and unused

    def revoke(self, session: Session, deadline: Deadline) -> None:
        """Remove the session's token where it is still the account's; one that is gone already is done."""
        wanted = {"_id": session.account_id, IFRAME_TOKEN: session.token.value.reveal()}
        self._users.change(wanted, _REMOVAL, deadline)

    def sweep(self, deadline: Deadline) -> int:
        """Remove every token that is too old to be handed out again; return how many."""
        before = _moment(self._clock()) - timedelta(seconds=REUSE_SECONDS)
        old = {IFRAME_WHEN: {"$lt": before}}
        return sum(self._remove_old(each, deadline) for each in self._users.many(old, {IFRAME_WHEN: 1}, deadline))

    def _remove_old(self, record: AccountRecord, deadline: Deadline) -> bool:
        # One account a write, and only where the token is still the one that was found.
        wanted = {"_id": record.content["_id"], IFRAME_WHEN: record.at(IFRAME_WHEN)}
        return self._users.change(wanted, _REMOVAL, deadline)

    def _is_young(self, record: AccountRecord) -> bool:
        when = milliseconds(record.at(IFRAME_WHEN))
        return when is not None and self._clock() - when / 1000 < REUSE_SECONDS

    def _replace(self, account: Account, held: object, deadline: Deadline) -> Secret | None:
        """Put a new token in the place of `held` and return it; None where another request was faster."""
        token = new_token()
        # None is what is not there, or null.
        wanted = {"_id": account.id, IFRAME_TOKEN: held}
        change = {"$set": {IFRAME_TOKEN: token, IFRAME_WHEN: _moment(self._clock())}}
        return Secret(token) if self._users.change(wanted, change, deadline) else None


_REMOVAL = {"$unset": {IFRAME_TOKEN: "", IFRAME_WHEN: ""}}


def _hash_of(element: object) -> str:
    value = element.get("hashedToken") if isinstance(element, dict) else None
    return value if isinstance(value, str) else ""


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
