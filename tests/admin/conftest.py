"""What tests of the commands share: a checkout, a workspace, and somebody at the terminal."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from moto.secretsmanager.models import SecretsManagerBackend

import app
from chalicelib.bootstrap import Gantry
from chalicelib.log import Journal
from playground.workspace import ManualClock, Serving, Workspace, serve
from playground.workspace.settings import IFRAME
from tests.admin.checkout import Checkout
from tests.api_gateway import Gateway
from tests.secrets_manager import AWS, SecretsManager
from tests.stage import new_key


def _labels_that_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let moto return the version that `AWSCURRENT` was moved to, as AWS does: it goes on with the one before."""
    moved = SecretsManagerBackend.update_secret_version_stage

    def move(
        self: Any, secret_id: str, version_stage: str, remove_from_version_id: str, move_to_version_id: str
    ) -> Any:
        done = moved(self, secret_id, version_stage, remove_from_version_id, move_to_version_id)
        if version_stage == "AWSCURRENT":
            self.secrets[secret_id].set_default_version_id(move_to_version_id)
        return done

    monkeypatch.setattr(SecretsManagerBackend, "update_secret_version_stage", move)


@pytest.fixture
def checkout(tmp_path: Path, secrets_manager: SecretsManager, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    _labels_that_count(monkeypatch)
    for name, value in {**AWS, "AWS_ENDPOINT_URL": secrets_manager.url}.items():
        monkeypatch.setenv(name, value)
    return Checkout(tmp_path, secrets_manager)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands ask: what is typed then comes from standard input."""
    for module in ("administrator", "init"):
        monkeypatch.setattr(f"admin.{module}.interactive", lambda: True)


@pytest.fixture
def chat() -> Iterator[Serving]:
    """The stand-in workspace over HTTP."""
    with serve(Workspace(clock=ManualClock(), rate_limits=False)) as serving:
        yield serving


@dataclass
class Joined:
    """A checkout whose stage is configured for a workspace and deployed at `url`, by the real Gantry."""

    checkout: Checkout
    workspace: Workspace
    chat: str
    url: str

    def configure(self, **environment: str) -> None:
        """Write these settings beside the two that must be there."""
        needed = {"ROCKETCHAT_URL": self.chat, "SECRET_ID": self.checkout.secret_id}
        self.checkout.configure(needed | environment)

    def store(self, *, account: tuple[str, str] | None = None, **content: Any) -> None:
        """Make the secret, with a service account where one is given."""
        service = dict(zip(("rocketchat_user_id", "rocketchat_auth_token"), account or (), strict=False))
        self.checkout.store(session_keys=[new_key()], **service, **content)

    @property
    def iframe(self) -> list[object]:
        """The four settings of the workspace."""
        return [self.workspace.settings[name] for name in IFRAME]


@pytest.fixture
def joined(checkout: Checkout, chat: Serving, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Joined:
    checkout.deployed(gateway.url)
    made = Joined(checkout, chat.workspace, chat.url, gateway.url)
    made.configure()
    gantry = Gantry({"ROCKETCHAT_URL": chat.url, "SECRET_ID": checkout.secret_id})
    gantry.journal = Journal(stream=StringIO())
    monkeypatch.setattr(app, "gantry", gantry)
    return made
