"""The connection under faults: refused, cut, silent, gone. What cannot be known is 503, and nobody is signed out."""

import secrets
from collections.abc import Iterator
from time import monotonic
from typing import get_args

import bson
import pytest

from chalicelib.deadline import RESERVE_SECONDS, Deadline
from chalicelib.errors import NotSignedIn, Unavailable
from chalicelib.model import Session
from chalicelib.signin import CodeDue, SignedIn
from playground.database import addresses
from playground.database.engine import Engine
from tests.database import needs_mongodb
from tests.database.fixtures import FreshDatabase
from tests.database.relay import RefusalCode, Relay
from tests.fakes import caller, secret_text
from tests.mongodb.conftest import MakeStage
from tests.mongodb.filters import Heard
from tests.mongodb.outcomes import outcome, together, unavailable
from tests.mongodb.people import foreign
from tests.mongodb.relayed import CANARY, REQUESTS, SHORT, Relayed, assert_nothing_secret, mint_canaries
from tests.mongodb.stage import BACKUP_CODE, PASSWORD, Stage, with_totp


@pytest.fixture(autouse=True)
def nothing_secret_is_told(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Promise 32: no password, token, URI or hash stands in what any of these tests prints or logs."""
    minted = mint_canaries(monkeypatch)
    yield
    assert_nothing_secret("".join(capfd.readouterr()), minted)


@pytest.fixture
def relayed(make_stage: MakeStage, relay: Relay, database: FreshDatabase) -> Relayed:
    stage = make_stage(relay.uri(database.uri))
    stage.add("alice")
    return Relayed(stage, relay)


@pytest.fixture
def relayed_iframe(make_stage: MakeStage, relay: Relay, database: FreshDatabase) -> Relayed:
    stage = make_stage(relay.uri(database.uri), TOKEN_KIND="iframe")
    stage.add("alice")
    return Relayed(stage, relay)


# --- refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", get_args(RefusalCode))
def test_a_rotated_password_heals_without_a_restart(
    relayed: Relayed, database: FreshDatabase, code: RefusalCode
) -> None:
    """Promise 34: refused, Gantry reads the secret once more and tries once more before it answers."""
    signed_in = relayed.stage.signed_in("alice")
    assert relayed.stage.store.fetches == 1
    relayed.relay.refuse(code)
    relayed.rotate(database.uri)
    relayed.check(signed_in, 26)
    assert relayed.stage.store.fetches == 2
    relayed.check(signed_in, 26)
    assert isinstance(relayed.sign_in(26), SignedIn)
    assert relayed.stage.store.fetches == 2


@pytest.mark.parametrize("code", get_args(RefusalCode))
@pytest.mark.parametrize("name", REQUESTS)
def test_a_refusal_that_stays_is_unavailable(relayed_iframe: Relayed, code: RefusalCode, name: str) -> None:
    """Promise 34: a refusal that stays is 503 after one re-read and one retry at each request, and heals by itself."""
    signed_in = relayed_iframe.stage.signed_in("alice")
    work = relayed_iframe.requests(signed_in, 26)[name]
    relayed_iframe.relay.refuse(code)
    for number in (1, 2):
        before = sum(relayed_iframe.relay.counts()[each] for each in ("find", "update", "insert"))
        assert CANARY not in unavailable(work)
        after = sum(relayed_iframe.relay.counts()[each] for each in ("find", "update", "insert"))
        assert relayed_iframe.stage.store.fetches == 1 + number
        assert after - before <= 2
    relayed_iframe.relay.heal()
    work()
    assert relayed_iframe.stage.store.fetches == 3


@pytest.mark.parametrize("code", [18, 8000])
def test_a_password_that_is_refused_is_never_told(
    make_stage: MakeStage, relay: Relay, database: FreshDatabase, code: RefusalCode
) -> None:
    """Promise 32: a refused user and password, met while the driver authenticates, show in no exception and no log."""
    stage = make_stage(addresses.for_user(relay.uri(database.uri), f"user-{CANARY}", f"{CANARY}: @/%"))
    stage.add("alice")
    relay.refuse(code)
    told = unavailable(lambda: stage.password("alice"))
    assert CANARY not in told
    assert CANARY not in repr(vars(stage.gantry.mongo)["_credentials"])
    assert stage.store.fetches == 2
    stage.store.text = secret_text(stage.key, mongodb_uri=database.uri)
    assert stage.signed_in("alice")


def test_a_secret_that_cannot_be_read_again_is_unavailable(relayed: Relayed, database: FreshDatabase) -> None:
    """Promise 34: where AWS does not answer either, the kept secret stays and the next request tries again."""
    signed_in = relayed.stage.signed_in("alice")
    relayed.relay.refuse(18)
    relayed.rotate(database.uri)
    relayed.stage.store.failure = Unavailable("secret", "down")
    unavailable(lambda: relayed.check(signed_in, 26))
    relayed.stage.store.failure = None
    relayed.check(signed_in, 26)


def test_a_rotation_amid_many_requests_signs_nobody_out(relayed: Relayed, database: FreshDatabase) -> None:
    """Promise 34: requests that meet the refusal at one moment are served or told to come again, and then served."""
    signed_in = relayed.stage.signed_in("alice")
    relayed.relay.refuse(18)
    relayed.rotate(database.uri)
    outcomes = together(20, lambda number: relayed.check(signed_in, 26))
    assert all(isinstance(each, Session | Unavailable) for each in outcomes)
    relayed.check(signed_in, 26)


@needs_mongodb("authentication", "relay")
def test_a_real_password_is_rotated(
    make_stage: MakeStage, relay: Relay, database: FreshDatabase, engine: Engine
) -> None:
    """Promise 34: the server's own refusal of an old password is healed by the rotated secret, without a restart."""
    name, roles = f"gantry_{secrets.token_hex(4)}", [{"role": "readWrite", "db": database.name}]

    def through_relay(uri: str) -> str:
        return addresses.for_database(relay.uri(uri), database.name)

    old = through_relay(engine.add_user(name, f"{CANARY}-old", roles))
    try:
        stage = make_stage(old)
        stage.add("alice")
        signed_in = stage.signed_in("alice")
        new = through_relay(engine.change_password(name, f"{CANARY}-new: @/%"))
        relay.disconnect()
        told = unavailable(lambda: stage.check(signed_in))
        assert CANARY not in told
        fetches = stage.store.fetches
        stage.store.text = secret_text(stage.key, mongodb_uri=new)
        stage.check(signed_in)
        stage.check(signed_in)
        assert stage.store.fetches == fetches + 1
    finally:
        engine.remove_user(name)


@needs_mongodb("authentication")
def test_missing_rights_are_unavailable(make_stage: MakeStage, database: FreshDatabase, engine: Engine) -> None:
    """A user who may read but not write is a 503 for whoever signs in, while checks go on."""
    name = f"gantry_{secrets.token_hex(4)}"
    reader = engine.add_user(name, CANARY, [{"role": "read", "db": database.name}])
    try:
        stage, writing = make_stage(addresses.for_database(reader, database.name)), make_stage()
        stage.add("alice")
        stage.store.text = secret_text(writing.key, mongodb_uri=addresses.for_database(reader, database.name))
        signed_in = writing.signed_in("alice")
        stage.check(signed_in)
        assert CANARY not in unavailable(lambda: stage.signed_in("alice"))
        stage.check(signed_in)
    finally:
        engine.remove_user(name)


# --- stepped down ----------------------------------------------------------------------------------------------------


def test_a_primary_that_steps_down_is_survived(relayed: Relayed) -> None:
    """A step-down costs a check nothing and a sign-in one 503 at most; no token is left that nobody holds."""
    signed_in = relayed.stage.signed_in("alice")
    relayed.relay.not_primary("find")
    relayed.check(signed_in, 26)
    relayed.relay.not_primary("update")
    came_to = outcome(lambda: relayed.sign_in(26))
    assert isinstance(came_to, SignedIn | Unavailable)
    assert isinstance(relayed.sign_in(26), SignedIn)
    assert len(relayed.stage.tokens("alice")) == 2 + isinstance(came_to, SignedIn)
    assert relayed.stage.store.fetches == 1


def test_no_primary_at_all_is_unavailable(relayed: Relayed) -> None:
    """While there is no primary every request is a 503; the next one after the election works without a restart."""
    signed_in = relayed.stage.signed_in("alice")
    relayed.relay.not_primary("find", "update", times=None)
    for name, work in relayed.requests(signed_in).items():
        if name != "sweep":
            unavailable(work)
    relayed.relay.heal()
    relayed.check(signed_in, 26)


@needs_mongodb("step-down")
def test_a_real_step_down_is_survived(stage: Stage, engine: Engine) -> None:
    """A primary that the server makes step down: served or 503 until the election, then served; none signed out."""
    stage.add("alice")
    signed_in = stage.signed_in("alice")
    engine.step_down()
    until = monotonic() + 60
    came_to: object = None
    while not isinstance(came_to, SignedIn) and monotonic() < until:
        checked = outcome(lambda: stage.gantry.session_check.check(signed_in.sealed, caller().deadline))
        assert isinstance(checked, Session | Unavailable)
        came_to = outcome(lambda: stage.password("alice"))
        assert isinstance(came_to, SignedIn | Unavailable)
    assert isinstance(came_to, SignedIn)
    stage.check(signed_in)


# --- cut and silent --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_cut_connection_ends_no_session(relayed: Relayed, after: bool) -> None:
    """A check whose connection ends is repeated or 503, never a sign-out, and the next one works."""
    signed_in = relayed.stage.signed_in("alice")
    relayed.relay.cut("find", after=after)
    assert isinstance(outcome(lambda: relayed.check(signed_in, 26)), Session | Unavailable)
    relayed.relay.cut("find", times=None, after=after)
    unavailable(lambda: relayed.check(signed_in))
    relayed.relay.heal()
    relayed.check(signed_in, 26)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", ["login", "iframe"])
def test_a_cut_sign_in_can_be_repeated(
    make_stage: MakeStage, relay: Relay, database: FreshDatabase, kind: str, after: bool
) -> None:
    """A sign-in whose write is cut is served or 503, and signing in again works; a hand-over is agreed on even then."""
    stage = make_stage(relay.uri(database.uri), TOKEN_KIND=kind)
    stage.add("alice")
    relay.cut("update", after=after)
    first = outcome(lambda: stage.password("alice"))
    assert isinstance(first, SignedIn | Unavailable)
    second = stage.signed_in("alice")
    stage.check(second)
    if kind == "iframe" and isinstance(first, SignedIn):
        assert first.session.token == second.session.token
    if kind == "login":
        assert len(stage.tokens("alice")) <= 2


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("code", ["totp", "backup"])
def test_a_cut_second_factor_is_never_good_twice(
    make_stage: MakeStage, relay: Relay, database: FreshDatabase, code: str, after: bool
) -> None:
    """Promise 5: a code whose use was cut off is good once or not at all; the next code works."""
    stage = make_stage(relay.uri(database.uri))
    stage.add("bob", services=with_totp(BACKUP_CODE))
    due = stage.challenged("bob")
    answer = stage.totp() if code == "totp" else BACKUP_CODE
    relay.cut("update", after=after)
    outcomes = [outcome(lambda: stage.code(due, answer)) for _ in range(3)]
    assert all(isinstance(each, SignedIn | CodeDue | Unavailable) for each in outcomes)
    assert sum(isinstance(each, SignedIn) for each in outcomes) <= 1
    stage.clock.now += 30
    assert isinstance(stage.code(due, stage.totp()), SignedIn)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("command", ["find", "update", "insert"])
def test_a_cut_creation_ends_with_one_account(relayed: Relayed, command: str, after: bool) -> None:
    """However a first sign-in from elsewhere is cut off, the next one ends with one account and one link."""
    sign_in = foreign(relayed.stage.gantry)
    relayed.relay.cut(command, times=2, after=after)
    first = outcome(lambda: sign_in.with_password("erin", PASSWORD, caller()))
    assert isinstance(first, SignedIn | Unavailable)
    relayed.relay.heal()
    second = sign_in.with_password("erin", PASSWORD, caller())
    assert isinstance(second, SignedIn)
    made = list(relayed.stage.database.users.find({"username": "erin"}))
    assert [each["_id"] for each in made] == [second.session.account_id]
    assert relayed.stage.database.documents["gantry_links"].count_documents({}) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_cut_sign_out_can_be_repeated(relayed: Relayed, after: bool) -> None:
    """A sign-out that is cut off is done or 503; repeated, it is done."""
    signed_in = relayed.stage.signed_in("alice")
    relayed.relay.cut("update", after=after)
    assert outcome(lambda: relayed.stage.sign_out(signed_in)) is True or relayed.stage.sign_out(signed_in)
    assert relayed.stage.tokens("alice") == []
    with pytest.raises(NotSignedIn):
        relayed.check(signed_in, 26)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_silent_database_is_unavailable(relayed_iframe: Relayed, name: str) -> None:
    """Promise 35: no answer within the request's deadline is a 503 in time; the next request works."""
    signed_in = relayed_iframe.stage.signed_in("alice")
    work = relayed_iframe.requests(signed_in)[name]
    with relayed_iframe.relay.silence("find", "update", "insert") as silence:
        in_time = Deadline.after(SHORT + RESERVE_SECONDS)
        unavailable(work)
        assert in_time.remaining() > 0
        assert silence.reached.is_set()
    relayed_iframe.stage.signed_in("alice")


def test_silence_at_the_first_handshake_is_unavailable(relayed: Relayed) -> None:
    """Promise 35: a server that accepts a connection and says nothing is a 503 within the deadline."""
    with relayed.relay.silence("hello", "isMaster", "ismaster"):
        unavailable(relayed.sign_in)
    assert isinstance(relayed.sign_in(26), SignedIn)


def test_an_answer_that_cannot_be_read_is_unavailable(stage: Stage) -> None:
    """A record whose text is no UTF-8, which the server keeps all the same, is a 503 and no fault."""
    broken = bson.encode({"name": "alice"}).replace(b"alice", b"al\xff\xfee")
    told = unavailable(lambda: stage.gantry.mongo.run(lambda database: bson.decode(broken), caller().deadline))
    assert "InvalidBSON" in told


def test_no_command_is_begun_without_time(stage: Stage, heard: Heard) -> None:
    """Promise 35: a request whose time is up asks nothing of the database."""
    stage.add("alice")
    unavailable(lambda: stage.password("alice", who=caller(0)))
    assert heard == []
