"""Accounts for people of other issuers: found by link, found once by what is proved, or made."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from time import sleep
from typing import Literal, Protocol

from chalicelib.accounts.record import AccountRecord
from chalicelib.deadline import Deadline
from chalicelib.errors import EmailTaken, EmailUnverifiedInDirectory, NoAccount, NoEmail, Unavailable, UsernameTaken
from chalicelib.model import Account, Identity
from chalicelib.secret import Secret

BACKEND = "accounts"
PAUSES = (0.2, 0.4, 0.8)
"""Seconds between the looks for an account that another request is about to have made."""

LEAST_SECONDS = 2.0
"""What must be left of a request after a pause: the looks and the token still have to be asked for."""


@dataclass(frozen=True)
class Link:
    """The stored tie from an identity's issuer and subject to an account's id.

    Without an id it is a claim: whoever made it is having the account made. `version` is the store's own.
    """

    account_id: str | None
    version: int = 0


def link_id(identity: Identity) -> str:
    """Return the name that an identity's link is kept under: a digest, since neither part has a bound."""
    return hashlib.sha256(f"{identity.issuer}\0{identity.subject}".encode()).hexdigest()


class Links(Protocol):
    """Where links are kept. Every method raises `Unavailable`."""

    @property
    def kept(self) -> bool:
        """Whether links are kept at all: without them an account must be found by what is proved, each time."""

    def find(self, identity: Identity, deadline: Deadline) -> Link | None:
        """Return the identity's link, None where there is none."""

    def claim(self, identity: Identity, account_id: str | None, deadline: Deadline) -> Link | None:
        """Make the identity's link, in one step that only one request succeeds with; None where there is one."""

    def point(self, identity: Identity, link: Link, account_id: str, deadline: Deadline) -> bool:
        """Let the link lead to `account_id`; False where `link` is not what is there any more."""


class Roster(Protocol):
    """Who has an account. What is found by a name or an address need not be exactly that one."""

    def by_id(self, account_id: str, deadline: Deadline) -> AccountRecord | None:
        """Return the account with that id."""

    def by_email(self, address: str, deadline: Deadline) -> AccountRecord | None:
        """Return the account that holds that address, verified or not."""

    def by_username(self, username: str, deadline: Deadline) -> AccountRecord | None:
        """Return the account of that name."""


class Provisioner(Protocol):
    """A way to make accounts."""

    def plan(self, identity: Identity, deadline: Deadline) -> str | None:
        """Return the id that the account will have, None where the workspace chooses it.

        Raises `NoAccount` where none may be made, `NoEmail` where none could be, and `Unavailable`.
        """

    def create(
        self,
        identity: Identity,
        deadline: Deadline,
        *,
        planned: str | None = None,
        exact: bool = False,
        password: Secret | None = None,
    ) -> str:
        """Make the account and return its id.

        With `exact` it has the person's own username or is not made: `UsernameTaken`. `password` is given where the
        person is to log in to the workspace with it. Raises `EmailTaken` and `AccountNotMade`, and as `plan`.
        """


class NoLinks:
    """No place for links: every claim succeeds, and nothing is remembered of it."""

    kept = False

    def find(self, identity: Identity, deadline: Deadline) -> Link | None:
        """Return None."""
        return None

    def claim(self, identity: Identity, account_id: str | None, deadline: Deadline) -> Link | None:
        """Return the link that was asked for."""
        return Link(account_id)

    def point(self, identity: Identity, link: Link, account_id: str, deadline: Deadline) -> bool:
        """Return True."""
        return True


class NoProvision:
    """`PROVISION=off`: nobody is given an account."""

    def plan(self, identity: Identity, deadline: Deadline) -> str | None:
        """Raise `NoAccount`."""
        raise NoAccount

    def create(
        self,
        identity: Identity,
        deadline: Deadline,
        *,
        planned: str | None = None,
        exact: bool = False,
        password: Secret | None = None,
    ) -> str:
        """Raise `NoAccount`."""
        raise NoAccount


class WithAddress:
    """A way to make accounts for people whose address is known alone, since a provider may keep it to itself."""

    def __init__(self, provisioner: Provisioner) -> None:
        self._provisioner = provisioner

    def plan(self, identity: Identity, deadline: Deadline) -> str | None:
        """Return what the provisioner plans. Raises `NoEmail` for whoever has no address, and as it."""
        if not identity.email:
            raise NoEmail
        return self._provisioner.plan(identity, deadline)

    def create(
        self,
        identity: Identity,
        deadline: Deadline,
        *,
        planned: str | None = None,
        exact: bool = False,
        password: Secret | None = None,
    ) -> str:
        """Make the account and return its id; raises as `plan`, and as the provisioner."""
        if not identity.email:
            raise NoEmail
        return self._provisioner.create(identity, deadline, planned=planned, exact=exact, password=password)


class LinkedAccounts:
    """Tie identities of other issuers to accounts.

    A link is claimed before an account is made, with the id that it will have where that is planned, so that sign-ins
    which race end with one account. Where the workspace chooses the id, the link is claimed without one, and it is the
    workspace's uniqueness of e-mail addresses that lets only one of them be made.
    """

    def __init__(
        self,
        links: Links,
        roster: Roster,
        provisioner: Provisioner,
        link_by: Literal["email", "username"] = "email",
        pause: Callable[[float], object] = sleep,
    ) -> None:
        self._links = links
        self._roster = roster
        self._provisioner = provisioner
        self._link_by = link_by
        self._pause = pause
        # A variant of the username would never be found again by the username alone.
        self._exact = link_by == "username" and not links.kept

    def account_of(self, identity: Identity, deadline: Deadline) -> Account:
        """Return the account of `identity`.

        Raises `NoAccount` where there is none and none may be made, what the provisioner cannot do (`NoEmail`,
        `EmailTaken`, `UsernameTaken`, `AccountNotMade`), `EmailUnverifiedInDirectory` where the account could not be
        found again, `AccountDeactivated`, `AccountWithoutRoles` or `AccountNotForPeople` for what the account is,
        `LinkedElsewhere` where it is tied to somebody else of the same issuer, and `Unavailable`.
        """
        if identity.account is not None:
            return identity.account
        link = self._links.find(identity, deadline)
        record = self._first_time(identity, deadline) if link is None else self._linked(identity, link, deadline)
        record.refuse_unfit()
        return Account(record.id)

    def _first_time(self, identity: Identity, deadline: Deadline) -> AccountRecord:
        found = self._find_once(identity, deadline)
        if found is None:
            account_id = self._provisioner.plan(identity, deadline)
            self._refuse_lost(identity)
        else:
            # Before anything is written: an account that nobody can use stays as it is.
            found.refuse_unfit()
            account_id = found.id
        link = self._links.claim(identity, account_id, deadline)
        if link is None:
            # Another request was faster: its link counts.
            link = self._links.find(identity, deadline)
            if link is None:
                raise Unavailable(BACKEND, "a link vanished while it was claimed")
            return self._linked(identity, link, deadline)
        return found if found is not None else self._made(identity, link, deadline)

    def _linked(self, identity: Identity, link: Link, deadline: Deadline) -> AccountRecord:
        """Return the account of a link, made anew where it is gone and looked for once more where it has no id yet."""
        record = self._led_to(identity, link, deadline)
        if record is not None:
            return record
        planned = self._provisioner.plan(identity, deadline)
        if link.account_id is None and planned is not None:
            # Claimed when the workspace was to choose the id, which is planned now: all who race must have the same.
            if not self._links.point(identity, link, planned, deadline):
                return self._standing(identity, deadline)
            link = self._found_again(identity, deadline)
        return self._made(identity, link, deadline)

    def _led_to(self, identity: Identity, link: Link, deadline: Deadline) -> AccountRecord | None:
        if link.account_id is not None:
            return self._roster.by_id(link.account_id, deadline)
        # The account may have been made and the answer lost, or be made just now.
        return self._joined(identity, link, deadline)

    def _joined(self, identity: Identity, link: Link, deadline: Deadline) -> AccountRecord | None:
        """Return the account that is provably the person's, to which the link leads from now on."""
        found = self._find_once(identity, deadline)
        if found is not None:
            found.refuse_unfit()
        if found is None or self._links.point(identity, link, found.id, deadline):
            return found
        return self._standing(identity, deadline)

    def _made(self, identity: Identity, link: Link, deadline: Deadline) -> AccountRecord:
        try:
            made = self._provisioner.create(identity, deadline, planned=link.account_id, exact=self._exact)
        except (EmailTaken, UsernameTaken):
            # With a planned id whoever races makes the same account: what is taken is somebody else's.
            planned = self._provisioner.plan(identity, deadline) is not None
            record = self._awaited(identity, link, deadline) if not planned else None
            if record is None:
                raise
            return record
        if made != link.account_id and not self._links.point(identity, link, made, deadline):
            return self._standing(identity, deadline)
        record = self._roster.by_id(made, deadline)
        if record is None:
            raise Unavailable(BACKEND, "an account vanished when it was made")
        return record

    def _awaited(self, identity: Identity, link: Link, deadline: Deadline) -> AccountRecord | None:
        """Return the account that another sign-in of the same person has just had made, None where there was none.

        What is taken may be the person's own: the account is there before its maker has filled in the link, and its
        address counts as verified a moment later still.
        """
        for pause in (0.0, *PAUSES):
            if deadline.remaining() < pause + LEAST_SECONDS:
                return None
            if pause:
                self._pause(pause)
            now = self._links.find(identity, deadline) or link
            moved = now.account_id != link.account_id
            look = self._led_to if moved else self._joined
            record = look(identity, now, deadline)
            if record is not None:
                return record
        return None

    def _standing(self, identity: Identity, deadline: Deadline) -> AccountRecord:
        """Return the account of the link as another request has just left it."""
        link = self._found_again(identity, deadline)
        record = self._roster.by_id(link.account_id, deadline) if link.account_id is not None else None
        if record is None:
            raise Unavailable(BACKEND, "a link changes faster than it can be read")
        return record

    def _found_again(self, identity: Identity, deadline: Deadline) -> Link:
        link = self._links.find(identity, deadline)
        if link is None:
            raise Unavailable(BACKEND, "a link vanished")
        return link

    def _find_once(self, identity: Identity, deadline: Deadline) -> AccountRecord | None:
        """Return the one account that is provably the person's (promise 37): never by what anybody may have typed."""
        if self._link_by == "username":
            found = self._roster.by_username(identity.username, deadline) if identity.username else None
            return found if found is not None and found.text("username") == identity.username else None
        if not identity.email or not identity.email_verified:
            return None
        found = self._roster.by_email(identity.email, deadline)
        if found is None or found.is_admin:
            return None
        return found if (identity.email, True) in found.emails() else None

    def _refuse_lost(self, identity: Identity) -> None:
        """Raise where an account could be made and would not be found at the next sign-in."""
        if not self._links.kept and self._link_by == "email" and not identity.email_verified:
            raise EmailUnverifiedInDirectory
