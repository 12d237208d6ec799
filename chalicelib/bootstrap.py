"""The composition root: the only place that builds things from settings.

Everything is built when it is first needed, and the libraries that an adapter uses are imported then, so that
importing the app needs neither AWS nor an environment, and a check without a cookie loads nothing that it does not use.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from time import time
from typing import TYPE_CHECKING

from chalicelib.config import Settings
from chalicelib.errors import ConfigurationError
from chalicelib.log import Journal

if TYPE_CHECKING:
    from pymongo.monitoring import CommandListener

    from chalicelib.accounts.linking import Provisioner
    from chalicelib.accounts.second_factor import Rule
    from chalicelib.aws import CredentialCache, SecretStore
    from chalicelib.deadline import Deadline
    from chalicelib.health import Health
    from chalicelib.mongodb import Mongo
    from chalicelib.relay.version import WorkspaceVersion
    from chalicelib.rocketchat import Send
    from chalicelib.service import Service
    from chalicelib.session_check import IssuedTokens, SessionCheck
    from chalicelib.sessions import Seals, Sessions
    from chalicelib.signin import Accounts, Directory, RelaySignIn, SecondFactor, SignIn, TokenSource
    from chalicelib.state import StateTable
    from chalicelib.throttle import AttemptStore, Throttle
    from chalicelib.tokens.mongodb import IframeTokens, LoginTokens
    from chalicelib.tokens.rest import RestTokens


class Gantry:
    """All the pieces of one container, for one environment.

    `clock` gives seconds since 1970. `secret_store` and `workspace` take the place of Secrets Manager and of the
    transport to the workspace where the caller has its own. `listeners` hear every database command. `providers` are
    base addresses by the names in `RELAY`, for those that are not to be called at the vendor's own.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        clock: Callable[[], float] = time,
        secret_store: "SecretStore | None" = None,
        workspace: "Send | None" = None,
        listeners: "Sequence[CommandListener]" = (),
        providers: Mapping[str, str] | None = None,
    ) -> None:
        self._environ = environ
        self.clock = clock
        self._secret_store = secret_store
        self._workspace = workspace
        self._listeners = listeners
        self._providers = providers or {}
        self._relays: dict[str, RelaySignIn] = {}

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

    @property
    def is_configured(self) -> bool:
        """Whether the settings can be used; where they cannot, that has been logged."""
        return isinstance(self._checked, Settings)

    @cached_property
    def journal(self) -> Journal:
        """The log."""
        level = self._environ.get("LOG_LEVEL", "")
        return Journal(level if level in ("DEBUG", "WARNING", "ERROR") else "INFO")

    @cached_property
    def credentials(self) -> "CredentialCache":
        """The secret of this container."""
        from chalicelib.aws import CredentialCache
        from chalicelib.credentials import Credentials
        from chalicelib.secrets_manager import SecretsManager

        store = self._secret_store or SecretsManager(self.settings.secret_id)
        understand = partial(Credentials.from_json, settings=self.settings)
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
    def service(self) -> "Service":
        """The calls that the service account makes in the workspace."""
        from chalicelib.service import Service

        return Service(self.workspace, self.credentials, self.clock)

    @cached_property
    def state(self) -> "StateTable":
        """The table for attempts and links where there is no database."""
        from chalicelib.aws import AwsService
        from chalicelib.state import StateTable

        return StateTable(AwsService("dynamodb", "state"), self.settings.state_table)

    @cached_property
    def session_check(self) -> "SessionCheck":
        """The use cases of a browser with a cookie: light, since every page load of the workspace begins with them."""
        from chalicelib.session_check import SessionCheck

        return SessionCheck(sessions=self._sessions, tokens=self._issued_tokens())

    @cached_property
    def sign_in(self) -> "SignIn":
        """The use cases of the login page, over the directory and the token source that the settings name."""
        from chalicelib.sessions import Challenges
        from chalicelib.signin import SignIn

        foreign = self.settings.is_foreign
        return SignIn(
            directory=self._directory(),
            accounts=self._linked_accounts() if foreign else self._own_accounts(),
            second_factor=self._second_factor(foreign),
            tokens=self._tokens(foreign),
            sessions=self._sessions,
            challenges=Challenges(self._seals),
            throttle=self._throttle,
            log=self.journal,
            clock=self.clock,
        )

    def relay(self, name: str) -> "RelaySignIn":
        """Return the use cases of signing in by a provider. Raises `KeyError` for one that `RELAY` does not name."""
        if name not in self.settings.relay:
            raise KeyError(name)
        if name not in self._relays:
            from chalicelib.relay.providers import provider
            from chalicelib.sessions import Challenges
            from chalicelib.signin import RelaySignIn

            self._relays[name] = RelaySignIn(
                provider=provider(name, self.credentials, self._providers, self.clock),
                accounts=self._linked_accounts(name),
                second_factor=self._second_factor(foreign=True),
                tokens=self._tokens(foreign=True),
                sessions=self._sessions,
                challenges=Challenges(self._seals),
                throttle=self._throttle,
                log=self.journal,
                clock=self.clock,
            )
        return self._relays[name]

    def relays(self, deadline: "Deadline") -> bool | None:
        """Tell whether the workspace's version relays, None where that is not known. Asked at most once an hour."""
        return self._version.relays(deadline)

    @cached_property
    def _version(self) -> "WorkspaceVersion":
        from chalicelib.relay.version import WorkspaceVersion

        return WorkspaceVersion(self.workspace, self.clock)

    @cached_property
    def _throttle(self) -> "Throttle":
        from chalicelib.throttle import Throttle

        return Throttle(self._attempts(), self.settings.limits, self.journal, self.clock)

    @cached_property
    def _seals(self) -> "Seals":
        from chalicelib.sessions import Seals

        return Seals(self.credentials, self.clock)

    @cached_property
    def _sessions(self) -> "Sessions":
        from chalicelib.sessions import Sessions

        return Sessions(self._seals, self.settings.session_seconds, self.clock)

    def _directory(self) -> "Directory":
        if self.settings.directory == "mongodb":
            from chalicelib.attempts.mongodb import MongoSteps
            from chalicelib.directories.mongodb import MongoDirectory

            steps, issuer = MongoSteps(self.mongo), self.settings.rocketchat_url
            return MongoDirectory(self.mongo, steps, issuer, self._second_factor_rule, self.clock)
        if self.settings.directory == "rocketchat":
            return self._workspace_directory()
        directory = self._foreign_directory()
        if self.settings.token_source == "mongodb":
            return directory
        from chalicelib.directories.same_password import SamePasswordDirectory

        def cannot_make_tokens(deadline: "Deadline") -> bool:
            return self.credentials.current(deadline).create_token_secret is None

        provisioner = None if self.settings.provision == "off" else self._provisioner()
        workspace, link_by = self._workspace_directory(), self.settings.link_by
        return SamePasswordDirectory(directory, workspace, provisioner, cannot_make_tokens, link_by)

    def _workspace_directory(self) -> "Directory":
        from chalicelib.directories.rocketchat import RocketChatDirectory

        return RocketChatDirectory(self.workspace, self.settings.rocketchat_url, self.clock, self.service.headers)

    def _foreign_directory(self) -> "Directory":
        if self.settings.directory == "cognito":
            from chalicelib.directories.cognito import CognitoDirectory

            return CognitoDirectory(self.credentials, self.clock)
        from chalicelib.directories.users import UsersDirectory

        return UsersDirectory(self.credentials)

    def _own_accounts(self) -> "Accounts":
        from chalicelib.accounts.workspace import WorkspaceAccounts

        return WorkspaceAccounts()

    def _linked_accounts(self, relayed: str | None = None) -> "Accounts":
        """Return the accounts of people from elsewhere: from the directory, or `relayed` by a provider of that name."""
        from chalicelib.accounts.linking import LinkedAccounts, Links, NoLinks, Roster, WithAddress

        links: Links = NoLinks()
        roster: Roster
        if self.settings.uses_mongodb:
            from chalicelib.accounts.mongodb import MongoLinks, MongoRoster
            from chalicelib.accounts.provider_links import ProviderLinks

            links = ProviderLinks(self.mongo, relayed) if relayed else MongoLinks(self.mongo, self.clock)
            roster = MongoRoster(self.mongo)
        else:
            from chalicelib.accounts.rest import RestRoster

            roster = RestRoster(self.service)
            if self.settings.state_table:
                from chalicelib.accounts.dynamodb import TableLinks

                links = TableLinks(self.state, self.clock)
        if not relayed:
            return LinkedAccounts(links, roster, self._provisioner(), self.settings.link_by)
        # Anybody may choose anybody's username with a provider: LINK_BY is for directories.
        return LinkedAccounts(links, roster, WithAddress(self._provisioner(relayed)), link_by="email")

    def _provisioner(self, relayed: str | None = None) -> "Provisioner":
        from chalicelib.accounts.linking import NoProvision

        if self.settings.provision == "off":
            return NoProvision()
        from chalicelib.accounts.rest import RestCreate, RestRegister

        if self.settings.provision == "register":
            return RestRegister(self.workspace, self.credentials, self.clock)
        create = RestCreate(self.service)
        if self.settings.token_source == "rest":
            return create
        from chalicelib.accounts.mongodb import CreateOrInsert, MongoInsert

        return CreateOrInsert(self.credentials, create, MongoInsert(self.mongo, self.clock, provider=relayed))

    def _second_factor(self, foreign: bool) -> "SecondFactor":
        if not foreign or self.settings.token_source == "rest":
            from chalicelib.accounts.workspace import AskedElsewhere

            return AskedElsewhere()
        from chalicelib.accounts.second_factor import RecordSecondFactor
        from chalicelib.attempts.mongodb import MongoSteps

        return RecordSecondFactor(self.mongo, MongoSteps(self.mongo), self._second_factor_rule, self.clock)

    @property
    def _second_factor_rule(self) -> "Rule":
        return "refuse" if self.settings.token_kind == "iframe" else self.settings.workspace_2fa

    def _attempts(self) -> "AttemptStore":
        if self.settings.uses_mongodb:
            from chalicelib.attempts.mongodb import MongoAttempts

            return MongoAttempts(self.mongo)
        if self.settings.state_table:
            from chalicelib.attempts.dynamodb import TableAttempts

            return TableAttempts(self.state)
        from chalicelib.attempts.memory import MemoryAttempts

        return MemoryAttempts(self.clock)

    def _issued_tokens(self) -> "IssuedTokens":
        if self.settings.token_source == "mongodb":
            return self._mongo_tokens
        return self._rest_tokens

    @cached_property
    def _rest_tokens(self) -> "RestTokens":
        from chalicelib.tokens.rest import RestTokens

        return RestTokens(self.workspace, self.clock)

    @cached_property
    def _mongo_tokens(self) -> "IframeTokens | LoginTokens":
        from chalicelib.tokens.mongodb import IframeTokens, LoginTokens

        kind = IframeTokens if self.settings.token_kind == "iframe" else LoginTokens
        return kind(self.mongo, self.clock)

    def _tokens(self, foreign: bool) -> "TokenSource":
        if self.settings.token_source == "mongodb":
            return self._mongo_tokens
        if self.settings.directory == "rocketchat" and not foreign:
            return self._rest_tokens
        from chalicelib.tokens.created import CreatedTokens

        # The directory `mongodb` has asked for the second factor itself.
        policy = self.settings.workspace_2fa if foreign else "skip"
        return CreatedTokens(self.workspace, self.service, self.credentials, self.clock, policy=policy)

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
        if self.settings.directory == "rocketchat" or self.settings.token_source == "rest":
            probes["workspace"] = workspace
        if self.settings.state_table and not self.settings.uses_mongodb:
            probes["state"] = lambda deadline: self.state.read("health", deadline)
        return Health(probes, self.clock)
