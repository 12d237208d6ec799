"""Accounts and links in the workspace's database."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from time import time
from typing import Any

from pymongo.errors import DuplicateKeyError

from chalicelib.accounts.linking import Link, Provisioner, link_id
from chalicelib.accounts.provider_links import id_path
from chalicelib.accounts.record import AccountRecord
from chalicelib.accounts.usernames import candidates
from chalicelib.accounts.users import Filter, Users
from chalicelib.credentials import CredentialSource
from chalicelib.deadline import Deadline
from chalicelib.errors import EmailTaken, Unavailable, UsernameTaken
from chalicelib.model import Identity
from chalicelib.mongodb import BACKEND, Mongo
from chalicelib.secret import Secret

LINKS = "gantry_links"
ID_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz"
ID_LENGTH = 17
NUMBERED = 8
RANDOM = 10
_FIELDS = {"username": 1, "emails": 1, "roles": 1, "active": 1, "type": 1}


def new_account_id() -> str:
    """Return an id as Meteor makes them: 17 characters of its unmistakable alphabet, about 98 bits."""
    return "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))


class MongoLinks:
    """Links in a collection of Gantry's own, by a digest of issuer and subject."""

    kept = True

    def __init__(self, mongo: Mongo, clock: Callable[[], float] = time) -> None:
        self._mongo = mongo
        self._clock = clock

    def find(self, identity: Identity, deadline: Deadline) -> Link | None:
        """Return the identity's link, None where there is none."""
        wanted = {"_id": link_id(identity)}
        link = self._mongo.run(lambda database: database[LINKS].find_one(wanted), deadline)
        if link is None:
            return None
        account_id = link.get("account")
        return Link(account_id if isinstance(account_id, str) else None)

    def claim(self, identity: Identity, account_id: str | None, deadline: Deadline) -> Link | None:
        """Make the identity's link; None where there is one."""
        wanted = {"_id": link_id(identity)}
        claim = {
            "issuer": identity.issuer,
            "subject": identity.subject,
            **({"account": account_id} if account_id is not None else {}),
            "when": self._now(),
        }
        try:
            result = self._mongo.run(
                lambda database: database[LINKS].update_one(wanted, {"$setOnInsert": claim}, upsert=True), deadline
            )
        except DuplicateKeyError:
            # Two upserts of one link at the same moment may collide: the other one won.
            return None
        return Link(account_id) if result.upserted_id is not None else None

    def point(self, identity: Identity, link: Link, account_id: str, deadline: Deadline) -> bool:
        """Let the link lead to `account_id`; False where it leads elsewhere than `link` by now."""
        # None is what is not there.
        wanted = {"_id": link_id(identity), "account": link.account_id}
        change = {"$set": {"account": account_id, "when": self._now()}}
        result = self._mongo.run(lambda database: database[LINKS].update_one(wanted, change), deadline)
        return result.matched_count == 1

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


class MongoRoster:
    """The accounts of the collection `users`."""

    def __init__(self, mongo: Mongo) -> None:
        self._users = Users(mongo)

    def by_id(self, account_id: str, deadline: Deadline) -> AccountRecord | None:
        """Return the account with that id."""
        return self._one({"_id": account_id}, deadline)

    def by_email(self, address: str, deadline: Deadline) -> AccountRecord | None:
        """Return the account that holds exactly that address."""
        return self._one({"emails.address": address}, deadline)

    def by_username(self, username: str, deadline: Deadline) -> AccountRecord | None:
        """Return the account of exactly that name."""
        return self._one({"username": username}, deadline)

    def _one(self, wanted: Filter, deadline: Deadline) -> AccountRecord | None:
        return self._users.one(wanted, _FIELDS, deadline)


class MongoInsert:
    """Put accounts straight into the database, as the manuals write them: without a password.

    They join no default channel. With `provider` the person's id there is written with the account: its unique index
    lets only one of the sign-ins that race make one.
    """

    def __init__(
        self,
        mongo: Mongo,
        clock: Callable[[], float] = time,
        new_id: Callable[[], str] = new_account_id,
        *,
        provider: str | None = None,
    ) -> None:
        self._users = Users(mongo)
        self._clock = clock
        self._new_id = new_id
        self._provider = provider

    def plan(self, identity: Identity, deadline: Deadline) -> str | None:
        """Return a new id."""
        return self._new_id()

    def create(
        self,
        identity: Identity,
        deadline: Deadline,
        *,
        planned: str | None = None,
        exact: bool = False,
        password: Secret | None = None,
    ) -> str:
        """Insert the account under the id `planned` and return that; another one where another request was faster.

        `password` is not kept: who is given tokens that Gantry writes does not log in to the workspace with one.
        Raises `EmailTaken` where somebody else's account holds the address, `UsernameTaken` where only the person's own
        username will do and is not free, `AccountNotMade` where it cannot be one, and `Unavailable`.
        """
        account_id = planned or self._new_id()
        for username in candidates(identity, exact=exact, numbered=NUMBERED, random=RANDOM):
            if self._users.ignoring_case({"username": username}, {"_id": 1}, deadline):
                continue
            try:
                self._users.insert(self._new_record(identity, account_id, username), deadline)
                return account_id
            except DuplicateKeyError:
                made = self._made_meanwhile(identity, account_id, deadline)
                if made is not None:
                    return made.id
                if identity.email and self._users.one({"emails.address": identity.email}, {"_id": 1}, deadline):
                    raise EmailTaken from None
        if exact:
            raise UsernameTaken
        raise Unavailable(BACKEND, "no free username was found")

    def _made_meanwhile(self, identity: Identity, account_id: str, deadline: Deadline) -> AccountRecord | None:
        """Return the account that another request has just made for the same person."""
        made = self._users.one({"_id": account_id}, {"_id": 1}, deadline)
        if made is None and self._provider is not None:
            made = self._users.one({id_path(self._provider): identity.subject}, {"_id": 1}, deadline)
        return made

    def _new_record(self, identity: Identity, account_id: str, username: str) -> dict[str, Any]:
        now = datetime.fromtimestamp(self._clock(), UTC)
        emails = [{"address": identity.email, "verified": identity.email_verified}] if identity.email else None
        return {
            "_id": account_id,
            "createdAt": now,
            "services": {self._provider: {"id": identity.subject}} if self._provider is not None else {},
            **({"emails": emails} if emails else {}),
            "name": identity.name or username,
            "username": username,
            "active": True,
            "statusDefault": "online",
            "roles": ["user"],
            "type": "user",
            "_updatedAt": now,
        }


class CreateOrInsert:
    """Have the workspace make accounts where a service account is configured, else insert them.

    Which of the two is known with the secret alone. A person without an address is inserted in either case: the REST
    API makes no such account.
    """

    def __init__(self, credentials: CredentialSource, create: Provisioner, insert: Provisioner) -> None:
        self._credentials = credentials
        self._create = create
        self._insert = insert

    def plan(self, identity: Identity, deadline: Deadline) -> str | None:
        """Return the id of an account that is to be inserted, None for one that the workspace makes; raises as it."""
        return self._chosen(identity, deadline).plan(identity, deadline)

    def create(
        self,
        identity: Identity,
        deadline: Deadline,
        *,
        planned: str | None = None,
        exact: bool = False,
        password: Secret | None = None,
    ) -> str:
        """Make the account and return its id; raises as whoever makes it."""
        chosen = self._chosen(identity, deadline)
        return chosen.create(identity, deadline, planned=planned, exact=exact, password=password)

    def _chosen(self, identity: Identity, deadline: Deadline) -> Provisioner:
        if not identity.email or self._credentials.current(deadline).service_account is None:
            return self._insert
        return self._create
