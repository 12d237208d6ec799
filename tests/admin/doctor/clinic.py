"""A deployment for the doctor to look at, with nothing wrong with it: a test puts in the one fault that it means.

    clinic = …                                        # a fixture
    clinic.settings["COOKIE_SITE"] = "same"           # the stage's environment, on disk at the next look
    clinic.secret["session_keys"] = [...]             # and the secret
    clinic.serve()                                    # a new container of the deployed Gantry with them
    clinic.look(browser.cookie)                       # the findings of one check
    clinic.run("--json")                              # the command

What `clinic.secret` holds in texts is confidential: the end of the test looks for it in all that was found.
"""

import inspect
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

import app
from admin.__main__ import admin
from admin.deployment import Deployment
from admin.doctor.finding import Finding
from admin.doctor.patient import Aws, Patient
from chalicelib.bootstrap import Gantry
from chalicelib.credentials import CredentialSource
from chalicelib.log import Journal
from chalicelib.mongodb import Mongo
from playground.workspace import Serving, Workspace
from tests.api_gateway import Gateway
from tests.fakes import fernet_key
from tests.secrets_manager import AWS, SecretsManager

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


class Lasting(Aws):
    """How the doctor asks AWS, over clients that outlast one patient: making one takes long."""

    def close(self) -> None:
        """Keep them."""

    def end(self) -> None:
        """Close them."""
        super().close()


class Unwatched(Mongo):
    """The doctor's connection: the watch over the service's filters is none over it, who is called by hand."""

    def __init__(self, credentials: CredentialSource) -> None:
        inspect.unwrap(Mongo.__init__)(self, credentials)


class Account(SecretsManager):
    """moto's AWS with what it lacks in front.

    It has no GetAccountSettings: `at_once` is answered. `denied` are operations that are refused: `GetSecretValue`, or
    the beginning of a path with its method: `GET /2015-03-31/functions`.
    """

    def __init__(self) -> None:
        self.at_once = 1000
        self.denied: set[str] = set()
        self._clients: dict[str, Any] = {}
        self.asked_by_doctor = Lasting()
        super().__init__()

    def aws(self, service: str) -> Any:
        """A client of a service; one for all tests, since making one takes long."""
        if service not in self._clients:
            self._clients[service] = super().aws(service)
        return self._clients[service]

    def close(self) -> None:
        """Stop serving."""
        self.asked_by_doctor.end()
        super().close()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        asked = str(environ.get("HTTP_X_AMZ_TARGET", "")).rpartition(".")[2]
        path = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        if asked in self.denied or any(path.startswith(each) for each in self.denied if " " in each):
            start_response("400 Bad Request", [("Content-Type", "application/x-amz-json-1.1")])
            return [b'{"__type": "AccessDeniedException", "message": "canary: not authorized"}']
        if path.startswith("GET /2016-08-19/account-settings"):
            start_response("200 OK", [("Content-Type", "application/json")])
            limit = {"ConcurrentExecutions": self.at_once, "UnreservedConcurrentExecutions": self.at_once}
            return [json.dumps({"AccountLimit": limit, "AccountUsage": {}}).encode()]
        return super()._answer(environ, start_response)


class Clinic:
    """One deployment: a checkout's `.chalice/`, an AWS account, a workspace, and Gantry over HTTP."""

    def __init__(
        self,
        root: Path,
        account: Account,
        gateway: Gateway,
        workspace: Workspace,
        serving: Serving,
        use: Callable[[Gantry], None],
    ) -> None:
        self.root, self.account, self.gateway = root, account, gateway
        self.workspace, self.serving = workspace, serving
        self._use = use
        self._heard: list[str] = []
        self._containers: list[Gantry] = []
        self.app_name = f"gantry-{uuid4()}"
        self.secret: dict[str, Any] = {"session_keys": [fernet_key(), fernet_key()]}
        self._stored = json.dumps(self.secret)
        self.secret_id = account.new(self._stored)
        self.settings = {"ROCKETCHAT_URL": serving.url, "SECRET_ID": self.secret_id}
        workspace.connect(iframe_url=f"{gateway.url}/login", api_url=f"{gateway.url}/session")
        self.deployed = {"resources": [{"name": "rest_api", "rest_api_url": f"{gateway.url}/"}]}
        self.serve()

    @property
    def log_groups(self) -> list[str]:
        """What the two functions log to."""
        return [f"/aws/lambda/{self.app_name}-prod", f"/aws/lambda/{self.app_name}-prod-sweep"]

    @property
    def logs(self) -> Any:
        """CloudWatch Logs."""
        return self.account.aws("logs")

    @property
    def deployed_file(self) -> Path:
        """What `chalice deploy` noted."""
        return self.root / ".chalice" / "deployed" / "prod.json"

    def write(self) -> None:
        """Write settings and secret, as they are now, to where they belong."""
        stages = {"prod": {"environment_variables": self.settings}}
        config = {"version": "2.0", "app_name": self.app_name, "stages": stages}
        (self.root / ".chalice" / "deployed").mkdir(parents=True, exist_ok=True)
        (self.root / ".chalice" / "config.json").write_text(json.dumps(config))
        self.deployed_file.write_text(json.dumps(self.deployed))
        secret = json.dumps(self.secret)
        if secret != self._stored:
            self.account.put(self.secret_id, secret)
            self._stored = secret

    def make_log_groups(self) -> None:
        """Make both log groups, as `init` does."""
        for group in self.log_groups:
            self.logs.create_log_group(logGroupName=group)
            self.logs.put_retention_policy(logGroupName=group, retentionInDays=30)

    def serve(self, **settings: str) -> None:
        """Deploy: serve from a new container, with the settings as they are now and others over them."""
        self.write()
        gantry = Gantry({**self.settings, **settings})
        gantry.journal = Journal(stream=StringIO())
        self._containers.append(gantry)
        self._use(gantry)

    def deploy_function(self, *, tags: Mapping[str, str] | None = None, **environment: str) -> None:
        """Put the function into Lambda, with the settings as they are now and others over them."""
        name = f"{self.app_name}-prod"
        role = self.account.aws("iam").create_role(RoleName=name[:64], AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("app.py", "")
        self.account.aws("lambda").create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=role,
            Handler="app.app",
            Code={"ZipFile": packed.getvalue()},
            Environment={"Variables": {**self.settings, **environment}},
            Tags=dict(tags or {}),
        )

    def table(self, key: str = "id", *, expires: str = "expires") -> str:
        """Create a state table, with that key and that TTL attribute, if any."""
        name, dynamodb = f"gantry-{uuid4()}", self.account.aws("dynamodb")
        dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        if expires:
            ttl = {"Enabled": True, "AttributeName": expires}
            dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl)
        return name

    def administrator(self, **options: Any) -> None:
        """Give Gantry a service account."""
        user_id, token = self.workspace.add_administrator(**options)
        self.secret |= {"rocketchat_user_id": user_id, "rocketchat_auth_token": token}

    @contextmanager
    def patient(self, url: str | None = None, *, write: bool = True, **options: Any) -> Iterator[Patient]:
        """What a check looks at: the files and the secret as they are now, unless they are to stay as they were."""
        if write:
            self.write()
        patient = Patient(Deployment.read("prod", self.root), url, aws=self.account.asked_by_doctor, **options)
        try:
            yield patient
        finally:
            patient.close()

    def look(self, check: Callable[[Patient], Iterable[Finding]], **options: Any) -> list[Finding]:
        """What one check finds."""
        with self.patient(**options) as patient:
            found = list(check(patient))
        self._heard.append(repr(found))
        return found

    def run(self, *words: str, aws: Aws | None = None) -> Result:
        """Run the command in this checkout, with the files and the secret as they are now."""
        self.write()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("admin.doctor.patient.Aws", lambda: aws or self.account.asked_by_doctor)
            result = CliRunner().invoke(admin, ["doctor", *words], obj=self.root, prog_name="python -m admin")
        self._heard.append(result.output)
        return result

    def close(self) -> None:
        """Close what the containers opened."""
        for gantry in self._containers:
            if "mongo" in vars(gantry):
                gantry.mongo.close()

    def assert_discreet(self) -> None:
        """Fail where a text of the secret stands in what was found."""
        told = "\n".join(self._heard)
        assert not [value for value in _texts(self.secret) if len(value) > 7 and value in told], "a secret is shown"
        assert "canary" not in told
        assert "Traceback" not in told


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


def levels(found: Iterable[Finding], key: str | None = None) -> list[str]:
    """The levels of the findings, or of those with a key."""
    return [each.level for each in found if key in (None, each.key)]


def told(found: Iterable[Finding]) -> str:
    """All that the findings say."""
    return "\n".join(f"{each.level} {each.key}: {each.what} {each.why} {each.remedy}" for each in found)


def environment(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let boto3 find the account."""
    for name, value in {**AWS, "AWS_ENDPOINT_URL": account.url}.items():
        monkeypatch.setenv(name, value)


def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Gantry], None]:
    """Return what makes the served app another container."""
    return lambda gantry: monkeypatch.setattr(app, "gantry", gantry)
