"""The AWS account: log groups, state table, concurrency, what is deployed, clock and host."""

import time

import pytest

from admin.doctor import account
from admin.doctor.account import A_PAGE_LOAD
from admin.doctor.finding import Finding, Lacking
from admin.doctor.patient import Aws, Patient
from tests.admin.doctor.clinic import Clinic, levels, told


def log_groups(patient: Patient) -> list[Finding]:
    return list(account.log_groups(patient.cloud, patient.deployment.log_groups))


def state_table(patient: Patient) -> list[Finding]:
    return list(account.state_table(patient.cloud, patient.settings, patient.change))


def concurrency(patient: Patient) -> list[Finding]:
    return list(account.concurrency(patient.cloud))


# --- who asks, and when ----------------------------------------------------------------------------------------------


def test_who_asks_is_told_and_the_clocks_agree(clinic: Clinic) -> None:
    """AWS's `Date` header, of whole seconds, is compared with the time here."""
    found = clinic.look(account.identity)
    assert levels(found) == ["ok", "ok"]
    assert "123456789012" in told(found)


@pytest.mark.parametrize("apart", [-60, 60])
def test_a_clock_that_is_wrong_is_told(clinic: Clinic, apart: int) -> None:
    """More than five seconds, in either direction, matter to seals and codes."""
    found = clinic.look(account.identity, clock=lambda: time.time() + apart)
    assert levels(found, "clock") == ["warning"]
    assert "timedatectl" in told(found)


def test_without_credentials_one_note_says_so(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where AWS cannot be asked at all, that is one note, and no further check asks."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with clinic.patient() as patient:
        patient.aws = Aws()  # with clients of its own
        found = list(account.identity(patient))
        with pytest.raises(Lacking):
            log_groups(patient)
        patient.aws.close()
    assert levels(found) == ["note"]
    assert "AWS_PROFILE" in told(found)


# --- logs ------------------------------------------------------------------------------------------------------------


def test_logs_that_go_away_are_fine(clinic: Clinic) -> None:
    """Both functions' log groups have a retention."""
    clinic.make_log_groups()
    assert levels(clinic.look(log_groups)) == ["ok", "ok"]


def test_logs_for_ever_are_told_and_mended(clinic: Clinic) -> None:
    """A group without retention and a group that is not there yet: `--fix` gives each of them 30 days."""
    clinic.make_log_groups()
    clinic.logs.delete_retention_policy(logGroupName=clinic.log_groups[0])
    clinic.logs.delete_log_group(logGroupName=clinic.log_groups[1])
    found = clinic.look(log_groups)
    assert levels(found) == ["warning", "warning"]
    assert "put-retention-policy" in told(found)
    for each in found:
        assert each.mend is not None
        each.mend()
    after = clinic.look(log_groups)
    assert levels(after) == ["ok", "ok"]
    assert told(after).count("keeps 30 days") == 2


def test_logs_that_we_may_not_list_are_a_note(clinic: Clinic) -> None:
    """A right that is missing is named, and nothing is called wrong."""
    clinic.account.denied.add("DescribeLogGroups")
    found = clinic.look(log_groups)
    assert levels(found) == ["note"]
    assert "logs:DescribeLogGroups" in told(found)


# --- state table -----------------------------------------------------------------------------------------------------


def test_a_table_as_gantry_wants_it_is_fine(clinic: Clinic) -> None:
    """The key `id` and a TTL on `expires`; and no table is asked for where none is named."""
    assert clinic.look(state_table) == []
    clinic.settings["STATE_TABLE"] = clinic.table()
    assert levels(clinic.look(state_table)) == ["ok", "ok"]


def test_a_table_that_is_not_there_breaks_sign_in(clinic: Clinic) -> None:
    """Attempts cannot be counted, so it is an error; the command that makes the table is told."""
    clinic.settings["STATE_TABLE"] = "gantry-nowhere"
    found = clinic.look(state_table)
    assert levels(found) == ["error"]
    assert "aws dynamodb create-table --table-name gantry-nowhere" in told(found)


def test_a_table_with_another_key_breaks_sign_in(clinic: Clinic) -> None:
    """Gantry looks up `id` and nothing else."""
    clinic.settings["STATE_TABLE"] = clinic.table("name")
    assert levels(clinic.look(state_table)) == ["error"]


@pytest.mark.parametrize("attribute", ["", "when"])
def test_a_table_that_keeps_everything_is_told(clinic: Clinic, attribute: str) -> None:
    """Without TTL on `expires`, names and addresses stay for ever."""
    clinic.settings["STATE_TABLE"] = clinic.table(expires=attribute)
    found = clinic.look(state_table)
    assert levels(found) == ["ok", "warning"]
    assert "update-time-to-live" in told(found)


def test_a_table_beside_mongodb_is_not_used(clinic: Clinic) -> None:
    """With MongoDB, links and attempts are there, and the table can go."""
    clinic.settings |= {"STATE_TABLE": "gantry-state", "DIRECTORY": "mongodb", "TOKEN_SOURCE": "mongodb"}
    assert levels(clinic.look(state_table)) == ["note"]


def test_a_table_that_we_may_not_see_is_a_note(clinic: Clinic) -> None:
    """The right that is missing is named."""
    clinic.settings["STATE_TABLE"] = "gantry-state"
    clinic.account.denied.add("DescribeTable")
    found = clinic.look(state_table)
    assert levels(found) == ["note"]
    assert "dynamodb:DescribeTable" in told(found)


# --- concurrency -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at_once", "level"), [(10, "warning"), (1000, "ok")])
def test_a_new_account_serves_few_at_a_time(clinic: Clinic, at_once: int, level: str) -> None:
    """Ten executions are two and a half page loads: that is told with the request for more."""
    clinic.account.at_once = at_once
    found = clinic.look(concurrency)
    assert levels(found) == [level]
    assert ("request-service-quota-increase" in told(found)) == (level == "warning")
    assert A_PAGE_LOAD * 3 > 10


def test_a_limit_that_we_may_not_see_is_a_note(clinic: Clinic) -> None:
    """The right that is missing is named."""
    clinic.account.denied.add("GET /2016-08-19/account-settings")
    found = clinic.look(concurrency)
    assert levels(found) == ["note"]
    assert "lambda:GetAccountSettings" in told(found)


# --- what is deployed ------------------------------------------------------------------------------------------------


def test_a_deployment_that_is_as_described_is_fine(clinic: Clinic) -> None:
    """The function, its environment and Chalice's note of it agree."""
    clinic.deploy_function()
    assert levels(clinic.look(account.deployment)) == ["ok"]


def test_a_stage_that_was_never_deployed_is_a_note(clinic: Clinic) -> None:
    """Neither function nor note: the next step is a deploy."""
    clinic.write()
    clinic.deployed_file.unlink()
    found = clinic.look(account.deployment, write=False)
    assert levels(found) == ["note"]
    assert "chalice deploy --stage prod" in told(found)


def test_a_deployment_whose_note_is_lost_is_told(clinic: Clinic) -> None:
    """The next deploy would make a second API: that is told before it happens."""
    clinic.deploy_function()
    clinic.write()
    clinic.deployed_file.unlink()
    found = clinic.look(account.deployment, write=False)
    assert levels(found) == ["warning"]
    assert "second API" in told(found)


def test_a_deployment_by_cloudformation_has_no_note_to_lose(clinic: Clinic) -> None:
    """A function that a stack made is deployed anew by its stack."""
    clinic.deploy_function(tags={"aws:cloudformation:stack-name": "gantry"})
    clinic.write()
    clinic.deployed_file.unlink()
    assert levels(clinic.look(account.deployment, write=False)) == ["ok"]


def test_a_note_of_what_is_not_there_is_told(clinic: Clinic) -> None:
    """The note tells of a function that this account and region do not have: it may be the wrong account."""
    found = clinic.look(account.deployment)
    assert levels(found) == ["warning"]
    assert "AWS_PROFILE" in told(found)


def test_settings_that_were_not_deployed_are_told(clinic: Clinic) -> None:
    """Names that differ between file and function are told, and no value."""
    clinic.deploy_function(COOKIE_SITE="canary", HELP_URL="canary")
    found = clinic.look(account.deployment)
    assert levels(found) == ["ok", "warning"]
    assert "COOKIE_SITE, HELP_URL" in told(found)


def test_a_function_that_we_may_not_see_is_a_note(clinic: Clinic) -> None:
    """The right that is missing is named."""
    clinic.account.denied.add("GET /2015-03-31/functions")
    found = clinic.look(account.deployment)
    assert levels(found) == ["note"]
    assert "lambda:GetFunction" in told(found)


@pytest.mark.parametrize(
    ("system", "machine", "level"),
    [("Linux", "aarch64", "warning"), ("Linux", "x86_64", "ok"), ("Darwin", "arm64", "ok")],
)
def test_linux_on_arm_packs_the_wrong_wheels(system: str, machine: str, level: str) -> None:
    """There, and only there, Chalice packs what does not run on Lambda."""
    assert levels(account.host(system, machine)) == [level]
