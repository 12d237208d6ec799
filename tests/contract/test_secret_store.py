"""The fake secret store and AWS Secrets Manager, as moto serves it over HTTP, keep the same promises."""

from collections.abc import Callable, Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

from chalicelib.aws import SecretStore
from chalicelib.credentials import Credentials
from chalicelib.deadline import Deadline
from chalicelib.errors import ConfigurationError, Problem
from chalicelib.secrets_manager import SecretsManager
from tests.fakes import FakeSecretStore, fernet_key, secret_text

DEADLINE = Deadline.after(1e6)

Made = tuple[SecretStore, Callable[[str], None]]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }.items():
        monkeypatch.setenv(name, value)
    return endpoint


@pytest.fixture(params=["fake", "secrets-manager"])
def made(request: pytest.FixtureRequest) -> Made:
    if request.param == "fake":
        fake = FakeSecretStore("")

        def keep(text: str) -> None:
            fake.text = text

        return fake, keep
    request.getfixturevalue("aws")
    client = boto3.client("secretsmanager")
    name = f"gantry/{request.node.name}"
    client.create_secret(Name=name, SecretString="{}")

    def put(text: str) -> None:
        client.put_secret_value(SecretId=name, SecretString=text)

    return SecretsManager(name), put


def test_the_text_comes_as_it_was_stored(made: Made) -> None:
    """What an administrator stored is what is fetched, and a new version is seen at the next fetch."""
    store, put = made
    for _ in range(2):
        key = fernet_key()
        put(secret_text(key))
        assert Credentials.from_json(store.fetch(DEADLINE)).session_keys[0].reveal() == key


def test_a_missing_secret_is_the_administrators_to_mend(aws: str) -> None:
    """A secret that does not exist is a configuration problem that names its key and no value."""
    with pytest.raises(ConfigurationError) as refused:
        SecretsManager("gantry/canary").fetch(DEADLINE)
    (problem,) = refused.value.problems
    assert problem.key == "SECRET_ID"
    assert "canary" not in str(refused.value)


def test_a_binary_secret_is_the_administrators_to_mend(aws: str) -> None:
    """A secret without text is a configuration problem."""
    boto3.client("secretsmanager").create_secret(Name="gantry/binary", SecretBinary=b"x")
    with pytest.raises(ConfigurationError) as refused:
        SecretsManager("gantry/binary").fetch(DEADLINE)
    assert refused.value.problems == (Problem("SECRET_ID", "the secret is binary", "Store it as a JSON text"),)
