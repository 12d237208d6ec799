"""Every directory of people from elsewhere with every way to a token: who gets in, as whom, and who is told what."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyotp
import pytest

import app
from playground.people import BOB_TOTP, DEMO_PEOPLE
from playground.workspace import PASSWORD, ManualClock, Workspace, serve
from playground.workspace.mongodb import MongoStore
from tests.api_gateway import Gateway
from tests.database.fixtures import FreshDatabase
from tests.elsewhere import WAYS, by_database, furnish
from tests.secrets_manager import AWS, SecretsManager
from tests.stage import Log, Stage, closing


@dataclass
class Scene:
    """A stage with one directory and one way; `begin` begins another container with more settings."""

    stage: Stage
    begin: Callable[..., object]

    def sign_in(self, username: str, code: Callable[[], str] | None = None) -> tuple[str, str | None]:
        """Sign in, by a code too where one is asked for; return the attempt's reason, and whose token was given."""
        visitor = self.stage.visitor()
        page = visitor.sign_in(username)
        if code is not None:
            assert self.reason() == "second-factor-required"
            page = visitor.enter_code(page, code())
        if page.status_code != 200:
            assert "Set-Cookie" not in page.headers
            return self.reason(), None
        given = visitor.check().json()
        (kind,) = given
        if kind == "loginToken":
            return self.reason(), self.stage.whose(given[kind])
        found = self.stage.workspace.accounts.find_by_iframe_token(given[kind])
        return self.reason(), found["username"] if found else None

    def reason(self) -> str:
        return str(self.stage.log.events("attempt")[-1]["reason"])

    def totp(self) -> str:
        """Bob's code in the workspace."""
        return pyotp.TOTP(BOB_TOTP).at(int(self.stage.clock()))

    def mailed(self, username: str) -> Callable[[], str]:
        """The code that the workspace has mailed."""

        def code() -> str:
            mail = self.stage.workspace.last_mail(username)
            assert mail is not None
            return mail.code

        return code


MakeScene = Callable[..., Scene]


@pytest.fixture
def make_scene(
    request: pytest.FixtureRequest,
    gateway: Gateway,
    secrets_manager: SecretsManager,
    cognito: dict[str, str],
    dynamodb: Any,
    log: Log,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MakeScene]:
    for name, value in {**AWS, "AWS_ENDPOINT_URL": secrets_manager.url}.items():
        monkeypatch.setenv(name, value)
    use = partial(monkeypatch.setattr, app, "gantry")
    with ExitStack() as ended:

        def make(directory: str, way: str, *, service: bool = True, **settings: str) -> Scene:
            stored = by_database(way) or directory == "mongodb"
            database: FreshDatabase | None = request.getfixturevalue("database") if stored else None
            store = MongoStore(database.documents) if database else None
            workspace = Workspace(clock=ManualClock(), rate_limits=False, store=store)
            serving = ended.enter_context(serve(workspace))
            stage = ended.enter_context(closing(Stage(workspace, serving, gateway, secrets_manager, use, log)))
            ended.callback(stage.assert_discreet)
            environ = furnish(stage, directory, way, database, dynamodb, cognito, service=service)

            def begin(**more: str) -> None:
                gantry = stage.container(**environ, **more)
                if database is not None:
                    ended.callback(gantry.mongo.close)

            begin(**settings)
            return Scene(stage, begin)

        yield make


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["users", "cognito"])
def directory(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_an_account_is_found_by_the_verified_address(make_scene: MakeScene, directory: str, way: str) -> None:
    """Promise 37: who has an account under the address that both sides have verified gets its token, and no other's."""
    scene = make_scene(directory, way)
    assert scene.sign_in("alice") == ("ok", "alice")
    assert scene.sign_in("alice") == ("ok", "alice")
    assert len(scene.stage.workspace.accounts) == len(DEMO_PEOPLE) + 1


def test_a_newcomer_is_refused_or_given_an_account(make_scene: MakeScene, directory: str, way: str) -> None:
    """`PROVISION` decides whether a known person without an account is told so, or given one that is found again."""
    # A new account's codes by e-mail, which the workspace switches on, are another test's.
    scene = make_scene(directory, way)
    scene.stage.workspace.settings["Accounts_TwoFactorAuthentication_By_Email_Auto_Opt_In"] = False
    refused = "workspace-password" if way == "same-password" else "no-account"
    assert scene.sign_in("erin") == (refused, None)
    scene.begin(PROVISION="create")
    assert scene.sign_in("erin") == ("ok", "erin")
    assert scene.sign_in("erin") == ("ok", "erin")
    assert len(scene.stage.workspace.accounts) == len(DEMO_PEOPLE) + 2
    erin = scene.stage.workspace.accounts["erin"]
    assert (erin["name"], erin["emails"]) == ("Erin Eaton", [{"address": "erin@example.org", "verified": True}])
    assert erin["roles"] == ["user"]
    assert erin["_id"] in scene.stage.workspace.joined


@pytest.mark.parametrize("way", ["login", "iframe"])
def test_without_a_service_account_the_account_is_inserted(make_scene: MakeScene, way: str) -> None:
    """Where no service account is configured, Gantry inserts the account, which joins no channel."""
    scene = make_scene("users", way, service=False, PROVISION="create")
    assert scene.sign_in("erin") == ("ok", "erin")
    assert scene.stage.workspace.accounts["erin"]["_id"] not in scene.stage.workspace.joined
    assert scene.sign_in("frank") == ("ok", "frank")


def test_a_person_without_an_address(make_scene: MakeScene, way: str) -> None:
    """Over REST nobody is given an account without an e-mail address, and is told so; in MongoDB it is inserted."""
    scene = make_scene("users", way, PROVISION="create")
    expected = ("no-email", None) if way in ("create-tokens", "same-password") else ("ok", "frank")
    assert scene.sign_in("frank") == expected


@pytest.mark.parametrize("way", ["create-tokens", "same-password"])
def test_an_account_is_registered(make_scene: MakeScene, way: str) -> None:
    """`PROVISION=register` makes the account as anybody may, once; it is found again by its link or its password."""
    scene = make_scene("users", way, service=way == "create-tokens", PROVISION="register")
    scene.stage.workspace.settings["Accounts_TwoFactorAuthentication_By_Email_Auto_Opt_In"] = False
    assert scene.sign_in("erin") == ("ok", "erin")
    assert scene.sign_in("erin") == ("ok", "erin")
    assert len(scene.stage.workspace.calls("users.register")) == 1


def test_the_accounts_totp(make_scene: MakeScene, directory: str, way: str) -> None:
    """Promise 39: an account's TOTP is asked for where it can be, and otherwise no token is handed out past it."""
    scene = make_scene(directory, way)
    if way in ("create-tokens", "iframe"):
        assert scene.sign_in("bob") == ("second-factor-unserved", None)
        assert scene.stage.tokens("bob") == 0
    else:
        assert scene.sign_in("bob", scene.totp) == ("ok", "bob")


@pytest.mark.parametrize("way", ["create-tokens", "login"])
def test_the_accounts_second_factor_can_be_skipped(make_scene: MakeScene, way: str) -> None:
    """Promise 39: with `WORKSPACE_2FA=skip` the directory's word is enough."""
    scene = make_scene("users", way, WORKSPACE_2FA="skip")
    assert scene.sign_in("bob") == ("ok", "bob")


def test_the_accounts_codes_by_e_mail(make_scene: MakeScene, way: str) -> None:
    """Promise 39: codes by e-mail are the workspace's to ask for; of an `iframe` token Rocket.Chat would ask them."""
    scene = make_scene("users", way)
    if way == "same-password":
        assert scene.sign_in("carol", scene.mailed("carol")) == ("ok", "carol")
    elif way == "iframe":
        assert scene.sign_in("carol") == ("second-factor-unserved", None)
    else:
        assert scene.sign_in("carol") == ("ok", "carol")


def test_a_deactivated_account_is_called_so(make_scene: MakeScene, way: str) -> None:
    """Promise 2: what is wrong with the account is said after the password was right, whoever checked it."""
    scene = make_scene("users", way)
    assert scene.sign_in("dave") == ("deactivated", None)


def test_wrong_password_and_unknown_name_are_one_answer(make_scene: MakeScene, directory: str) -> None:
    """Promise 2: with a directory from elsewhere too, nothing tells an unknown name from a wrong password."""
    scene = make_scene(directory, "create-tokens")
    pages = [
        scene.stage.visitor().sign_in(name, password)
        for name, password in (("alice", "not-hers"), ("nobody", PASSWORD), ("dave", "not-his"))
    ]
    shown = {(page.status_code, scrubbed(page.text)) for page in pages}
    assert len(shown) == 1
    assert scene.stage.workspace.calls() == []


def scrubbed(text: str) -> str:
    """A page without what is new on each, and without the name that was typed."""
    return re.sub(r'nonce="[^"]+"|value="(alice|nobody|dave)"', "", text)


def test_somebody_elses_username_is_not_taken_over(make_scene: MakeScene, way: str) -> None:
    """Promise 37: whose username a stranger has gets an account of their own under a free variant of it."""
    scene = make_scene("users", way, PROVISION="create")
    scene.stage.workspace.settings["Accounts_TwoFactorAuthentication_By_Email_Auto_Opt_In"] = False
    scene.stage.workspace.accounts.update("alice", {"emails": [{"address": "stranger@example.net", "verified": True}]})
    scene.stage.workspace.accounts.update("alice", {"services.password": {}})
    assert scene.sign_in("alice") == ("ok", "alice-2")
    assert scene.sign_in("alice") == ("ok", "alice-2")


def test_signing_out_ends_the_token(make_scene: MakeScene, way: str) -> None:
    """Promise 12: after signing out the cookie is nobody's, and the token is gone from the workspace."""
    scene = make_scene("users", way)
    visitor = scene.stage.visitor()
    assert visitor.sign_in("alice").status_code == 200
    cookie = visitor.cookie
    assert "Your session has ended." in visitor.post("/logout", {}).text
    visitor.cookie = cookie
    assert visitor.check().status_code == 401
    assert scene.stage.tokens("alice") == 0


def test_the_log_says_why_an_account_was_not_made(make_scene: MakeScene) -> None:
    """Where the workspace refuses to make an account for a reason of its own, the log has its word for it."""
    scene = make_scene("users", "create-tokens", PROVISION="create")
    scene.stage.workspace.settings["UTF8_User_Names_Validation"] = "[0-9]+"
    assert scene.sign_in("erin") == ("account-not-made", None)
    [line] = scene.stage.log.events("backend")
    assert "error-input-is-not-a-valid-field" in line["detail"]


def test_the_database_checks_passwords_and_rest_makes_tokens(make_scene: MakeScene) -> None:
    """Promise 39: with `DIRECTORY=mongodb` and `TOKEN_SOURCE=rest` Gantry asks for TOTP, then has a token made."""
    scene = make_scene("mongodb", "create-tokens")
    assert scene.sign_in("alice") == ("ok", "alice")
    assert scene.sign_in("bob", scene.totp) == ("ok", "bob")
    assert scene.sign_in("carol") == ("email-codes", None)
    assert scene.sign_in("dave") == ("deactivated", None)
    assert [call.username for call in scene.stage.workspace.calls("users.createToken")] == ["gantry", "gantry"]
