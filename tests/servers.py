"""The servers that integration and browser tests share for a whole run: Secrets Manager, and Gantry's own."""

from collections.abc import Iterator

import pytest

from tests.api_gateway import Gateway
from tests.secrets_manager import SecretsManager
from tests.stage import closing


@pytest.fixture(scope="session")
def secrets_manager() -> Iterator[SecretsManager]:
    with closing(SecretsManager()) as secrets:
        yield secrets


@pytest.fixture(scope="session")
def gateway() -> Iterator[Gateway]:
    with closing(Gateway()) as served:
        yield served
