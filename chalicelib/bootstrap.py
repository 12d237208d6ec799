"""The composition root: the only place that builds things from settings.

Everything is built when it is first needed, and the libraries that an adapter uses are imported then, so that
importing the app needs neither AWS nor an environment, and a check without a cookie loads nothing that it does not use.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from time import time
from typing import TYPE_CHECKING

from chalicelib.config import Credentials, Settings
from chalicelib.errors import ConfigurationError
from chalicelib.log import Journal

if TYPE_CHECKING:
    from pymongo.monitoring import CommandListener

    from chalicelib.aws import CredentialCache, SecretStore
    from chalicelib.deadline import Deadline
    from chalicelib.health import Health
    from chalicelib.mongodb import Mongo
    from chalicelib.rocketchat import Send
    from chalicelib.signin import Directory, SignIn, TokenSource


class Gantry:
    """All the pieces of one container, for one environment.

    `clock` gives seconds since 1970. `secret_store` and `workspace` take the place of Secrets Manager and of the
    transport to the workspace where the caller has its own. `listeners` hear every database command.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        clock: Callable[[], float] = time,
        secret_store: "SecretStore | None" = None,
        workspace: "Send | None" = None,
        listeners: "Sequence[CommandListener]" = (),
    ) -> None:
        self._environ = environ
        self.clock = clock
        self._secret_store = secret_store
        self._workspace = workspace
        self._listeners = listeners

    @cached_property
    def _checked(self) -> Settings | ConfigurationError:
        try:
            return Settings.from_environ(self._environ)
        except ConfigurationError as error:
            self.journal.problems(error)
            return error

    @property
    def settings(self) -> Settings:
        """The settings. Raises `ConfigurationError`, whose problems are logged once a container."""
        if isinstance(self._checked, ConfigurationError):
            raise self._checked
        return self._checked

    @cached_property
    def journal(self) -> Journal:
        """The log."""
        level = self._environ.get("LOG_LEVEL", "")
        return Journal(level if level in ("DEBUG", "WARNING", "ERROR") else "INFO")

    @cached_property
    def credentials(self) -> "CredentialCache":
        """The secret of this container."""
        from chalicelib.aws import CredentialCache, SecretsManager

        store = self._secret_store or SecretsManager(self.settings.secret_id)
        understand = partial(Credentials.from_json, mongodb=self.settings.uses_mongodb)
        return CredentialCache(store, self.journal, self.clock, understand)

    @cached_property
    def workspace(self) -> "Send":
        """The transport to the workspace's REST API."""
        if self._workspace is not None:
            return self._workspace
        from chalicelib.rocketchat import BACKEND
        from chalicelib.transport import HttpTransport

        return HttpTransport(self.settings.rocketchat_url, BACKEND, self.clock)

    @cached_property
    def mongo(self) -> "Mongo":
        """The connection to the workspace's database."""
        from chalicelib.mongodb import Mongo

        return Mongo(self.credentials, self._listeners)

    @cached_property
    def sign_in(self) -> "SignIn":
        """The use cases, over the directory and the token source that the settings name."""
        from chalicelib.accounts.workspace import WorkspaceAccounts
        from chalicelib.sessions import Challenges, Seals, Sessions
        from chalicelib.signin import SignIn

        seals = Seals(self.credentials, self.clock)
        return SignIn(
            directory=self._directory(),
            accounts=WorkspaceAccounts(),
            tokens=self._tokens(),
            sessions=Sessions(seals, self.settings.session_seconds, self.clock),
            challenges=Challenges(seals),
            log=self.journal,
            clock=self.clock,
        )

    def _directory(self) -> "Directory":
        if self.settings.directory == "mongodb":
            from chalicelib.attempts.mongodb import MongoSteps
            from chalicelib.directories.mongodb import MongoDirectory

            policy = "refuse" if self.settings.token_kind == "iframe" else self.settings.workspace_2fa
            steps, issuer = MongoSteps(self.mongo), self.settings.rocketchat_url
            return MongoDirectory(self.mongo, steps, issuer, policy, self.clock)
        from chalicelib.directories.rocketchat import RocketChatDirectory

        return RocketChatDirectory(self.workspace, self.settings.rocketchat_url, self.clock)

    def _tokens(self) -> "TokenSource":
        if self.settings.token_source == "mongodb":
            from chalicelib.tokens.mongodb import IframeTokens, LoginTokens

            kind = IframeTokens if self.settings.token_kind == "iframe" else LoginTokens
            return kind(self.mongo, self.clock)
        from chalicelib.tokens.rest import RestTokens

        return RestTokens(self.workspace, self.clock)

    def sweep(self, deadline: "Deadline") -> int:
        """Remove `iframe` tokens that are too old, where there are such tokens; return how many."""
        if self.settings.token_kind != "iframe":
            return 0
        from chalicelib.tokens.mongodb import IframeTokens

        return IframeTokens(self.mongo, self.clock).sweep(deadline)

    def reachable(self, deadline: "Deadline") -> dict[str, bool]:
        """Return what answers: the settings, the secret, the workspace. Asked at most every 30 s."""
        if isinstance(self._checked, ConfigurationError):
            return {"settings": False}
        return {"settings": True, **self._health.reachable(deadline)}

    @cached_property
    def _health(self) -> "Health":
        from chalicelib import rocketchat
        from chalicelib.health import Health, Probe

        def workspace(deadline: "Deadline") -> object:
            return rocketchat.decipher(self.workspace(rocketchat.info(), deadline), self.clock())

        probes: dict[str, Probe] = {"secret": self.credentials.current}
        if self.settings.uses_mongodb:
            probes["database"] = lambda deadline: self.mongo.run(lambda database: database.command("ping"), deadline)
        if self.settings.directory == "rocketchat":
            probes["workspace"] = workspace
        return Health(probes, self.clock)
