"""The database is gone, or never was: every answer is 503 and keeps its cookie, and its return needs no restart."""

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

import app
from chalicelib.deadline import RESERVE_SECONDS
from chalicelib.errors import ConfigurationError
from playground.database import addresses
from playground.database.engine import Engine
from tests.database import needs_mongodb
from tests.database.fixtures import FreshDatabase
from tests.database.relay import Relay
from tests.fakes import caller, secret_text
from tests.mongodb.conftest import MakeStage
from tests.mongodb.outcomes import unavailable
from tests.mongodb.relayed import CANARY, SHORT, Relayed, assert_nothing_secret, mint_canaries
from tests.mongodb.stage import PASSWORD, WORKSPACE, Stage, with_totp

OURS = "https://auth.example.com"
HOURLY = {
    "version": "0",
    "id": "1",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "123456789012",
    "time": "2027-01-15T08:00:00Z",
    "region": "eu-central-1",
    "resources": [],
    "detail": {},
}


@pytest.fixture(autouse=True)
def minted(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[list[str]]:
    """Promise 32: no password, token, URI or hash stands in what any of these tests prints or logs."""
    tokens = mint_canaries(monkeypatch)
    yield tokens
    assert_nothing_secret("".join(capfd.readouterr()), tokens)


@pytest.fixture
def relayed(make_stage: MakeStage, relay: Relay, database: FreshDatabase) -> Relayed:
    stage = make_stage(relay.uri(database.uri))
    stage.add("alice")
    return Relayed(stage, relay)


# --- gone ------------------------------------------------------------------------------------------------------------


def test_nothing_listening_is_unavailable(make_stage: MakeStage, database: FreshDatabase) -> None:
    """Where nothing listens the request is a 503, and the rotated secret needs no restart."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        nowhere = addresses.for_server("127.0.0.1", deaf.getsockname()[1])
        stage = make_stage(nowhere)
        stage.add("alice")
        told = unavailable(lambda: stage.password("alice", who=caller(SHORT)))
    assert "127.0.0.1" not in told
    stage.store.text = secret_text(stage.key, mongodb_uri=database.uri)
    stage.clock.now += 301
    assert stage.signed_in("alice")


def test_a_database_that_comes_back_needs_no_restart(relayed: Relayed, engine: Engine) -> None:
    """The first request after the database is back works, with the client that met the outage."""
    signed_in = relayed.stage.signed_in("alice")
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        relayed.relay.point_to(addresses.for_server("127.0.0.1", deaf.getsockname()[1]))
        for _ in range(2):
            unavailable(lambda: relayed.check(signed_in))
    relayed.relay.point_to(engine.uri)
    relayed.check(signed_in, 26)
    assert relayed.stage.store.fetches == 1


@needs_mongodb("restart")
def test_a_killed_database_comes_back_with_every_session(stage: Stage, engine: Engine) -> None:
    """A server that is killed and started again has every session, and Gantry finds it without a restart."""
    stage.add("alice")
    signed_in = stage.signed_in("alice")
    engine.kill()
    try:
        unavailable(lambda: stage.gantry.session_check.check(signed_in.sealed, caller(SHORT).deadline))
    finally:
        engine.restart()
    stage.check(signed_in)


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://",
        f"mongodb://user:{CANARY}@",
        f"mongodb://user:{CANARY}@host@127.0.0.1/rocketchat",
        f"mongodb://user:{CANARY}/with-a-slash@127.0.0.1/rocketchat",
        f"mongodb://user:%zz{CANARY}@127.0.0.1/rocketchat",
        f"mongodb://user:{CANARY}@127.0.0.1:port/rocketchat",
        f"mongodb://user:{CANARY}@127.0.0.1:99999/rocketchat",
        f"mongodb://user:{CANARY}@[::1/rocketchat",
        f"mongodb://user:{CANARY}@127.0.0.1/rocket chat",
        f"mongodb://user:{CANARY}@127.0.0.1/?tls=true&ssl=false",
        f"mongodb://user:{CANARY}@127.0.0.1/?tls=true&tlsCAFile=/nowhere/{CANARY}",
        f"mongodb://user:{CANARY}@127.0.0.1/?minPoolSize=9&maxPoolSize=3",
        f"mongodb://user:{CANARY}@127.0.0.1,127.0.0.2/?directConnection=true",
        f"mongodb+srv://user:{CANARY}@127.0.0.1:27017/rocketchat",
        f"mongodb+srv://user:{CANARY}@one,two/rocketchat",
    ],
)
def test_an_address_that_cannot_be_used_names_its_key(make_stage: MakeStage, database: FreshDatabase, uri: str) -> None:
    """Promise 32: an unusable `mongodb_uri` is a fault of the configuration that names the key and no part of it."""
    stage = make_stage(uri)
    stage.add("alice")
    with pytest.raises(ConfigurationError) as refused:
        stage.password("alice")
    assert [problem.key for problem in refused.value.problems] == ["mongodb_uri"]
    assert CANARY not in str(refused.value) + repr(refused.value)
    stage.store.text = secret_text(stage.key, mongodb_uri=database.uri)
    stage.clock.now += 301
    assert stage.signed_in("alice")


def test_one_client_serves_a_container(relayed: Relayed) -> None:
    """A container has one client with a small pool: many requests, at once or in turn, share its connections."""
    signed_in = relayed.stage.signed_in("alice")
    before = relayed.relay.counts()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: relayed.check(signed_in, 26), range(64)))
    handshakes = sum((relayed.relay.counts() - before)[name] for name in ("hello", "isMaster", "ismaster"))
    assert handshakes <= 4 + 2  # the pool, and what the driver's own watch over the server may add


def test_what_the_driver_does_not_know_is_not_printed(make_stage: MakeStage) -> None:
    """Promise 32: options that the driver does not know are passed over without a word about them."""
    uri = f"mongodb://user:{CANARY}@127.0.0.1:1/?{CANARY}=1&readPreference={CANARY}&retryWrites={CANARY}"
    stage = make_stage(uri)
    unavailable(lambda: stage.password("alice", who=caller(SHORT)))


# --- what the browser is told ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Context:
    """Lambda's context of an invocation that leaves the database so many seconds."""

    seconds: float = SHORT
    aws_request_id = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return round((RESERVE_SECONDS + self.seconds) * 1_000)


@dataclass(frozen=True)
class Browser:
    """Asks the app itself, as API Gateway does; `answers` keeps everything that it said."""

    answers: list[str]

    def ask(
        self,
        method: str,
        path: str,
        sealed: str = "",
        origin: str = OURS,
        *,
        seconds: float = SHORT,
        form: Mapping[str, str] | None = None,
    ) -> Mapping[str, Any]:
        cookie = {"Cookie": f"__Host-gantry={sealed}"} if sealed else {}
        event = {
            "requestContext": {
                "httpMethod": method,
                "resourcePath": path,
                "path": f"/api{path}",
                "requestId": "request-1",
                "identity": {"sourceIp": "203.0.113.9"},
            },
            "headers": {
                "Host": "auth.example.com",
                "Origin": origin,
                "Content-Type": "application/x-www-form-urlencoded",
                "Sec-Fetch-Dest": "iframe",
                **cookie,
            },
            "multiValueQueryStringParameters": None,
            "pathParameters": None,
            "stageVariables": None,
            "body": urlencode(form or {}),
            "isBase64Encoded": False,
        }
        answer: Mapping[str, Any] = app.app(event, Context(seconds))
        self.answers.append(json.dumps(answer))
        return answer


@pytest.fixture
def browser(relayed: Relayed, monkeypatch: pytest.MonkeyPatch) -> Browser:
    monkeypatch.setattr(app, "gantry", relayed.stage.gantry)
    return Browser([])


@pytest.fixture(params=["silent", "cut", "gone", "refused", "unusable"])
def outage(request: pytest.FixtureRequest, relayed: Relayed) -> Iterator[Callable[[], None]]:
    """What takes the database away, whatever the container has kept."""
    with ExitStack() as silence:

        def begin() -> None:
            if request.param == "silent":
                silence.enter_context(relayed.relay.silence("find", "update"))
            elif request.param == "cut":
                relayed.relay.cut("find", "update", times=None)
            elif request.param == "gone":
                relayed.relay.close()
            elif request.param == "refused":
                relayed.relay.refuse(8000)
            else:
                relayed.rotate(f"mongodb://user:{CANARY}@")
                relayed.stage.gantry.credentials.refreshed(caller().deadline)

        yield begin


def told_nothing(browser: Browser, minted: list[str]) -> None:
    for answer in browser.answers:
        assert_nothing_secret(answer, minted)


def test_a_check_during_an_outage_keeps_the_cookie(
    relayed: Relayed, browser: Browser, outage: Callable[[], None], minted: list[str]
) -> None:
    """Promise 35: a check that cannot know is an empty 503 with `Retry-After` and CORS, and touches no cookie."""
    sealed = relayed.stage.signed_in("alice").sealed
    assert browser.ask("GET", "/session", sealed, WORKSPACE, seconds=26)["statusCode"] == 200
    browser.answers.clear()
    outage()
    for method in ("GET", "POST"):
        answer = browser.ask(method, "/session", sealed, WORKSPACE)
        assert (answer["statusCode"], answer["body"]) == (503, "")
        headers = answer["headers"]
        assert int(headers["Retry-After"]) > 0
        assert headers["Access-Control-Allow-Origin"] == WORKSPACE
        assert headers["Access-Control-Allow-Credentials"] == "true"
        assert headers["Vary"] == "Origin"
        assert "Set-Cookie" not in {**headers, **answer["multiValueHeaders"]}
    told_nothing(browser, minted)


def test_a_check_without_a_cookie_needs_no_database(browser: Browser, outage: Callable[[], None]) -> None:
    """A browser without a session is told so during an outage as at any time."""
    outage()
    assert browser.ask("GET", "/session", origin=WORKSPACE)["statusCode"] == 401


def test_a_sign_out_during_an_outage_is_done_here(
    relayed: Relayed, browser: Browser, outage: Callable[[], None], minted: list[str]
) -> None:
    """Promise 35: signing out expires the cookie with 200 and says that the workspace could not be told."""
    sealed = relayed.stage.signed_in("alice").sealed
    outage()
    answer = browser.ask("POST", "/logout", sealed)
    assert answer["statusCode"] == 200
    assert "Max-Age=0" in answer["headers"]["Set-Cookie"]
    assert "could not be told" in answer["body"]
    told_nothing(browser, minted)


@pytest.mark.parametrize("step", ["password", "code"])
def test_a_sign_in_during_an_outage_can_be_tried_again(
    relayed: Relayed, browser: Browser, outage: Callable[[], None], minted: list[str], step: str
) -> None:
    """Promise 35: signing in is a 503 with the form that it came from, no cookie, and no password or code in it."""
    relayed.stage.add("bob", services=with_totp())
    form = {"username": "alice", "password": PASSWORD.reveal()}
    if step == "code":
        form = {"challenge": relayed.stage.challenged("bob").challenge, "code": "123456"}
    outage()
    answer = browser.ask("POST", "/login", form=form)
    assert answer["statusCode"] == 503
    assert int(answer["headers"]["Retry-After"]) > 0
    assert "Set-Cookie" not in {**answer["headers"], **answer["multiValueHeaders"]}
    assert "<form" in answer["body"]
    assert "123456" not in answer["body"]
    told_nothing(browser, minted)


def test_the_sweep_during_an_outage_says_so(
    make_stage: MakeStage, database: FreshDatabase, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """An hourly sweep that cannot reach the database ends without a fault and is logged as what it is."""
    stage = make_stage(f"mongodb://user:{CANARY}@127.0.0.1:1/", TOKEN_KIND="iframe")
    monkeypatch.setattr(app, "gantry", stage.gantry)
    app.sweep(HOURLY, Context())
    told = capfd.readouterr().out
    assert '"event": "backend"' in told
    assert_nothing_secret(told, [])


def test_health_tells_that_the_database_is_gone_and_not_why(
    relayed: Relayed, browser: Browser, minted: list[str]
) -> None:
    """The health route names the database as not reachable, without a reason."""
    relayed.relay.close()
    assert relayed.stage.gantry.reachable(caller(SHORT).deadline)["database"] is False
    told_nothing(browser, minted)
