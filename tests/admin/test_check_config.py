"""`python -m admin check-config`: what the service would say, before it is deployed."""

import json

import pytest
from cryptography.fernet import Fernet

from chalicelib.bootstrap import Gantry
from chalicelib.errors import ConfigurationError
from tests.admin.checkout import ACCOUNT, MONGODB, URL, Checkout

KEY = "a" * 43 + "="


def configure(checkout: Checkout, **environment: str) -> None:
    checkout.configure({"ROCKETCHAT_URL": URL, "SECRET_ID": checkout.secret_id, **environment})


def test_a_stage_that_can_be_used_is_said_to_be(checkout: Checkout) -> None:
    """Settings and secret that the service can use: what they are is named, without a value of the secret."""
    configure(checkout)
    checkout.store(session_keys=[KEY, Fernet.generate_key().decode()], **ACCOUNT)
    output = checkout.done("check-config")
    assert f"The settings of stage prod can be used: {URL}, DIRECTORY=rocketchat, TOKEN_SOURCE=rest." in output
    assert f"The secret {checkout.secret_id} can be used: 2 session keys, a service account." in output


def test_all_problems_are_told_at_once_as_the_service_tells_them(checkout: Checkout) -> None:
    """Each problem of the settings is there with the service's own words and remedy, and of the secret beside them."""
    environment = {"SECRET_ID": checkout.secret_id, "COOKIE_SITE": "canary", "DIRECTORY": "mongodb", "BAN_SECONDS": "0"}
    checkout.configure(environment)
    checkout.store(session_keys=["canary"])
    output = checkout.refused("check-config")
    with pytest.raises(ConfigurationError) as refused:
        _ = Gantry(environment).settings
    assert "There are 6 problems:" in output
    for problem in refused.value.problems:
        assert f"{problem.key}: {problem.what}.\n    {problem.remedy}." in output
    for key in ("session_keys[0]: this is not a Fernet key", "mongodb_uri: ", "rocketchat_create_token_secret: "):
        assert key in output


def test_the_secret_is_held_to_what_the_settings_need(checkout: Checkout) -> None:
    """A secret that these settings cannot do with is refused as the service refuses it."""
    configure(checkout, DIRECTORY="mongodb", TOKEN_SOURCE="mongodb")
    checkout.store(session_keys=[KEY], mongodb_uri="canary")
    assert "mongodb_uri: this is no MongoDB address" in checkout.refused("check-config")
    checkout.client("secretsmanager").put_secret_value(SecretId=checkout.secret_id, SecretString="canary")
    assert "the secret is not a JSON object" in checkout.refused("check-config")


def test_a_missing_secret_is_a_problem(checkout: Checkout) -> None:
    """A secret that is not there, or that AWS does not give, is listed by SECRET_ID."""
    configure(checkout)
    assert "SECRET_ID: there is no such secret" in checkout.refused("check-config")
    checkout.aws.down = True
    try:
        output = checkout.refused("check-config")
    finally:
        checkout.aws.down = False
    assert "The secret gave no usable answer" in output
    assert "--no-secret" in output


def test_without_the_secret_aws_is_not_asked(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """--no-secret needs neither AWS nor credentials: for CI."""
    configure(checkout)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert "The settings of stage prod can be used" in checkout.done("check-config", "--no-secret")
    configure(checkout, LOG_LEVEL="canary")
    assert "LOG_LEVEL: this value is not known" in checkout.refused("check-config", "--no-secret")


def test_a_fresh_clone_lacks_two_settings(checkout: Checkout) -> None:
    """As the repository stands, both settings that must be there are listed, for either stage."""
    for stage in ("dev", "prod"):
        output = checkout.refused("check-config", "--stage", stage)
        assert "ROCKETCHAT_URL: it is not set" in output
        assert "SECRET_ID: it is not set" in output
    assert "has no stage canarx, only dev, prod" in checkout.refused("check-config", "--stage", "canarx")


def test_a_misspelt_setting_is_noted(checkout: Checkout) -> None:
    """A variable that the service does not read is named, without its value, and is no failure."""
    configure(checkout, SESION_HOURS="canary")
    assert "SESION_HOURS is no setting" in checkout.done("check-config", "--no-secret")


def test_the_listed_people_are_counted(checkout: Checkout) -> None:
    """The list of people is checked and counted, and a hash that cannot be used is named by its person."""
    configure(checkout, DIRECTORY="users")
    argon2id = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    checkout.store(session_keys=[KEY], users={"alice": {"password": argon2id}})
    assert "1 session key, 1 person." in checkout.done("check-config")
    client = checkout.client("secretsmanager")
    content = {"session_keys": [KEY], "users": {"alice": {"password": "canary"}}}
    client.put_secret_value(SecretId=checkout.secret_id, SecretString=json.dumps(content))
    assert "users.alice: password is no Argon2id or bcrypt hash" in checkout.refused("check-config")


def test_the_applications_of_a_relay_are_named(checkout: Checkout) -> None:
    """The providers that RELAY names are held to be in the secret, and named without a value."""
    configure(checkout, RELAY="google,twitter", TOKEN_SOURCE="mongodb")
    secret = {
        "session_keys": [KEY],
        **MONGODB,
        "google": {"client_id": "canary"},
        "twitter": {"consumer_key": "canary"},
    }
    checkout.store(**secret)
    assert "twitter.consumer_secret: this is no consumer secret" in checkout.refused("check-config")
    secret["twitter"] = {"consumer_key": "canary", "consumer_secret": "canary"}
    checkout.client("secretsmanager").put_secret_value(SecretId=checkout.secret_id, SecretString=json.dumps(secret))
    output = checkout.done("check-config")
    assert "mongodb_uri, Google's application, Twitter's application." in output
    assert "canary" not in output
