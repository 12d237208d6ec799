"""What the doctor looks at: the stage, the secret, AWS, the workspace, its database, and the deployed Gantry.

Everything is asked when it is first needed, once, and within a few seconds. What cannot be had raises `Lacking`, so
that one missing piece is told once and not by every check that would have needed it.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from time import time
from typing import Any, Generic, TypeVar

import click

from admin.deployment import Deployment
from admin.doctor.finding import Lacking, is_nobody
from admin.workspace import IFRAME, public_settings
from chalicelib import rocketchat
from chalicelib.aws import AwsService
from chalicelib.config import Settings
from chalicelib.credentials import Credentials
from chalicelib.deadline import Deadline
from chalicelib.errors import ConfigurationError, GantryError, Unavailable
from chalicelib.mongodb import Mongo
from chalicelib.rocketchat import Call, Reply, Send
from chalicelib.secret import Secret
from chalicelib.service import Service
from chalicelib.transport import HttpTransport

SECONDS = 8.0
"""For one question: the transports' own time-outs are 2 s to connect and 5 s to read."""

ADMINISTRATOR = "GANTRY_ADMIN_MONGODB_URI"
"""In the environment of the doctor: a URI with more rights than Gantry's own, to look for indexes and to make them."""

SETTINGS = (
    *IFRAME,
    "Site_Url",
    "Accounts_AllowUsernameChange",
    "Accounts_TwoFactorAuthentication_Enabled",
    "Block_Multiple_Failed_Logins_Enabled",
    "Block_Multiple_Failed_Logins_By_Ip",
    "Block_Multiple_Failed_Logins_Attempts_Until_Block_By_Ip",
    *(f"Accounts_OAuth_{name}{part}" for name in ("Facebook", "Google", "Twitter") for part in ("", "_id")),
)
"""The workspace's settings that the doctor looks at. Not all of them are public: the database has them all."""

Change = Callable[..., str]
"""`Patient.change`."""

_T = TypeVar("_T")


class Once(Generic[_T]):
    """Ask once, and give the same answer or raise the same error from then on."""

    def __init__(self, ask: Callable[[], _T]) -> None:
        self._ask = ask
        self._answer: tuple[_T] | None = None
        self._error: GantryError | None = None

    def __call__(self) -> _T:
        if self._error is not None:
            raise self._error
        if self._answer is None:
            try:
                self._answer = (self._ask(),)
            except GantryError as error:
                self._error = error
                raise
        return self._answer[0]


class _Known:
    """Credentials that are known and do not change while the doctor looks."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def current(self, deadline: Deadline) -> Credentials:
        return self._credentials

    refreshed = current


class Aws:
    """Ask AWS. `call("logs", "describe_log_groups", …)` raises `AwsRefusal` or `Unavailable`."""

    def __init__(self) -> None:
        self._services: dict[str, AwsService] = {}

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Return what `operation` (boto3's name of the method) of `service` answers."""
        known = self._services.setdefault(service, AwsService(service, f"AWS {service}"))
        return known.call(operation, soon(), **parameters)

    def close(self) -> None:
        """Close all connections."""
        for service in self._services.values():
            service.close()


class Patient:
    """One stage, as far as it can be looked at from here. `url` is where Gantry is deployed, if that is known."""

    def __init__(
        self,
        deployment: Deployment,
        url: str | None = None,
        clock: Callable[[], float] = time,
        aws: Aws | None = None,
    ) -> None:
        self.deployment = deployment
        self.url = url or _deployed_at(deployment)
        self.clock = clock
        self.aws = aws or Aws()
        self.configuration = Once(deployment.settings)
        self.identity = Once(lambda: self.aws.call("sts", "get_caller_identity"))
        self.secret = Once(self._fetch)
        self.understood = Once(lambda: Credentials.from_json(self.secret(), self.settings))
        self.workspace_settings = Once(self._workspace_settings)
        self.health = Once(self._health)

    def command(self, name: str) -> str:
        """Return the command line of another command for this stage."""
        stage = "" if self.deployment.stage == "prod" else f" --stage {self.deployment.stage}"
        return f"python -m admin {name}{stage}"

    def change(self, *pairs: str) -> str:
        """Return the command line that changes settings (`NAME=value`, or `NAME=` to remove one) and deploys them."""
        return f"{self.command('init --yes')} {' '.join(f'--set {pair}' for pair in pairs)}, then {self.deploy}"

    @property
    def deploy(self) -> str:
        """The command line that deploys this stage."""
        return f"chalice deploy --stage {self.deployment.stage}"

    @property
    def settings(self) -> Settings:
        """The settings."""
        try:
            return self.configuration()
        except ConfigurationError:
            raise Lacking("the settings cannot be used") from None

    @property
    def cloud(self) -> Aws:
        """AWS, where it knows whoever asks."""
        try:
            self.identity()
        except GantryError as error:
            if is_nobody(error):
                raise Lacking("AWS does not know who asks (see above)") from None
        return self.aws

    @property
    def credentials(self) -> Credentials:
        """The secret."""
        try:
            return self.understood()
        except GantryError:
            raise Lacking("the secret cannot be used") from None

    @cached_property
    def workspace(self) -> Send:
        """The transport to the workspace."""
        return HttpTransport(self.settings.rocketchat_url, rocketchat.BACKEND)

    @cached_property
    def gate(self) -> Send:
        """The transport to the deployed Gantry."""
        if self.url is None:
            raise Lacking("it is not known where Gantry is deployed (name it: --url https://…/api)")
        return HttpTransport(self.url, "the deployed Gantry")

    @cached_property
    def mongo(self) -> Mongo:
        """The workspace's database."""
        return Mongo(_Known(self.credentials))

    @cached_property
    def administrator(self) -> Mongo | None:
        """The same server for a user who may make indexes, where the environment of the doctor names one."""
        uri = os.environ.get(ADMINISTRATOR)
        return Mongo(_Known(replace(self.credentials, mongodb_uri=Secret(uri)))) if uri else None

    @cached_property
    def service(self) -> Service:
        """The calls of the service account."""
        return Service(self.workspace, _Known(self.credentials), self.clock)

    def ask(self, call: Call) -> dict[str, Any]:
        """Return the JSON object that the workspace answers; raises as `rocketchat.decipher`."""
        return rocketchat.decipher(self.workspace(call, soon()), self.clock())

    def at_gate(self, method: str, path: str, **headers: str) -> Reply:
        """Return what the deployed Gantry answers. Raises `Unavailable` where it does not."""
        return self.gate(Call(method, path, headers), soon())

    def setting(self, name: str) -> object:
        """Return a setting of the workspace, None where it cannot be seen."""
        return self.workspace_settings().get(name)

    def close(self) -> None:
        """Close what was opened."""
        self.aws.close()
        for mongo in (vars(self).get("mongo"), vars(self).get("administrator")):
            if mongo is not None:
                mongo.close()

    def _fetch(self) -> str:
        text = self.aws.call("secretsmanager", "get_secret_value", SecretId=self.settings.secret_id).get("SecretString")
        return text if isinstance(text, str) else ""

    def _workspace_settings(self) -> Mapping[str, object]:
        """Return what is public, over what the database tells where there is one."""
        known: dict[str, object] = {}
        if self.settings.uses_mongodb:
            try:
                wanted = {"_id": {"$in": list(SETTINGS)}}
                stored = self.mongo.run(lambda database: list(database["rocketchat_settings"].find(wanted)), soon())
                known.update((str(each["_id"]), each.get("value")) for each in stored)
            except (GantryError, Lacking):
                pass  # checks of the database say so themselves
        public = self.ask(public_settings(SETTINGS)).get("settings")
        for each in public if isinstance(public, list) else ():
            if isinstance(each, dict) and isinstance(each.get("_id"), str):
                known[each["_id"]] = each.get("value")
        return known

    def _health(self) -> Mapping[str, bool]:
        """Return what the deployed function says that it reaches; `Unavailable` where it says nothing of the kind."""
        reply = self.at_gate("GET", "/health?deep=1")
        reachable = rocketchat.decipher(reply, self.clock()).get("reachable")
        if not isinstance(reachable, dict):
            raise Unavailable("the deployed Gantry", "its /health tells nothing")
        return {str(name): answers is True for name, answers in reachable.items()}


def _deployed_at(deployment: Deployment) -> str | None:
    try:
        return deployment.url
    except click.ClickException:
        return None  # a file that cannot be read: the check of the deployment says so


def soon() -> Deadline:
    """Return the deadline of one question that is asked now."""
    return Deadline.after(SECONDS)
