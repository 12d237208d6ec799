"""What `chalice deploy` would make of the stages: the functions, the API and what they may do."""

import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from app import app

from .conftest import STAGES, Package

Statement = dict[str, Any]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(package: Package) -> Iterator[Statement]:
    for role in package.resources("AWS::IAM::Role"):
        for policy in role["Policies"]:
            yield from as_list(policy["PolicyDocument"]["Statement"])


def test_every_function_has_a_full_processor_and_ends_before_api_gateway_does(package: Package) -> None:
    """Functions have 1,769 MB (one processor) and 28 seconds: API Gateway stops waiting after 29."""
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


def test_a_stage_carries_no_settings_of_anybody_else(package: Package) -> None:
    """As delivered, no stage has a setting: there is no placeholder that could be deployed."""
    for each in package.resources("AWS::Serverless::Function"):
        assert not each.get("Environment", {}).get("Variables")


def test_the_api_is_regional_and_its_stage_is_called_api(package: Package) -> None:
    """The API is REGIONAL, not EDGE, and lies behind /api."""
    (api,) = package.resources("AWS::Serverless::Api")
    assert api["EndpointConfiguration"] in ("REGIONAL", {"Type": "REGIONAL"})
    assert api["StageName"] == "api"


@pytest.mark.parametrize("stage", STAGES)
def test_cfn_lint_accepts_the_template(packages: dict[str, Package], stage: str) -> None:
    """The template of each stage passes cfn-lint."""
    lint = [sys.executable, "-c", "from cfnlint.runner import main; main()", "--regions", "eu-central-1"]
    command = [*lint, "--", str(packages[stage].template_file)]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr


def test_debug_is_off() -> None:
    """Promise 36: `debug` is off."""
    assert app.debug is False


def test_the_policy_names_the_secrets_arn(package: Package) -> None:
    """Promise 36: The IAM policy names the secret's ARN; no `*` for Secrets Manager."""
    for statement in statements(package):
        assert statement["Effect"] == "Allow"
        assert not statement.keys() & {"NotAction", "NotResource"}
        if any(_covers_secrets(action) for action in as_list(statement["Action"])):
            assert all(_is_one_secret(resource) for resource in as_list(statement["Resource"])), statement
            assert not any(_has_wildcard(action) for action in as_list(statement["Action"])), statement


def test_as_delivered_functions_may_write_their_own_logs_and_nothing_else(package: Package) -> None:
    """Without a secret to name, the policy allows the stage's own log groups alone."""
    found = list(statements(package))
    assert found
    for statement in found:
        assert all(action.startswith("logs:") and not _has_wildcard(action) for action in as_list(statement["Action"]))
        assert all(":log-group:/aws/lambda/gantry-" in resource for resource in as_list(statement["Resource"]))


@pytest.mark.parametrize(
    ("action", "covers"),
    [
        ("secretsmanager:GetSecretValue", True),
        ("secretsmanager:*", True),
        ("SecretsManager:getsecretvalue", True),
        ("s*:Get*", True),
        ("*", True),
        ("logs:PutLogEvents", False),
    ],
)
def test_no_spelling_of_an_action_hides_secrets_manager(action: str, covers: bool) -> None:
    """The test of promise 36 sees through wildcards and letter case."""
    assert _covers_secrets(action) is covers


def _covers_secrets(action: str) -> bool:
    action = action.lower()
    return action.startswith("secretsmanager:") or fnmatchcase("secretsmanager:getsecretvalue", action)


def _is_one_secret(resource: Any) -> bool:
    return isinstance(resource, str) and ":secretsmanager:" in resource and not _has_wildcard(resource)


def _has_wildcard(text: str) -> bool:
    return "*" in text or "?" in text
