"""The provider's id on the account, over the wire in a database: found, written once, and nothing else touched."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import bson
import pytest

from chalicelib.accounts.linking import Link, LinkedAccounts, NoProvision, Provisioner, WithAddress
from chalicelib.accounts.mongodb import MongoInsert, MongoRoster
from chalicelib.accounts.provider_links import ProviderLinks
from chalicelib.credentials import Credentials
from chalicelib.deadline import Deadline
from chalicelib.errors import (
    AccountDeactivated,
    AccountNotForPeople,
    AccountWithoutRoles,
    EmailTaken,
    LinkedElsewhere,
    NoAccount,
    NoEmail,
    Unavailable,
)
from chalicelib.model import Identity
from chalicelib.mongodb import Mongo
from chalicelib.secret import Secret
from tests.database import needs_mongodb
from tests.database.fixtures import FreshDatabase
from tests.fakes import FakeClock, caller, fernet_key, secret_text, settings
from tests.mongodb.outcomes import outcome, together
from tests.mongodb.stage import account, moment, services
from tests.stage import closing

ERIN = Identity("google", "1175", "erin.e", "erin@example.com", email_verified=True, name="Erin E.")
MANY = 6

# What Meteor's own OAuth leaves on an account (accounts-google), beside everything else that may stand there.
OAUTH = {"id": "1175", "accessToken": "a", "scope": ["email"], "expiresAt": bson.Int64(1_800_000_000_000)}


class Keys:
    """A secret with nothing but the database's address."""

    def __init__(self, uri: str) -> None:
        text = secret_text(fernet_key(), mongodb_uri=uri)
        self.known = Credentials.from_json(text, settings(TOKEN_SOURCE="mongodb"))

    def current(self, deadline: Deadline) -> Credentials:
        return self.known

    def refreshed(self, deadline: Deadline) -> Credentials:
        return self.known


class Elsewhere:
    """A workspace that makes accounts itself and chooses their ids, as `users.create` does."""

    def __init__(self, insert: MongoInsert) -> None:
        self._insert = insert

    def plan(self, identity: Identity, deadline: Deadline) -> str | None:
        return None

    def create(
        self,
        identity: Identity,
        deadline: Deadline,
        *,
        planned: str | None = None,
        exact: bool = False,
        password: Secret | None = None,
    ) -> str:
        return self._insert.create(identity, deadline)


@dataclass
class Stage:
    """A database, and containers of Gantry beside it."""

    database: FreshDatabase
    opened: ExitStack
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.mongo = self.opened.enter_context(closing(Mongo(Keys(self.database.uri))))

    def ways(self, provider: str) -> Mapping[str, Provisioner]:
        return {
            "off": NoProvision(),
            "insert": MongoInsert(self.mongo, self.clock, provider=provider),
            "create": Elsewhere(MongoInsert(self.mongo, self.clock)),
        }

    def accounts(self, provider: str = "google", way: str = "off") -> LinkedAccounts:
        links, make = ProviderLinks(self.mongo, provider), WithAddress(self.ways(provider)[way])
        return LinkedAccounts(links, MongoRoster(self.mongo), make, pause=lambda seconds: None)

    def sign_in(self, identity: Identity = ERIN, way: str = "off") -> str:
        return self.accounts(identity.issuer, way).account_of(identity, caller().deadline).id

    def add(self, username: str = "erin", **fields: Any) -> str:
        self.database.users.insert_one(account(username, **fields))
        return f"{username}-id"

    def records(self) -> dict[str, dict[str, Any]]:
        return {each["_id"]: each for each in self.database.users.find()}

    def raw(self) -> dict[str, bytes]:
        """All accounts, byte for byte."""
        return {account_id: bson.encode(each) for account_id, each in self.records().items()}


@pytest.fixture
def stage(database: FreshDatabase) -> Iterator[Stage]:
    with ExitStack() as opened:
        yield Stage(database, opened)


def linked(record: Mapping[str, Any], subject: str = "1175", provider: str = "google") -> bytes:
    """The record with the provider's id and nothing else beside what was there, byte for byte."""
    after = copy.deepcopy(dict(record))
    after.setdefault("services", {}).setdefault(provider, {})["id"] = subject
    return bson.encode(after)


# --- found ------------------------------------------------------------------------------------------------------------


def test_an_account_that_rocketchats_own_oauth_made_is_found_and_left_as_it_is(stage: Stage) -> None:
    """Promises 29 and 37: an id that Rocket.Chat's own OAuth stored finds the account, which stays as it is."""
    known = stage.add(services={**services(), "google": OAUTH}, emails=None)
    before = stage.raw()
    for way in ("off", "insert", "create"):
        assert stage.sign_in(way=way) == known
    assert stage.raw() == before


def test_the_id_comes_before_any_address(stage: Stage) -> None:
    """Promise 37: the stored id is the person, whoever's verified address the provider tells by now, or none."""
    known, other = stage.add(services=services(google=OAUTH)), stage.add("mallory")
    for email in ("mallory@example.com", "new@example.com", None):
        assert stage.sign_in(replace(ERIN, email=email, email_verified=email is not None)) == known
    assert "google" not in stage.records()[other]["services"]


def test_an_address_verified_on_both_sides_links_once(stage: Stage) -> None:
    """Promises 29 and 37: the first sign-in stores the id and nothing else, and from then on the id counts alone."""
    known = stage.add()
    stage.add("bob")
    before = stage.records()
    assert stage.sign_in() == known
    expected = {account_id: bson.encode(each) for account_id, each in before.items()} | {known: linked(before[known])}
    assert stage.raw() == expected
    moved = {"emails": [{"address": "moved@example.com", "verified": True}]}
    stage.database.users.update_one({"_id": known}, {"$set": moved})
    stage.add("mallory", emails=[{"address": "erin@example.com", "verified": True}])
    assert stage.sign_in() == known
    assert stage.sign_in(replace(ERIN, email="elsewhere@example.net")) == known


@pytest.mark.parametrize(
    "there",
    [
        None,
        {},
        {"google": {}},
        {"google": {"accessToken": "a", "idToken": "b"}},
        {"google": {"id": None}},
        {"facebook": {"id": "1175"}, "googleplay": {"id": "x"}},
    ],
)
def test_whatever_stands_beside_the_id_stays(stage: Stage, there: dict[str, Any] | None) -> None:
    """Promise 29: the id is written by its own dotted path, whatever `services` holds, or where it is missing."""
    known = stage.add(services=copy.deepcopy(there))
    before = stage.records()[known]
    assert stage.sign_in() == known
    assert stage.raw()[known] == linked(before)


def test_providers_are_apart(stage: Stage) -> None:
    """Promise 37: one provider's id is nobody at another, and one account may have all three."""
    known = stage.add(services=services(facebook={"id": "1175"}))
    with pytest.raises(NoAccount):
        stage.sign_in(replace(ERIN, email="other@example.com"))
    assert stage.sign_in() == known
    assert stage.sign_in(replace(ERIN, issuer="twitter", subject="42")) == known
    held = stage.records()[known]["services"]
    assert [held[name]["id"] for name in ("google", "facebook", "twitter")] == ["1175", "1175", "42"]


NOT_PROVED: Mapping[str, tuple[Identity, dict[str, Any]]] = {
    "the provider has not verified it": (replace(ERIN, email_verified=False), {}),
    "somebody registered it unverified and waits": (ERIN, {"emails": [{"address": ERIN.email, "verified": False}]}),
    "nothing says verified": (ERIN, {"emails": [{"address": ERIN.email}]}),
    "an administrator's account": (ERIN, {"roles": ["user", "admin"]}),
    "the local part": (replace(ERIN, email="erin@example.org"), {}),
    "another case": (replace(ERIN, email="ERIN@example.com"), {}),
    "the username": (replace(ERIN, username="erin", email="other@example.com"), {}),
    "the username without an address": (replace(ERIN, username="erin", email=None), {}),
    "a custom field": (ERIN, {"emails": None, "customFields": {"google": "1175", "email": ERIN.email}}),
    "Facebook's own word": (replace(ERIN, issuer="facebook", email_verified=False), {}),
}


@pytest.mark.parametrize("case", NOT_PROVED)
def test_nothing_less_than_that_finds_an_account(stage: Stage, case: str) -> None:
    """Promise 37: neither an address that one side alone vouches for nor a name links, and never an administrator."""
    identity, fields = NOT_PROVED[case]
    stage.add(**fields)
    before = stage.raw()
    with pytest.raises(NoAccount if identity.email else NoEmail):
        stage.sign_in(identity)
    assert stage.raw() == before


def test_an_administrator_is_found_by_the_id(stage: Stage) -> None:
    """Promise 37: an administrator's account is never linked by e-mail, and found by the id that stands there."""
    known = stage.add(roles=["admin"], services=services(google=OAUTH))
    assert stage.sign_in(replace(ERIN, email=None)) == known


@pytest.mark.parametrize("way", ["off", "insert", "create"])
@pytest.mark.parametrize("held", ["1176", "", 1175, {"id": "1175"}])
def test_an_account_that_is_tied_to_somebody_else_is_left_alone(stage: Stage, way: str, held: object) -> None:
    """Promise 37: where another id of the provider stands on the account with the address, the person is told."""
    stage.add(services=services(google={**OAUTH, "id": held}))
    before = stage.raw()
    with pytest.raises(LinkedElsewhere):
        stage.sign_in(way=way)
    assert stage.raw() == before


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"active": False}, AccountDeactivated),
        ({"active": None}, AccountDeactivated),
        ({"roles": None}, AccountWithoutRoles),
        ({"type": "app"}, AccountNotForPeople),
    ],
)
@pytest.mark.parametrize("by_id", [True, False])
def test_an_account_that_cannot_be_used_is_left_as_it_is(
    stage: Stage, by_id: bool, fields: dict[str, Any], error: type[Exception]
) -> None:
    """Promise 29: an account that Rocket.Chat lets nobody log in to is refused, however found, and not written to."""
    stage.add(**fields, services=services(google=OAUTH) if by_id else services())
    before = stage.raw()
    for way in ("off", "insert", "create"):
        with pytest.raises(error):
            stage.sign_in(way=way)
    assert stage.raw() == before


def test_an_empty_id_is_nobodys(stage: Stage) -> None:
    """An empty text, which some account may hold, is no id: nothing is known then."""
    stage.add(services=services(google={"id": ""}))
    with pytest.raises(Unavailable):
        stage.sign_in(replace(ERIN, subject=""))


# --- made -------------------------------------------------------------------------------------------------------------


def test_a_newcomer_is_inserted_with_the_id(stage: Stage) -> None:
    """An account that Gantry inserts has the id from its first moment, and no other service."""
    made = stage.sign_in(way="insert")
    record = stage.records()[made]
    assert record["services"] == {"google": {"id": "1175"}}
    assert (record["username"], record["name"]) == ("erin.e", "Erin E.")
    assert record["emails"] == [{"address": "erin@example.com", "verified": True}]
    assert stage.sign_in() == stage.sign_in(way="insert") == made
    assert len(stage.records()) == 1


def test_a_newcomer_whom_the_workspace_gives_an_account_has_the_id_afterwards(stage: Stage) -> None:
    """Where the workspace makes the account, the id is written when it is there, and found from then on."""
    made = stage.sign_in(replace(ERIN, email_verified=False), way="create")
    assert stage.records()[made]["services"] == {"google": {"id": "1175"}}
    assert stage.sign_in(replace(ERIN, email=None)) == made


def test_an_address_that_the_provider_has_not_verified_is_made_as_that(stage: Stage) -> None:
    """Promise 37: Facebook's address is unverified on the account that is made, so no other provider finds it."""
    facebook = replace(ERIN, issuer="facebook", email_verified=False)
    made = stage.sign_in(facebook, way="insert")
    assert stage.records()[made]["emails"] == [{"address": "erin@example.com", "verified": False}]
    assert stage.sign_in(facebook) == made
    with pytest.raises(NoAccount):
        stage.sign_in()


@pytest.mark.parametrize("way", ["off", "insert", "create"])
@pytest.mark.parametrize("email", [None, ""])
def test_without_an_address_nobody_new_comes_in(stage: Stage, way: str, email: str | None) -> None:
    """A provider that tells no address signs in whoever is linked already; anybody else is told what is missing."""
    known = stage.add(services=services(twitter={"id": "42"}))
    before = stage.raw()
    assert stage.sign_in(Identity("twitter", "42", "erin_e", email), way=way) == known
    with pytest.raises(NoEmail):
        stage.sign_in(Identity("twitter", "43", "frank", email), way=way)
    assert stage.raw() == before


def test_a_username_that_somebody_has_is_varied(stage: Stage) -> None:
    """A newcomer whose name somebody has is called a variant of it, and the other account is left alone."""
    other = stage.add("erin.e", emails=None)
    before = stage.raw()
    made = stage.sign_in(way="insert")
    assert stage.records()[made]["username"] == "erin.e-2"
    assert stage.raw()[other] == before[other]


@needs_mongodb("array-index")
@pytest.mark.parametrize("identity", [ERIN, replace(ERIN, issuer="facebook", email_verified=False)])
def test_an_address_that_another_account_holds_makes_none(stage: Stage, identity: Identity) -> None:
    """Promise 37: where an address is taken and nothing proves whose it is, no account is made, and none is linked."""
    stage.add("mallory", emails=[{"address": "erin@example.com", "verified": identity.issuer == "facebook"}])
    before = stage.raw()
    with pytest.raises(EmailTaken):
        stage.sign_in(identity, way="insert")
    assert stage.raw() == before


# --- at the same time -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verified", [True, False])
def test_first_sign_ins_that_race_end_with_one_account(stage: Stage, verified: bool) -> None:
    """Promise 29: however many of a newcomer's sign-ins run at once, one account is made, and all are led to it."""
    person = replace(ERIN, email_verified=verified)
    found = together(MANY, lambda number: stage.sign_in(person, way="insert"))
    assert {str(each) for each in found} == set(stage.records())
    assert len(stage.records()) == 1


def test_linking_sign_ins_that_race_write_one_id(stage: Stage) -> None:
    """Promise 29: however many sign-ins link one account at once, it has the id, and all are led to it."""
    known = stage.add()
    assert together(MANY, lambda number: stage.sign_in()) == [known] * MANY
    assert stage.records()[known]["services"]["google"] == {"id": "1175"}


def test_two_people_with_one_address_do_not_both_get_the_account(stage: Stage) -> None:
    """Promise 37: of two ids that claim one account at once, one has it, and the other is told."""
    known = stage.add()
    found = together(2, lambda number: stage.sign_in(replace(ERIN, subject=str(number))))
    assert known in found
    assert {type(each) for each in found} == {str, LinkedElsewhere}


def test_what_rocketchat_links_meanwhile_counts(stage: Stage) -> None:
    """Promise 29: an id that another account has by now is not written a second time: the claim is lost."""
    known, other = stage.add(), stage.add("other", services=services(google=OAUTH))
    links, deadline = ProviderLinks(stage.mongo, "google"), caller().deadline
    before = stage.raw()
    assert links.claim(ERIN, known, deadline) is None
    assert links.point(ERIN, Link(None), known, deadline) is False
    assert links.find(ERIN, deadline) == Link(other)
    assert stage.raw() == before


def test_a_claim_that_is_made_already_is_kept(stage: Stage) -> None:
    """To claim what stands there already is done, and an account that is not there yet is written to later."""
    known = stage.add(services=services(google=OAUTH))
    links, deadline = ProviderLinks(stage.mongo, "google"), caller().deadline
    before = stage.raw()
    assert links.claim(ERIN, known, deadline) == Link(known)
    assert links.point(ERIN, Link(None), known, deadline) is True
    nobody = replace(ERIN, subject="9")
    assert links.claim(nobody, "planned", deadline) == Link("planned")
    assert links.claim(nobody, None, deadline) == Link(None)
    assert links.find(nobody, deadline) is None
    with pytest.raises(Unavailable):
        links.point(nobody, Link(None), "gone", deadline)
    assert stage.raw() == before


@pytest.mark.parametrize("change", [{"services": "a text"}, {"services": {"google": "a text"}}])
def test_a_record_of_another_shape_is_left_as_it_is(stage: Stage, change: dict[str, Any]) -> None:
    """Promise 29: where the id has no place in what stands there, nothing is written and nobody is signed in."""
    stage.add(**change)
    before = stage.raw()
    came_to = outcome(stage.sign_in)
    assert isinstance(came_to, Unavailable | LinkedElsewhere), came_to
    assert stage.raw() == before


def test_an_account_that_a_sign_in_of_the_same_person_made_is_joined(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Rocket.Chat's own OAuth makes the account between our look and our insert, that one is the person's."""
    insert = MongoInsert(stage.mongo, stage.clock, provider="google")
    links = ProviderLinks(stage.mongo, "google")
    claim = links.claim

    def claimed(identity: Identity, account_id: str | None, deadline: Deadline) -> Link | None:
        stage.add("erin.e", services={"google": OAUTH}, lastLogin=moment(1_800_000_000))
        return claim(identity, account_id, deadline)

    monkeypatch.setattr(links, "claim", claimed)
    accounts = LinkedAccounts(links, MongoRoster(stage.mongo), insert)
    assert accounts.account_of(replace(ERIN, email="new@example.com"), caller().deadline).id == "erin.e-id"
    assert list(stage.records()) == ["erin.e-id"]
    assert stage.records()["erin.e-id"]["services"] == {"google": OAUTH}
