"""The stage, with a clock that stands still."""

from collections.abc import Iterator
from functools import partial

import pytest

import app
from playground.workspace import ManualClock, Workspace, serve
from tests.api_gateway import Gateway
from tests.secrets_manager import AWS, SecretsManager
from tests.stage import Log, Stage, Visitor, closing


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Log:
    return Log(lambda: capsys.readouterr().out)


@pytest.fixture
def stage(
    gateway: Gateway, secrets_manager: SecretsManager, log: Log, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    for name, value in {**AWS, "AWS_ENDPOINT_URL": secrets_manager.url}.items():
        monkeypatch.setenv(name, value)
    workspace = Workspace(clock=ManualClock(), rate_limits=False)
    with serve(workspace) as serving:
        use = partial(monkeypatch.setattr, app, "gantry")
        with closing(Stage(workspace, serving, gateway, secrets_manager, use, log)) as staged:
            yield staged
            staged.assert_discreet()


@pytest.fixture
def visitor(stage: Stage) -> Visitor:
    return stage.visitor()
