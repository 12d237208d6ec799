"""A checkout of Gantry for the commands: its `.chalice/` in a directory of the test's own, AWS by moto over HTTP."""

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from admin.__main__ import admin
from tests.secrets_manager import SecretsManager

ROOT = Path(__file__).parents[2]
STAGE = "prod"
URL = "https://chat.example.com"
ACCOUNT = {"rocketchat_user_id": "service-id", "rocketchat_auth_token": "canary-token"}
MONGODB = {"mongodb_uri": "mongodb+srv://gantry:canary-password@cluster.example.net/rocketchat"}
_CLIENTS: dict[tuple[str, str], Any] = {}


@dataclass
class Checkout:
    """One test's checkout. Its app has a name of its own, since moto has one memory for all its servers.

    `run` fails the test where the output shows one of `confidential`, or anything of the secret by then (promise 32).
    """

    root: Path
    aws: SecretsManager
    name: str = field(default_factory=lambda: f"gantry-{uuid4().hex[:8]}")
    confidential: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        shutil.copytree(ROOT / ".chalice", self.root / ".chalice", ignore=shutil.ignore_patterns("deploy*", "*.new"))
        self.configure(app_name=self.name)

    @property
    def secret_id(self) -> str:
        return f"{self.name}/{STAGE}"

    @property
    def table(self) -> str:
        return f"{self.name}-{STAGE}-state"

    @property
    def environment(self) -> dict[str, str]:
        """The stage's environment as the file has it."""
        found: dict[str, str] = self.config["stages"][STAGE]["environment_variables"]
        return found

    @property
    def config(self) -> dict[str, Any]:
        return self._read("config.json")

    @property
    def policy(self) -> dict[str, Any]:
        return self._read(f"policy-{STAGE}.json")

    def configure(self, environment: Mapping[str, str] | None = None, **keys: Any) -> None:
        """Write keys of the configuration's top level, and the stage's environment."""
        config = self.config | keys
        if environment is not None:
            config["stages"][STAGE]["environment_variables"] = dict(environment)
        (self.root / ".chalice" / "config.json").write_text(json.dumps(config, indent=2) + "\n")

    def deployed(self, url: str) -> None:
        """Leave what `chalice deploy` leaves."""
        (self.root / ".chalice" / "deployed").mkdir(exist_ok=True)
        api = {"name": "rest_api", "resource_type": "rest_api", "rest_api_id": "abc", "rest_api_url": f"{url}/"}
        state = {"resources": [api], "schema_version": "2.0", "backend": "api"}
        (self.root / ".chalice" / "deployed" / f"{STAGE}.json").write_text(json.dumps(state))

    def client(self, service: str) -> Any:
        """A client of moto's, one for all tests."""
        key = self.aws.url, service
        if key not in _CLIENTS:
            _CLIENTS[key] = self.aws.aws(service)
        return _CLIENTS[key]

    def store(self, **content: Any) -> None:
        """Make the secret as somebody else would have."""
        self.keep(content)
        self.client("secretsmanager").create_secret(Name=self.secret_id, SecretString=json.dumps(content))

    def secret(self, stage: str = "AWSCURRENT") -> dict[str, Any]:
        """The secret as it is now, all of it confidential from here on."""
        value = self.client("secretsmanager").get_secret_value(SecretId=self.secret_id, VersionStage=stage)
        content: dict[str, Any] = json.loads(value["SecretString"])
        self.keep(content)
        return content

    def keep(self, content: Any) -> None:
        """Whatever text is in there is confidential, but for names."""
        if isinstance(content, dict):
            for key, value in content.items():
                if key not in ("users", "cognito", "name", "email") and not key.endswith("_id"):
                    self.keep(value)
            self.keep(list(content.get("users", {}).values()) if isinstance(content.get("users"), dict) else [])
        elif isinstance(content, list):
            for value in content:
                self.keep(value)
        elif isinstance(content, str) and content:
            self.confidential.add(content)

    def run(self, *words: str, typed: str = "") -> Result:
        """Run a command; `typed` is what standard input gives."""
        result = CliRunner().invoke(admin, words, input=typed, obj=self.root, prog_name="python -m admin")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        if not self.aws.down:
            with suppress(ClientError, ValueError):
                self.secret()
        shown = [value for value in self.confidential if value in result.output]
        assert not shown, f"{len(shown)} confidential values in the output"
        assert "canary" not in result.output
        return result

    def done(self, *words: str, typed: str = "") -> str:
        """Run a command that must succeed; return what it printed."""
        result = self.run(*words, typed=typed)
        assert result.exit_code == 0, result.output
        return result.output

    def refused(self, *words: str, typed: str = "", code: int = 1) -> str:
        """Run a command that must fail; return what it printed."""
        result = self.run(*words, typed=typed)
        assert result.exit_code == code, result.output
        return result.output

    def snapshot(self) -> dict[str, str]:
        """All files in `.chalice/`."""
        found = sorted((self.root / ".chalice").rglob("*"))
        return {str(path.relative_to(self.root)): path.read_text() for path in found if path.is_file()}

    def _read(self, name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.root / ".chalice" / name).read_text())
        return content


def given(checkout: Checkout, **content: Any) -> str:
    """A file of credentials."""
    path = checkout.root / "credentials.json"
    path.write_text(json.dumps(content))
    checkout.keep(content)
    return str(path)


def alone(checkout: Checkout, *words: str) -> tuple[str, ...]:
    """The command that asks nothing."""
    return ("init", "--yes", "--rocketchat-url", URL, *words)


def retentions(checkout: Checkout) -> dict[str, int | None]:
    groups = checkout.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{checkout.name}")
    return {group["logGroupName"]: group.get("retentionInDays") for group in groups["logGroups"]}
