"""A stage of Gantry as `.chalice/` describes it: its settings, its names in AWS, and what was deployed.

`.chalice/config.json` is read as Chalice reads it and written as little as possible.
"""

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, wraps
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

import click

from chalicelib.aws import SecretStore
from chalicelib.bootstrap import Gantry
from chalicelib.config import Settings
from chalicelib.credentials import Credentials
from chalicelib.deadline import Deadline
from chalicelib.errors import ConfigurationError, Problem
from chalicelib.log import Journal
from chalicelib.secrets_manager import SecretsManager

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 28.0
"""How long a command may spend on one question to AWS, the workspace or the database."""


class _Recorder(dict[str, str]):
    """An environment in which nothing is set, and which keeps what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[str, None] = {}

    def get(self, key: str, default: Any = None) -> Any:
        self.asked[key] = None
        return default


def _names() -> tuple[str, ...]:
    recorder = _Recorder()
    with suppress(ConfigurationError):
        Settings.from_environ(recorder)
    return tuple(recorder.asked)


SETTINGS = _names()
"""The names of all settings, in the service's own order: it is asked which it reads."""


def understood(environ: Mapping[str, str]) -> tuple[Settings | None, tuple[Problem, ...]]:
    """Return the settings and no problems; else all problems, and the settings as they are without what is wrong.

    By those the secret can be checked too, so that its problems are told at the same time.
    """
    try:
        return Settings.from_environ(environ), ()
    except ConfigurationError as error:
        problems = error.problems
    wrong = {problem.key for problem in problems}
    rest = {name: value for name, value in environ.items() if name not in wrong}
    needed = {"ROCKETCHAT_URL": "https://chat.example.com", "SECRET_ID": "gantry"}
    try:
        return Settings.from_environ(needed | rest), problems
    except ConfigurationError:
        return None, problems


_INDENT = re.compile(r"\n([ \t]+)\S")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Deployment:
    """One stage. Made by `read`; it stays as it was read, so read it again after `write`.

    `environ` is the environment of the functions: that of the file's top level, and the stage's own over it.
    """

    root: Path
    stage: str
    environ: Mapping[str, str]
    app_name: str

    @classmethod
    def read(cls, stage: str = "prod", root: Path = ROOT) -> "Deployment":
        """Read the stage from `.chalice/config.json` below `root`.

        Raises `click.ClickException` where there is no such file or stage, or it is not as Chalice wants it.
        """
        config = _json_object(root / ".chalice" / "config.json")
        stages = _object(config, "stages", "config.json")
        if stage not in stages:
            raise click.ClickException(
                f"{root / '.chalice' / 'config.json'} has no stage {stage}, only {', '.join(stages) or 'none'}."
                ' Name one of them with --stage, or add it to "stages" there.'
            )
        app_name = config.get("app_name")
        if not isinstance(app_name, str) or not app_name:
            raise click.ClickException(f'{root / ".chalice" / "config.json"} has no "app_name".')
        environ = _environment(config) | _environment(_object(stages, stage, '"stages"'))
        return cls(root, stage, environ, app_name)

    # --- what the service makes of it --------------------------------------------------------------------------------

    def settings(self) -> Settings:
        """Return the stage's settings. Raises `ConfigurationError` with all problems at once."""
        return Settings.from_environ(self.environ)

    def secret_store(self) -> SecretStore:
        """Return where the stage's secret is. Raises `ConfigurationError` where the settings cannot be used."""
        return SecretsManager(self.settings().secret_id)

    def credentials(self) -> Credentials:
        """Fetch the secret and understand it as the service does. Raises `ConfigurationError` or `Unavailable`."""
        return Credentials.from_json(self.secret_store().fetch(self.deadline()), self.settings())

    def gantry(self) -> Gantry:
        """Return the service's own pieces over this stage; what they would log is not shown."""
        gantry = Gantry(self.environ)
        gantry.journal = Journal(stream=StringIO())
        return gantry

    @staticmethod
    def deadline() -> Deadline:
        """Return the deadline of one question that is asked now."""
        return Deadline.after(SECONDS)

    # --- in AWS ------------------------------------------------------------------------------------------------------

    @property
    def functions(self) -> tuple[str, str]:
        """The names that Chalice gives the two functions: the API's, and that of the hourly sweep."""
        api = f"{self.app_name}-{self.stage}"
        return api, f"{api}-sweep"

    @property
    def log_groups(self) -> tuple[str, ...]:
        """Where Lambda writes what the functions log."""
        return tuple(f"/aws/lambda/{name}" for name in self.functions)

    @cached_property
    def _session(self) -> Any:
        import boto3

        return boto3.session.Session()

    @property
    def region(self) -> str:
        """The region that boto3 finds in the environment or the profile. Raises `click.ClickException` without one."""
        region: str | None = self._session.region_name
        if region is None:
            raise click.ClickException(
                "No AWS region is set. Name one, for example: export AWS_DEFAULT_REGION=eu-central-1"
            )
        return region

    def aws(self, service: str, region: str | None = None) -> Any:
        """Return boto3's client of `service`, with account and region as boto3 finds them, or in another `region`."""
        from botocore.config import Config

        config = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3})
        return self._session.client(service, region_name=region or self.region, config=config)

    # --- what was deployed -------------------------------------------------------------------------------------------

    @property
    def deployed_file(self) -> Path:
        """Where `chalice deploy` keeps what it has made; without it the next deploy makes a second API."""
        return self.root / ".chalice" / "deployed" / f"{self.stage}.json"

    @property
    def deployed(self) -> dict[str, Any] | None:
        """What `deployed_file` says, None where the stage has not been deployed from here."""
        return _json_object(self.deployed_file) if self.deployed_file.exists() else None

    @property
    def url(self) -> str | None:
        """The deployed API's address without a slash at its end: a custom domain's where the stage has one."""
        resources = (self.deployed or {}).get("resources")
        made = {str(each.get("name")): each for each in resources} if isinstance(resources, list) else {}
        address = made.get("rest_api", {}).get("rest_api_url")
        domain = made.get("api_gateway_custom_domain", {}).get("domain_name")
        if isinstance(domain, str):
            config = _json_object(self.root / ".chalice" / "config.json")
            stage = _object(_object(config, "stages", "config.json"), self.stage, '"stages"')
            wanted = stage.get("api_gateway_custom_domain", config.get("api_gateway_custom_domain"))
            prefix = wanted.get("url_prefix", "") if isinstance(wanted, dict) else ""
            address = f"https://{domain}/{str(prefix).strip('/')}"
        return address.rstrip("/") if isinstance(address, str) else None

    # --- writing -----------------------------------------------------------------------------------------------------

    @property
    def config_file(self) -> Path:
        """Chalice's configuration, of all stages."""
        return self.root / ".chalice" / "config.json"

    @property
    def policy_file(self) -> Path:
        """What the stage's functions may do."""
        return self.root / ".chalice" / f"policy-{self.stage}.json"

    @property
    def in_vpc(self) -> bool:
        """Whether the functions are in a private network, as `subnet_ids` says."""
        config = _json_object(self.config_file)
        stage = _object(_object(config, "stages", "config.json"), self.stage, '"stages"')
        return bool(stage.get("subnet_ids", config.get("subnet_ids")))

    def write(
        self, environment: Mapping[str, str | None] | None = None, policy: Mapping[str, Any] | None = None
    ) -> list[Path]:
        """Set these variables of the stage (None removes one) and its policy; return the files that are new by that.

        All that is not named stays, in its order. A file is written whole or not at all.
        """
        changed = []
        if environment is not None:
            config = _json_object(self.config_file)
            stage = _object(_object(config, "stages", "config.json"), self.stage, '"stages"')
            own = stage.setdefault("environment_variables", {})
            for name, value in environment.items():
                if value is None:
                    own.pop(name, None)
                elif own.get(name, _environment(config).get(name)) != value:
                    own[name] = value
            if _put(self.config_file, config):
                changed.append(self.config_file)
        if policy is not None and _put(self.policy_file, dict(policy)):
            changed.append(self.policy_file)
        return changed


def with_deployment(command: Callable[..., _T]) -> Callable[..., _T]:
    """Give a command `--stage`, and the stage that it names as the first argument.

    A test names another root: `CliRunner().invoke(admin, [...], obj=Path(...))`.
    """

    @click.option("--stage", default="prod", show_default=True, help="The stage of .chalice/config.json.")
    @click.pass_context
    @wraps(command)
    def with_stage(context: click.Context, /, *args: Any, stage: str, **options: Any) -> _T:
        return command(Deployment.read(stage, context.find_object(Path) or ROOT), *args, **options)

    return with_stage


def _put(path: Path, content: dict[str, Any]) -> bool:
    """Write `content` unless it is there already; return whether it was written."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if text and json.loads(text) == content:
        return False
    found = _INDENT.search(text)
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps(content, indent=found[1] if found else 2, ensure_ascii=False) + "\n", encoding="utf-8")
    new.replace(path)
    return True


def _json_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise click.ClickException(f"There is no {path}. Run this in a checkout of Gantry.") from None
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        place = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise click.ClickException(f"{path} is not JSON{place}.") from None
    if not isinstance(content, dict):
        raise click.ClickException(f"{path} is not a JSON object.")
    return content


def _object(content: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    value = content.get(key)
    if not isinstance(value, dict):
        raise click.ClickException(f'In .chalice/config.json, {where} has no object "{key}".')
    return value


def _environment(content: Mapping[str, Any]) -> dict[str, str]:
    variables = content.get("environment_variables", {})
    if not isinstance(variables, dict) or not all(isinstance(value, str) for value in variables.values()):
        raise click.ClickException(
            'In .chalice/config.json, "environment_variables" is an object whose values are all texts: "168", not 168.'
        )
    return dict(variables)
