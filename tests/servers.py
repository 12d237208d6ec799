"""The servers that integration and browser tests share for a whole run: Secrets Manager, and Gantry's own."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader

from tests.api_gateway import Gateway
from tests.secrets_manager import SecretsManager
from tests.stage import closing


@pytest.fixture(scope="session")
def secrets_manager() -> Iterator[SecretsManager]:
    # Each container makes a client of its own and boto3 reads AWS's descriptions anew for it: once a run is enough.
    read = JSONFileLoader().load_file

    @cache
    def read_once(path: str) -> Any:
        return read(path)

    with pytest.MonkeyPatch.context() as patch, closing(SecretsManager()) as secrets:
        patch.setattr(JSONFileLoader, "load_file", lambda loader, path: read_once(path))
        yield secrets


@pytest.fixture(scope="session")
def gateway() -> Iterator[Gateway]:
    with closing(Gateway()) as served:
        yield served
