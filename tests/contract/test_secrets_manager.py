"""What Gantry's own `GetSecretValue` says and understands, at a server that answers as it is told."""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.loaders import Loader

from chalicelib.deadline import Deadline
from chalicelib.errors import ConfigurationError, Unavailable
from chalicelib.secrets_manager import LONGEST_ANSWER, SecretsManager
from tests.fakes import NOON

DEADLINE = Deadline.after(1e6)
LAMBDA = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIDCANARY",
    "AWS_SECRET_ACCESS_KEY": "canary-secret-key",
    "AWS_SESSION_TOKEN": "canary-session-token",
}
ANSWER = json.dumps({"Name": "gantry/prod", "SecretString": "the text"}).encode()


class Service:
    """It answers what `status` and `body` say, in pieces where there are several, and keeps what it was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.body: list[bytes] = [ANSWER]
        self.length: int | None = None
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.requests.append((self.path, dict(self.headers), body))
                self.send_response(service.status)
                length = sum(map(len, service.body)) if service.length is None else service.length
                self.send_header("Content-Length", str(length))
                self.end_headers()
                for piece in service.body:
                    self.wfile.write(piece)
                    self.wfile.flush()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who hangs up is no error
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def refuses(self, kind: str, status: int = 400) -> None:
        self.status = status
        self.body = [json.dumps({"__type": kind, "message": "canary"}).encode()]


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.server.shutdown()
    made.thread.join()
    made.server.server_close()


def store(service: Service, **environ: str) -> SecretsManager:
    return SecretsManager("gantry/prod", {**LAMBDA, "AWS_ENDPOINT_URL": service.url, **environ}, lambda: NOON)


def test_the_request_is_one_that_aws_accepts(service: Service) -> None:
    """The secret is asked for by name in one request, which botocore would have signed alike."""
    assert store(service).fetch(DEADLINE) == "the text"
    [(path, headers, body)] = service.requests
    assert (path, json.loads(body)) == ("/", {"SecretId": "gantry/prod"})
    assert headers["X-Amz-Target"] == "secretsmanager.GetSecretValue"
    names = headers["Authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    given = {name: value for name, value in headers.items() if name.lower() in names and name != "X-Amz-Date"}
    del given["X-Amz-Security-Token"]
    request = AWSRequest("POST", service.url, given, body)
    signer = SigV4Auth(
        Credentials("AKIDCANARY", "canary-secret-key", "canary-session-token"), "secretsmanager", "eu-central-1"
    )
    request.context["timestamp"] = headers["X-Amz-Date"]
    request.headers["X-Amz-Date"] = headers["X-Amz-Date"]
    request.headers["X-Amz-Security-Token"] = "canary-session-token"
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert headers["Authorization"].endswith(f"Signature={signature}")


@pytest.mark.parametrize("kind", ["{}", "com.amazonaws.secretsmanager#{}", "{}:http://internal.amazon.com/"])
@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("ResourceNotFoundException", "Create it, or mend the name or ARN"),
        ("AccessDeniedException", "GetSecretValue on the secret's full ARN"),
    ],
)
def test_what_an_administrator_must_mend_is_a_configuration_problem(
    service: Service, kind: str, code: str, remedy: str
) -> None:
    """A secret that is not there or may not be read is a problem of SECRET_ID, however AWS writes the error's type."""
    service.refuses(kind.format(code))
    with pytest.raises(ConfigurationError, match=remedy) as refused:
        store(service).fetch(DEADLINE)
    assert [problem.key for problem in refused.value.problems] == ["SECRET_ID"]
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "status", "why"),
    [
        ("ThrottlingException", 400, "ThrottlingException"),
        ("ExpiredTokenException", 403, "ExpiredTokenException"),
        ("InternalServiceError", 500, "InternalServiceError"),
        ("an error with canary words", 400, "status 400"),
        ("x" * 65, 400, "status 400"),
        ("", 503, "status 503"),
    ],
)
def test_what_may_pass_by_itself_is_unavailable(service: Service, kind: str, status: int, why: str) -> None:
    """Any other error is no configuration problem, and the log has AWS's code for it, never its words."""
    service.refuses(kind, status)
    with pytest.raises(Unavailable) as unavailable:
        store(service).fetch(DEADLINE)
    assert str(unavailable.value) == f"secret: {why}"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b"[" * 100_000, b"\xff"])
@pytest.mark.parametrize("status", [200, 400])
def test_what_is_no_answer_of_the_services_is_unavailable(service: Service, status: int, body: bytes) -> None:
    """A body that is no JSON object, as a proxy in between may send, makes the secret unavailable."""
    service.status, service.body = status, [body]
    with pytest.raises(Unavailable, match=f"status {status} without a JSON object"):
        store(service).fetch(DEADLINE)


def test_an_answer_that_is_cut_off_is_unavailable(service: Service) -> None:
    """An answer that ends before its length is not taken for the secret."""
    service.length = len(ANSWER) + 1
    with pytest.raises(Unavailable):
        store(service).fetch(DEADLINE)


def test_an_answer_without_end_is_not_read_to_its_end(service: Service) -> None:
    """More than any secret can have is refused before it fills the memory."""
    service.body = [b" " * 65536] * (LONGEST_ANSWER // 65536 + 2)
    with pytest.raises(Unavailable, match="answer too long"):
        store(service).fetch(DEADLINE)


def test_an_unreachable_service_is_unavailable(service: Service) -> None:
    """Promise 35: where nobody answers the secret is unavailable."""
    with pytest.raises(Unavailable, match="secret: ConnectionRefusedError"):
        store(service, AWS_ENDPOINT_URL="http://127.0.0.1:9").fetch(DEADLINE)


def test_nothing_is_fetched_past_the_deadline(service: Service) -> None:
    """Promise 35: when a request's time is up Secrets Manager is not asked."""
    with pytest.raises(Unavailable, match="deadline"):
        store(service).fetch(Deadline.after(0))
    assert service.requests == []


@pytest.mark.parametrize(("seconds", "connect", "read"), [(60.0, 2.0, 5.0), (1.0, 1.0, 1.0)])
def test_both_time_outs_fit_the_deadline(
    service: Service, monkeypatch: pytest.MonkeyPatch, seconds: float, connect: float, read: float
) -> None:
    """Promise 35: connecting and reading have time-outs, no longer than what is left of the request."""
    seen: list[float] = []
    connecting = SecretsManager._connection

    def connection(self: SecretsManager, address: object, timeout: float) -> object:
        made = connecting(self, address, timeout)  # type: ignore[arg-type]
        seen.append(timeout)
        plain = made.connect

        def connect_and_watch() -> None:
            plain()
            monkeypatch.setattr(type(made.sock), "settimeout", lambda _, value: seen.append(value), raising=False)

        made.connect = connect_and_watch  # type: ignore[method-assign]
        return made

    monkeypatch.setattr(SecretsManager, "_connection", connection)
    store(service).fetch(Deadline.after(seconds))
    assert seen[0] == pytest.approx(connect, abs=0.2)
    assert seen[1:]
    assert all(value == pytest.approx(read, abs=0.3) for value in seen[1:])


def test_the_services_own_address_wins(service: Service) -> None:
    """AWS_ENDPOINT_URL_SECRETS_MANAGER is asked before AWS_ENDPOINT_URL, and its path is kept."""
    other = {"AWS_ENDPOINT_URL_SECRETS_MANAGER": f"{service.url}/below/", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    assert store(service, **other).fetch(DEADLINE) == "the text"
    assert [path for path, _, _ in service.requests] == ["/below"]


@pytest.mark.parametrize(
    "url",
    [
        "http://aws.example.com",
        "ftp://localhost",
        "aws.example.com",
        "http://localhost:port",
        "https://localhost:99999",
        "http://[::1",
        "https://me:canary@aws.example.com",
    ],
)
def test_keys_are_sent_over_https_alone(service: Service, url: str) -> None:
    """Promise 35: an address that is neither https nor this machine's own is a configuration problem, and not asked."""
    with pytest.raises(ConfigurationError, match="not a usable https address") as refused:
        store(service, AWS_ENDPOINT_URL=url).fetch(DEADLINE)
    assert refused.value.problems[0].key == "AWS_ENDPOINT_URL"
    assert "canary" not in str(refused.value)


def test_every_public_partition_has_its_address() -> None:
    """The address of each region of AWS's public partitions is the one that botocore knows."""
    partitions = Loader().load_data("partitions")["partitions"]
    domains = {each["id"]: each["outputs"]["dnsSuffix"] for each in partitions if not each["id"].startswith("aws-iso")}
    assert set(domains) == {"aws", "aws-cn", "aws-eusc", "aws-us-gov"}
    regions = {each["id"]: list(each["regions"]) for each in partitions}
    for partition, domain in domains.items():
        for region in regions[partition]:
            if not region.startswith("aws-"):
                manager = SecretsManager("gantry/prod", {"AWS_DEFAULT_REGION": region})
                assert manager._address(region).geturl() == f"https://secretsmanager.{region}.{domain}"


def test_botocore_finds_what_the_environment_does_not_say(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Keys and region of a profile are used where the environment has none, as on somebody's own machine."""
    (tmp_path / "config").write_text("[profile work]\nregion = eu-west-3\n")
    (tmp_path / "credentials").write_text("[work]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = secret\n")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    manager = SecretsManager("gantry/prod", {"AWS_ENDPOINT_URL": service.url}, lambda: NOON)
    assert manager.fetch(DEADLINE) == "the text"
    [(_, headers, _)] = service.requests
    assert "Credential=AKIDPROFILE/20270115/eu-west-3/secretsmanager/aws4_request" in headers["Authorization"]


@pytest.mark.parametrize("missing", ["region", "keys"])
def test_nobody_to_ask_as_is_unavailable(service: Service, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """Without a region or without keys nothing is sent, and the log says which is missing."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    environ = {**LAMBDA, "AWS_ENDPOINT_URL": service.url}
    del environ["AWS_DEFAULT_REGION" if missing == "region" else "AWS_SECRET_ACCESS_KEY"]
    why = {"region": "no region is configured", "keys": "no AWS credentials are configured"}
    with pytest.raises(Unavailable, match=why[missing]):
        SecretsManager("gantry/prod", environ).fetch(DEADLINE)
    assert service.requests == []


def test_a_profile_that_is_not_there_is_unavailable(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where botocore cannot look at all, the log says why, and nothing is sent."""
    monkeypatch.setenv("AWS_PROFILE", "wrok")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    for environ in ({}, {"AWS_DEFAULT_REGION": "eu-west-3"}):
        with pytest.raises(Unavailable, match="secret: ProfileNotFound"):
            SecretsManager("gantry/prod", {"AWS_ENDPOINT_URL": service.url, **environ}).fetch(DEADLINE)
    assert service.requests == []
