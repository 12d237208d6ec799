"""The one algorithm behind all accounts of other issuers, in the interleavings that no clock brings about reliably."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pytest

from chalicelib.accounts.linking import PAUSES, Link, LinkedAccounts, NoLinks, NoProvision, link_id
from chalicelib.accounts.record import AccountRecord
from chalicelib.accounts.rest import new_password
from chalicelib.accounts.usernames import candidates
from chalicelib.deadline import Deadline
from chalicelib.errors import AccountNotMade, EmailTaken, NoAccount, Unavailable, UsernameTaken
from chalicelib.model import Account, Identity
from chalicelib.secret import Secret
from tests.fakes import FakeClock

ERIN = Identity("https://issuer.example", "subject-1", "erin", "erin@example.com", email_verified=True)
SHOUTING = replace(ERIN, username="ERIN", email="ERIN@example.com")
UNVERIFIED = replace(ERIN, email_verified=False)
DEADLINE = Deadline.after(1e6)


def record(account_id: str, verified: bool = True, **fields: Any) -> AccountRecord:
    emails = [{"address": "erin@example.com", "verified": verified}]
    content = {"_id": account_id, "username": "erin", "emails": emails, "active": True, "roles": ["user"], **fields}
    return AccountRecord(content)


@dataclass
class FakeLinks:
    """One person's link in memory; what is in `meanwhile` happens before the next change."""

    link: Link | None = None
    kept: bool = True
    meanwhile: list[Callable[[], object]] = field(default_factory=list)
    changes: int = 0

    def find(self, identity: Identity, deadline: Deadline) -> Link | None:
        return self.link

    def claim(self, identity: Identity, account_id: str | None, deadline: Deadline) -> Link | None:
        self._others()
        if self.link is not None:
            return None
        return self.set(account_id)

    def point(self, identity: Identity, link: Link, account_id: str, deadline: Deadline) -> bool:
        self._others()
        if self.link != link:
            return False
        self.set(account_id)
        return True

    def set(self, account_id: str | None) -> Link:
        self.changes += 1
        self.link = Link(account_id, (self.link.version if self.link else 0) + 1)
        return self.link

    def _others(self) -> None:
        if self.meanwhile:
            self.meanwhile.pop(0)()


@dataclass
class FakeRoster:
    accounts: dict[str, AccountRecord] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    in_any_case: bool = False

    def by_id(self, account_id: str, deadline: Deadline) -> AccountRecord | None:
        self.asked.append(f"id {account_id}")
        return self.accounts.get(account_id)

    def by_email(self, address: str, deadline: Deadline) -> AccountRecord | None:
        self.asked.append(f"email {address}")
        return self._first(lambda each: any(self._same(address, held) for held, _ in each.emails()))

    def by_username(self, username: str, deadline: Deadline) -> AccountRecord | None:
        self.asked.append(f"username {username}")
        return self._first(lambda each: self._same(username, each.text("username") or ""))

    def add(self, made: AccountRecord) -> None:
        self.accounts[made.id] = made

    def _first(self, fits: Callable[[AccountRecord], bool]) -> AccountRecord | None:
        return next(filter(fits, self.accounts.values()), None)

    def _same(self, one: str, other: str) -> bool:
        return one.lower() == other.lower() if self.in_any_case else one == other


@dataclass
class FakeProvisioner:
    """Makes accounts called new-1, new-2 and so on, or fails; with `planned_id` it is Gantry that chooses the id."""

    roster: FakeRoster
    planned_id: str | None = None
    failure: Exception | None = None
    wanted: list[str | None] = field(default_factory=list)

    def plan(self, identity: Identity, deadline: Deadline) -> str | None:
        return self.planned_id

    def create(
        self,
        identity: Identity,
        deadline: Deadline,
        *,
        planned: str | None = None,
        exact: bool = False,
        password: Secret | None = None,
    ) -> str:
        self.wanted.append(planned)
        if self.failure is not None:
            raise self.failure
        made = planned if planned and self.planned_id else f"new-{len(self.wanted)}"
        self.roster.add(record(made, identity.email_verified))
        return made


class World:
    def __init__(self, link: Link | None = None, planned: str | None = None, failure: Exception | None = None) -> None:
        self.links = FakeLinks(link)
        self.roster = FakeRoster()
        self.provisioner = FakeProvisioner(self.roster, planned, failure)
        self.pauses: list[float] = []
        self.at_pause: list[Callable[[], object]] = []
        self.accounts = LinkedAccounts(self.links, self.roster, self.provisioner, "email", self.pause)

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if self.at_pause:
            self.at_pause.pop(0)()

    def sign_in(self, identity: Identity = ERIN, deadline: Deadline = DEADLINE) -> str:
        return self.accounts.account_of(identity, deadline).id


def test_a_known_account_is_taken_at_once() -> None:
    """An identity that comes with its account asks nobody."""
    world = World()
    assert world.sign_in(replace(ERIN, account=Account("known"))) == "known"
    assert (world.roster.asked, world.links.changes) == ([], 0)


def test_a_link_without_an_id_is_looked_up_before_an_account_is_made() -> None:
    """Who finds a claim looks the account up once more: it may have been made, and its maker lost the answer."""
    world = World(Link(None, 1))
    world.roster.add(record("there"))
    assert world.sign_in() == "there"
    assert world.provisioner.wanted == []
    assert world.links.link == Link("there", 2)


def test_a_claim_is_filled_in_with_the_id_that_the_workspace_chose() -> None:
    """A new account's id is filled in where the link was claimed without one, or replaces one that is gone."""
    for link in (None, Link(None, 1), Link("gone", 1)):
        world = World(link)
        assert world.sign_in() == "new-1"
        assert world.links.link is not None
        assert world.links.link.account_id == "new-1"


def test_who_loses_the_claim_takes_what_the_winner_made() -> None:
    """A request that saw no link and is late with its claim makes nothing."""
    world = World()

    def winner() -> None:
        world.roster.add(record("winners", verified=False))
        world.links.set("winners")

    world.links.meanwhile = [winner]
    assert world.sign_in(UNVERIFIED) == "winners"
    assert world.provisioner.wanted == []


def test_who_loses_the_link_takes_what_stands_in_it() -> None:
    """An id that another request has filled in meanwhile counts, whatever account was made here."""
    world = World(Link(None, 1))
    world.roster.add(record("winners", verified=False))
    world.links.meanwhile = [lambda: world.links.set("winners")]
    assert world.sign_in(UNVERIFIED) == "winners"


def test_who_finds_an_account_late_takes_what_stands_in_the_link() -> None:
    """The same where the account was found by its address and the link has been filled in meanwhile."""
    world = World(Link(None, 1))
    world.roster.add(record("there"))
    world.roster.add(record("winners", username="erin-2", emails=[]))
    world.links.meanwhile = [lambda: world.links.set("winners")]
    assert world.sign_in() == "winners"


@pytest.mark.parametrize("refused", [EmailTaken(), UsernameTaken()])
@pytest.mark.parametrize("link", [Link(None, 1), Link("gone", 1)], ids=["claimed", "gone"])
def test_what_is_taken_may_be_taken_by_oneself(refused: Exception, link: Link) -> None:
    """A conflict waits a few times, shortly, for the other sign-in of the same person to fill the link in."""
    world = World(link, failure=refused)

    def filled_in() -> None:
        world.roster.add(record("others", verified=False))
        world.links.set("others")

    world.at_pause = [lambda: None, filled_in]
    assert world.sign_in(UNVERIFIED) == "others"
    assert world.pauses == list(PAUSES[:2])


@pytest.mark.parametrize("link", [Link(None, 1), Link("gone", 1)], ids=["claimed", "gone"])
def test_what_is_taken_by_oneself_is_found_by_its_address(link: Link) -> None:
    """The same where the address is proved: the account is found before its maker fills the link in, and linked."""
    world = World(link, failure=EmailTaken())
    world.at_pause = [lambda: world.roster.add(record("others"))]
    assert world.sign_in() == "others"
    assert world.pauses == list(PAUSES[:1])
    assert world.links.link == Link("others", 2)


def test_a_strangers_conflict_is_told_after_the_pauses() -> None:
    """Where nobody fills the link in the address is somebody else's, and the link stays as it was."""
    world = World(failure=EmailTaken())
    world.roster.add(record("strangers", verified=False))
    with pytest.raises(EmailTaken):
        world.sign_in()
    assert world.pauses == list(PAUSES)
    assert world.links.link == Link(None, 1)


def test_nobody_waits_where_the_id_was_planned() -> None:
    """Where Gantry chooses the id all who race make the same account, so what is taken is somebody else's."""
    world = World(planned="planned", failure=EmailTaken())
    with pytest.raises(EmailTaken):
        world.sign_in()
    assert world.pauses == []
    assert world.links.link == Link("planned", 1)


def test_nobody_waits_past_the_deadline() -> None:
    """Promise 35: no pause is begun after which the rest of the request would have no time."""
    clock = FakeClock()
    world = World(failure=EmailTaken())
    with pytest.raises(EmailTaken):
        world.sign_in(UNVERIFIED, Deadline(clock.now + 2.3, clock))
    assert world.pauses == [PAUSES[0]]


def test_an_id_is_planned_once_for_all_who_race() -> None:
    """A claim of a time when the workspace chose the ids is given a planned one before the account is inserted."""
    world = World(Link(None, 1), planned="planned")
    assert world.sign_in() == "planned"
    assert world.provisioner.wanted == ["planned"]
    other = World(Link(None, 1), planned="planned")
    other.roster.add(record("winners", verified=False))
    other.links.meanwhile = [lambda: other.links.set("winners")]
    assert other.sign_in(UNVERIFIED) == "winners"
    assert other.provisioner.wanted == []


def test_a_failure_leaves_the_claim() -> None:
    """Promise 35: an account whose making failed is not linked, and the claim is there for the next sign-in."""
    world = World(failure=Unavailable("workspace", "down"))
    with pytest.raises(Unavailable):
        world.sign_in()
    assert world.links.link == Link(None, 1)
    world.provisioner.failure = None
    assert world.sign_in() == "new-2"


@pytest.mark.parametrize("link_by", ["email", "username"])
def test_what_is_found_is_compared_letter_by_letter(link_by: Literal["email", "username"]) -> None:
    """Promise 37: a roster that looks names and addresses up in any case finds nobody who is not exactly the person."""
    roster = FakeRoster(in_any_case=True)
    roster.add(record("alike", username="ERIN", emails=[{"address": "ERIN@example.com", "verified": True}]))
    with pytest.raises(NoAccount):
        LinkedAccounts(FakeLinks(), roster, NoProvision(), link_by).account_of(ERIN, DEADLINE)
    assert LinkedAccounts(FakeLinks(), roster, NoProvision(), link_by).account_of(SHOUTING, DEADLINE).id == "alike"


def test_what_vanishes_meanwhile_is_unavailable() -> None:
    """A link or an account that is gone the moment after it was there tells nothing: the next sign-in will see."""
    world = World()
    world.links.meanwhile = [lambda: world.links.set("somebody"), lambda: setattr(world.links, "link", None)]
    world.links.find = lambda identity, deadline: None  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        world.sign_in()
    other = World(Link(None, 1))
    other.links.meanwhile = [lambda: other.links.set("nobodys")]
    with pytest.raises(Unavailable):
        other.sign_in()
    third = World(Link("gone", 1))
    third.roster.add = lambda made: None  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        third.sign_in()


def test_without_provisioning_the_lost_are_told() -> None:
    """With `PROVISION=off` neither a first sign-in nor a lost account writes anything."""
    for link in (None, Link(None, 1), Link("gone", 1)):
        links = FakeLinks(link)
        with pytest.raises(NoAccount):
            LinkedAccounts(links, FakeRoster(), NoProvision()).account_of(ERIN, DEADLINE)
        assert (links.link, links.changes) == (link, 0)
    with pytest.raises(NoAccount):
        NoProvision().create(ERIN, DEADLINE)


def test_without_links_every_claim_holds_and_nothing_is_kept() -> None:
    """No place for links is a place where everything may be written and nothing is found."""
    links = NoLinks()
    assert links.claim(ERIN, "a", DEADLINE) == Link("a")
    assert links.point(ERIN, Link("a"), "b", DEADLINE)
    assert links.find(ERIN, DEADLINE) is None


def test_issuer_and_subject_are_told_apart() -> None:
    """Promise 37: no two pairs of issuer and subject have the same link, wherever the one ends and the other begins."""
    pairs = [("a", "b"), ("a", "c"), ("b", "b"), ("ab", ""), ("", "ab")]
    assert len({link_id(Identity(issuer, subject, "u")) for issuer, subject in pairs}) == len(pairs)


@pytest.mark.parametrize(
    ("username", "base"),
    [
        ("erin", "erin"),
        ("Érin Ünal!", "rinnal"),
        ("erin@example.com", "erinexample.com"),
        ("日本", "user"),
        ("", "user"),
    ],
)
def test_usernames_are_such_as_rocketchat_accepts(username: str, base: str) -> None:
    """What Rocket.Chat's default pattern has no place for is left out; numbered variants come before a random one."""
    first, *numbered, random = candidates(replace(ERIN, username=username), exact=False, numbered=2, random=1)
    assert [first, *numbered] == [base, f"{base}-2", f"{base}-3"]
    assert len(random) == len(base) + 7
    assert len(next(candidates(replace(ERIN, username="e" * 300), exact=False, numbered=0, random=0))) == 64


def test_a_password_of_nobodys_meets_every_policy() -> None:
    """Promise 10: 32 characters from `secrets`, of every kind that a policy can ask for, none thrice in a row."""
    passwords = [new_password().reveal() for _ in range(500)]
    assert len(set(passwords)) == 500
    for password in passwords:
        assert len(password) == 32
        assert all(re.search(kind, password) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[^a-zA-Z0-9]"))
        assert not re.search(r"(.)\1\1", password)


def test_an_exact_username_has_no_variants() -> None:
    """Where only the person's own username will do, it is the one candidate, or cannot be one at all."""
    assert list(candidates(ERIN, exact=True, numbered=2, random=1)) == ["erin"]
    for username in ("Zoë", "", "e" * 65):
        with pytest.raises(AccountNotMade):
            list(candidates(replace(ERIN, username=username), exact=True, numbered=2, random=1))
