"""A workspace's own social logins on a stage: the stand-ins of the providers, and a Gantry that relays them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.bootstrap import Gantry
from playground.providers import Providers, serve_providers
from playground.workspace.clients import CLIENTS
from tests.database.fixtures import FreshDatabase
from tests.elsewhere import furnish
from tests.stage import Stage


@dataclass
class Social:
    """The providers at work, and the settings of the Gantry that relays them."""

    stage: Stage
    providers: Providers
    environ: Mapping[str, str] = field(repr=False)

    def grant(self, provider: str, person: str, application: str = "workspace") -> dict[str, Any]:
        """What the provider gives to the workspace's popup, which is confidential from now on."""
        granted = self.providers.grant(provider, person, application)
        self.stage.confidential.update(value for value in (granted["token"], granted["secret"]) if value)
        return granted

    def container(self, **settings: str) -> Gantry:
        """Serve from a new container, with these settings besides."""
        return self.stage.container(**{**self.environ, **settings})


MakeSocial = Callable[..., Social]


@pytest.fixture
def make_social(dynamodb: Any, cognito: dict[str, str]) -> Iterator[MakeSocial]:
    """Let a stage relay all three, with tokens made in one of the ways of `tests.elsewhere`.

    Its workspace has the client that answers, and the secret has `google` beside Google's client id.
    """
    with ExitStack() as ended:

        def make(
            stage: Stage, way: str = "create-tokens", database: FreshDatabase | None = None, **google: object
        ) -> Social:
            providers = Providers(clock=stage.workspace.clock)
            serving = ended.enter_context(serve_providers(providers))
            stage.providers = stage.workspace.providers = serving.urls
            stage.confidential.update(
                value for each in providers.applications.values() for key, value in each.items() if "secret" in key
            )
            stage.workspace.client = CLIENTS["1.x"]
            secret = {**providers.applications, "google": {**providers.applications["google"], **google}}
            environ = furnish(stage, "rocketchat", way, database, dynamodb, cognito, also=secret)
            social = Social(stage, providers, {**environ, "RELAY": "facebook,google,twitter", "PROVISION": "create"})
            gantry = social.container()
            if database is not None:
                ended.callback(gantry.mongo.close)
            return social

        yield make
