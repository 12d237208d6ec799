"""The clinic, with a deployment that has nothing wrong with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.workspace import Workspace, serve
from tests.admin.doctor.clinic import Account, Clinic, Unwatched, environment, use
from tests.api_gateway import Gateway
from tests.stage import closing


@pytest.fixture(scope="session")
def aws_account() -> Iterator[Account]:
    with closing(Account()) as account:
        yield account


@pytest.fixture
def clinic(tmp_path: Path, aws_account: Account, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clinic]:
    environment(aws_account, monkeypatch)
    monkeypatch.setattr("admin.doctor.patient.Mongo", Unwatched)
    aws_account.at_once = 1000
    aws_account.denied.clear()
    workspace = Workspace(rate_limits=False)
    with serve(workspace) as serving:
        clinic = Clinic(tmp_path, aws_account, gateway, workspace, serving, use(monkeypatch))
        with closing(clinic):
            yield clinic
        clinic.assert_discreet()
