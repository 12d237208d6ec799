"""Promise 29, on an account rich in everything: a write touches what it means to, and not a byte beside it."""

import copy
from collections.abc import Callable
from typing import Any

import bson
import pytest

from chalicelib.errors import WrongCredentials
from chalicelib.secret import Secret
from tests.fakes import caller
from tests.mongodb.conftest import MakeStage
from tests.mongodb.stage import BACKUP_CODE, HASH, TOTP_SECRET, Stage, hashed, moment, with_totp

RICH_SERVICES: dict[str, Any] = {
    "password": {"bcrypt": HASH, "reset": {"token": "r", "when": moment(1_700_000_000)}},
    "email": {"verificationTokens": [{"token": "v", "address": "alice@example.com", "when": moment(1_700_000_001)}]},
    "resume": {
        "loginTokens": [
            {"when": moment(1_700_000_002), "hashedToken": "one"},
            {
                "hashedToken": "pat",
                "type": "personalAccessToken",
                "createdAt": moment(1),
                "lastTokenPart": "x",
                "name": "n",
            },
            {"when": moment(1_700_000_003), "hashedToken": "two", "twoFactorAuthorizedUntil": moment(1_800_000_000)},
        ]
    },
    "google": {"id": "1", "accessToken": "a", "scope": ["email"], "expiresAt": bson.Int64(1_800_000_000_000)},
    "email2fa": {"enabled": False, "changedAt": moment(1_700_000_004)},
    "passwordHistory": [],
    "cloud": {"accessToken": "c"},
    "iframe": {"other": "kept"},
}
RICH: dict[str, Any] = {
    "services": RICH_SERVICES,
    "roles": ["user", "livechat-agent"],
    "customFields": {"a": {"b": [1, 2.5, None, True, {"c": b"\x00\xff"}]}},
    "settings": {"preferences": {"enableAutoAway": True, "idleTimeLimit": bson.Int64(300)}},
    "lastLogin": moment(1_700_000_005),
    "utcOffset": -3,
    "__rooms": ["GENERAL"],
    "_updatedAt": moment(1_700_000_006),
}


def raw(stage: Stage) -> bytes:
    return bson.encode(stage.record("alice"))


def without(record: dict[str, Any], *path: str) -> dict[str, Any]:
    changed = copy.deepcopy(record)
    inside = changed
    for name in path[:-1]:
        inside = inside[name]
    inside.pop(path[-1], None)
    return changed


@pytest.fixture
def rich(make_stage: MakeStage) -> Callable[..., Stage]:
    def made(services: dict[str, Any] | None = None, **environ: str) -> Stage:
        stage = make_stage(**environ)
        stage.add("alice", **{**RICH, "services": services or RICH_SERVICES})
        return stage

    return made


def test_a_login_token_adds_one_element_and_nothing_else(rich: Callable[..., Stage]) -> None:
    """Promise 29: after a sign-in the record differs by one last element of the login tokens, byte for byte."""
    stage = rich()
    before = stage.record("alice")
    token = stage.signed_in("alice").session.token.value.reveal()
    after = stage.record("alice")
    added = after["services"]["resume"]["loginTokens"].pop()
    assert added["hashedToken"] == hashed(token)
    assert bson.encode(after) == bson.encode(before)


def test_a_sign_out_puts_the_record_back_as_it_was(rich: Callable[..., Stage]) -> None:
    """Promise 29: sign-in, checks and sign-out leave the record as it was, byte for byte."""
    stage = rich()
    before = raw(stage)
    signed_in = stage.signed_in("alice")
    stage.check(signed_in)
    stage.sign_out(signed_in)
    assert raw(stage) == before


def test_an_iframe_token_sets_two_fields_and_nothing_else(rich: Callable[..., Stage]) -> None:
    """Promise 29: token and time are the only difference; sign-out and sweep remove these two alone."""
    stage = rich(TOKEN_KIND="iframe")
    before = raw(stage)
    signed_in = stage.signed_in("alice")
    after = stage.record("alice")
    assert set(after["services"]["iframe"]) == {"other", "token", "when"}
    both = without(without(after, "services", "iframe", "token"), "services", "iframe", "when")
    assert bson.encode(both) == before
    stage.check(signed_in)
    stage.sign_out(signed_in)
    assert raw(stage) == before
    stage.signed_in("alice")
    stage.clock.now += 601
    assert stage.gantry.sweep(caller().deadline) == 1
    assert raw(stage) == before


def test_a_second_factor_uses_up_one_backup_code_and_nothing_else(rich: Callable[..., Stage]) -> None:
    """Promise 29: a backup code is the only thing that goes, a TOTP code leaves the account untouched."""
    stage = rich({**RICH_SERVICES, "totp": with_totp("aaaaaaaa", BACKUP_CODE, "bbbbbbbb")["totp"]})
    assert stage.record("alice")["services"]["totp"]["secret"] == TOTP_SECRET
    before = raw(stage)
    by_app = stage.code(stage.challenged("alice"), stage.totp())
    stage.sign_out(by_app)  # type: ignore[arg-type]
    assert raw(stage) == before
    expected = stage.record("alice")
    del expected["services"]["totp"]["hashedBackup"][1]
    by_backup = stage.code(stage.challenged("alice"), BACKUP_CODE)
    stage.sign_out(by_backup)  # type: ignore[arg-type]
    assert raw(stage) == bson.encode(expected)


def test_no_other_account_is_touched(rich: Callable[..., Stage]) -> None:
    """Promise 29: a write touches one account: its neighbours stay as they are."""
    stage = rich()
    for username in ("bob", "carol"):
        stage.add(username)
    before = [bson.encode(each) for each in stage.database.users.find({"username": {"$ne": "alice"}})]
    stage.sign_out(stage.signed_in("alice"))
    assert [bson.encode(each) for each in stage.database.users.find({"username": {"$ne": "alice"}})] == before


def test_refusals_leave_no_trace(rich: Callable[..., Stage]) -> None:
    """A wrong password and a wrong code change nothing in the account."""
    stage = rich({**RICH_SERVICES, "totp": with_totp(BACKUP_CODE)["totp"]})
    before = raw(stage)
    with pytest.raises(WrongCredentials):
        stage.password("alice", Secret("wrong"))
    stage.code(stage.challenged("alice"), "00000000")
    assert raw(stage) == before
