"""People whom another directory knows, in the browser: accounts that are made for them, second factors, bans."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from playground.workspace import Workspace
from playground.workspace.mongodb import MongoStore
from tests.database.fixtures import FreshDatabase
from tests.e2e.conftest import Complaints, MakeStage
from tests.e2e.desk import Desk
from tests.elsewhere import by_database, furnish
from tests.stage import Stage

CASES = [("users", "create-tokens"), ("users", "same-password"), ("users", "login"), ("cognito", "create-tokens")]


@pytest.fixture(autouse=True)
def signed_out_checks(complaints: Complaints) -> None:
    complaints.expect(401, 429)


@pytest.fixture(params=CASES, ids="-".join)
def case(request: pytest.FixtureRequest) -> tuple[str, str]:
    directory, way = request.param
    return directory, way


@pytest.fixture
def stage(
    request: pytest.FixtureRequest,
    make_stage: MakeStage,
    case: tuple[str, str],
    dynamodb: Any,
    cognito: dict[str, str],
) -> Iterator[Stage]:
    directory, way = case
    database: FreshDatabase | None = request.getfixturevalue("database") if by_database(way) else None
    store = MongoStore(database.documents) if database else None
    staged = make_stage(Workspace(rate_limits=False, store=store))
    environ = furnish(staged, directory, way, database, dynamodb, cognito)
    gantry = staged.container(**environ, PROVISION="create")
    yield staged
    if database is not None:
        gantry.mongo.close()


def test_a_newcomer_gets_an_account_and_stays_signed_in(desk: Desk, stage: Stage, case: tuple[str, str]) -> None:
    """Erin has no account: one is made, the workspace's code by e-mail is asked for where it asks, a logout holds."""
    desk.open().sign_in("erin")
    if case[1] == "same-password":
        expect(desk.code).to_be_visible()
        mail = stage.workspace.last_mail("erin")
        assert mail is not None
        desk.enter_code(mail.code)
    desk.is_signed_in("Erin Eaton")
    desk.page.reload()
    desk.is_signed_in("Erin Eaton")
    desk.log_out()
    desk.is_signed_out()


def test_the_accounts_second_factor(desk: Desk, case: tuple[str, str]) -> None:
    """Promise 39: bob's account has TOTP, which is asked for, or said to be out of reach."""
    desk.open().sign_in("bob")
    if case[1] == "create-tokens":
        expect(desk.alert).to_contain_text("second factor")
        return
    desk.enter_code("000000")
    expect(desk.alert).to_contain_text("wrong")
    desk.enter_code(desk.totp())
    desk.is_signed_in("Bob Baker")


@pytest.mark.parametrize("case", CASES[:1], indirect=True, ids="-".join)
def test_guessing_ends_in_a_ban_that_says_how_long(desk: Desk, case: tuple[str, str]) -> None:
    """Promise 5: after five wrong passwords the page says how many minutes to wait, to the right one too."""
    desk.open()
    for number in range(5):
        desk.sign_in("alice", f"guess-{number}")
        expect(desk.alert).to_contain_text("Username or password is wrong.")
    desk.sign_in("alice")
    expect(desk.alert).to_have_text("Too many failed attempts. Wait 10 minutes, then try again.")
