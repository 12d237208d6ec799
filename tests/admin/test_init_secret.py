"""`python -m admin init` and the secret: what it asks for, what it takes from files, and what it never overwrites."""

import pytest
from argon2 import PasswordHasher
from cryptography.fernet import Fernet

from tests.admin.checkout import ACCOUNT, MONGODB, URL, Checkout, alone, given, retentions


def test_nothing_is_written_before_all_is_known_to_be_usable(checkout: Checkout) -> None:
    """What the service would refuse of settings and secret is listed at once, with the flags, and nothing is made."""
    before = checkout.snapshot()
    words = ("init", "--yes", "--directory", "mongodb", "--rocketchat-url", URL)
    output = checkout.refused(*words, "--credentials", given(checkout, session_keys=["canary"]))
    assert "There are 2 problems" in output
    assert "mongodb_uri: the secret has none" in output
    assert "session_keys[0]: this is not a Fernet key" in output
    assert "--credentials FILE" in output
    wrong = ("--set", "SESSION_HOURS=0", "--set", "COOKIE_SITE=canary", "--directory", "cognito")
    output = checkout.refused("init", "--yes", *wrong)
    for key in ("ROCKETCHAT_URL: it is not set", "SESSION_HOURS: ", "COOKIE_SITE: ", "cognito: the secret has none"):
        assert key in output
    assert "--rocketchat-url" in output
    assert checkout.snapshot() == before
    assert (
        checkout.client("secretsmanager").list_secrets(Filters=[{"Key": "name", "Values": [checkout.name]}])[
            "SecretList"
        ]
        == []
    )
    assert retentions(checkout) == {}


def test_a_secret_is_never_overwritten_without_being_told(checkout: Checkout) -> None:
    """Another value for a key is refused by name; with --overwrite-secret it is replaced, and every other key stays."""
    checkout.done(
        *alone(checkout, "--credentials", given(checkout, **ACCOUNT, rocketchat_registration_secret="canary-r"))
    )
    before = checkout.secret()
    words = alone(checkout, "--credentials", given(checkout, **ACCOUNT | {"rocketchat_auth_token": "canary-other"}))
    output = checkout.refused(*words)
    assert "other values for rocketchat_auth_token" in output
    assert "--overwrite-secret" in output
    assert checkout.secret() == before
    output = checkout.done(*words, "--overwrite-secret")
    assert "replaced rocketchat_auth_token" in output
    assert checkout.secret() == before | {"rocketchat_auth_token": "canary-other"}
    assert checkout.secret("AWSPREVIOUS") == before


def test_a_missing_key_is_added_beside_what_is_there(checkout: Checkout) -> None:
    """What the secret has not yet is added without being told: nothing is lost by that."""
    checkout.store(session_keys=[Fernet.generate_key().decode()], of_somebody="canary-else")
    before = checkout.secret()
    assert "added rocketchat_auth_token" in checkout.done(
        *alone(checkout, "--credentials", given(checkout, **ACCOUNT))
    ).replace("rocketchat_user_id, ", "")
    assert checkout.secret() == before | ACCOUNT


def test_people_are_added_one_by_one(checkout: Checkout) -> None:
    """Of `users` each person is a key of their own: a new one is added, and nobody who is there is lost."""
    entries = {name: {"password": PasswordHasher().hash(name)} for name in ("alice", "bob", "carol")}
    users = ("--directory", "users", "--credentials")
    checkout.done(*alone(checkout, *users, given(checkout, users={"alice": entries["alice"], "bob": entries["bob"]})))
    output = checkout.done(*alone(checkout, *users, given(checkout, users={"carol": entries["carol"]})))
    assert "added users.carol" in output
    assert checkout.secret()["users"] == entries
    other = given(checkout, users={"bob": {"password": entries["carol"]["password"]}})
    assert "other values for users.bob" in checkout.refused(*alone(checkout, *users, other))


def test_somebody_elses_secret_is_left_alone(checkout: Checkout) -> None:
    """A secret without session keys, or one that is no JSON object, may be another program's: it is refused."""
    checkout.store(password="canary")
    assert "may be somebody else's" in checkout.refused(*alone(checkout))
    checkout.aws.put(checkout.secret_id, "canary")
    assert "no JSON object" in checkout.refused(*alone(checkout, "--overwrite-secret"))
    assert checkout.environment == {}


def test_a_secret_that_is_being_deleted_is_named(checkout: Checkout) -> None:
    """A secret in its waiting time is refused with the command that brings it back."""
    checkout.store(session_keys=[Fernet.generate_key().decode()])
    checkout.client("secretsmanager").delete_secret(SecretId=checkout.secret_id)
    assert f"restore-secret --secret-id {checkout.secret_id}" in checkout.refused(*alone(checkout))


def test_a_secret_without_a_value_gets_one(checkout: Checkout) -> None:
    """A secret that was made empty, by a template for example, is filled."""
    checkout.client("secretsmanager").create_secret(Name=checkout.secret_id)
    checkout.done(*alone(checkout))
    assert len(checkout.secret()["session_keys"]) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("canary", "is no JSON object"),
        ("[1]", "is no JSON object"),
        ('{"canary": 1, "mongodb-uri": 2}', "2 of the keys"),
        ("[" * 100_000, "more than 65536 bytes"),
    ],
)
def test_a_file_that_is_no_credentials_is_refused_without_repeating_it(checkout: Checkout, text: str, why: str) -> None:
    """Promise 32: nothing that stands in a file of credentials is repeated, whatever it is."""
    assert why in checkout.refused(*alone(checkout, "--credentials", "-"), typed=text)
    assert "cannot be read" in checkout.refused(*alone(checkout, "--credentials", str(checkout.root / "none")))


def test_credentials_have_no_place_on_the_command_line(checkout: Checkout) -> None:
    """Promise 32: a further word or an option with a secret is refused and not repeated."""
    for words in (("canary",), ("--mongodb-uri=canary",), ("--token", "canary")):
        checkout.refused(*alone(checkout, *words), code=2)


@pytest.mark.usefixtures("terminal")
def test_it_asks_for_what_it_must_know(checkout: Checkout) -> None:
    """Asked at a terminal, a wrong answer is asked for again, Enter takes the default, and what was typed is used."""
    answers = ["http://chat.example.com", URL, "", "", "", "y", "service-id", "canary-token"]
    output = checkout.done("init", typed="\n".join(answers) + "\n")
    assert "not a usable https address" in output
    assert "recommended" in output
    assert checkout.environment["ROCKETCHAT_URL"] == URL
    assert checkout.environment["STATE_TABLE"] == checkout.table
    assert checkout.secret() | ACCOUNT == checkout.secret()
    again = checkout.done("init", typed="\n" * 6)
    assert "Nothing to do" in again


@pytest.mark.usefixtures("terminal")
def test_it_asks_for_what_the_service_misses_until_it_could_use_it(checkout: Checkout) -> None:
    """What the chosen directory and token source need is asked for, and what cannot be used is asked for again."""
    answers = [URL, "mongodb", "", "canary", MONGODB["mongodb_uri"]]
    output = checkout.done("init", typed="\n".join(answers) + "\n")
    assert "mongodb_uri: the secret has none" in output
    assert "mongodb_uri: this is no MongoDB address" in output
    assert checkout.secret()["mongodb_uri"] == MONGODB["mongodb_uri"]


@pytest.mark.usefixtures("terminal")
def test_the_first_person_of_a_list_is_asked_for(checkout: Checkout) -> None:
    """With DIRECTORY=users one person is made at once: the password is typed twice, and only its hash is kept."""
    answers = [URL, "users", "", "y", "y", "canary-create", "alice", "alice@example.com"]
    answers += ["canary", "canary horse battery", "canary horse battery", "service-id", "canary-token"]
    checkout.done("init", typed="\n".join(answers) + "\n")
    entry = checkout.secret()["users"]["alice"]
    assert entry["email"] == "alice@example.com"
    assert PasswordHasher().verify(entry["password"], "canary horse battery")
    assert checkout.secret()["rocketchat_create_token_secret"] == "canary-create"
    assert ACCOUNT.items() <= checkout.secret().items()
    assert checkout.environment["PROVISION"] == "create"
    assert checkout.environment["STATE_TABLE"] == checkout.table


@pytest.mark.usefixtures("terminal")
def test_a_user_pool_is_asked_for(checkout: Checkout) -> None:
    """With DIRECTORY=cognito the pool and its app client are asked for."""
    answers = [URL, "cognito", "", "n", "n", "n", "nonsense", "x", "", "eu-central-1_Abc123", "client", "canary-secret"]
    output = checkout.done("init", typed="\n".join(answers) + "\n")
    assert "cognito.user_pool_id: this is not the id of a user pool" in output
    pool = {"user_pool_id": "eu-central-1_Abc123", "client_id": "client", "client_secret": "canary-secret"}
    assert checkout.secret()["cognito"] == pool


@pytest.mark.usefixtures("terminal")
def test_the_applications_of_a_relay_are_asked_for(checkout: Checkout) -> None:
    """With RELAY the workspace's applications are asked for, their secrets unseen, and links have a table."""
    answers = [URL, "", "", "n", "n", "google-id", "no-number", "canary-s", "canary-k", "canary-c", "canary-create"]
    answers += ["1234567890", "canary-s", "service-id", "canary-token"]
    words = ("init", "--set", "RELAY=google,facebook,twitter", "--set", "LINK_BY=email")
    output = checkout.done(*words, typed="\n".join(answers) + "\n")
    assert "facebook.app_id: this is no app id" in output
    assert "canary" not in output
    held = checkout.secret()
    assert held["google"] == {"client_id": "google-id"}
    assert held["facebook"] == {"app_id": "1234567890", "app_secret": "canary-s"}
    assert held["twitter"] == {"consumer_key": "canary-k", "consumer_secret": "canary-c"}
    assert checkout.environment["STATE_TABLE"] == checkout.table


def test_without_a_terminal_nothing_is_asked(checkout: Checkout) -> None:
    """Without --yes and without a terminal, what is missing is listed instead of asked for."""
    assert "ROCKETCHAT_URL: it is not set" in checkout.refused("init")
