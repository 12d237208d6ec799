"""What `chalice deploy` would make of the stages: the functions, the API and what they may do."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import app
from chalicelib.config import Settings
from tests.deploy.conftest import Package
from tests.deploy.permissions import as_list, covers, has_wildcard, statements


def policies(package: Package) -> Iterator[dict[str, Any]]:
    for role in package.resources("AWS::IAM::Role"):
        yield from (policy["PolicyDocument"] for policy in role["Policies"])


def test_every_function_has_a_full_processor_and_ends_before_api_gateway_does(package: Package) -> None:
    """Functions have 1,769 MB and 28 seconds.

    A function has a processor of its own from 1,769 MB on; with less, a password hash and the imports of a cold start
    take longer by as much. API Gateway stops waiting after 29 seconds, and nobody would see what comes later.
    """
    functions = package.resources("AWS::Serverless::Function")
    assert functions
    assert {(each["MemorySize"], each["Timeout"]) for each in functions} == {(1769, 28)}


def test_the_sweep_runs_every_hour(package: Package) -> None:
    """Beside the API's function there is one for the sweep, which a rule runs every hour."""
    functions = package.resources("AWS::Serverless::Function")
    schedules = [
        event for each in functions for event in each.get("Events", {}).values() if event["Type"] == "Schedule"
    ]
    assert len(functions) == 2
    assert [each["Properties"]["Schedule"] for each in schedules] == ["rate(1 hour)"]


def test_functions_run_on_the_python_that_packed_them(package: Package) -> None:
    """Lambda's runtime is the Python that chose the wheels."""
    runtimes = {each["Runtime"] for each in package.resources("AWS::Serverless::Function")}
    assert runtimes == {f"python{sys.version_info.major}.{sys.version_info.minor}"}


def test_as_delivered_no_stage_has_a_setting(delivered: Path) -> None:
    """In the repository no stage has a setting: there is no placeholder that could be deployed."""
    config = json.loads((delivered / "config.json").read_text("utf-8"))
    assert config["stages"] == {stage: {"environment_variables": {}} for stage in ("dev", "prod")}


def test_a_stage_has_no_settings_or_good_ones(package: Package) -> None:
    """Settings that a stage has are deployed to both functions, and Gantry accepts them."""
    given = [
        each.get("Environment", {}).get("Variables", {}) for each in package.resources("AWS::Serverless::Function")
    ]
    assert given[0] == given[1]
    if given[0]:
        Settings.from_environ(given[0])


def test_chalice_guesses_no_permissions(package: Package) -> None:
    """Policies are those of the repository: Chalice does not make some from what the code seems to call."""
    config = json.loads((package.tree / ".chalice/config.json").read_text("utf-8"))
    written = json.loads((package.tree / f".chalice/policy-{package.archive.parent.name}.json").read_text("utf-8"))
    assert config["autogen_policy"] is False
    assert list(policies(package)) == [written, written]


def test_the_api_is_regional_and_its_stage_is_called_api(package: Package) -> None:
    """The API is REGIONAL, not EDGE, and lies behind /api."""
    (api,) = package.resources("AWS::Serverless::Api")
    assert api["EndpointConfiguration"] in ("REGIONAL", {"Type": "REGIONAL"})
    assert api["StageName"] == "api"


def test_debug_is_off() -> None:
    """Promise 36: `debug` is off."""
    assert app.debug is False


def test_the_policy_names_the_secrets_arn(package: Package) -> None:
    """Promise 36: The IAM policy names the secret's ARN; no `*` for Secrets Manager."""
    for statement in statements(policies(package)):
        assert not statement.keys() & {"NotAction", "NotResource"}
        if any(covers_secrets(action) for action in as_list(statement["Action"])):
            assert all(is_one_secret(resource) for resource in as_list(statement["Resource"])), statement
            assert not any(has_wildcard(action) for action in as_list(statement["Action"])), statement


@pytest.mark.parametrize(
    ("action", "found"),
    [
        ("secretsmanager:GetSecretValue", True),
        ("secretsmanager:ListSecrets", True),
        ("secretsmanager:*", True),
        ("SecretsManager:getsecretvalue", True),
        ("s*:Get*", True),
        ("*", True),
        ("logs:PutLogEvents", False),
    ],
)
def test_no_spelling_of_an_action_hides_secrets_manager(action: str, found: bool) -> None:
    """The test of promise 36 sees through wildcards and letter case."""
    assert covers_secrets(action) is found


def covers_secrets(action: str) -> bool:
    return action.lower().startswith("secretsmanager:") or covers(action, "secretsmanager:GetSecretValue")


def is_one_secret(resource: Any) -> bool:
    return isinstance(resource, str) and ":secretsmanager:" in resource and not has_wildcard(resource)
