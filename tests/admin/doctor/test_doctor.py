"""`python -m admin doctor` as a whole: nothing wrong, three mistakes, `--fix`, `--json`, and what it never does."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from admin.__main__ import admin
from admin.doctor import checklist
from admin.doctor.checklist import Check, examine
from admin.doctor.finding import Finding
from admin.doctor.patient import Aws, Patient
from chalicelib.errors import Unavailable
from playground.workspace import Fault
from tests.admin.doctor.clinic import Clinic


@pytest.fixture
def well(clinic: Clinic) -> Clinic:
    """A deployment with a service account and a table, deployed as it is described."""
    clinic.administrator()
    clinic.settings["STATE_TABLE"] = clinic.table()
    clinic.workspace.settings["Site_Url"] = clinic.serving.url
    clinic.make_log_groups()
    clinic.serve()
    clinic.deploy_function()
    return clinic


def report(clinic: Clinic, *words: str) -> dict[str, Any]:
    """What `--json` prints."""
    result = clinic.run("--json", *words)
    content: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == (1 if content["errors"] else 0)
    return content


def keys(content: dict[str, Any], level: str) -> list[str]:
    """The keys of all findings of a level."""
    return [each["key"] for each in content["findings"] if each["level"] == level]


def test_a_deployment_without_a_fault_has_none(well: Clinic) -> None:
    """No error and no warning: exit 0, and the last line says that nothing breaks sign-in."""
    result = well.run()
    assert result.exit_code == 0, result.output
    assert " warning " not in result.output
    assert result.output.splitlines()[-1].startswith("0 errors, 0 warnings")


def test_three_mistakes_are_found_told_and_mended(well: Clinic) -> None:
    """Another COOKIE_SITE, an iframe setting that leads elsewhere, logs for ever: exit 1, each with its command."""
    well.settings["COOKIE_SITE"] = "same"
    well.serve()
    well.workspace.settings["Accounts_iframe_url"] = "https://old.example.com/login"
    well.logs.delete_retention_policy(logGroupName=well.log_groups[0])
    found = report(well)
    assert keys(found, "error") == ["iframe", "COOKIE_SITE"]
    assert sorted(keys(found, "warning")) == ["deployment", "logs"]
    del well.settings["COOKIE_SITE"]
    well.serve()
    well.workspace.connect(iframe_url=f"{well.gateway.url}/login", api_url=f"{well.gateway.url}/session")
    mended = report(well, "--fix")
    assert [each["key"] for each in mended["findings"] if each["mended"]] == ["logs"]
    assert (mended["errors"], mended["warnings"]) == (0, 0)


def test_fix_is_content_the_second_time(well: Clinic) -> None:
    """What `--fix` has mended needs no mending, and without `--fix` nothing is changed."""
    well.logs.delete_retention_policy(logGroupName=well.log_groups[0])
    assert report(well)["warnings"] == 1
    assert report(well, "--fix")["warnings"] == 0
    again = report(well, "--fix")
    assert again["warnings"] == 0
    assert not any(each["mended"] for each in again["findings"])


def test_what_cannot_be_mended_stays_told(well: Clinic) -> None:
    """A right that is missing for the mending is told, and the finding stays."""
    well.logs.delete_retention_policy(logGroupName=well.log_groups[0])
    well.account.denied.add("PutRetentionPolicy")
    found = report(well, "--fix")
    assert keys(found, "warning") == ["logs"]
    assert "not mended" in str(found)
    assert "AccessDeniedException" in str(found)


def test_every_finding_but_the_good_ones_says_more(clinic: Clinic) -> None:
    """What is wrong comes with why it matters and what mends it."""
    clinic.settings |= {"STATE_TABLE": "gantry-nowhere", "COOKIE_SITE": "same"}
    clinic.workspace.version = "7.9"
    found = report(clinic)
    assert found["errors"] >= 3
    for each in found["findings"]:
        if each["level"] in ("error", "warning"):
            assert each["why"], each
            assert each["remedy"], each


def test_a_broken_configuration_ends_no_other_check(clinic: Clinic) -> None:
    """Without settings, AWS is looked at all the same, and what could not be looked at is one note."""
    clinic.settings["COOKIE_SITE"] = "canary-value"
    found = report(clinic)
    assert keys(found, "error") == ["COOKIE_SITE"]
    assert "concurrency" in keys(found, "ok")
    (note,) = [each for each in found["findings"] if each["key"] == "unchecked"]
    assert "iframe settings" in note["what"]
    assert "the settings cannot be used" in note["what"]


def test_nothing_that_goes_wrong_ends_the_doctor(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of a check's own, expected or not, is a note without its text, and the others are made."""

    def explode(patient: Patient) -> list[Finding]:
        raise ValueError("canary")

    def refuse(patient: Patient) -> list[Finding]:
        raise Unavailable("workspace", "down")

    def fine(patient: Patient) -> list[Finding]:
        return [Finding("ok", "fine", "made")]

    checks = (Check("A", "exploding", explode), Check("A", "refusing", refuse), Check("A", "fine", fine))
    monkeypatch.setattr(checklist, "CHECKS", checks)
    with clinic.patient() as patient:
        found = [each for _, each in examine(patient)]
    assert [each.level for each in found] == ["ok", "note", "note"]
    assert "ValueError" in found[1].what
    assert "canary" not in str(found)


def test_a_world_that_does_not_answer_is_told(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither AWS nor the workspace nor Gantry answers: a report all the same, without a traceback."""
    clinic.settings["STATE_TABLE"] = "gantry-state"
    clinic.write()
    clinic.workspace.fault("*", Fault(cut=True), times=None)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    result = clinic.run("--url", "http://127.0.0.1:1/api", aws=Aws())
    assert result.exit_code == 1
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "error   workspace:" in result.output
    assert "error   session:" in result.output
    assert "note    STATE_TABLE: not checked" in result.output


def test_nobody_is_signed_in_and_nothing_is_made(well: Clinic) -> None:
    """The doctor only looks: every call to the workspace is a GET, and no account is new."""
    well.run()
    assert {call.method for call in well.workspace.calls()} == {"GET"}


def test_what_mends_can_be_copied(clinic: Clinic) -> None:
    """A command stands on one line, and a word too many is refused without being repeated."""
    clinic.settings["STATE_TABLE"] = "gantry-nowhere-but-with-a-name-that-is-rather-long"
    line = next(each for each in clinic.run().output.splitlines() if "create-table" in each)
    assert line.strip().startswith("mend: aws dynamodb create-table --table-name gantry-nowhere")
    assert line.endswith("--key-schema AttributeName=id,KeyType=HASH")
    refused = clinic.run("canary-word")
    assert refused.exit_code == 2


def test_what_does_not_answer_is_asked_once(clinic: Clinic) -> None:
    """Many checks need the workspace's settings: one question, and one note for all that could not be looked at."""
    clinic.workspace.fault("settings.public", Fault(status=500, body=b"canary"), times=None)
    (note,) = [each for each in report(clinic)["findings"] if each["key"] == "unchecked"]
    assert "origins, block by address, second factors" in note["what"]
    assert len(clinic.workspace.calls("settings.public")) == 1


def test_an_address_may_be_named(well: Clinic) -> None:
    """`--url` takes what stands in the workspace's settings, too, and refuses what is no address."""
    well.deployed = {"resources": []}
    well.write()
    assert report(well, "--url", f"{well.gateway.url}/session")["url"] == well.gateway.url
    assert well.run("--url", "ftp://canary").exit_code == 2


def test_the_help_teaches() -> None:
    """What it does, what the levels mean, what it needs, and when to run it."""
    text = CliRunner().invoke(admin, ["doctor", "--help"], prog_name="python -m admin").output
    for word in ("--fix", "--json", "--url", "--stage", "breaks sign-in", "AWS_PROFILE", "python -m admin connect"):
        assert word in text
