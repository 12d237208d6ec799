"""Accounts in the workspace's database: found by link, found once by what is proved, or made."""

import hashlib
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from time import time
from typing import Any, Literal

from pymongo.errors import DuplicateKeyError

from chalicelib.accounts.record import AccountRecord
from chalicelib.accounts.users import Users
from chalicelib.deadline import Deadline
from chalicelib.errors import EmailTaken, NoAccount, Unavailable
from chalicelib.model import Account, Identity
from chalicelib.mongodb import BACKEND, Mongo

LINKS = "gantry_links"
ID_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz"
ID_LENGTH = 17
MOST_USERNAMES = 20
_FIELDS = {"emails": 1, "roles": 1, "active": 1, "type": 1}
_NOT_IN_USERNAMES = re.compile(r"[^0-9a-zA-Z._-]+")


def new_account_id() -> str:
    """Return an id as Meteor makes them: 17 characters of its unmistakable alphabet, about 98 bits."""
    return "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))


class MongoAccounts:
    """Tie identities of other issuers to accounts.

    The link is claimed first, by one insert on issuer and subject that names the account's id, so that sign-ins which
    race end with one account, and an account that was lost on the way is made again under the same id.
    """

    def __init__(
        self,
        mongo: Mongo,
        provision: Literal["off", "create"] = "off",
        link_by: Literal["email", "username"] = "email",
        clock: Callable[[], float] = time,
        new_id: Callable[[], str] = new_account_id,
    ) -> None:
        self._mongo = mongo
        self._users = Users(mongo)
        self._provision = provision
        self._link_by = link_by
        self._clock = clock
        self._new_id = new_id

    def account_of(self, identity: Identity, deadline: Deadline) -> Account:
        """Return the account of `identity`.

        Raises `NoAccount` where there is none and none may be made, `EmailTaken` where somebody else's account holds
        the address, `AccountDeactivated`, `AccountWithoutRoles` or `AccountNotForPeople` for what the account is, and
        `Unavailable`.
        """
        linked = self._linked(identity, deadline)
        if linked is None:
            found = self._find_once(identity, deadline)
            if found is None and self._provision == "off":
                raise NoAccount
            linked = self._claim(identity, found.id if found is not None else self._new_id(), deadline)
        record = self._users.one({"_id": linked}, _FIELDS, deadline)
        if record is None:
            if self._provision == "off":
                raise NoAccount
            record = self._create(identity, linked, deadline)
        record.refuse_unfit()
        return Account(record.id)

    def _linked(self, identity: Identity, deadline: Deadline) -> str | None:
        wanted = {"_id": _link_id(identity)}
        link = self._mongo.run(lambda database: database[LINKS].find_one(wanted), deadline)
        return str(link["account"]) if link is not None else None

    def _claim(self, identity: Identity, account_id: str, deadline: Deadline) -> str:
        wanted = {"_id": _link_id(identity)}
        claim = {
            "$setOnInsert": {
                "issuer": identity.issuer,
                "subject": identity.subject,
                "account": account_id,
                "when": self._now(),
            }
        }
        # Two upserts of one link at the same moment may collide: the other one won, and its link is read.
        with suppress(DuplicateKeyError):
            self._mongo.run(lambda database: database[LINKS].update_one(wanted, claim, upsert=True), deadline)
        claimed = self._linked(identity, deadline)
        if claimed is None:
            raise Unavailable(BACKEND, "a link vanished while it was claimed")
        return claimed

    def _find_once(self, identity: Identity, deadline: Deadline) -> AccountRecord | None:
        """Return the one account that is provably the person's (promise 37): never by what anybody may have typed."""
        if self._link_by == "username":
            return self._users.one({"username": identity.username}, _FIELDS, deadline)
        if identity.email is None or not identity.email_verified:
            return None
        record = self._users.one({"emails.address": identity.email}, _FIELDS, deadline)
        if record is None or record.is_admin:
            return None
        return record if (identity.email, True) in record.emails() else None

    def _create(self, identity: Identity, account_id: str, deadline: Deadline) -> AccountRecord:
        for username in _usernames(identity):
            if self._users.ignoring_case({"username": username}, {"_id": 1}, deadline):
                continue
            record = self._new_record(identity, account_id, username)
            try:
                self._users.insert(record, deadline)
                return AccountRecord(record)
            except DuplicateKeyError:
                made = self._users.one({"_id": account_id}, _FIELDS, deadline)
                if made is not None:
                    return made
                if identity.email and self._users.one({"emails.address": identity.email}, {"_id": 1}, deadline):
                    raise EmailTaken from None
        raise Unavailable(BACKEND, "no free username was found")

    def _new_record(self, identity: Identity, account_id: str, username: str) -> dict[str, Any]:
        now = self._now()
        emails = [{"address": identity.email, "verified": identity.email_verified}] if identity.email else None
        return {
            "_id": account_id,
            "createdAt": now,
            "services": {},
            **({"emails": emails} if emails else {}),
            "name": identity.name or username,
            "username": username,
            "active": True,
            "statusDefault": "online",
            "roles": ["user"],
            "type": "user",
            "_updatedAt": now,
        }

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


def _link_id(identity: Identity) -> str:
    return hashlib.sha256(f"{identity.issuer}\0{identity.subject}".encode()).hexdigest()


def _usernames(identity: Identity) -> Iterator[str]:
    """Yield the person's username as Rocket.Chat accepts it, then variants of it, within a bound."""
    base = _NOT_IN_USERNAMES.sub("", identity.username)[:64] or "user"
    yield base
    for number in range(2, MOST_USERNAMES // 2):
        yield f"{base}-{number}"
    for _ in range(MOST_USERNAMES // 2):
        yield f"{base}-{secrets.token_hex(3)}"
