"""The fake secret store and AWS Secrets Manager, as moto serves it over HTTP, keep the same promises."""

from collections.abc import Callable, Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

from chalicelib.aws import SecretsManager, SecretStore
from chalicelib.credentials import Credentials
from chalicelib.deadline import Deadline
from chalicelib.errors import ConfigurationError, Problem, Unavailable
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


def test_an_unreachable_service_is_unavailable(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 35: where Secrets Manager does not answer the secret is unavailable, after one try."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(Unavailable) as unavailable:
        SecretsManager("gantry/any").fetch(DEADLINE)
    assert unavailable.value.backend == "secret"


def test_a_service_that_refuses_for_now_is_unavailable(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that may pass by itself, such as an expired session token, is not called a configuration problem."""
    from botocore.exceptions import ClientError

    def denied(code: str) -> Callable[..., object]:
        def call(*_: object, **__: object) -> object:
            raise ClientError({"Error": {"Code": code, "Message": "canary"}}, "GetSecretValue")

        return call

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", denied("ThrottlingException"))
    with pytest.raises(Unavailable) as unavailable:
        SecretsManager("gantry/any").fetch(DEADLINE)
    assert str(unavailable.value) == "secret: ThrottlingException"
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", denied("AccessDeniedException"))
    with pytest.raises(ConfigurationError, match="GetSecretValue on the secret's full ARN"):
        SecretsManager("gantry/any").fetch(DEADLINE)


def test_no_secret_is_fetched_past_the_deadline(aws: str) -> None:
    """Promise 35: when a request's time is up Secrets Manager is not asked."""
    with pytest.raises(Unavailable, match="deadline"):
        SecretsManager("gantry/any").fetch(Deadline.after(0))


def test_the_client_has_both_timeouts_and_they_fit_the_deadline(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise 35: boto3 too has a connect and a read time-out, together no longer than what is left."""
    seen: list[tuple[float, float, object]] = []

    def client(*_: object, config: object) -> object:
        seen.append((config.connect_timeout, config.read_timeout, config.retries))  # type: ignore[attr-defined]
        raise Unavailable("secret", "enough seen")

    monkeypatch.setattr("boto3.session.Session.client", lambda self, *a, **kw: client(*a, **kw))
    for seconds in (60.0, 3.0):
        with pytest.raises(Unavailable):
            SecretsManager("gantry/any").fetch(Deadline.after(seconds))
    (connect, read, retries), (short_connect, short_read, _) = seen
    assert (connect, read, retries) == (2.0, 5.0, {"total_max_attempts": 1})
    assert short_connect + short_read <= 3.0
