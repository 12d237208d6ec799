"""`python -m admin rotate-key`: a new key for sessions, without signing anybody out."""

import json
from typing import Any

import pytest
from cryptography.fernet import Fernet

from admin import vault
from chalicelib.credentials import Credentials
from tests.admin.checkout import ACCOUNT, URL, Checkout
from tests.stage import new_key


@pytest.fixture
def keys(checkout: Checkout) -> list[str]:
    made = [new_key(), new_key()]
    checkout.configure({"ROCKETCHAT_URL": URL, "SECRET_ID": checkout.secret_id, "SESSION_HOURS": "24"})
    checkout.store(session_keys=made, **ACCOUNT, of_somebody={"canary": ["canary-else"]})
    return made


def test_the_new_key_is_the_last_and_the_oldest_goes(checkout: Checkout, keys: list[str]) -> None:
    """Promise 14: the newest seals, the one before it still opens, the oldest beyond two is gone; all else stays."""
    before = checkout.secret()
    output = checkout.done("rotate-key")
    after = checkout.secret()
    assert after["session_keys"][:-1] == keys[1:]
    Fernet(after["session_keys"][-1])
    assert after["session_keys"][-1] not in keys
    assert {**after, "session_keys": 0} == {**before, "session_keys": 0}
    assert "the last of 2; 1 dropped" in output
    assert "within 5 minutes" in output
    assert "SESSION_HOURS=24" in output
    assert checkout.secret("AWSPREVIOUS") == before


def test_a_single_key_gets_a_second(checkout: Checkout, keys: list[str]) -> None:
    """With one key nothing is dropped: all open sessions stay."""
    checkout.client("secretsmanager").put_secret_value(
        SecretId=checkout.secret_id, SecretString=json.dumps({"session_keys": keys[:1]})
    )
    assert "none dropped" in checkout.done("rotate-key")
    assert checkout.secret()["session_keys"][0] == keys[0]
    assert len(checkout.secret()["session_keys"]) == 2


def test_it_is_said_when_sessions_end_by_it(checkout: Checkout, keys: list[str]) -> None:
    """A key that may still open sessions is dropped with a warning; --keep 3 keeps it, --keep 1 ends all sessions."""
    assert "Next time, --keep 3" in checkout.done("rotate-key")
    assert "Next time" not in checkout.done("rotate-key", "--keep", "3")
    assert len(checkout.secret()["session_keys"]) == 3
    assert "Every open session ends" in checkout.done("rotate-key", "--keep", "1")
    assert len(checkout.secret()["session_keys"]) == 1
    for count in ("0", "-1", "11"):
        checkout.refused("rotate-key", "--keep", count, code=2)


def test_a_change_of_somebody_else_is_not_lost(
    checkout: Checkout, keys: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written between reading and replacing stays: the key is added to that, not put over it."""
    others = [{"session_keys": keys, "of_somebody": "canary-changed"}]
    replace = vault.replace

    def late(client: Any, stored: vault.Stored, content: dict[str, Any]) -> None:
        if others:
            checkout.client("secretsmanager").put_secret_value(
                SecretId=checkout.secret_id, SecretString=json.dumps(others.pop())
            )
        replace(client, stored, content)

    monkeypatch.setattr(vault, "replace", late)
    checkout.done("rotate-key")
    after = checkout.secret()
    assert after["of_somebody"] == "canary-changed"
    assert after["session_keys"][:-1] == keys[1:]


def test_who_changes_it_all_the_time_wins(checkout: Checkout, keys: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """After a few lost races nothing is changed, and it is said."""

    def lost(*_: object) -> None:
        raise vault.Conflict

    monkeypatch.setattr(vault, "replace", lost)
    assert "Nothing was changed" in checkout.refused("rotate-key")
    assert checkout.secret()["session_keys"] == keys


def test_no_label_is_left_behind(checkout: Checkout, keys: list[str]) -> None:
    """The label under which the new version waits is taken off again, whoever wins."""
    client = checkout.client("secretsmanager")
    checkout.done("rotate-key")
    stored = vault.read(client, checkout.secret_id)
    assert stored is not None
    checkout.done("rotate-key")
    with pytest.raises(vault.Conflict):
        vault.replace(client, stored, {"session_keys": keys})
    labels = client.describe_secret(SecretId=checkout.secret_id)["VersionIdsToStages"].values()
    assert sorted(label for each in labels for label in each) == ["AWSCURRENT", "AWSPREVIOUS"]
    assert len(Credentials.from_json(json.dumps(checkout.secret())).session_keys) == 2


def test_what_cannot_be_rotated_is_left_alone(checkout: Checkout) -> None:
    """No secret, or one whose keys are none, is said and not changed."""
    checkout.configure({"ROCKETCHAT_URL": URL, "SECRET_ID": checkout.secret_id})
    assert "python -m admin init" in checkout.refused("rotate-key")
    checkout.store(session_keys=["canary"])
    output = checkout.refused("rotate-key")
    assert "session_keys[0]: this is not a Fernet key" in output
    assert "Nothing was changed" in output
    assert checkout.secret()["session_keys"] == ["canary"]
