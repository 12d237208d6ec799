"""TOTP, backup codes and the life of an e-mail code."""

import pyotp
import pytest

from playground.people import BOB_TOTP
from playground.workspace import ManualClock, Person, Workspace
from playground.workspace.store import Store
from tests.playground.conftest import Api

HOUR = 3600


@pytest.fixture
def workspace(clock: ManualClock, store: Store) -> Workspace:
    """A workspace of each kind in turn: in memory and in a database."""
    return Workspace(clock=clock, rate_limits=False, store=store)


def test_an_authenticator_code_is_asked_for_and_taken(api: Api, clock: ManualClock) -> None:
    """A password alone gets `totp-required` with its details, and the code in the body or in the header logs in."""
    asked = api.log_in("bob")
    assert asked.status_code == 401
    assert asked.json()["error"] == "totp-required"
    assert asked.json()["details"] == {"method": "totp", "codeGenerated": False, "availableMethods": ["totp"]}
    code = pyotp.TOTP(BOB_TOTP).at(int(clock()))
    assert api.log_in("bob", code).status_code == 200
    body = {"user": "bob", "password": "gantry-demo"}
    assert api.post("login", body, headers={"x-2fa-code": code}).status_code == 200


def test_a_code_one_step_off_still_counts(api: Api, clock: ManualClock) -> None:
    """The window is one step to either side, and a code two steps old is `totp-invalid`."""
    totp = pyotp.TOTP(BOB_TOTP)
    for seconds in (-30, 30):
        assert api.log_in("bob", totp.at(int(clock()) + seconds)).status_code == 200
    refused = api.log_in("bob", totp.at(int(clock()) - 60))
    assert (refused.status_code, refused.json()["error"]) == (401, "totp-invalid")


def test_a_backup_code_works_once(workspace: Workspace, api: Api) -> None:
    """A backup code of eight characters logs in once and is gone."""
    workspace.add(Person(username="erin", totp_secret=BOB_TOTP, backup_codes=("ABCD2345",)))
    assert [api.log_in("erin", "ABCD2345").status_code for _ in range(2)] == [200, 401]


def test_an_email_code_is_sent_asked_for_and_taken_once(workspace: Workspace, api: Api) -> None:
    """A password alone sends a code, its six digits log in, and the same digits are then nothing."""
    asked = api.log_in("carol").json()
    assert asked["details"] == {
        "method": "email",
        "codeGenerated": True,
        "emailOrUsername": "carol@example.org",
        "availableMethods": ["email"],
    }
    mail = workspace.last_mail("carol")
    assert mail is not None
    assert api.log_in("carol", mail.code).status_code == 200
    assert api.log_in("carol", mail.code).json()["error"] == "totp-invalid"


def test_no_second_email_while_a_code_runs(workspace: Workspace, api: Api, clock: ManualClock) -> None:
    """While a code runs, asking again sends nothing and says until when it runs, in ISO 8601."""
    api.log_in("carol")
    clock.advance(60)
    details = api.log_in("carol").json()["details"]
    assert details["codeGenerated"] is False
    assert details["codeExpires"] == "2027-01-15T09:00:00.000Z"
    assert len(workspace.second_factor.mailbox) == 1


def test_a_code_that_just_ran_out_is_removed_and_not_replaced(
    workspace: Workspace, api: Api, clock: ManualClock
) -> None:
    """In the five minutes after a code ran out one call only removes it, and the next one sends a new code."""
    api.log_in("carol")
    clock.advance(HOUR + 60)
    first = api.log_in("carol").json()["details"]
    assert (first["codeGenerated"], first["codeExpires"]) == (False, "2027-01-15T09:00:00.000Z")
    assert "emailCode" not in workspace.accounts["carol"]["services"]
    assert api.log_in("carol").json()["details"]["codeGenerated"] is True


def test_a_code_that_ran_out_long_ago_is_replaced_at_once(api: Api, clock: ManualClock) -> None:
    """More than five minutes after a code ran out the next call sends a new one."""
    api.log_in("carol")
    clock.advance(HOUR + 5 * 60 + 1)
    assert api.log_in("carol").json()["details"]["codeGenerated"] is True


def test_the_fifth_wrong_email_code_is_the_last(workspace: Workspace, api: Api) -> None:
    """Four wrong e-mail codes are invalid, the fifth is one too many, and then the right one is too late."""
    workspace.settings["Block_Multiple_Failed_Logins_Enabled"] = False
    api.log_in("carol")
    mail = workspace.last_mail("carol")
    assert mail is not None
    wrong = f"{(int(mail.code) + 1) % 1_000_000:06}"
    errors = [api.log_in("carol", wrong).json()["error"] for _ in range(5)]
    assert errors == ["totp-invalid"] * 4 + ["totp-max-attempts"]
    assert api.log_in("carol", mail.code).json()["error"] == "totp-max-attempts"


def test_totp_comes_before_email_and_both_are_named(workspace: Workspace, api: Api) -> None:
    """An account with both methods is asked for TOTP and told of both."""
    workspace.add(Person(username="erin", email="erin@example.org", email_codes=True, totp_secret=BOB_TOTP))
    details = api.log_in("erin").json()["details"]
    assert (details["method"], details["availableMethods"]) == ("totp", ["totp", "email"])


@pytest.mark.parametrize(
    ("person", "setting"),
    [
        (Person(username="erin", totp_secret=BOB_TOTP), "Accounts_TwoFactorAuthentication_Enabled"),
        (Person(username="erin", totp_secret=BOB_TOTP), "Accounts_TwoFactorAuthentication_By_TOTP_Enabled"),
        (
            Person(username="erin", email="erin@example.org", email_codes=True),
            "Accounts_TwoFactorAuthentication_By_Email_Enabled",
        ),
        (
            Person(username="erin", email="erin@example.org", email_codes=True, fields={"services.google.id": "1"}),
            "Accounts_twoFactorAuthentication_email_available_for_OAuth_users",
        ),
    ],
)
def test_the_workspace_can_switch_a_method_off(workspace: Workspace, api: Api, person: Person, setting: str) -> None:
    """With the workspace's setting off the password alone is enough."""
    workspace.add(person)
    assert api.log_in("erin").status_code == 401
    workspace.settings[setting] = False
    assert api.log_in("erin").status_code == 200


def test_email_codes_need_a_verified_address(workspace: Workspace, api: Api) -> None:
    """E-mail codes are asked for only where the address is verified."""
    workspace.add(Person(username="erin", email="erin@example.org", verified=False, email_codes=True))
    assert api.log_in("erin").status_code == 200
