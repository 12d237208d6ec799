"""What ships, as Lambda starts it: the unpacked archive alone signs people in and out."""

import json
import platform
import re
import secrets
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http import HTTPStatus
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlencode
from zipfile import ZipFile

import pytest

from playground.ports import bind
from playground.workspace import PASSWORD, Workspace, serve
from tests.api_gateway import event
from tests.database.fixtures import FreshDatabase
from tests.database.relay import Relay
from tests.database.wire import HANDSHAKE
from tests.deploy import alarms
from tests.deploy.conftest import Package
from tests.deploy.lambda_runtime import Function, FunctionFailed, provide
from tests.mongodb.stage import account
from tests.secrets_manager import AWS, SecretsManager
from tests.stage import COOKIE, FORM, closing, new_key

GATEWAY = "abcde12345.execute-api.eu-central-1.amazonaws.com"

pytestmark = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"),
    reason="what ships runs on x86-64 Linux",
)


@pytest.fixture(scope="module")
def unpacked(packages: Mapping[str, Package], tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("task")
    with ZipFile(packages["prod"].archive) as archive:
        archive.extractall(directory)
    return directory


@pytest.fixture(scope="module")
def provided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return provide(tmp_path_factory.mktemp("var-lang"))


class Browser:
    """A browser in the workspace, at the other end of API Gateway."""

    def __init__(self, function: Function, workspace: str) -> None:
        self._function = function
        self._workspace = workspace
        self.cookie: str | None = None

    def open(self, path: str) -> dict[str, Any]:
        return self._ask("GET", path, {"Sec-Fetch-Dest": "iframe"})

    def post(self, path: str, **fields: str) -> dict[str, Any]:
        headers = {"Origin": f"https://{GATEWAY}", "Content-Type": FORM, "Sec-Fetch-Dest": "iframe"}
        return self._ask("POST", path, headers, urlencode(fields))

    def check(self) -> dict[str, Any]:
        return self._ask("POST", "/session", {"Origin": self._workspace})

    def _ask(self, method: str, path: str, headers: dict[str, str], body: str | None = None) -> dict[str, Any]:
        sent = {"Host": GATEWAY, "X-Forwarded-Proto": "https", "X-Forwarded-Port": "443", **headers}
        if self.cookie is not None:
            sent["Cookie"] = f"{COOKIE}={self.cookie}"
        answer = self._function(event(method, path, headers=sent, body=body))
        given = re.match(rf"{COOKIE}=([^;]*)", answer["headers"].get("Set-Cookie", ""))
        if given:
            self.cookie = given[1] or None
        return answer


@pytest.fixture(params=["rest", "mongodb"])
def stage(
    request: pytest.FixtureRequest, unpacked: Path, provided: Path, secrets_manager: SecretsManager
) -> Iterator[tuple[Browser, Function, str]]:
    """Browser, function and workspace: tokens from the stand-in's REST API, or written into its database."""
    kept: dict[str, Any] = {"session_keys": [new_key()]}
    settings = {}
    if request.param == "mongodb":
        database: FreshDatabase = request.getfixturevalue("database")
        database.users.insert_one(account("alice"))
        kept["mongodb_uri"] = database.uri
        settings = {"DIRECTORY": "mongodb", "TOKEN_SOURCE": "mongodb"}
    with serve(Workspace()) as serving:
        environ = {
            **AWS,
            "AWS_ENDPOINT_URL": secrets_manager.url,
            "ROCKETCHAT_URL": serving.url,
            "SECRET_ID": secrets_manager.new(json.dumps(kept)),
            **settings,
        }
        with Function(unpacked, provided, "app.app", environ) as function:
            yield Browser(function, serving.url), function, serving.url


def test_what_ships_signs_people_in_and_out(stage: tuple[Browser, Function, str]) -> None:
    """The archive alone, under Lambda's runtime client, shows the login page, signs in, checks and signs out."""
    browser, function, workspace = stage
    assert browser.check()["statusCode"] == HTTPStatus.UNAUTHORIZED

    page = browser.open("/login")
    assert page["statusCode"] == HTTPStatus.OK
    assert 'action="/api/login"' in page["body"]

    wrong = browser.post("/login", username="alice", password="guess")
    assert wrong["statusCode"] == HTTPStatus.UNAUTHORIZED
    assert browser.cookie is None

    handoff = browser.post("/login", username="alice", password=PASSWORD)
    assert handoff["statusCode"] == HTTPStatus.OK
    assert browser.cookie is not None

    session = browser.check()
    assert session["statusCode"] == HTTPStatus.OK
    assert session["headers"]["Access-Control-Allow-Origin"] == workspace
    token = json.loads(session["body"])["loginToken"]
    assert token in handoff["body"]

    cookie = browser.cookie
    assert browser.post("/logout")["statusCode"] == HTTPStatus.OK
    assert browser.cookie is None
    browser.cookie = cookie
    assert browser.check()["statusCode"] == HTTPStatus.UNAUTHORIZED

    log = function.stop()
    attempts = [line for line in map(json.loads, log.splitlines()) if line["event"] == "attempt"]
    assert [line["outcome"] for line in attempts] == ["refused", "signed-in"]
    assert not [text for text in (PASSWORD, token, cookie) if text in log]
    assert alarms.counted(log) == {"RefusedSignIns": 1}


CHECKS = 4
"""How many the workspace's client makes at once when a page is loaded signed out (protocol page, section 2.1)."""


@pytest.mark.parametrize("source", ["rest", "mongodb"])
def test_a_page_load_over_containers_of_its_own_mints_nothing(
    request: pytest.FixtureRequest, unpacked: Path, provided: Path, secrets_manager: SecretsManager, source: str
) -> None:
    """Promise 30: four checks at once, each in a cold container, give one token, and each asks the backend once."""
    kept: dict[str, Any] = {"session_keys": [new_key()]}
    settings = {}
    relay: Relay | None = None
    if source == "mongodb":
        database: FreshDatabase = request.getfixturevalue("database")
        relay = request.getfixturevalue("relay")
        assert relay is not None
        database.users.insert_one(account("alice"))
        kept["mongodb_uri"] = relay.uri(database.uri)
        settings = {"DIRECTORY": "mongodb", "TOKEN_SOURCE": "mongodb"}
    workspace = Workspace()
    with serve(workspace) as serving, ExitStack() as containers:
        environ = {
            **AWS,
            "AWS_ENDPOINT_URL": secrets_manager.url,
            "ROCKETCHAT_URL": serving.url,
            "SECRET_ID": secrets_manager.new(json.dumps(kept)),
            **settings,
        }
        with Function(unpacked, provided, "app.app", environ) as function:
            signing_in = Browser(function, serving.url)
            assert signing_in.post("/login", username="alice", password=PASSWORD)["statusCode"] == HTTPStatus.OK
        browsers = []
        for _ in range(CHECKS):
            function = containers.enter_context(Function(unpacked, provided, "app.app", environ))
            browsers.append(Browser(function, serving.url))
            browsers[-1].cookie = signing_in.cookie
        record = database.users.find_one({"username": "alice"}) if source == "mongodb" else None
        before = (relay.counts() if relay else Counter(), secrets_manager.reads)

        with ThreadPoolExecutor(CHECKS) as client:
            answers = list(client.map(Browser.check, browsers))

        assert [answer["statusCode"] for answer in answers] == [HTTPStatus.OK] * CHECKS
        assert len({answer["body"] for answer in answers}) == 1
        assert secrets_manager.reads - before[1] == CHECKS
        if relay is None:
            assert [call.route for call in workspace.calls()] == ["login"] + ["me"] * CHECKS
        else:
            assert relay.counts() - before[0] - Counter(dict.fromkeys(HANDSHAKE, 1000)) == {"find": CHECKS}
            assert database.users.find_one({"username": "alice"}) == record
            assert workspace.calls() == []


def test_a_page_load_in_one_container_asks_once(
    unpacked: Path, provided: Path, secrets_manager: SecretsManager
) -> None:
    """The four checks of a page load that meet one warm container within a second are one `me`, and one secret."""
    workspace = Workspace()
    with serve(workspace) as serving:
        environ = {
            **AWS,
            "AWS_ENDPOINT_URL": secrets_manager.url,
            "ROCKETCHAT_URL": serving.url,
            "SECRET_ID": secrets_manager.new(json.dumps({"session_keys": [new_key()]})),
        }
        with Function(unpacked, provided, "app.app", environ) as function:
            browser = Browser(function, serving.url)
            assert browser.post("/login", username="alice", password=PASSWORD)["statusCode"] == HTTPStatus.OK
            reads, began = secrets_manager.reads, monotonic()
            bodies = {browser.check()["body"] for _ in range(CHECKS)}
            seconds = monotonic() - began
    assert len(bodies) == 1
    assert secrets_manager.reads == reads
    # A machine that took longer than the second in which an answer is remembered asks again.
    assert len(workspace.calls("me")) <= 1 + int(seconds)


def test_an_outage_counts_for_its_alarms(unpacked: Path, provided: Path, secrets_manager: SecretsManager) -> None:
    """A sign-in while the workspace is down is answered 503 and logged as the alarms for that count it."""
    with closing(bind("127.0.0.1", 0, listen=False)) as taken:
        environ = {
            **AWS,
            "AWS_ENDPOINT_URL": secrets_manager.url,
            "ROCKETCHAT_URL": f"http://localhost:{taken.getsockname()[1]}",
            "SECRET_ID": secrets_manager.new(json.dumps({"session_keys": [new_key()]})),
        }
        with Function(unpacked, provided, "app.app", environ) as function:
            answer = Browser(function, environ["ROCKETCHAT_URL"]).post("/login", username="alice", password=PASSWORD)
            assert answer["statusCode"] == HTTPStatus.SERVICE_UNAVAILABLE
            assert alarms.counted(function.stop()) == {"BackendFailures": 1, "FailedSignIns": 1}


def test_a_stage_as_delivered_asks_to_be_configured(unpacked: Path, provided: Path) -> None:
    """Deployed before it was configured, the function starts, answers 503 and names the settings that it lacks."""
    with Function(unpacked, provided, "app.app", AWS) as function:
        assert Browser(function, "https://chat.example.com").open("/login")["statusCode"] == 503
        log = function.stop()
    assert alarms.counted(log) == {"Configuration": 1}
    assert all(f"{name}: " in log for name in ("ROCKETCHAT_URL", "SECRET_ID"))


def test_what_ships_sweeps(unpacked: Path, provided: Path) -> None:
    """The second function of the archive answers the rule's event, and logs what it removed."""
    environ = {**AWS, "ROCKETCHAT_URL": "https://chat.example.com", "SECRET_ID": "gantry/prod"}
    happened = {
        **{"version": "0", "id": secrets.token_hex(4), "detail-type": "Scheduled Event", "source": "aws.events"},
        **{"account": "123456789012", "time": "2026-11-20T12:00:00Z", "region": "eu-central-1"},
        **{"resources": ["arn:aws:events:eu-central-1:123456789012:rule/gantry-prod-sweep-event"], "detail": {}},
    }
    with Function(unpacked, provided, "app.sweep", environ) as function:
        function(happened)
        assert json.loads(function.stop())["event"] == "sweep"


def test_what_was_compiled_ahead_is_used_and_never_trusted(unpacked: Path, provided: Path, tmp_path: Path) -> None:
    """With or without what was compiled ahead the login page is the same; after an edit it is the source that rules."""
    tree = tmp_path / "task"
    shutil.copytree(unpacked, tree)
    environ = {**AWS, "ROCKETCHAT_URL": "https://chat.example.com", "SECRET_ID": "gantry/prod"}

    def page() -> str:
        with Function(tree, provided, "app.app", environ) as function:
            answer = Browser(function, "https://chat.example.com").open("/login")
        assert answer["statusCode"] == HTTPStatus.OK
        return re.sub(r'nonce="[^"]*"', "", answer["body"])

    compiled = page()
    for name, old, new in (
        ("templates/login.html", "<form ", "<form data-edited "),
        ("web/csp.py", "secrets.token_urlsafe(16)", '"edited"'),
    ):
        source = tree / "chalicelib" / name
        source.write_text(source.read_text("utf-8").replace(old, new), "utf-8")
    edited = page()
    assert edited == compiled.replace("<form ", "<form data-edited ")
    with Function(tree, provided, "app.app", environ) as function:
        assert (
            "nonce-edited"
            in Browser(function, "https://chat.example.com").open("/login")["headers"]["Content-Security-Policy"]
        )
    for made in tree.rglob("__pycache__"):
        shutil.rmtree(made)
    assert page() == edited


def test_an_archive_that_lacks_a_library_does_not_start(unpacked: Path, provided: Path, tmp_path: Path) -> None:
    """Nothing that is installed for the tests stands in for what was not packed."""
    for packed in unpacked.iterdir():
        if packed.name != "chalice":
            (tmp_path / packed.name).symlink_to(packed)
    with Function(tmp_path, provided, "app.app", AWS) as function, pytest.raises(FunctionFailed, match="chalice"):
        function(event("GET", "/health"))
