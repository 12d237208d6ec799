"""The service account: whether it lives, and what it may do, without making anything."""

import json

import pytest

from admin.doctor import service_account
from admin.doctor.service_account import BYPASS, granted
from chalicelib.deadline import Deadline
from chalicelib.rocketchat import Call, Reply
from playground.workspace import Fault
from tests.admin.doctor.clinic import Clinic, levels, told

HASH = "$argon2id$v=19$m=19456,t=2,p=1$" + "A" * 22 + "$" + "A" * 43
WANTED = ("user-generate-access-token", "create-user")


@pytest.fixture
def needy(clinic: Clinic) -> Clinic:
    """A deployment that finds, makes and lets in accounts with the service account."""
    clinic.settings |= {"DIRECTORY": "users", "PROVISION": "create"}
    clinic.secret |= {"rocketchat_create_token_secret": "canary-secret", "users": {"alice": {"password": HASH}}}
    return clinic


def test_an_administrator_is_fine(needy: Clinic) -> None:
    """It lives, and its role has what is needed; nothing but look-ups is asked of the workspace."""
    needy.administrator()
    assert levels(needy.look(service_account.check)) == ["ok", "ok"]
    assert {call.method for call in needy.workspace.calls()} == {"GET"}


def test_a_dead_token_breaks_sign_in(needy: Clinic) -> None:
    """A token that the workspace does not take any more is an error where accounts are found with it."""
    needy.administrator()
    needy.secret["rocketchat_auth_token"] = "canary-dead-token"
    found = needy.look(service_account.check)
    assert levels(found) == ["error"]
    assert found[0].key == "rocketchat_auth_token"


def test_a_dead_token_that_is_for_the_limit_alone_is_a_warning(clinic: Clinic) -> None:
    """With the workspace as the directory, people still come in without the service account."""
    clinic.administrator()
    clinic.secret["rocketchat_auth_token"] = "canary-dead-token"
    assert levels(clinic.look(service_account.check)) == ["warning"]


def test_no_service_account_is_a_note_where_none_is_needed(clinic: Clinic) -> None:
    """What it would be good for is told."""
    found = clinic.look(service_account.check)
    assert levels(found) == ["note"]
    assert "ten people a minute" in told(found)


def test_a_workspace_that_asks_for_codes_breaks_sign_in(needy: Clinic) -> None:
    """A token that does not ignore two-factor, or a workspace that asks all the same."""
    needy.administrator()
    needy.workspace.second_factor_always.add("users.info")
    found = needy.look(service_account.check)
    assert levels(found) == ["error"]
    assert "second factor" in told(found)


def test_a_second_factor_of_its_own_is_a_reminder(needy: Clinic) -> None:
    """Whether the token ignores two-factor cannot be seen, so it is a note."""
    needy.administrator()
    needy.workspace.accounts.update("administrator", {"services.totp.enabled": True})
    assert levels(needy.look(service_account.check), "service account") == ["ok", "note"]


def test_roles_that_cannot_be_judged_are_a_note(needy: Clinic) -> None:
    """Another role than admin, and a workspace that does not tell its permissions."""
    needy.administrator(role="bot")
    found = needy.look(service_account.check)
    assert levels(found) == ["ok", "note"]
    assert "user-generate-access-token" in told(found)


def test_permissions_are_read_where_the_workspace_tells_them(needy: Clinic) -> None:
    """`permissions.listAll` says which roles have what, and a missing one is an error by its own id."""
    needy.administrator(role="bot")
    with needy.patient() as patient:
        real = patient.workspace

        def telling(call: Call, deadline: Deadline) -> Reply:
            if not call.path.endswith("/permissions.listAll"):
                return real(call, deadline)
            grants = [{"_id": "create-user", "roles": ["admin", "bot"]}, {"_id": BYPASS, "roles": ["bot"]}]
            return Reply(200, {}, json.dumps({"update": grants, "remove": [], "success": True}).encode())

        vars(patient)["workspace"] = telling
        found = list(service_account.check(patient))
    assert levels(found) == ["ok", "error"]
    assert "user-generate-access-token" in found[1].what
    assert "create-user" not in found[1].what


def test_a_missing_exemption_from_the_limit_is_told() -> None:
    """All that is needed, and ten calls a minute for everybody: a warning."""
    grants = {name: frozenset({"helper"}) for name in WANTED}
    assert levels(granted(["helper"], grants, WANTED)) == ["warning"]
    assert levels(granted(["helper"], grants | {BYPASS: frozenset({"helper"})}, WANTED)) == ["ok"]


def test_a_permission_of_another_role_is_none() -> None:
    """What others have does not help the service account."""
    grants = {name: frozenset({"admin"}) for name in WANTED} | {BYPASS: frozenset({"helper"})}
    assert levels(granted(["helper"], grants, WANTED)) == ["error"]


def test_a_workspace_that_does_not_answer_is_a_note(needy: Clinic) -> None:
    """Nothing is known of the account then; that the workspace is down is another check's finding."""
    needy.administrator()
    needy.workspace.fault("me", Fault(status=502, body=b"canary"), times=2)
    assert levels(needy.look(service_account.check)) == ["note"]
