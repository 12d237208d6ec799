"""People from elsewhere on a stage: what the secret, the settings and AWS hold for each directory and way to a token.

Four ways: `create-tokens` (REST, with the workspace's secret for making tokens), `same-password` (REST, without it),
`login` and `iframe` (MongoDB). The directory knows everybody by the same password.
"""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest
from argon2 import PasswordHasher

from playground.aws import state_table, user_pool
from playground.people import DEMO_PEOPLE, NEWCOMERS
from playground.workspace import PASSWORD
from tests.database.fixtures import FreshDatabase
from tests.secrets_manager import SecretsManager
from tests.stage import Stage

WAYS = ("create-tokens", "same-password", "login", "iframe")
PEOPLE = (*DEMO_PEOPLE, *NEWCOMERS)
CREATE_TOKENS = "the-workspaces-own-secret"
# Cheap on purpose: the costs of a hash are another test's.
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
LISTED = {
    each.username: {"password": HASH, "name": each.name} | ({"email": each.email} if each.email else {})
    for each in PEOPLE
}


def by_database(way: str) -> bool:
    """Whether tokens are written into the database."""
    return way in ("login", "iframe")


@pytest.fixture(scope="session")
def dynamodb(secrets_manager: SecretsManager) -> Any:
    """A client of DynamoDB."""
    return secrets_manager.aws("dynamodb")


@pytest.fixture(scope="session")
def cognito(secrets_manager: SecretsManager) -> dict[str, str]:
    """One user pool with everybody, for the whole run: no test changes it."""
    return user_pool(secrets_manager.aws("cognito-idp"), PEOPLE)


def furnish(
    stage: Stage,
    directory: str,
    way: str,
    database: FreshDatabase | None,
    dynamodb: Any,
    cognito: Mapping[str, str],
    *,
    service: bool = True,
    also: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """Write the secret, with what it has to hold besides, and make the table; return the settings that go with them."""
    people: Mapping[str, Mapping[str, Any]] = {"users": LISTED, "cognito": cognito}
    secret: dict[str, Any] = {directory: people[directory]} if directory in people else {}
    secret |= also or {}
    environ = {"DIRECTORY": directory, "TOKEN_SOURCE": "mongodb" if by_database(way) else "rest"}
    if service:
        user_id, token = stage.workspace.add_administrator("gantry")
        secret |= {"rocketchat_user_id": user_id, "rocketchat_auth_token": token}
    if way == "create-tokens":
        stage.workspace.create_tokens_secret = CREATE_TOKENS
        secret["rocketchat_create_token_secret"] = CREATE_TOKENS
        environ["STATE_TABLE"] = f"gantry-{uuid4()}"
        state_table(dynamodb, environ["STATE_TABLE"])
    if database is not None:
        secret["mongodb_uri"] = database.uri
    if by_database(way):
        environ["TOKEN_KIND"] = way
    stage.store(**secret)
    return environ
