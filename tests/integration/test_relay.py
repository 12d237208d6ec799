"""`POST /relay/{provider}` over HTTP: what the popup brought is verified, and answered as a password would be."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import pyotp
import pytest
import requests

import app
from playground.people import BOB_TOTP
from playground.workspace import Fault, ManualClock, Workspace, serve
from playground.workspace.clients import CLIENTS
from playground.workspace.mongodb import MongoStore
from tests.api_gateway import Context, Gateway, event
from tests.database.fixtures import FreshDatabase
from tests.integration.test_every_answer import HARDENING, policy_of
from tests.secrets_manager import AWS, SecretsManager
from tests.social import MakeSocial, Social
from tests.stage import FORM, Log, Stage, Visitor, challenge_in, closing, error_in

PROVIDERS = ("facebook", "google", "twitter")


@pytest.fixture
def social(stage: Stage, make_social: MakeSocial) -> Social:
    return make_social(stage)


def fields_of(granted: dict[str, str]) -> dict[str, str]:
    """What the login page posts of a grant."""
    return {"token": granted["token"], **({"secret": granted["secret"]} if granted["secret"] else {})}


def bring(visitor: Visitor, social: Social, provider: str, person: str, **more: str) -> requests.Response:
    """Post what the provider gave for a person, as the login page does."""
    return visitor.post(f"/relay/{provider}", {**fields_of(social.grant(provider, person)), **more})


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_newcomer_comes_in_and_is_found_again(social: Social, stage: Stage, visitor: Visitor, provider: str) -> None:
    """A token of each provider makes cookie, handoff and, once, an account; the check gives a token of that account."""
    handoff = bring(visitor, social, provider, "gina")
    assert handoff.status_code == 200
    token = visitor.check().json()["loginToken"]
    username = stage.whose(token)
    assert f'"token": {{"loginToken": "{token}"}}' in handoff.text
    accounts = len(stage.workspace.accounts)
    again = stage.visitor()
    assert bring(again, social, provider, "gina").status_code == 200
    assert stage.whose(again.check().json()["loginToken"]) == username
    assert len(stage.workspace.accounts) == accounts


@pytest.mark.parametrize("provider", ["google", "twitter"])
def test_an_account_is_found_by_an_address_that_both_have_verified(
    social: Social, stage: Stage, visitor: Visitor, provider: str
) -> None:
    """Promise 37: alice's verified address at the provider is that of her account, whose token she gets."""
    assert bring(visitor, social, provider, "alice").status_code == 200
    assert stage.whose(visitor.check().json()["loginToken"]) == "alice"


def test_facebooks_address_finds_nobody(social: Social, stage: Stage, visitor: Visitor) -> None:
    """Promise 37: what Facebook says of an address proves nothing, so alice's account stays out of reach, in words."""
    refused = bring(visitor, social, "facebook", "alice")
    assert refused.status_code == 401
    assert "your e-mail address" in error_in(refused)
    assert stage.tokens("alice") == 0


def test_what_the_browser_claims_counts_for_nothing(social: Social, stage: Stage, visitor: Visitor) -> None:
    """Promise 38: an e-mail address, an id or a name in the form changes nothing about whose token it is."""
    claims = {"email": "bob@example.org", "id": "1", "userId": "1", "username": "bob", "name": "Bob Baker"}
    assert bring(visitor, social, "google", "alice", **claims).status_code == 200
    assert stage.whose(visitor.check().json()["loginToken"]) == "alice"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_token_of_another_application_is_refused(social: Social, visitor: Visitor, provider: str) -> None:
    """Promise 38: a real token of a real person that was made for somebody else's application is refused, in words."""
    granted = social.grant(provider, "alice", application="another")
    refused = visitor.post(f"/relay/{provider}", fields_of(granted))
    assert refused.status_code == 401
    assert "This sign-in was not confirmed for localhost" in error_in(refused)
    assert 'data-provider="google"' in refused.text
    assert visitor.cookie is None
    [attempt] = social.stage.log.events("attempt")
    assert (attempt["directory"], attempt["outcome"], attempt["reason"]) == (provider, "refused", "relay-refused")


def test_a_provider_that_is_away(social: Social, visitor: Visitor) -> None:
    """Promise 35: where the provider does not answer, the page says so, and no cookie changes."""
    social.providers.faults["google"] = "5xx"
    failed = bring(visitor, social, "google", "alice")
    assert failed.status_code == 503
    assert "does not work right now" in error_in(failed)
    assert "Set-Cookie" not in failed.headers


def test_a_person_without_an_address_hears_why_not(social: Social, visitor: Visitor) -> None:
    """Over REST an account needs an e-mail address: Twitter gives none of noel's, and the page says so."""
    refused = bring(visitor, social, "twitter", "noel")
    assert refused.status_code == 401
    assert "cannot be made without an e-mail address" in error_in(refused)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"token": ""},
        {"token": "a b"},
        {"token": "\u00e9"},
        {"token": "a\r\nb"},
        {"token": "x" * 4097},
        {"token[$ne]": ""},
        {"token": "x", "secret": ""},
        {"challenge": "x"},
    ],
)
def test_what_cannot_be_a_token_asks_nobody(social: Social, visitor: Visitor, fields: dict[str, str]) -> None:
    """Promise 28: what cannot be a token is malformed, and no provider hears of it."""
    assert visitor.post("/relay/google", fields).status_code == 400
    assert social.providers.calls == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.tld"}, 403),
        ({"Origin": None}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "application/json"}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Sec-Fetch-Dest": "document"}, 403),
    ],
)
def test_a_form_from_elsewhere_asks_nobody(
    social: Social, visitor: Visitor, headers: dict[str, str | None], status: int
) -> None:
    """Promises 19, 20 and 40: only a form of our own page, in the workspace's frame, brings a token to the provider."""
    named = {name.replace("-", "_"): value for name, value in headers.items()}
    answer = visitor.post("/relay/google", fields_of(social.grant("google", "alice")), **named)
    assert answer.status_code == status
    assert social.providers.calls == []


@pytest.mark.parametrize("provider", ["linkedin", "Google", "twitter", "%2e%2e", "{provider}", "google%00"])
def test_a_provider_that_is_not_relayed_is_a_page_of_ours(social: Social, visitor: Visitor, provider: str) -> None:
    """Design, section 2: a name that `RELAY` does not have is a hardened 404 with a page's policy, and asks nobody."""
    social.container(RELAY="google,facebook")
    answer = visitor.post(f"/relay/{provider}", {"token": "x"})
    assert answer.status_code == 404
    assert error_in(answer) == "Signing in this way is not offered here."
    assert answer.headers.items() >= HARDENING.items()
    assert policy_of(answer)["default-src"] == "'none'"
    assert social.providers.calls == []


def test_the_answer_is_behind_the_stage(social: Social, stage: Stage) -> None:
    """Links and forms of a refused relay lead to the stage that it was asked at."""
    headers = {"host": "g.test", "origin": "https://g.test", "content-type": FORM}
    asked = event("POST", "/relay/google", headers=headers, body="token=nobodys", parts={"provider": "google"})
    page = stage.invoke(asked, Context())
    assert page["statusCode"] == 401
    assert 'action="/api/login"' in page["body"]
    assert 'data-action="/api/relay/google"' in page["body"]


@pytest.fixture
def make_stage_in(
    gateway: Gateway, secrets_manager: SecretsManager, log: Log, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[FreshDatabase], Stage]]:
    """A stage whose workspace keeps its accounts in a database."""
    for name, value in {**AWS, "AWS_ENDPOINT_URL": secrets_manager.url}.items():
        monkeypatch.setenv(name, value)
    with ExitStack() as ended:

        def make(database: FreshDatabase) -> Stage:
            workspace = Workspace(clock=ManualClock(), rate_limits=False, store=MongoStore(database.documents))
            use = partial(monkeypatch.setattr, app, "gantry")
            staged = Stage(workspace, ended.enter_context(serve(workspace)), gateway, secrets_manager, use, log)
            ended.enter_context(closing(staged))
            ended.callback(staged.assert_discreet)
            return staged

        yield make


def with_a_second_factor(stage: Stage) -> None:
    """Alice has switched an authenticator on in the workspace."""
    stage.workspace.accounts.update("alice", {"services.totp": {"enabled": True, "secret": BOB_TOTP}})


def test_the_accounts_second_factor_is_asked_for(
    make_stage_in: Callable[[FreshDatabase], Stage], make_social: MakeSocial, database: FreshDatabase
) -> None:
    """Promises 15 and 39: after a relay the code form posts back to that relay alone, and bears a wrong code."""
    stage = make_stage_in(database)
    social, visitor = make_social(stage, "login", database), stage.visitor()
    with_a_second_factor(stage)
    page = bring(visitor, social, "google", "alice")
    assert page.status_code == 401
    assert 'action="/relay/google"' in page.text
    assert visitor.cookie is None
    challenge = challenge_in(page)
    code = pyotp.TOTP(BOB_TOTP).at(int(stage.clock()))
    wrong = visitor.post("/relay/google", {"challenge": challenge, "code": "000000"})
    assert (wrong.status_code, challenge_in(wrong)) == (401, challenge)
    missing = visitor.post("/relay/google", {"challenge": challenge, "code": ""})
    assert (missing.status_code, challenge_in(missing), error_in(missing)) == (400, challenge, "Enter the code.")
    for path in ("/login", "/relay/twitter"):
        assert error_in(visitor.post(path, {"challenge": challenge, "code": code})).startswith("That took too long.")
    assert visitor.post("/relay/google", {"challenge": challenge, "code": code}).status_code == 200
    assert stage.whose(visitor.check().json()["loginToken"]) == "alice"


def test_a_second_factor_that_cannot_be_asked_for(social: Social, stage: Stage, visitor: Visitor) -> None:
    """Promise 39: where `users.createToken` makes the token, an account with TOTP is refused, and no token stays."""
    with_a_second_factor(stage)
    refused = bring(visitor, social, "google", "alice")
    assert refused.status_code == 401
    assert "second factor" in error_in(refused)
    assert stage.tokens("alice") == 0


@pytest.mark.parametrize(("client", "buttons"), [("1.x", True), ("3.x", False), ("8.6", False)])
def test_the_workspaces_version_decides_about_the_buttons(
    social: Social, stage: Stage, visitor: Visitor, client: str, buttons: bool
) -> None:
    """A version that does not relay has a sentence in the place of the buttons, and is asked for once an hour."""
    stage.workspace.client = CLIENTS[client]
    for _ in range(3):
        page = visitor.get("/login").text
        assert ('data-provider="google"' in page) == buttons
        assert ("You cannot sign in with Facebook, Google or X here" in page) != buttons
    assert len(stage.workspace.calls("info")) == 1
    stage.clock.advance(3601)
    visitor.get("/login")
    assert len(stage.workspace.calls("info")) == 2


@pytest.mark.parametrize("broken", ["workspace", "secret", "both"])
def test_the_login_page_stands_whatever_is_away(social: Social, stage: Stage, visitor: Visitor, broken: str) -> None:
    """Neither a workspace that tells no version nor a secret that cannot be read keeps anybody from the form."""
    if broken != "secret":
        stage.workspace.fault("*", Fault(status=502, body=b"<html>"), times=None)
    if broken != "workspace":
        stage.secrets.down = True
    page = visitor.get("/login")
    assert page.status_code == 200
    assert 'name="password"' in page.text
    assert page.text.count("data-provider=") == 3


def test_the_page_asks_for_googles_scopes_of_the_secret(
    make_social: MakeSocial, stage: Stage, visitor: Visitor
) -> None:
    """The message for Google carries the scopes and the web client's id where the secret has them."""
    make_social(stage, scopes=["email", "profile"], web_client_id="web").container(RELAY="google,twitter")
    page = visitor.get("/login").text
    assert '"google": {"event": "call-google-login", "scopes": ["email", "profile"], "webClientId": "web"}' in page
    assert '"twitter": {"event": "call-twitter-login"}' in page
    assert "facebook" not in page.partition("<body>")[2].partition("<script")[0]


def test_without_relay_nothing_is_asked(stage: Stage, visitor: Visitor) -> None:
    """Without `RELAY` the login page has neither button nor sentence, and asks nobody for anything."""
    page = visitor.get("/login").text
    assert "data-provider" not in page
    assert "You cannot sign in with" not in page
    assert stage.workspace.calls() == []
