"""Tokens written straight into MongoDB, in the browser: both kinds, with reloads and a logout that stays one."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from playground.workspace import Workspace
from playground.workspace.mongodb import MongoStore
from tests.database.fixtures import FreshDatabase
from tests.e2e.conftest import Complaints, MakeStage
from tests.e2e.desk import Desk
from tests.stage import Stage


@pytest.fixture(autouse=True)
def signed_out_checks(complaints: Complaints) -> None:
    complaints.expect(401)


@pytest.fixture(params=["login", "iframe"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stage(make_stage: MakeStage, database: FreshDatabase, kind: str) -> Iterator[Stage]:
    """Gantry and the stand-in on one database, as the manuals set the kind up."""
    staged = make_stage(Workspace(rate_limits=False, store=MongoStore(database.documents)))
    staged.confidential.add(database.uri)
    secret = {"session_keys": staged.keys, "mongodb_uri": database.uri}
    staged.secrets.put(staged.secret_id, json.dumps(secret))
    handoff = "retry" if kind == "iframe" else "token"
    settings = {"DIRECTORY": "mongodb", "TOKEN_SOURCE": "mongodb", "TOKEN_KIND": kind, "HANDOFF": handoff}
    gantry = staged.container(**settings)
    yield staged
    gantry.mongo.close()


def test_ten_reloads_mint_nothing_and_a_logout_holds(desk: Desk, stage: Stage, page: Page, kind: str) -> None:
    """Promises 12 and 30: alice signs in, reloads ten times, logs out and stays out, with one login token."""
    desk.open().sign_in("alice")
    desk.is_signed_in("Alice Archer")
    for _ in range(10):
        stage.workspace.trace.clear()
        page.reload()
        desk.is_signed_in("Alice Archer")
    answers = {"login": "200 with loginToken", "iframe": "401 not signed in"}
    assert all(answers[kind].split()[0] in each for each in desk.trace("check"))
    assert stage.tokens("alice") == 1
    desk.log_out()
    desk.is_signed_out()
    assert stage.tokens("alice") == 0
    page.reload()
    desk.is_signed_out()


def test_a_second_factor(desk: Desk, stage: Stage, kind: str) -> None:
    """Promise 39: bob's code is asked for before a native token is made; an `iframe` token cannot serve him at all."""
    desk.open().sign_in("bob")
    if kind == "iframe":
        expect(desk.alert).to_contain_text("second factor")
        assert stage.tokens("bob") == 0
        return
    desk.enter_code("000000")
    expect(desk.alert).to_contain_text("wrong")
    assert stage.tokens("bob") == 0
    desk.enter_code(desk.totp())
    desk.is_signed_in("Bob Baker")
    assert stage.tokens("bob") == 1


@pytest.mark.parametrize(
    ("username", "password", "words"),
    [("alice", "wrong", "wrong"), ("nobody", "gantry-demo", "wrong"), ("dave", "gantry-demo", "deactivated")],
)
def test_a_refusal(desk: Desk, stage: Stage, username: str, password: str, words: str) -> None:
    """Promise 2: who may not in is told as much as with any other directory, and nothing is written."""
    desk.open().sign_in(username, password)
    expect(desk.alert).to_contain_text(words)
    assert stage.tokens("alice") == 0
