"""Relayed sign-ins through the use cases that `bootstrap` composes: who gets in, by which account, with which token.

Six ways: `login` and `iframe` (tokens in MongoDB, accounts inserted), `made` (MongoDB, accounts made by the workspace),
`table` (REST with links in DynamoDB), `bare` (REST without links) and `mixed` (accounts checked in MongoDB, tokens over
REST). What a provider says is a fake's word but in the last tests, which ask the stand-ins.
"""

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import bson
import pyotp
import pytest

from chalicelib.bootstrap import Gantry
from chalicelib.deadline import Deadline
from chalicelib.errors import (
    AccountDeactivated,
    Banned,
    ChallengeGone,
    ConfigurationError,
    EmailTaken,
    EmailUnverifiedInDirectory,
    GantryError,
    LinkedElsewhere,
    NoAccount,
    NoEmail,
    RelayRefused,
    SecondFactorUnserved,
    Unavailable,
    UnknownSecondFactor,
    WrongCredentials,
)
from chalicelib.model import Identity, ProviderToken
from chalicelib.secret import Secret
from chalicelib.signin import CodeDue, RelaySignIn, SignedIn
from chalicelib.state import StateTable
from playground.people import BOB_TOTP
from playground.providers import Providers, serve_providers
from playground.workspace import PASSWORD, ManualClock, Person, Workspace, serve
from playground.workspace.mongodb import MongoStore
from playground.workspace.store import MemoryStore
from tests.database import needs_mongodb
from tests.dynamodb import DynamoDB
from tests.fakes import FakeSecretStore, caller, fernet_key
from tests.mongodb.outcomes import together
from tests.stage import closing

ALICE = Identity("google", "1175", "alice.archer", "alice@example.org", email_verified=True, name="Alice Archer")
BOB = Identity("google", "1176", "bob.baker", "bob@example.org", email_verified=True, name="Bob Baker")
GINA = Identity("google", "1190", "gina.green", "gina@example.org", email_verified=True, name="Gina Green")
MANY = 5

WAYS: dict[str, dict[str, str]] = {
    "login": {"TOKEN_SOURCE": "mongodb"},
    "iframe": {"TOKEN_SOURCE": "mongodb", "TOKEN_KIND": "iframe"},
    "made": {"TOKEN_SOURCE": "mongodb"},
    "table": {"STATE_TABLE": "…"},
    "bare": {"RELAY": "google,twitter"},
    "mixed": {"DIRECTORY": "mongodb"},
}
BY_DATABASE = ("login", "iframe", "made", "mixed")
BY_REST = ("table", "bare", "mixed")
KEEPING = ("login", "table", "mixed")


@dataclass
class FakeProvider:
    """Says of every token whose it is by its text, and refuses what nobody has."""

    name: str
    people: dict[str, Identity] = field(default_factory=dict)

    def identify(self, token: ProviderToken, deadline: Deadline) -> Identity:
        if token.value.reveal() not in self.people:
            raise RelayRefused("not ours")
        return self.people[token.value.reveal()]


@dataclass
class Stage:
    """A workspace, and a Gantry of one way beside it; `begin` begins another container. `impatient` never waits."""

    way: str
    workspace: Workspace
    url: str
    database: Any
    dynamodb: DynamoDB
    opened: ExitStack
    providers: Providers | None = None
    urls: dict[str, str] = field(default_factory=dict)
    impatient: bool = True
    environ: dict[str, str] = field(default_factory=dict)
    keys: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert isinstance(self.workspace.clock, ManualClock)
        self.clock = self.workspace.clock
        self.environ = {"ROCKETCHAT_URL": self.url, "SECRET_ID": "s", "RELAY": "google,facebook,twitter"}
        self.environ |= WAYS[self.way]
        if "STATE_TABLE" in self.environ:
            self.environ["STATE_TABLE"] = self.dynamodb.new()
        self.keys = {
            "session_keys": [fernet_key()],
            "google": {"client_id": "ours"},
            "facebook": {"app_id": "1", "app_secret": "ours"},
            "twitter": {"consumer_key": "ours", "consumer_secret": "ours"},
        }
        if self.database is not None:
            self.keys["mongodb_uri"] = self.database.uri
        if self.way in (*BY_REST, "made"):
            self.keys["rocketchat_user_id"], self.keys["rocketchat_auth_token"] = self.workspace.add_administrator()
        if self.way in BY_REST:
            self.keys["rocketchat_create_token_secret"] = self.workspace.create_tokens_secret = "the-workspaces-own"
        self.store = FakeSecretStore("")
        self.begin()

    def begin(self, **environ: str) -> Gantry:
        """Another container with these settings beside its way's."""
        self.store.text = json.dumps(self.keys)
        wanted = {**self.environ, **environ}
        self.gantry = Gantry(wanted, clock=self.clock, secret_store=self.store, providers=self.urls)
        if self.database is not None:
            self.opened.callback(self.gantry.mongo.close)
        if self.way == "table":
            # One client of DynamoDB for all containers: each would take a tenth of a second to make.
            vars(self.gantry)["state"] = StateTable(self.dynamodb.service, self.environ["STATE_TABLE"])
        self._relays: dict[str, RelaySignIn] = {}
        return self.gantry

    def relay(self, name: str = "google") -> RelaySignIn:
        """The use cases of a provider, which says what the fake says."""
        if name not in self._relays:
            relay = replace(self.gantry.relay(name), provider=FakeProvider(name))
            if self.impatient:
                vars(relay.accounts)["_pause"] = lambda seconds: None
            self._relays[name] = relay
        return self._relays[name]

    def come(self, identity: Identity = ALICE, address: str = "203.0.113.9") -> SignedIn | CodeDue:
        """Come back from the provider with a token that it knows."""
        relay = self.relay(identity.issuer)
        assert isinstance(relay.provider, FakeProvider)
        token = str(uuid4())
        relay.provider.people[token] = identity
        return relay.with_token(ProviderToken(Secret(token)), caller(address=address))

    def sign_in(self, identity: Identity = ALICE) -> str:
        """The username of whoever is signed in: the session's account, and the token's owner in the workspace."""
        came_to = self.come(identity)
        assert isinstance(came_to, SignedIn)
        return self.whose(came_to)

    def whose(self, signed_in: SignedIn) -> str:
        record = self.workspace.accounts.find_by_id(signed_in.session.account_id)
        assert record is not None
        token, accounts = signed_in.session.token, self.workspace.accounts
        find = accounts.find_by_login_token if token.kind == "login" else accounts.find_by_iframe_token
        owner = find(token.value.reveal())
        assert owner is not None
        assert owner["_id"] == record["_id"]
        return str(record["username"])

    def challenged(self, identity: Identity = BOB) -> CodeDue:
        due = self.come(identity)
        assert isinstance(due, CodeDue)
        return due

    def code(self, due: CodeDue, code: str, address: str = "203.0.113.9", by: str = "google") -> SignedIn | CodeDue:
        return self.relay(by).with_code(due.challenge, code, caller(address=address))

    def totp(self) -> str:
        return pyotp.TOTP(BOB_TOTP).at(int(self.clock()))

    def check(self, signed_in: SignedIn) -> None:
        assert self.gantry.session_check.check(signed_in.sealed, caller().deadline) == signed_in.session

    def raw(self) -> dict[str, bytes]:
        """All accounts, byte for byte, but for the service account's own."""
        everybody = [copy.deepcopy(each) for each in self.workspace.accounts]
        return {each["username"]: bson.encode(each) for each in everybody if each["username"] != "administrator"}


MakeStage = Callable[..., Stage]


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[DynamoDB]:
    with closing(DynamoDB()) as served:
        yield served


@pytest.fixture
def make_stage(request: pytest.FixtureRequest, dynamodb: DynamoDB) -> Iterator[MakeStage]:
    with ExitStack() as opened:

        def make(way: str, **environ: str) -> Stage:
            database = request.getfixturevalue("database") if way in BY_DATABASE else None
            store = MemoryStore()
            if database is not None:
                store.records = MongoStore(database.documents).records
            workspace = Workspace(clock=ManualClock(), rate_limits=False, store=store)
            url = opened.enter_context(serve(workspace)).url
            stage = Stage(way, workspace, url, database, dynamodb, opened)
            stage.begin(**environ)
            return stage

        yield make


@pytest.fixture(params=["login", "table", "bare"])
def stage(request: pytest.FixtureRequest, make_stage: MakeStage) -> Stage:
    return make_stage(request.param)


@pytest.fixture(params=KEEPING)
def keeping(request: pytest.FixtureRequest, make_stage: MakeStage) -> Stage:
    """A stage that keeps links."""
    return make_stage(request.param)


@pytest.fixture(params=BY_REST)
def rest(request: pytest.FixtureRequest, make_stage: MakeStage) -> Stage:
    """A stage where the workspace makes the tokens."""
    return make_stage(request.param)


@pytest.fixture
def login(make_stage: MakeStage) -> Stage:
    return make_stage("login")


def refused(stage: Stage, identity: Identity, error: type[GantryError], **environ: str) -> None:
    """Assert that `identity` is refused, in another container where `environ` is given, and no account is touched."""
    if environ:
        stage.begin(**environ)
    before, made = stage.raw(), len(stage.workspace.calls("users.createToken"))
    with pytest.raises(error):
        stage.come(identity)
    assert stage.raw() == before
    assert len(stage.workspace.calls("users.createToken")) == made


# --- who gets in ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_an_address_verified_on_both_sides_signs_in(make_stage: MakeStage, way: str) -> None:
    """Promise 37: the provider and the account both have the address verified: that account's token is handed out."""
    stage = make_stage(way)
    came_to = stage.come()
    assert isinstance(came_to, SignedIn)
    assert stage.whose(came_to) == "alice"
    stage.check(came_to)
    kind = "iframe" if stage.way == "iframe" else "login"
    assert came_to.session.token.kind == kind


def test_the_link_counts_from_then_on(keeping: Stage) -> None:
    """Promise 37: after the first sign-in the id counts, whatever address the provider or the account has by now."""
    assert keeping.sign_in() == "alice"
    assert keeping.sign_in(replace(ALICE, email="new@example.net")) == "alice"
    assert keeping.sign_in(replace(ALICE, email="bob@example.org")) == "alice"
    assert keeping.sign_in(replace(ALICE, email=None, email_verified=False)) == "alice"
    keeping.workspace.accounts.update("alice", {"emails": [{"address": "moved@example.org", "verified": True}]})
    keeping.workspace.add(Person(username="mallory", email="alice@example.org"))
    assert keeping.sign_in() == "alice"
    keeping.begin()
    assert keeping.sign_in() == "alice"


def test_without_a_place_for_links_the_address_counts_each_time(make_stage: MakeStage) -> None:
    """Promise 37: with REST alone an account is found by the verified address at every sign-in, and not without it."""
    bare = make_stage("bare")
    assert bare.sign_in() == bare.sign_in() == bare.sign_in(replace(ALICE, issuer="twitter", subject="42")) == "alice"
    with pytest.raises(NoAccount):
        bare.come(replace(ALICE, email="new@example.net"))
    with pytest.raises(NoEmail):
        bare.come(replace(ALICE, email=None, email_verified=False))
    bare.workspace.accounts.update("alice", {"emails": [{"address": "alice@example.org", "verified": False}]})
    with pytest.raises(NoAccount):
        bare.come()


def test_nothing_less_finds_an_account(stage: Stage) -> None:
    """Promise 37: no name, half-verified address or administrator is linked, with LINK_BY=username neither."""
    stage.begin(LINK_BY="username")
    stage.workspace.accounts.update("carol", {"emails": [{"address": "carol@example.org", "verified": False}]})
    stage.workspace.add(Person(username="root", email="root@example.org", roles=("user", "admin")))
    for identity in (
        replace(ALICE, email_verified=False),
        replace(ALICE, email="ALICE@example.org"),
        replace(ALICE, email="alice@example.net"),
        replace(ALICE, email="carol@example.org"),
        replace(ALICE, email="root@example.org"),
        replace(ALICE, username="alice", email="nobody@example.org"),
        replace(ALICE, username="alice", email_verified=False),
    ):
        refused(stage, identity, NoAccount)
    refused(stage, replace(ALICE, issuer="twitter", username="alice", email=None), NoEmail)


def test_facebook_never_finds_an_account_by_an_address(keeping: Stage) -> None:
    """Promise 37: Facebook's address counts as unverified, so that nothing but an id that is stored signs in."""
    facebook = replace(ALICE, issuer="facebook", email_verified=False)
    refused(keeping, facebook, NoAccount)
    keeping.begin(PROVISION="create")
    newcomer = replace(GINA, issuer="facebook", email_verified=False)
    assert keeping.sign_in(newcomer) == keeping.sign_in(replace(newcomer, email=None)) == "gina.green"
    emails = keeping.workspace.accounts["gina.green"]["emails"]
    assert emails == [{"address": "gina@example.org", "verified": False}]
    assert keeping.sign_in() == "alice"


@pytest.mark.parametrize("way", [pytest.param("login", marks=needs_mongodb("array-index")), "made"])
def test_facebook_takes_nobodys_address(make_stage: MakeStage, way: str) -> None:
    """Promise 37: where an address is taken, no account is made for Facebook's person, who may have typed it."""
    stage = make_stage(way)
    refused(stage, replace(ALICE, issuer="facebook", email_verified=False), EmailTaken, PROVISION="create")


@pytest.mark.parametrize("way", ["login", "made", "table", "bare"])
def test_newcomers_are_given_accounts_where_that_is_wished(make_stage: MakeStage, way: str) -> None:
    """With PROVISION=off a newcomer is told, with create an account is made once, and found again."""
    stage = make_stage(way)
    refused(stage, GINA, NoAccount)
    stage.begin(PROVISION="create")
    assert stage.sign_in(GINA) == stage.sign_in(GINA) == "gina.green"
    record = stage.workspace.accounts["gina.green"]
    assert (record["name"], record["roles"]) == ("Gina Green", ["user"])
    assert record["emails"] == [{"address": "gina@example.org", "verified": True}]
    assert (record["_id"] in stage.workspace.joined) == (stage.way != "login")
    stage.begin()
    assert stage.sign_in(GINA) == "gina.green"


@pytest.mark.parametrize("way", ["login", "table"])
def test_newcomers_are_registered_where_that_is_wished(make_stage: MakeStage, way: str) -> None:
    """With PROVISION=register nobody has verified the address in the workspace, and the link finds the account."""
    stage = make_stage(way, PROVISION="register")
    assert stage.sign_in(GINA) == stage.sign_in(GINA) == "gina.green"
    assert stage.workspace.accounts["gina.green"]["emails"] == [{"address": "gina@example.org", "verified": False}]


def test_what_could_not_be_found_again_is_refused_at_configuration(make_stage: MakeStage) -> None:
    """With REST alone neither Facebook nor registration has a place for links: both are the administrator's to mend."""
    bare = make_stage("bare")
    for environ in ({"PROVISION": "register"}, {"PROVISION": "register", "LINK_BY": "username"}, {"RELAY": "facebook"}):
        with pytest.raises(ConfigurationError) as wrong:
            bare.begin(**environ).relay("facebook" if "RELAY" in environ else "google").with_token(
                ProviderToken(Secret("any")), caller()
            )
        assert [problem.key for problem in wrong.value.problems] == ["STATE_TABLE"]


def test_without_an_address_nobody_new_comes_in(keeping: Stage) -> None:
    """Twitter without an address signs in whoever is linked; anybody else is told that an address is missing."""
    silent = Identity("twitter", "42", "alice", None)
    for provision in ("off", "create"):
        refused(keeping, silent, NoEmail, PROVISION=provision)
    assert keeping.sign_in(replace(silent, email="alice@example.org", email_verified=True)) == "alice"
    assert keeping.sign_in(silent) == "alice"


def test_an_address_that_could_not_be_found_again_makes_no_account(make_stage: MakeStage) -> None:
    """With REST alone a newcomer whose address the provider has not verified is given no account to be lost."""
    unverified = replace(GINA, email_verified=False)
    refused(make_stage("bare"), unverified, EmailUnverifiedInDirectory, PROVISION="create")


@pytest.mark.parametrize("way", ["login", "made", "mixed"])
def test_somebody_elses_id_on_the_account_is_told(make_stage: MakeStage, way: str) -> None:
    """Promise 37: where the account with my address is tied to somebody else at the provider, nothing changes."""
    stage = make_stage(way)
    stage.workspace.accounts.update("alice", {"services.google": {"id": "1", "accessToken": "a"}})
    for provision in ("off", "create"):
        refused(stage, ALICE, LinkedElsewhere, PROVISION=provision)
    assert stage.sign_in(replace(ALICE, issuer="twitter", subject="42")) == "alice"


def test_a_deactivated_account_is_refused(stage: Stage) -> None:
    """Promise 37: a deactivated account is refused, whether it was found by its address just now or by a link."""
    dave = replace(ALICE, subject="1177", email="dave@example.org")
    refused(stage, dave, AccountDeactivated)
    refused(stage, dave, AccountDeactivated, PROVISION="create")
    assert stage.sign_in() == "alice"
    stage.workspace.deactivate("alice")
    refused(stage, ALICE, AccountDeactivated)


# --- what is written --------------------------------------------------------------------------------------------------


def test_a_sign_in_writes_the_id_and_a_token(login: Stage) -> None:
    """Promise 29: the first sign-in adds the id and one login token, the next one a token, and nothing beside them."""
    before = copy.deepcopy(login.workspace.accounts["alice"])
    others = {name: raw for name, raw in login.raw().items() if name != "alice"}
    for tokens in (1, 2):
        login.sign_in()
        after = copy.deepcopy(login.workspace.accounts["alice"])
        added = after["services"]["resume"].pop("loginTokens")
        assert len(added) == tokens
        assert after["services"].pop("google") == {"id": "1175"}
        assert not after["services"].pop("resume")
        assert bson.encode(after) == bson.encode(before)
    assert {name: raw for name, raw in login.raw().items() if name != "alice"} == others


def test_what_rocketchats_own_oauth_left_is_found_and_stays(login: Stage) -> None:
    """Promises 29 and 37: an account that Rocket.Chat's own OAuth made is found by its id, which stays as it was."""
    oauth = {"id": "1190", "accessToken": "a", "idToken": "b", "scope": ["email"], "expiresAt": bson.Int64(1)}
    login.workspace.add(Person(username="gina", password=None, email=None, fields={"services": {"google": oauth}}))
    assert login.sign_in(GINA) == "gina"
    assert login.workspace.accounts["gina"]["services"]["google"] == oauth


@pytest.mark.parametrize("way", ["login", "made", "table"])
def test_first_sign_ins_that_race_end_with_one_account(make_stage: MakeStage, way: str) -> None:
    """Promise 29: however many first sign-ins of one newcomer run at once, all of them end at one account."""
    stage = make_stage(way, PROVISION="create")
    stage.impatient = False
    found = together(MANY, lambda number: stage.come(GINA, address=f"198.51.100.{number}"))
    ids = {each.session.account_id for each in found if isinstance(each, SignedIn)}
    assert len(ids) == 1
    assert {type(each) for each in found} <= {SignedIn, Unavailable}
    made = [each["_id"] for each in stage.workspace.accounts if each["name"] == "Gina Green"]
    assert made == list(ids)
    assert stage.sign_in(GINA) == "gina.green"


# --- second factors ---------------------------------------------------------------------------------------------------


def test_the_accounts_totp_is_asked_for(login: Stage) -> None:
    """Promise 39: an account with TOTP is given a token after its code alone, which is good for one sign-in."""
    for policy in ("honour", "totp"):
        login.begin(WORKSPACE_2FA=policy)
        due = login.challenged()
        assert (due.method, due.username) == ("totp", "bob@example.org")
        assert not login.workspace.accounts.login_tokens(login.workspace.accounts["bob"])
        wrong = login.code(due, "000000")
        assert isinstance(wrong, CodeDue)
        assert wrong.wrong
        came_to = login.code(wrong, login.totp())
        assert isinstance(came_to, SignedIn)
        assert login.whose(came_to) == "bob"
        again = login.code(login.challenged(), login.totp())
        assert isinstance(again, CodeDue)
        assert again.wrong
        login.workspace.accounts.remove_login_tokens(login.workspace.accounts["bob"])
        login.clock.advance(60)


@pytest.mark.parametrize("way", ["login", "table"])
def test_codes_by_mail_are_not_asked_for_after_a_provider(make_stage: MakeStage, way: str) -> None:
    """Promise 39: for codes by e-mail, which every new account has switched on, the provider's own proof stands."""
    stage = make_stage(way)
    assert stage.sign_in(replace(ALICE, subject="1178", email="carol@example.org")) == "carol"


@pytest.mark.parametrize("policy", ["honour", "totp"])
def test_an_account_with_totp_is_refused_where_it_cannot_be_asked(rest: Stage, policy: str) -> None:
    """Promise 39: tokens that the workspace makes would skip TOTP: the token is ended, and nobody has it."""
    rest.begin(WORKSPACE_2FA=policy)
    with pytest.raises(SecondFactorUnserved):
        rest.come(BOB)
    assert len(rest.workspace.calls("users.createToken")) == 1
    assert not rest.workspace.accounts.login_tokens(rest.workspace.accounts["bob"])


@pytest.mark.parametrize("policy", ["honour", "totp", "skip"])
def test_an_iframe_token_serves_no_second_factor(make_stage: MakeStage, policy: str) -> None:
    """Promise 39: Rocket.Chat asks after an iframe token and its client has no form for it: refused beforehand."""
    stage = make_stage("iframe", WORKSPACE_2FA=policy)
    for person in (BOB, replace(ALICE, subject="1178", email="carol@example.org")):
        with pytest.raises(SecondFactorUnserved):
            stage.come(person)
    assert not any("iframe" in each["services"] for each in stage.workspace.accounts)
    assert stage.sign_in() == "alice"


@pytest.mark.parametrize("way", ["login", "table", "mixed"])
def test_skip_asks_for_nothing(make_stage: MakeStage, way: str) -> None:
    """WORKSPACE_2FA=skip hands out a token past the account's second factor, as it says."""
    assert make_stage(way, WORKSPACE_2FA="skip").sign_in(BOB) == "bob"


def test_wrong_codes_are_the_providers_persons_own(make_stage: MakeStage) -> None:
    """Promise 5: wrong codes ban the subject for codes, not the account's name for passwords, nor anybody's budget."""
    login = make_stage("login", DIRECTORY="mongodb")
    due = login.challenged()
    for number in range(5):
        login.code(due, "000000", address=f"198.51.100.{number}")
    with pytest.raises(Banned):
        login.code(due, login.totp(), address="198.51.100.9")
    for name in ("bob", "bob@example.org"):
        assert isinstance(login.gantry.sign_in.with_password(name, Secret(PASSWORD), caller()), CodeDue)
    for number in range(6):
        with pytest.raises((WrongCredentials, Banned)):
            login.gantry.sign_in.with_password("google 1175", Secret("x"), caller(address=f"192.0.2.{number}"))
    assert login.sign_in() == "alice"


def test_a_challenge_opens_where_it_was_made(make_stage: MakeStage) -> None:
    """Promise 15: neither another provider nor the password's form takes what one provider began, nor the reverse."""
    login = make_stage("login", DIRECTORY="mongodb")
    due = login.challenged()
    typed = login.gantry.sign_in.with_password("bob", Secret(PASSWORD), caller())
    assert isinstance(typed, CodeDue)
    for challenge, by in ((due, "twitter"), (due, "facebook"), (typed, "google"), (typed, "twitter")):
        with pytest.raises(ChallengeGone):
            login.code(challenge, login.totp(), by=by)
    with pytest.raises(ChallengeGone):
        login.gantry.sign_in.with_code(due.challenge, login.totp(), caller())
    assert isinstance(login.code(due, login.totp()), SignedIn)


def test_a_challenge_of_other_settings_mints_nothing(make_stage: MakeStage) -> None:
    """Promise 39: what began where a code can be asked for is not finished where it cannot."""
    login = make_stage("login")
    due = login.challenged()
    login.begin(TOKEN_KIND="iframe")
    with pytest.raises(SecondFactorUnserved):
        login.code(due, login.totp())
    login.keys["rocketchat_user_id"], login.keys["rocketchat_auth_token"] = login.workspace.add_administrator()
    login.keys["rocketchat_create_token_secret"] = login.workspace.create_tokens_secret = "the-workspaces-own"
    login.begin(DIRECTORY="mongodb", TOKEN_SOURCE="rest")
    with pytest.raises(ChallengeGone):
        login.code(due, login.totp())
    assert not login.workspace.calls("users.createToken")


def test_totp_without_its_secret_is_refused(login: Stage) -> None:
    """Promise 39: an account whose TOTP cannot be checked is given no token."""
    login.workspace.accounts.unset("bob", "services.totp.secret")
    with pytest.raises(UnknownSecondFactor):
        login.come(BOB)


# --- what a failure leaves --------------------------------------------------------------------------------------------


def test_a_failed_relay_leaves_the_session_as_it_was(stage: Stage) -> None:
    """A token that the provider refuses changes no account, and the session that was there goes on."""
    came_to = stage.come()
    assert isinstance(came_to, SignedIn)
    before = stage.raw()
    with pytest.raises(RelayRefused):
        stage.relay().with_token(ProviderToken(Secret("forged")), caller())
    with pytest.raises(NoAccount):
        stage.come(GINA)
    assert stage.raw() == before
    stage.check(came_to)


@pytest.mark.parametrize("way", ["bare", "login"])
def test_refused_tokens_and_passwords_share_the_addresses_budget(make_stage: MakeStage, way: str) -> None:
    """Promise 5: all ways to sign in count one address together, in a container's memory as well."""
    stage = make_stage(way, BAN_ADDRESS_AFTER="3")
    for name in ("google", "twitter"):
        with pytest.raises(RelayRefused):
            stage.relay(name).with_token(ProviderToken(Secret("forged")), caller())
    with pytest.raises(WrongCredentials):
        stage.gantry.sign_in.with_password("alice", Secret("wrong"), caller())
    with pytest.raises(Banned):
        stage.come()
    assert isinstance(stage.come(address="198.51.100.7"), SignedIn)


# --- composition ------------------------------------------------------------------------------------------------------


def test_a_provider_that_the_settings_do_not_name_is_none(make_stage: MakeStage) -> None:
    """Only the providers of RELAY have use cases, each one's kept for the container."""
    gantry = make_stage("bare").gantry
    assert gantry.relay("google") is gantry.relay("google")
    assert gantry.relay("twitter").provider.name == "twitter"
    for name in ("facebook", "", "Google", "github"):
        with pytest.raises(KeyError):
            gantry.relay(name)


@pytest.mark.parametrize(("version", "known"), [("1.3", True), ("2.4", None), ("8.6", False)])
def test_the_workspaces_version_is_asked_once_an_hour(make_stage: MakeStage, version: str, known: bool | None) -> None:
    """Whether the workspace relays is its version's word, asked for at most once an hour a container."""
    stage = make_stage("bare")
    stage.workspace.version = version
    assert [stage.gantry.relays(Deadline.after(5)) for _ in range(5)] == [known] * 5
    assert len(stage.workspace.calls("info")) == 1
    stage.clock.advance(3601)
    stage.gantry.relays(Deadline.after(5))
    assert len(stage.workspace.calls("info")) == 2


@pytest.fixture
def vendors(make_stage: MakeStage) -> Iterator[Stage]:
    """A stage by MongoDB whose providers are the stand-ins, at their own addresses."""
    stage = make_stage("login")
    providers = Providers(clock=stage.clock)
    with serve_providers(providers) as serving:
        stage.providers, stage.urls = providers, dict(serving.urls)
        stage.keys |= providers.applications
        stage.begin(PROVISION="create")
        yield stage


@pytest.mark.parametrize("name", ["google", "facebook", "twitter"])
def test_each_provider_is_asked_at_the_address_that_was_given(vendors: Stage, name: str) -> None:
    """Promise 38: a token of our application signs in at the provider's word, and one of another's does not."""
    assert vendors.providers is not None
    relay = vendors.gantry.relay(name)
    for person in ("gina", "gina"):
        granted = vendors.providers.grant(name, person)
        token = ProviderToken(Secret(granted["token"]), Secret(granted["secret"]) if granted.get("secret") else None)
        came_to = relay.with_token(token, caller())
        assert isinstance(came_to, SignedIn)
        record = vendors.workspace.accounts.find_by_id(came_to.session.account_id)
        assert record is not None
        assert record["services"][name]["id"]
        assert vendors.whose(came_to) == record["username"]
    before = vendors.raw()
    granted = vendors.providers.grant(name, "alice", application="another")
    token = ProviderToken(Secret(granted["token"]), Secret(granted["secret"]) if granted.get("secret") else None)
    with pytest.raises(RelayRefused):
        relay.with_token(token, caller())
    assert vendors.raw() == before
