"""Which account is whose: one suite of promises over every way to keep links, to look accounts up and to make them.

The adapters are the real ones, over HTTP against the stand-in and moto's DynamoDB, and over the wire in a database:
`insert` is MongoDB alone, `create` MongoDB with accounts that the workspace makes, `table` the REST API with links in
DynamoDB, and `bare` the REST API with no place for links.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import pytest

from chalicelib.accounts.dynamodb import TableLinks
from chalicelib.accounts.linking import LinkedAccounts, Links, NoLinks, NoProvision, Provisioner, Roster
from chalicelib.accounts.mongodb import LINKS, CreateOrInsert, MongoInsert, MongoLinks, MongoRoster
from chalicelib.accounts.rest import RestCreate, RestRegister, RestRoster
from chalicelib.aws import CredentialCache
from chalicelib.config import Settings
from chalicelib.credentials import Credentials
from chalicelib.errors import (
    AccountDeactivated,
    AccountNotForPeople,
    AccountNotMade,
    AccountWithoutRoles,
    ConfigurationError,
    EmailTaken,
    EmailUnverifiedInDirectory,
    GantryError,
    NoAccount,
    NoEmail,
    RateLimited,
    Unavailable,
    UsernameTaken,
)
from chalicelib.log import Journal
from chalicelib.model import Account, Identity
from chalicelib.mongodb import Mongo
from chalicelib.secret import Secret
from chalicelib.service import Service
from chalicelib.state import StateTable
from chalicelib.transport import HttpTransport
from playground.workspace import Fault, ManualClock, Person, Serving, Workspace, serve
from playground.workspace.mongodb import MongoStore
from playground.workspace.store import MemoryStore
from tests.database import needs_mongodb
from tests.dynamodb import DynamoDB
from tests.fakes import FakeSecretStore, caller, fernet_key
from tests.mongodb.outcomes import outcome, together
from tests.stage import closing

ERIN = Identity("https://issuer.example", "subject-1", "erin", "erin@example.com", email_verified=True, name="Erin E.")
LOST = Fault(after=True, cut=True)
OWN, OTHER = "<the person's own>", "<another one>"
MANY = 6

Way = Literal["create", "register", "off"]


def same(person: Identity) -> Identity:
    return person


@dataclass
class Stage:
    """A workspace and a Gantry beside it. What is made is recorded in `workspace`, whichever way it came there."""

    kind: str
    workspace: Workspace
    serving: Serving
    database: Any
    dynamodb: DynamoDB
    clock: ManualClock = field(default_factory=ManualClock)
    opened: ExitStack = field(default_factory=ExitStack)
    pauses: list[float] = field(default_factory=list)
    containers: dict[str, LinkedAccounts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rest = self.kind != "insert"
        self.kept = self.kind != "bare"
        self.table = self.dynamodb.new() if self.kind == "table" else ""
        self.keys: dict[str, Any] = {"session_keys": [fernet_key()]}
        if self.database is not None:
            self.keys["mongodb_uri"] = self.database.uri
        if self.rest:
            self.keys["rocketchat_user_id"], self.keys["rocketchat_auth_token"] = self.workspace.add_administrator()
        self.store = FakeSecretStore("")
        self.save()
        self.others = {each["_id"] for each in self.workspace.accounts}

    def save(self, **keys: str) -> None:
        """What an administrator does with the secret; containers that have read it do not know."""
        self.keys.update(keys)
        self.store.text = json.dumps(self.keys)

    def container(
        self,
        provision: Way = "create",
        link_by: Literal["email", "username"] = "email",
        pause: Callable[[float], object] | None = None,
    ) -> LinkedAccounts:
        """One more container of Gantry."""
        mongodb = self.database is not None
        environ = {"ROCKETCHAT_URL": self.serving.url, "SECRET_ID": "s", "DIRECTORY": "users"}
        environ |= {"TOKEN_SOURCE": "mongodb"} if mongodb else {}
        settings = replace(Settings.from_environ(environ), directory="rocketchat")
        understand = partial(Credentials.from_json, settings=settings)
        credentials = CredentialCache(self.store, Journal("ERROR"), self.clock, understand)
        send = HttpTransport(self.serving.url, "workspace", self.clock)
        service = Service(send, credentials, self.clock)
        links: Links = NoLinks()
        roster: Roster = RestRoster(service)
        create: Provisioner = RestCreate(service)
        if self.kind == "table":
            links = TableLinks(StateTable(self.dynamodb.service, self.table), self.clock)
        if mongodb:
            mongo = self.opened.enter_context(closing(Mongo(credentials)))
            links, roster = MongoLinks(mongo, self.clock), MongoRoster(mongo)
            create = CreateOrInsert(credentials, create, MongoInsert(mongo, self.clock))
        ways: dict[Way, Provisioner] = {
            "create": create,
            "register": RestRegister(send, credentials, self.clock),
            "off": NoProvision(),
        }
        return LinkedAccounts(links, roster, ways[provision], link_by, pause or self.pauses.append)

    def sign_in(self, identity: Identity = ERIN, **how: Any) -> str:
        """The account's id, in the container that is kept for sign-ins of this kind."""
        if str(how) not in self.containers:
            self.containers[str(how)] = self.container(**how)
        return self.containers[str(how)].account_of(identity, caller().deadline).id

    def add(self, username: str = "erin", **fields: Any) -> str:
        person = {"email": f"{username}@example.com", "password": None, **fields}
        account_id: str = self.workspace.add(Person(username=username, **person))["_id"]
        self.others.add(account_id)
        return account_id

    def record(self, account_id: str) -> dict[str, Any]:
        found = self.workspace.accounts.find_by_id(account_id)
        assert found is not None
        return found

    def made(self) -> list[dict[str, Any]]:
        """The accounts that nobody but Gantry has made."""
        return [each for each in self.workspace.accounts if each["_id"] not in self.others]

    def links(self) -> list[str | None]:
        """Which account each link leads to; None for one that has been claimed alone."""
        if self.kind == "bare":
            return []
        if self.kind == "table":
            items = self.dynamodb.items(self.table)
            return [json.loads(each["content"]["S"]).get("account") for each in items]
        return [each.get("account") for each in self.database.documents[LINKS].find()]


OpenStage = Callable[[str], Stage]


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[DynamoDB]:
    with closing(DynamoDB()) as served:
        yield served


@pytest.fixture
def open_stage(request: pytest.FixtureRequest, dynamodb: DynamoDB) -> Iterator[OpenStage]:
    with ExitStack() as opened:

        def make(kind: str) -> Stage:
            clock = ManualClock()
            database = request.getfixturevalue("database") if kind in ("insert", "create") else None
            store = MemoryStore()
            if database is not None:
                store.records = MongoStore(database.documents).records
            workspace = Workspace(clock=clock, rate_limits=False, people=(), store=store)
            serving = opened.enter_context(serve(workspace))
            return Stage(kind, workspace, serving, database, dynamodb, clock, opened)

        yield make


KINDS = ("insert", "create", "table", "bare")


@pytest.fixture(params=KINDS)
def stage(request: pytest.FixtureRequest, open_stage: OpenStage) -> Stage:
    return open_stage(request.param)


@pytest.fixture(params=["insert", "create", "table"])
def keeping(request: pytest.FixtureRequest, open_stage: OpenStage) -> Stage:
    """A stage that keeps links."""
    return open_stage(request.param)


@pytest.fixture(params=["create", "table", "bare"])
def rest(request: pytest.FixtureRequest, open_stage: OpenStage) -> Stage:
    """A stage where the workspace makes the accounts."""
    return open_stage(request.param)


@pytest.fixture(params=["create", "table"])
def claiming(request: pytest.FixtureRequest, open_stage: OpenStage) -> Stage:
    """A stage where a link is claimed before its account has an id."""
    return open_stage(request.param)


@pytest.fixture(params=[pytest.param("insert", marks=needs_mongodb("array-index")), "create", "table", "bare"])
def unique(request: pytest.FixtureRequest, open_stage: OpenStage) -> Stage:
    """A stage where an address is held by one account alone."""
    return open_stage(request.param)


@pytest.fixture
def table(open_stage: OpenStage) -> Stage:
    return open_stage("table")


@pytest.fixture
def bare(open_stage: OpenStage) -> Stage:
    return open_stage("bare")


# --- found, linked, made ----------------------------------------------------------------------------------------------


def test_a_person_without_an_account_is_given_one_and_finds_it_again(stage: Stage) -> None:
    """An account is made for a known person: an ordinary user's, with their names, once however often they come."""
    account_id = stage.sign_in()
    record = stage.record(account_id)
    assert [record[name] for name in ("username", "name", "active", "type")] == ["erin", "Erin E.", True, "user"]
    assert (record["roles"], record["emails"]) == (["user"], [{"address": "erin@example.com", "verified": True}])
    assert stage.sign_in() == account_id
    assert stage.sign_in(provision="off") == account_id
    assert [each["_id"] for each in stage.made()] == [account_id]
    assert stage.links() == ([account_id] if stage.kept else [])
    assert stage.pauses == []


def test_an_account_that_the_workspace_makes_joins_the_default_channels(rest: Stage) -> None:
    """Where a service account is configured the workspace makes the account, so it joins the default channels."""
    account_id = rest.sign_in()
    assert rest.workspace.joined == {account_id}
    (call,) = rest.workspace.calls("users.create")
    assert call.username == "administrator"
    assert "requirePasswordChange" not in rest.record(account_id)


def test_the_directorys_own_account_is_taken_at_once(stage: Stage) -> None:
    """Who comes with an account, as people with the same password in both places do, is not looked for."""
    before = stage.workspace.calls()
    fetches = stage.store.fetches
    assert stage.sign_in(replace(ERIN, account=Account("known"))) == "known"
    assert (stage.workspace.calls(), stage.store.fetches) == (before, fetches)


def test_an_unverified_address_is_made_as_what_it_is(keeping: Stage) -> None:
    """Promise 37: an address that the issuer has not verified is not verified on the account that is made for it."""
    unverified = replace(ERIN, email_verified=False)
    account_id = keeping.sign_in(unverified)
    assert keeping.record(account_id)["emails"] == [{"address": "erin@example.com", "verified": False}]
    assert keeping.sign_in(unverified) == account_id


def test_issuer_and_subject_are_the_person(keeping: Stage) -> None:
    """Promise 37: another issuer or subject is somebody else; another name or address is the same person."""
    one = keeping.sign_in()
    other = keeping.sign_in(replace(ERIN, issuer="https://other.example", email="erin@other.example"))
    third = keeping.sign_in(
        replace(ERIN, issuer="https://issuer.example\0subject", subject="-1", email="3@other.example")
    )
    assert len({one, other, third}) == 3
    assert keeping.sign_in(replace(ERIN, username="renamed", email="new@example.com")) == one
    assert keeping.sign_in(replace(ERIN, email=None, email_verified=False), provision="off") == one


def test_an_account_is_found_once_by_an_address_verified_on_both_sides(stage: Stage) -> None:
    """Promise 37: issuer and account both have the address verified; from then on the link counts, not the address."""
    known = stage.add()
    assert stage.sign_in(provision="off") == known
    assert stage.sign_in() == known
    stage.workspace.accounts.update("erin", {"emails": [{"address": "moved@example.com", "verified": True}]})
    if stage.kept:
        assert stage.sign_in(provision="off") == known
    else:
        with pytest.raises(NoAccount):
            stage.sign_in(provision="off")
    assert stage.made() == []


def test_an_address_that_somebody_else_takes_up_afterwards_changes_nothing(keeping: Stage) -> None:
    """Promise 37: who verifies an address that a linked person has given up is not taken for that person."""
    known = keeping.add()
    keeping.sign_in()
    keeping.workspace.accounts.update("erin", {"emails": [{"address": "moved@example.com", "verified": True}]})
    keeping.add("mallory", email="erin@example.com")
    assert keeping.sign_in() == known


NOT_PROVED: Mapping[str, tuple[Callable[[Identity], Identity], dict[str, Any]]] = {
    "the issuer has not verified it": (lambda erin: replace(erin, email_verified=False), {}),
    "somebody registered it unverified and waits": (same, {"verified": False}),
    "nothing says verified": (same, {"fields": {"emails": [{"address": OWN}]}}),
    "verified is no truth": (same, {"fields": {"emails": [{"address": OWN, "verified": "true"}]}}),
    "another one of the account is verified": (
        same,
        {"fields": {"emails": [{"address": OWN, "verified": False}, {"address": OTHER, "verified": True}]}},
    ),
    "an administrator's account": (same, {"roles": ("user", "admin")}),
    "the local part is equal": (lambda erin: replace(erin, email=f"{erin.username}@other.example"), {}),
    "another case": (lambda erin: replace(erin, email=str(erin.email).upper()), {}),
    "no address": (lambda erin: replace(erin, email=None), {}),
    "an empty address": (lambda erin: replace(erin, email=""), {}),
    "a custom field": (same, {"email": None, "fields": {"customFields": {"email": OWN}}}),
    "a name": (same, {"email": None, "name": OWN}),
    "the username": (same, {"email": None}),
}


def test_nothing_less_than_that_finds_an_account(stage: Stage) -> None:
    """Promise 37: never by an unverified address, its local part, a custom field or a username, never an admin."""
    linked, before = [], {}
    for number, (case, (changed, fields)) in enumerate(NOT_PROVED.items()):
        username = f"erin{number}"
        own = json.loads(
            json.dumps(fields).replace(OWN, f"{username}@example.com").replace(OTHER, f"{number}@x.example")
        )
        before[username] = stage.record(stage.add(username, **own))
        person = replace(ERIN, subject=username, username=username, email=f"{username}@example.com")
        if not isinstance(outcome(partial(stage.sign_in, changed(person), provision="off")), NoAccount):
            linked.append(case)
    assert linked == []
    assert stage.links() == []
    assert {username: stage.workspace.accounts[username] for username in before} == before


@pytest.mark.parametrize(
    "fields", [{"verified": False}, {"roles": ("user", "admin")}], ids=["unverified", "administrator"]
)
def test_an_address_that_is_held_is_not_taken_over(unique: Stage, fields: dict[str, Any]) -> None:
    """Promise 37: who has registered a person's address and waits gets nothing, and the person is told each time."""
    known = unique.add("mallory", email="erin@example.com", **fields)
    before = unique.record(known)
    for _ in range(2):
        with pytest.raises(EmailTaken):
            unique.sign_in()
    assert unique.record(known) == before
    assert unique.made() == []
    assert known not in unique.links()
    # The workspace says that it is the address, so no other username is tried.
    assert len(unique.workspace.calls("users.create")) == (2 if unique.rest else 0)


def test_a_strangers_username_is_not_taken_over(stage: Stage) -> None:
    """A username that a stranger has, in whatever case, is left to them: a variant is found, and found again."""
    strangers = [stage.add("Erin", email=None), stage.add("erin-2", email="2@example.com")]
    before = [stage.record(each) for each in strangers]
    account_id = stage.sign_in()
    assert [stage.record(each) for each in strangers] == before
    if stage.database is None or stage.rest:
        assert stage.record(account_id)["username"] == "erin-3"
    assert stage.sign_in() == account_id
    assert len(stage.made()) == 1


def test_a_username_finds_an_account_only_where_that_is_set(stage: Stage) -> None:
    """Promise 37: `LINK_BY=username` alone takes a username for a proof, and then exactly that one."""
    known = stage.add(email="somebody@example.com", verified=False)
    assert stage.sign_in(provision="off", link_by="username") == known
    for name in ("Erin", "eri", "erin ", ""):
        with pytest.raises(NoAccount):
            stage.sign_in(replace(ERIN, subject="2", username=name), provision="off", link_by="username")


def test_without_provisioning_nothing_is_written(stage: Stage) -> None:
    """With `PROVISION=off` a known person without an account is told so and leaves no trace."""
    with pytest.raises(NoAccount):
        stage.sign_in(provision="off")
    assert (stage.links(), stage.made()) == ([], [])


UNFIT: Mapping[type[GantryError], dict[str, Any]] = {
    AccountDeactivated: {"active": False},
    AccountWithoutRoles: {"roles": None},
    AccountNotForPeople: {"type": "app"},
}


def test_an_unfit_account_is_refused(stage: Stage) -> None:
    """An account that Rocket.Chat would refuse is refused with the reason, found by address or by link."""
    for number, (reason, fields) in enumerate(UNFIT.items()):
        stage.add(f"erin{number}", **fields)
        person = replace(ERIN, subject=str(number), username=f"erin{number}", email=f"erin{number}@example.com")
        for _ in range(2):
            with pytest.raises(reason):
                stage.sign_in(person)
    assert stage.made() == []


def test_an_account_that_was_deleted_is_made_anew(stage: Stage) -> None:
    """A link whose account is gone leads nowhere: told with `PROVISION=off`, else to an account that is made anew."""
    gone = stage.sign_in()
    stage.workspace.accounts.remove("erin")
    with pytest.raises(NoAccount):
        stage.sign_in(provision="off")
    account_id = stage.sign_in()
    assert stage.sign_in(provision="off") == account_id
    assert (account_id == gone) is not stage.rest
    assert stage.links() == ([account_id] if stage.kept else [])


@pytest.mark.parametrize("kind", ["insert", "table"])
def test_a_link_is_claimed_and_pointed_elsewhere_once(open_stage: OpenStage, kind: str) -> None:
    """Promise 29: of requests that saw the same link, or none, only one changes it, whether or not it has an id."""
    stage = open_stage(kind)
    links, deadline = stage.container()._links, caller().deadline
    assert links.find(ERIN, deadline) is None
    claimed = links.claim(ERIN, None, deadline)
    assert claimed == links.find(ERIN, deadline)
    assert links.claim(ERIN, "late", deadline) is None
    for before, after in ((None, "first"), ("first", "second")):
        link = links.find(ERIN, deadline)
        assert link is not None
        assert link.account_id == before
        assert links.point(ERIN, link, after, deadline)
        assert not links.point(ERIN, link, "late", deadline)
    assert stage.links() == ["second"]


# --- what cannot be made ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["table", "bare"])
def test_a_person_without_an_address_is_told_so(open_stage: OpenStage, kind: str) -> None:
    """The workspace makes no account without an e-mail address, and nothing is left behind by the attempt."""
    rest = open_stage(kind)
    for way in ("create", "register"):
        with pytest.raises(NoEmail):
            rest.sign_in(replace(ERIN, email=None), provision=way)
    assert (rest.links(), rest.made()) == ([], [])
    assert not [call for call in rest.workspace.calls() if call.route in ("users.create", "users.register")]


@pytest.mark.parametrize("kind", ["insert", "create"])
def test_a_person_without_an_address_is_put_into_the_database(open_stage: OpenStage, kind: str) -> None:
    """Where there is a database it takes who has no e-mail address, whether or not a service account is configured."""
    stage = open_stage(kind)
    person = replace(ERIN, email=None, email_verified=False)
    account_id = stage.sign_in(person)
    assert stage.sign_in(person) == account_id
    assert "emails" not in stage.record(account_id)
    assert (stage.links(), stage.workspace.calls("users.create")) == ([account_id], [])


def test_an_account_that_could_not_be_found_again_is_not_made(bare: Stage) -> None:
    """Without links and with `LINK_BY=email` an account is made only for an address that the issuer has verified."""
    with pytest.raises(EmailUnverifiedInDirectory):
        bare.sign_in(replace(ERIN, email_verified=False))
    assert bare.made() == []


def test_a_username_that_could_not_be_found_again_is_not_made(bare: Stage) -> None:
    """Without links and with `LINK_BY=username` an account has exactly the person's username, or is not made."""
    bare.add("ERIN", email=None)
    for _ in range(2):
        with pytest.raises(UsernameTaken):
            bare.sign_in(link_by="username")
    with pytest.raises(AccountNotMade):
        bare.sign_in(replace(ERIN, username="Zoë"), link_by="username")
    assert bare.made() == []
    frank = replace(ERIN, username="frank", email_verified=False)
    assert bare.sign_in(frank, link_by="username") == bare.sign_in(frank, link_by="username")
    assert [each["username"] for each in bare.made()] == ["frank"]


def test_with_links_a_variant_is_made_for_either_way_of_linking(keeping: Stage) -> None:
    """With links and `LINK_BY=username` a variant of the username is found again by the link."""
    keeping.add("ERIN", email=None)
    account_id = keeping.sign_in(link_by="username")
    assert keeping.sign_in(link_by="username") == account_id
    assert len(keeping.made()) == 1


def test_a_free_username_is_looked_for_within_a_bound(table: Stage) -> None:
    """Where every variant is refused without a word on which field is taken, it is the address: the search ends."""
    taken = json.dumps({"success": False, "error": "in use", "errorType": "error-field-unavailable"}).encode()
    table.workspace.fault("users.create", Fault(status=400, body=taken), times=None)
    with pytest.raises(EmailTaken):
        table.sign_in()
    names = [call.body["username"] for call in table.workspace.calls("users.create")]
    assert names[:3] == ["erin", "erin-2", "erin-3"]
    assert len(names) == len(set(names)) == 4


def test_a_username_that_the_workspace_does_not_accept_is_told(table: Stage) -> None:
    """A workspace with a stricter pattern for usernames makes no account, and the log has its word for it."""
    table.workspace.settings["UTF8_User_Names_Validation"] = "[a-d]+"
    with pytest.raises(AccountNotMade) as refused:
        table.sign_in()
    assert refused.value.why == "error-input-is-not-a-valid-field"


@pytest.mark.parametrize("kind", ["table", "bare"])
def test_before_8_4_nobody_is_found_by_address(open_stage: OpenStage, kind: str) -> None:
    """A workspace that cannot look an address up links nobody by it: who has an account is told, others get one."""
    stage = open_stage(kind)
    stage.workspace.version = "8.3"
    stage.add()
    with pytest.raises(EmailTaken):
        stage.sign_in()
    frank = replace(ERIN, subject="2", username="frank", email="frank@example.com")
    account_id = stage.sign_in(frank)
    if stage.kept:
        assert stage.sign_in(frank) == account_id


# --- many at once, and failures in the middle -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "verified"),
    # Without links no account is made for an address that nobody verified.
    [(kind, verified) for kind in KINDS for verified in (True, False) if (kind, verified) != ("bare", False)],
)
def test_racing_sign_ins_end_with_one_account(open_stage: OpenStage, kind: str, verified: bool) -> None:
    """First sign-ins of one person at the same moment, a container each, end with one account and one link."""
    stage = open_stage(kind)
    person = replace(ERIN, email_verified=verified)
    a_little = threading.Event()
    containers = [stage.container(pause=lambda seconds: a_little.wait(seconds / 4)) for _ in range(MANY)]
    found = together(MANY, lambda number: containers[number].account_of(person, caller().deadline).id)
    assert [each["_id"] for each in stage.made()] == list(set(map(str, found)))
    assert stage.links() == ([found[0]] if stage.kept else [])


def test_racing_sign_ins_after_a_deletion_end_with_one_account(claiming: Stage) -> None:
    """Sign-ins of one person at the same moment, whose account was deleted, end with one new account."""
    claiming.sign_in()
    claiming.workspace.accounts.remove("erin")
    containers = [claiming.container() for _ in range(MANY)]
    found = together(MANY, lambda number: containers[number].account_of(ERIN, caller().deadline).id)
    assert [each["_id"] for each in claiming.made()] == list(set(map(str, found)))
    assert claiming.links() == [found[0]]


@pytest.mark.parametrize("linked_before", [False, True], ids=["first time", "after a deletion"])
def test_an_answer_lost_on_the_way_hides_no_account(rest: Stage, linked_before: bool) -> None:
    """An account whose maker never heard of it is found at the next sign-in, by the address verified on both sides."""
    if linked_before:
        rest.sign_in()
        rest.workspace.accounts.remove("erin")
    rest.workspace.fault("users.create", LOST)
    with pytest.raises(Unavailable):
        rest.sign_in()
    (made,) = rest.made()
    assert made["_id"] not in rest.links()
    assert rest.sign_in() == made["_id"]
    assert rest.sign_in() == made["_id"]
    assert rest.links() == ([made["_id"]] if rest.kept else [])
    assert len(rest.made()) == 1


def test_an_answer_lost_on_the_way_is_told_where_nothing_is_proved(claiming: Stage) -> None:
    """The same with an address that nobody has verified: what holds it may be anybody's, so the person is told."""
    person = replace(ERIN, email_verified=False)
    claiming.workspace.fault("users.create", LOST)
    with pytest.raises(Unavailable):
        claiming.sign_in(person)
    for _ in range(2):
        with pytest.raises(EmailTaken):
            claiming.sign_in(person)
    assert len(claiming.made()) == 1
    assert claiming.links() == [None]


FAULTS = (Fault(status=500, body=b"<html>"), Fault(status=200, body=b"{}"), Fault(cut=True))


@pytest.mark.parametrize(
    ("kind", "route"),
    [
        ("create", "users.create"),
        *((kind, f"users.{call}") for kind in ("table", "bare") for call in ("info", "create")),
    ],
)
def test_a_failure_in_the_middle_is_made_good_at_the_next_sign_in(open_stage: OpenStage, kind: str, route: str) -> None:
    """Promise 35: what the workspace does not answer is unavailable, and the next sign-in ends with one account."""
    rest = open_stage(kind)
    account_ids = []
    for number, fault in enumerate(FAULTS):
        person = replace(ERIN, subject=str(number), username=f"erin{number}", email=f"erin{number}@example.com")
        # A look-up is repeated once where the connection was cut.
        rest.workspace.fault(route, fault, times=2 if route == "users.info" and fault.cut else 1)
        with pytest.raises(Unavailable):
            rest.sign_in(person)
        account_ids.append(rest.sign_in(person))
    assert sorted(each["_id"] for each in rest.made()) == sorted(account_ids)
    assert sorted(map(str, rest.links())) == (sorted(account_ids) if rest.kept else [])


def test_an_answer_about_somebody_else_is_none(table: Stage) -> None:
    """An account that was not asked for is not taken for the person's, whatever the workspace answers."""
    table.sign_in()
    mallory = {"user": {"_id": "mallory", "active": True, "roles": ["user"]}, "success": True}
    table.workspace.fault("users.info", Fault(status=200, body=json.dumps(mallory).encode()))
    with pytest.raises(Unavailable):
        table.sign_in()


def test_nobody_waits_past_the_deadline(table: Stage) -> None:
    """Promise 35: an answer that does not come in time is unavailable, and a request whose time is up makes no call."""
    held = threading.Event()
    table.container().account_of(ERIN, caller().deadline)
    table.workspace.fault("users.info", Fault(hold=held), times=None)
    service = RestRoster(_service(table))
    with pytest.raises(Unavailable):
        service.by_id("somebody", caller(0.3).deadline)
    table.workspace.clear_faults()
    before = len(table.workspace.calls())
    with pytest.raises(Unavailable):
        service.by_id("somebody", caller(0.0).deadline)
    assert len(table.workspace.calls()) == before


def _service(stage: Stage) -> Service:
    send = HttpTransport(stage.serving.url, "workspace", stage.clock)
    settings = Settings.from_environ({"ROCKETCHAT_URL": stage.serving.url, "SECRET_ID": "s"})
    understand = partial(Credentials.from_json, settings=settings)
    return Service(send, CredentialCache(stage.store, Journal("ERROR"), stage.clock, understand), stage.clock)


# --- the service account ----------------------------------------------------------------------------------------------


def rotated(stage: Stage) -> str:
    """Give the service account another token and end the one that it had; the new one is not in the secret yet."""
    record = stage.workspace.accounts["administrator"]
    stage.workspace.accounts.remove_login_token(record, stage.keys["rocketchat_auth_token"])
    return stage.workspace.accounts.new_personal_access_token(record, "another")


def test_a_rotated_service_account_is_read_anew(table: Stage) -> None:
    """Promise 34: a service account's token that is not accepted makes the secret be read anew, once, and serves on."""
    container = table.container()
    account_id = container.account_of(ERIN, caller().deadline).id
    table.save(rocketchat_auth_token=rotated(table))
    fetches = table.store.fetches
    frank = replace(ERIN, subject="2", username="frank", email="frank@example.com")
    assert container.account_of(frank, caller().deadline).id != account_id
    assert table.store.fetches == fetches + 1


def test_a_dead_service_account_is_the_administrators_affair(table: Stage) -> None:
    """Promise 34: a token that is dead in the secret too is a configuration problem, named by key and not by value."""
    rotated(table)
    with pytest.raises(ConfigurationError) as error:
        table.sign_in()
    assert [problem.key for problem in error.value.problems] == ["rocketchat_auth_token"]
    assert table.keys["rocketchat_auth_token"] not in str(error.value) + repr(error.value)


@pytest.mark.parametrize("permission", ["create-user", "assign-roles", "view-full-other-user-info"])
def test_a_missing_permission_is_named(table: Stage, permission: str) -> None:
    """What the service account may not do is a configuration problem that names the permission."""
    table.workspace.permissions["admin"].discard(permission)
    with pytest.raises(ConfigurationError) as error:
        table.sign_in()
    assert permission in str(error.value)


def test_a_second_factor_of_the_service_account_is_named(table: Stage) -> None:
    """A token that is asked for a second factor is a configuration problem with the ways out."""
    table.workspace.second_factor_always.add("users.create")
    with pytest.raises(ConfigurationError) as error:
        table.sign_in()
    assert "second factor" in str(error.value)
    assert "8.6.1" in str(error.value)


# --- registration -----------------------------------------------------------------------------------------------------


def test_who_registers_has_an_unverified_address_and_a_link(claiming: Stage) -> None:
    """With `PROVISION=register` nobody has verified the address, so the link alone finds the account again."""
    account_id = claiming.sign_in(provision="register")
    record = claiming.record(account_id)
    assert (record["username"], record["name"], record["emails"][0]["verified"]) == ("erin", "Erin E.", False)
    assert claiming.sign_in(provision="register") == account_id
    (call,) = claiming.workspace.calls("users.register")
    assert not {"x-user-id", "x-auth-token"} & set(call.headers)


def test_a_registration_a_minute(table: Stage) -> None:
    """The second person who registers within a minute is asked to wait, for as long as the workspace says."""
    table.workspace.settings["API_Enable_Rate_Limiter"] = True
    frank = replace(ERIN, subject="2", username="frank", email="frank@example.com")
    table.sign_in(provision="register")
    with pytest.raises(RateLimited) as limited:
        table.sign_in(frank, provision="register")
    assert 1 <= limited.value.retry_after <= 60
    table.clock.advance(61)
    assert table.sign_in(frank, provision="register") == table.sign_in(frank, provision="register")


@pytest.mark.parametrize("limited", [True, False])
def test_a_registered_username_that_is_taken(table: Stage, limited: bool) -> None:
    """A taken username costs one more registration, of a variant: made where the limit lets it, else told as taken."""
    table.workspace.settings["API_Enable_Rate_Limiter"] = limited
    known = table.add(email="stranger@example.com")
    if limited:
        with pytest.raises(UsernameTaken):
            table.sign_in(provision="register")
        assert table.made() == []
    else:
        account_id = table.sign_in(provision="register")
        assert table.record(account_id)["username"].startswith("erin-")
        assert account_id != known
    assert len(table.workspace.calls("users.register")) == 2


def test_a_registered_address_that_is_taken(table: Stage) -> None:
    """Promise 37: an address that another account holds is not registered, and the person is told."""
    table.add("mallory", email="erin@example.com", verified=False)
    with pytest.raises(EmailTaken):
        table.sign_in(provision="register")
    assert table.made() == []


@pytest.mark.parametrize(("form", "key"), [("Disabled", "PROVISION"), ("Secret URL", "rocketchat_registration_secret")])
def test_a_closed_registration_is_the_administrators_affair(table: Stage, form: str, key: str) -> None:
    """Registration that is switched off, or whose secret is another, is a configuration problem."""
    table.workspace.settings["Accounts_RegistrationForm"] = form
    table.workspace.settings["Accounts_RegistrationForm_SecretURL"] = "the-secret"
    with pytest.raises(ConfigurationError) as error:
        table.sign_in(provision="register")
    assert [problem.key for problem in error.value.problems] == [key]


def test_a_rotated_registration_secret_is_read_anew(table: Stage) -> None:
    """Promise 34: a secret for registration that was changed is read anew and tried once more."""
    table.workspace.settings["Accounts_RegistrationForm"] = "Secret URL"
    table.workspace.settings["Accounts_RegistrationForm_SecretURL"] = "the-new-one"
    table.save(rocketchat_registration_secret="the-old-one")
    container = table.container(provision="register")
    with pytest.raises(ConfigurationError):
        container.account_of(ERIN, caller().deadline)
    table.save(rocketchat_registration_secret="the-new-one")
    assert container.account_of(ERIN, caller().deadline).id == table.made()[0]["_id"]


@pytest.mark.parametrize("way", ["create", "register"])
def test_the_typed_password_opens_the_account_that_is_made_with_it(bare: Stage, way: str) -> None:
    """Where directory and workspace share the password, the account is made with it, else with one of nobody's."""
    typed = Secret("gantry-typed-password")
    send = HttpTransport(bare.serving.url, "workspace", bare.clock)
    settings = Settings.from_environ({"ROCKETCHAT_URL": bare.serving.url, "SECRET_ID": "s"})
    credentials = CredentialCache(
        bare.store, Journal("ERROR"), bare.clock, partial(Credentials.from_json, settings=settings)
    )
    provisioner = RestCreate(_service(bare)) if way == "create" else RestRegister(send, credentials, bare.clock)
    account_id = provisioner.create(ERIN, caller().deadline, password=typed)
    frank = replace(ERIN, subject="2", username="frank", email="frank@example.com")
    other_id = provisioner.create(frank, caller().deadline)
    matches = bare.workspace.accounts.password_matches
    assert matches(bare.record(account_id), typed.reveal())
    assert not matches(bare.record(other_id), typed.reveal())


def test_no_secret_is_told_by_a_failure(table: Stage) -> None:
    """Promise 32: neither the service account's token nor a password stands in what a failing sign-in raises."""
    table.workspace.fault("users.create", Fault(status=400, body=b'{"error": "canary", "errorType": "Canary!"}'))
    failed = outcome(table.sign_in)
    assert isinstance(failed, AccountNotMade)
    told = f"{failed!s} {failed!r} {failed.why}"
    assert "canary" not in told.lower()
    assert table.keys["rocketchat_auth_token"] not in told
