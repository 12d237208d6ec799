"""The secret: what the settings need of it, all problems at once, by key, with the remedy, never a value."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.config import Settings
from chalicelib.credentials import Credentials
from chalicelib.errors import ConfigurationError, Problem
from chalicelib.relay.applications import FacebookApplication, GoogleApplication, TwitterApplication
from chalicelib.secret import Secret
from tests.fakes import fernet_key, secret_text

KEY = fernet_key()
HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$ZGlnZXN0ZGlnZXN0ZGlnZXN0ZGlnZXN0ZGlnZXN0ZGk"
MONGODB = {"mongodb_uri": "mongodb+srv://user:canary@cluster.example.net/"}
ACCOUNT = {"rocketchat_user_id": "gantryid", "rocketchat_auth_token": "canary-token"}
CREATE_TOKEN = {"rocketchat_create_token_secret": "canary-create"}
USERS = {"users": {"alice": {"password": HASH}}}
POOL = {"cognito": {"user_pool_id": "eu-central-1_Ab12", "client_id": "4example"}}
GOOGLE = {"google": {"client_id": "canary.apps.googleusercontent.com"}}
FACEBOOK = {"facebook": {"app_id": "1234567890", "app_secret": "canary-app-secret"}}
TWITTER = {"twitter": {"consumer_key": "canary-key", "consumer_secret": "canary-consumer-secret"}}
PROVIDERS = {**GOOGLE, **FACEBOOK, **TWITTER}
RELAY = "facebook,google,twitter"
WHOLE = {
    **MONGODB,
    **ACCOUNT,
    **CREATE_TOKEN,
    **USERS,
    **POOL,
    **PROVIDERS,
    "rocketchat_registration_secret": "canary-register",
}


def settings(**environ: str) -> Settings:
    return Settings.from_environ({"ROCKETCHAT_URL": "https://chat.example.com", "SECRET_ID": "s", **environ})


def secret(**content: Any) -> str:
    return json.dumps({"session_keys": [KEY], **content})


def problems(text: str, needed: Settings | None = None) -> list[str]:
    """The keys of all problems, after a look that nothing of the secret is repeated and each has its remedy."""
    with pytest.raises(ConfigurationError) as refused:
        Credentials.from_json(text, needed)
    assert "canary" not in f"{refused.value} {refused.value!r}"
    assert all(problem.what and problem.remedy for problem in refused.value.problems)
    return [problem.key for problem in refused.value.problems]


def test_session_keys_are_understood() -> None:
    """The secret's keys are kept in their order, oldest first, and never print."""
    old, new = fernet_key(), fernet_key()
    credentials = Credentials.from_json(secret_text(old, new))
    assert [key.reveal() for key in credentials.session_keys] == [old, new]
    assert old not in repr(credentials)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("canary", "SECRET_ID"),
        ('["canary"]', "SECRET_ID"),
        ('"canary"', "SECRET_ID"),
        ("[" * 100_000, "SECRET_ID"),
        ('{"session_keys": ' + "9" * 5000 + "}", "SECRET_ID"),
        ("{}", "session_keys"),
        ('{"session_keys": []}', "session_keys"),
        ('{"session_keys": "canary"}', "session_keys"),
        ('{"session_keys": ["canary"]}', "session_keys[0]"),
        (json.dumps({"session_keys": [fernet_key(), 5]}), "session_keys[1]"),
        (json.dumps({"session_keys": ["ä" * 43 + "="]}), "session_keys[0]"),
    ],
)
def test_a_faulty_secret_is_named_by_key_and_never_by_value(text: str, key: str) -> None:
    """Promise 32: the problem names the key and the remedy, and repeats nothing of the secret."""
    assert problems(text) == [key]


def test_all_faulty_keys_are_named() -> None:
    """Every key that is none is named at once."""
    assert problems(secret_text("one", fernet_key(), "two")) == ["session_keys[0]", "session_keys[2]"]


@pytest.mark.parametrize("uri", [None, 5, "", "canary", "http://canary", "mongodb://", "mongodb:// canary"])
def test_a_database_address_that_is_none_is_named(uri: object) -> None:
    """`mongodb_uri` is asked for where it is needed, and its value, which holds a password, is never repeated."""
    text = secret(mongodb_uri=uri)
    assert problems(text, settings(TOKEN_SOURCE="mongodb")) == ["mongodb_uri"]
    assert Credentials.from_json(text, settings()).mongodb_uri is None
    assert Credentials.from_json(text).mongodb_uri is None


def test_a_database_address_is_kept_and_hidden() -> None:
    """A URI of either form is taken as it is and never prints."""
    for uri in ("mongodb://user:canary@127.0.0.1:27017/chat", "mongodb+srv://user:canary@cluster.example.net/"):
        credentials = Credentials.from_json(secret(mongodb_uri=uri), settings(TOKEN_SOURCE="mongodb"))
        assert credentials.mongodb_uri is not None
        assert credentials.mongodb_uri.reveal() == uri
        assert "canary" not in repr(credentials)


def test_all_problems_of_the_secret_come_at_once() -> None:
    """Keys, address, account, people and what the settings ask for are judged together."""
    needed = settings(DIRECTORY="users", TOKEN_SOURCE="mongodb")
    text = json.dumps({"rocketchat_user_id": "gantry", "rocketchat_registration_secret": 5})
    assert problems(text, needed) == [
        "session_keys",
        "mongodb_uri",
        "rocketchat_auth_token",
        "rocketchat_registration_secret",
        "users",
    ]


def test_what_the_settings_do_not_need_is_not_read() -> None:
    """Of a secret that serves several stages each takes its own part: the rest may be anything."""
    nonsense = secret(users="canary", cognito="canary", mongodb_uri="canary", **dict.fromkeys(PROVIDERS, "canary"))
    credentials = Credentials.from_json(nonsense, settings())
    assert (credentials.people, credentials.user_pool, credentials.mongodb_uri) == (None, None, None)
    assert (credentials.google, credentials.facebook, credentials.twitter) == (None, None, None)


def test_nothing_of_a_whole_secret_prints() -> None:
    """Promise 32: a secret with everything in it shows nothing of it in its repr."""
    for directory in ("users", "cognito"):
        needed = settings(DIRECTORY=directory, TOKEN_SOURCE="mongodb", RELAY=RELAY)
        credentials = Credentials.from_json(secret(**WHOLE), needed)
        for secret_one in (
            "canary-app-secret",
            "canary-consumer-secret",
            "canary-token",
            "canary-create",
            "user:canary",
        ):
            assert secret_one not in repr(credentials)
        assert HASH[-20:] not in repr(credentials)


def test_the_service_account_is_understood() -> None:
    """The service account is its id and its token, and there is none without both."""
    account = Credentials.from_json(secret(**ACCOUNT), settings()).service_account
    assert account is not None
    assert (account.user_id, account.token.reveal()) == ("gantryid", "canary-token")
    assert Credentials.from_json(secret(), settings()).service_account is None


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        ({"rocketchat_user_id": "gantryid"}, ["rocketchat_auth_token"]),
        ({"rocketchat_auth_token": "canary"}, ["rocketchat_user_id"]),
        ({**ACCOUNT, "rocketchat_user_id": ""}, ["rocketchat_user_id"]),
        ({**ACCOUNT, "rocketchat_user_id": 5}, ["rocketchat_user_id"]),
        ({**ACCOUNT, "rocketchat_auth_token": "canary\r\nX-Admin: 1"}, ["rocketchat_auth_token"]),
        ({**ACCOUNT, "rocketchat_auth_token": "canary token"}, ["rocketchat_auth_token"]),
        ({**ACCOUNT, "rocketchat_auth_token": "cänary"}, ["rocketchat_auth_token"]),
        ({**ACCOUNT, "rocketchat_auth_token": "canary" * 100}, ["rocketchat_auth_token"]),
        ({"rocketchat_user_id": [], "rocketchat_auth_token": {}}, ["rocketchat_user_id", "rocketchat_auth_token"]),
    ],
)
def test_a_service_account_that_cannot_be_used_is_named(content: dict[str, Any], keys: list[str]) -> None:
    """Promise 31: half an account, or one that could not stand in a header, is a problem of the half that is wrong."""
    assert problems(secret(**content), settings()) == keys


@pytest.mark.parametrize("key", ["rocketchat_create_token_secret", "rocketchat_registration_secret"])
@pytest.mark.parametrize("value", [5, [], {}, False, "canary" * 200])
def test_a_secret_of_the_workspace_is_a_text(key: str, value: object) -> None:
    """The workspace's own secrets are texts of a sensible length."""
    assert problems(secret(**{key: value}), settings()) == [key]


def test_an_empty_create_token_secret_is_one() -> None:
    """The empty text stands for a workspace that makes tokens without a secret, and no key for one that makes none."""
    empty = Credentials.from_json(secret(rocketchat_create_token_secret=""), settings()).create_token_secret
    assert empty is not None
    assert empty.reveal() == ""
    assert Credentials.from_json(secret(rocketchat_create_token_secret=None), settings()).create_token_secret is None
    assert problems(secret(rocketchat_registration_secret=""), settings()) == ["rocketchat_registration_secret"]


def test_the_user_pool_is_understood() -> None:
    """A pool is its id, whose beginning is its region, the app client's id and the client's secret where it has one."""
    needed = settings(DIRECTORY="cognito")
    pool = Credentials.from_json(secret(**POOL), needed).user_pool
    assert pool is not None
    assert (pool.id, pool.client_id, pool.client_secret, pool.region) == (
        "eu-central-1_Ab12",
        "4example",
        None,
        "eu-central-1",
    )
    with_secret = {**POOL["cognito"], "client_secret": "canary"}
    credentials = Credentials.from_json(secret(cognito=with_secret), needed)
    assert credentials.user_pool is not None
    assert credentials.user_pool.client_secret is not None
    assert credentials.user_pool.client_secret.reveal() == "canary"
    assert "canary" not in repr(credentials)


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        (None, ["cognito"]),
        ("canary", ["cognito"]),
        ([POOL["cognito"]], ["cognito"]),
        ({}, ["cognito.user_pool_id", "cognito.client_id"]),
        ({**POOL["cognito"], "user_pool_id": "canary"}, ["cognito.user_pool_id"]),
        ({**POOL["cognito"], "user_pool_id": "eu-central-1_canary/../x"}, ["cognito.user_pool_id"]),
        ({**POOL["cognito"], "user_pool_id": "canary.example.com/eu-central-1_a"}, ["cognito.user_pool_id"]),
        ({**POOL["cognito"], "user_pool_id": "eu-central-1_canary\n"}, ["cognito.user_pool_id"]),
        ({**POOL["cognito"], "client_id": 5}, ["cognito.client_id"]),
        ({**POOL["cognito"], "client_id": "canary!"}, ["cognito.client_id"]),
        ({**POOL["cognito"], "client_secret": ""}, ["cognito.client_secret"]),
        ({**POOL["cognito"], "client_secret": ["canary"]}, ["cognito.client_secret"]),
    ],
)
def test_a_user_pool_that_cannot_be_used_is_named(content: object, keys: list[str]) -> None:
    """Parts of `cognito` that cannot be used are named; the pool's id ends up in an address, so its form is strict."""
    assert problems(secret(cognito=content), settings(DIRECTORY="cognito")) == keys


def test_the_applications_of_a_relay_are_understood() -> None:
    """An application is its id with the provider; its secret is hidden, and Google's scopes and web client are kept."""
    needed = settings(TOKEN_SOURCE="mongodb", RELAY=RELAY)
    credentials = Credentials.from_json(secret(**MONGODB, **PROVIDERS), needed)
    assert credentials.google == GoogleApplication("canary.apps.googleusercontent.com")
    assert credentials.facebook == FacebookApplication("1234567890", Secret("canary-app-secret"))
    assert credentials.twitter == TwitterApplication("canary-key", Secret("canary-consumer-secret"))
    wide = {**GOOGLE["google"], "scopes": ["openid", "email"], "web_client_id": "web"}
    google = Credentials.from_json(secret(**{**MONGODB, **PROVIDERS, "google": wide}), needed).google
    assert google == GoogleApplication("canary.apps.googleusercontent.com", ("openid", "email"), "web")


@pytest.mark.parametrize("provider", ["google", "facebook", "twitter"])
def test_a_provider_is_read_where_the_relay_names_it(provider: str) -> None:
    """Each provider that RELAY names must be in the secret, and the others may be missing or anything."""
    content = dict.fromkeys(PROVIDERS, "canary") | {provider: PROVIDERS[provider]} | MONGODB
    credentials = Credentials.from_json(secret(**content), settings(TOKEN_SOURCE="mongodb", RELAY=provider))
    found = {"google": credentials.google, "facebook": credentials.facebook, "twitter": credentials.twitter}
    assert [name for name, application in found.items() if application] == [provider]
    assert problems(secret(**MONGODB), settings(TOKEN_SOURCE="mongodb", RELAY=provider)) == [provider]


@pytest.mark.parametrize(
    ("provider", "content", "keys"),
    [
        ("google", "canary", ["google"]),
        ("google", [GOOGLE["google"]], ["google"]),
        ("google", {}, ["google.client_id"]),
        ("google", {"client_id": ""}, ["google.client_id"]),
        ("google", {"client_id": "canary\n"}, ["google.client_id"]),
        ("google", {"client_id": 5, "scopes": "canary"}, ["google.client_id", "google.scopes"]),
        ("google", {**GOOGLE["google"], "scopes": ["canary email"]}, ["google.scopes"]),
        ("google", {**GOOGLE["google"], "scopes": [""]}, ["google.scopes"]),
        ("google", {**GOOGLE["google"], "scopes": [5]}, ["google.scopes"]),
        ("google", {**GOOGLE["google"], "web_client_id": ""}, ["google.web_client_id"]),
        ("google", {**GOOGLE["google"], "web_client_id": ["canary"]}, ["google.web_client_id"]),
        ("facebook", {}, ["facebook.app_id", "facebook.app_secret"]),
        ("facebook", {**FACEBOOK["facebook"], "app_id": 1234567890}, ["facebook.app_id"]),
        ("facebook", {**FACEBOOK["facebook"], "app_id": "canary|1"}, ["facebook.app_id"]),
        ("facebook", {**FACEBOOK["facebook"], "app_secret": "canary canary"}, ["facebook.app_secret"]),
        ("twitter", {}, ["twitter.consumer_key", "twitter.consumer_secret"]),
        ("twitter", {**TWITTER["twitter"], "consumer_key": "cänary"}, ["twitter.consumer_key"]),
        ("twitter", {**TWITTER["twitter"], "consumer_secret": None}, ["twitter.consumer_secret"]),
    ],
)
def test_an_application_that_cannot_be_used_is_named(provider: str, content: object, keys: list[str]) -> None:
    """Promise 32: parts of an application that cannot be used are named by key, and nothing of them is repeated."""
    needed = settings(TOKEN_SOURCE="mongodb", RELAY=provider)
    assert problems(secret(**{**MONGODB, provider: content}), needed) == keys


CREATE, ID, TABLE = "rocketchat_create_token_secret", "rocketchat_user_id", "STATE_TABLE"


@pytest.mark.parametrize(
    ("environ", "content", "keys"),
    [
        # The workspace as the directory needs nothing more.
        ({}, {}, []),
        ({"TOKEN_SOURCE": "mongodb"}, MONGODB, []),
        ({"PROVISION": "create"}, {}, []),
        # The database as the directory.
        ({"DIRECTORY": "mongodb", "TOKEN_SOURCE": "mongodb"}, MONGODB, []),
        ({"DIRECTORY": "mongodb"}, MONGODB, [CREATE]),
        ({"DIRECTORY": "mongodb"}, {**MONGODB, **CREATE_TOKEN}, [ID]),
        ({"DIRECTORY": "mongodb"}, {**MONGODB, **CREATE_TOKEN, **ACCOUNT}, []),
        # People from a list, with the token made by the workspace.
        ({"DIRECTORY": "users"}, {}, ["users"]),
        ({"DIRECTORY": "users"}, USERS, []),
        ({"DIRECTORY": "users"}, {**USERS, **CREATE_TOKEN}, [ID]),
        ({"DIRECTORY": "users"}, {**USERS, CREATE: ""}, [ID]),
        ({"DIRECTORY": "users"}, {**USERS, **CREATE_TOKEN, **ACCOUNT}, []),
        ({"DIRECTORY": "users", "PROVISION": "create"}, USERS, [ID]),
        ({"DIRECTORY": "users", "PROVISION": "create"}, {**USERS, **ACCOUNT}, []),
        ({"DIRECTORY": "users", "PROVISION": "register"}, USERS, []),
        ({"DIRECTORY": "users", "PROVISION": "register"}, {**USERS, **CREATE_TOKEN, **ACCOUNT}, [TABLE]),
        ({"DIRECTORY": "users", "PROVISION": "register", TABLE: "gantry"}, {**USERS, **CREATE_TOKEN, **ACCOUNT}, []),
        (
            {"DIRECTORY": "users", "PROVISION": "register", "LINK_BY": "username"},
            {**USERS, **CREATE_TOKEN, **ACCOUNT},
            [],
        ),
        # People from a list or a pool, with the token written into the database.
        ({"DIRECTORY": "users", "TOKEN_SOURCE": "mongodb"}, {**USERS, **MONGODB}, []),
        ({"DIRECTORY": "users", "TOKEN_SOURCE": "mongodb", "PROVISION": "create"}, {**USERS, **MONGODB}, []),
        ({"DIRECTORY": "users", "TOKEN_SOURCE": "mongodb"}, USERS, ["mongodb_uri"]),
        ({"DIRECTORY": "cognito", "TOKEN_SOURCE": "mongodb"}, {**POOL, **MONGODB}, []),
        ({"DIRECTORY": "cognito"}, {}, ["cognito"]),
        ({"DIRECTORY": "cognito"}, {**POOL, **CREATE_TOKEN}, [ID]),
        ({"DIRECTORY": "cognito", "PROVISION": "create"}, {**POOL, **CREATE_TOKEN, **ACCOUNT}, []),
        # A relay has no password that the workspace could be asked with.
        ({"RELAY": "google"}, GOOGLE, [CREATE]),
        ({"RELAY": "google"}, {**GOOGLE, **CREATE_TOKEN}, [ID]),
        ({"RELAY": "google"}, {**GOOGLE, **CREATE_TOKEN, **ACCOUNT}, []),
        ({"RELAY": "twitter"}, {**TWITTER, **CREATE_TOKEN, **ACCOUNT}, []),
        ({"RELAY": "facebook", TABLE: "gantry"}, {**FACEBOOK, **CREATE_TOKEN, **ACCOUNT}, []),
        ({"RELAY": "google", "TOKEN_SOURCE": "mongodb"}, {**GOOGLE, **MONGODB}, []),
        ({"RELAY": "google", "DIRECTORY": "users"}, {**GOOGLE, **USERS, **ACCOUNT}, [CREATE]),
        ({"RELAY": "google", "DIRECTORY": "mongodb"}, {**GOOGLE, **MONGODB, **CREATE_TOKEN, **ACCOUNT}, []),
        ({"RELAY": "google"}, {}, ["google", CREATE]),
        # A relay finds accounts by e-mail whatever LINK_BY says, and who registers has an address nobody has verified.
        (
            {"RELAY": "google", "PROVISION": "register", "LINK_BY": "username"},
            {**GOOGLE, **CREATE_TOKEN, **ACCOUNT},
            [TABLE],
        ),
        (
            {"RELAY": "google", "PROVISION": "register", TABLE: "gantry"},
            {**GOOGLE, **CREATE_TOKEN, **ACCOUNT},
            [],
        ),
    ],
)
def test_what_settings_and_secret_cannot_do_together_is_refused(
    environ: dict[str, str], content: dict[str, Any], keys: list[str]
) -> None:
    """What a pair of directory and token source needs of the secret is asked for by key, and nothing else is."""
    needed, text = settings(**environ), secret(**content)
    if keys:
        assert problems(text, needed) == keys
    else:
        Credentials.from_json(text, needed)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3),
    max_leaves=6,
)
PARTS = st.fixed_dictionaries({"session_keys": st.just([KEY]) | ANY}, optional=dict.fromkeys(WHOLE, ANY))
ALL_KINDS = [
    settings(DIRECTORY=directory, TOKEN_SOURCE=source, PROVISION=provision, RELAY=RELAY, STATE_TABLE="gantry")
    for directory in ("rocketchat", "mongodb", "users", "cognito")
    for source in ("rest", "mongodb")
    for provision in ("off", "create", "register")
]


@given(st.text() | ANY.map(json.dumps) | PARTS.map(json.dumps), st.sampled_from(ALL_KINDS))
def test_no_secret_is_worse_than_a_configuration_problem(text: str, needed: Settings) -> None:
    """Whatever stands in the secret, it is understood or a configuration problem, and no other exception."""
    found: tuple[Problem, ...] = ()
    try:
        Credentials.from_json(text, needed)
    except ConfigurationError as error:
        found = error.problems
    assert all(problem.what and problem.remedy for problem in found)
