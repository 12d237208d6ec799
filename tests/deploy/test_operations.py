"""The alarms: templates that AWS takes, over figures and log lines that there are."""

import io
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from chalicelib.errors import ConfigurationError, Problem, Unavailable
from chalicelib.log import Journal
from tests.deploy.alarms import TEMPLATES, counted, resources, template
from tests.deploy.cloud import Cloud
from tests.deploy.conftest import Package

ALARM = "AWS::CloudWatch::Alarm"
FILTER = "AWS::Logs::MetricFilter"
DEFAULTS = {"App": "gantry", "Stage": "prod"}


@pytest.fixture(scope="module")
def operations() -> dict[str, Any]:
    return template("operations.yaml")


@pytest.fixture(scope="module")
def findings(packages: Mapping[str, Package], merged: Package) -> dict[str, list[Any]]:
    """What cfn-lint finds in each template."""
    files = {
        **{stage: package.template_file for stage, package in packages.items()},
        "merged": merged.template_file,
        "operations": TEMPLATES / "operations.yaml",
    }
    lint = [sys.executable, "-c", "from cfnlint.runner import main; main()", "--regions", "eu-central-1"]
    result = subprocess.run(
        [*lint, "--format", "json", "--", *map(str, files.values())],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    found = json.loads(result.stdout or "[]")
    assert result.returncode == 0 or found, result.stderr
    return {name: [each for each in found if each["Filename"] == str(file)] for name, file in files.items()}


@pytest.mark.parametrize("name", ["dev", "prod", "merged", "operations"])
def test_cfn_lint_accepts_the_template(findings: dict[str, list[Any]], name: str) -> None:
    """cfn-lint finds nothing in either stage's template, in the one with the alarms merged, and in the alarms' own."""
    assert findings[name] == []


def said(line: Callable[[Journal], None]) -> str:
    stream = io.StringIO()
    line(Journal("DEBUG", stream))
    return stream.getvalue()


def attempt(outcome: str) -> Callable[[Journal], None]:
    return lambda journal: journal.attempt(
        outcome=outcome, reason="some", username="a", directory="users", address="192.0.2.7", request_id="r"
    )


@pytest.mark.parametrize(
    ("line", "metrics"),
    [
        (
            lambda journal: journal.problems(ConfigurationError((Problem("SECRET_ID", "is missing", "Set it"),))),
            "Configuration",
        ),
        (lambda journal: journal.fault(KeyError("text"), "r"), "Faults"),
        (lambda journal: journal.backend(Unavailable("workspace", "time-out"), "r"), "BackendFailures"),
        (attempt("failed"), "FailedSignIns"),
        (attempt("refused"), "RefusedSignIns"),
        (attempt("signed-in"), ""),
        (attempt("challenged"), ""),
        (lambda journal: journal.event("request", path="/login", status=503, reason="backend"), ""),
        (lambda journal: journal.event("sweep", removed=3), ""),
    ],
)
def test_each_line_of_the_log_counts_for_its_metric(line: Callable[[Journal], None], metrics: str) -> None:
    """A line counts for the one metric that its event, and an attempt's outcome, stand for; a usual one for none."""
    assert list(counted(said(line))) == metrics.split()


def test_every_count_has_its_alarm(operations: dict[str, Any]) -> None:
    """Each metric that a filter makes of log lines has an alarm, and no alarm waits for a metric that nobody makes."""
    made = {
        (json.dumps(transformation["MetricNamespace"]), transformation["MetricName"])
        for each in resources(operations, FILTER).values()
        for transformation in each["MetricTransformations"]
    }
    awaited = {
        (json.dumps(alarm["Namespace"]), alarm["MetricName"])
        for alarm in resources(operations, ALARM).values()
        if alarm["Namespace"] not in ("AWS/Lambda", "AWS/ApiGateway")
    }
    assert made == awaited
    assert {name for _, name in made} == {
        "Configuration",
        "Faults",
        "BackendFailures",
        "FailedSignIns",
        "RefusedSignIns",
    }


def test_the_sweeps_log_counts_a_broken_configuration_too(operations: dict[str, Any]) -> None:
    """A broken configuration is noticed within the hour where nobody signs in: the sweep's log counts for it."""
    groups = [
        each["LogGroupName"]["Fn::Sub"]
        for each in resources(operations, FILTER).values()
        if each["MetricTransformations"][0]["MetricName"] == "Configuration"
    ]
    assert sorted(groups) == ["/aws/lambda/${App}-${Stage}", "/aws/lambda/${App}-${Stage}-sweep"]


def test_the_alarms_watch_what_is_deployed(operations: dict[str, Any], packages: Mapping[str, Package]) -> None:
    """Errors of both functions, throttles, duration and 5xx answers are watched under the names that Chalice gives."""
    (api,) = packages["prod"].resources("AWS::Serverless::Api")
    gateway = {"ApiName": api["DefinitionBody"]["info"]["title"], "Stage": api["StageName"]}
    watched = [
        (alarm["MetricName"], {each["Name"]: resolved(each["Value"]) for each in alarm["Dimensions"]})
        for alarm in resources(operations, ALARM).values()
        if alarm["Namespace"] in ("AWS/Lambda", "AWS/ApiGateway")
    ]
    assert watched == [
        ("Errors", {"FunctionName": "gantry-prod"}),
        ("Throttles", {"FunctionName": "gantry-prod"}),
        ("Duration", {"FunctionName": "gantry-prod"}),
        ("Errors", {"FunctionName": "gantry-prod-sweep"}),
        ("5XXError", gateway),
    ]


def test_a_slow_function_is_told_before_it_is_stopped(operations: dict[str, Any], package: Package) -> None:
    """The alarm for slow requests lies well below the functions' time-out."""
    threshold = resources(operations, ALARM)["FunctionSlow"]["Threshold"]
    for function in package.resources("AWS::Serverless::Function"):
        assert function["Timeout"] * 500 < threshold < function["Timeout"] * 1000


def test_every_alarm_reaches_somebody_and_says_why(operations: dict[str, Any]) -> None:
    """Each alarm goes to the topic, keeps still where nothing is counted, and says in its mail what to do."""
    alarms = resources(operations, ALARM)
    assert len(alarms) == 10
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == [{"Ref": "Topic"}]
        assert alarm["TreatMissingData"] == "notBreaching"
        assert 100 < len(alarm["AlarmDescription"]) <= 1024


def test_the_fragment_has_the_same_alarms(operations: dict[str, Any]) -> None:
    """`merge.yaml` adds what `operations.yaml` has, with the stack's name in the place of app and stage."""
    own = json.dumps(operations["Resources"]).replace("${App}-${Stage}", "${AWS::StackName}")
    expected = json.loads(own.replace(json.dumps({"Ref": "App"}), '"gantry"'))
    fragment = template("merge.yaml")
    named = {name: fragment["Resources"].pop(name)["Properties"] for name in ("APIHandler", "Sweep")}
    assert fragment["Resources"] == expected
    assert fragment["Conditions"] == operations["Conditions"]
    assert named == {
        "APIHandler": {"FunctionName": {"Ref": "AWS::StackName"}},
        "Sweep": {"FunctionName": {"Fn::Sub": "${AWS::StackName}-sweep"}},
    }


def test_merging_adds_to_chalices_template(packages: Mapping[str, Package], merged: Package) -> None:
    """With the fragment Chalice's own resources stay as they are, but for the functions' names."""
    before, after = packages["prod"].template["Resources"], merged.template["Resources"]
    assert before["APIHandler"]["Type"] == before["Sweep"]["Type"] == "AWS::Serverless::Function"
    for name in ("APIHandler", "Sweep"):
        assert after[name]["Properties"].pop("FunctionName")
    assert {name: after[name] for name in before} == before
    assert len(resources({"Resources": after}, ALARM)) == 10


# moto's CloudFormation makes topics and tables, and says of alarms and filters that it cannot.
@pytest.mark.filterwarnings("ignore:Tried to parse AWS.:UserWarning")
def test_the_state_table_is_made_on_request_alone(operations: dict[str, Any], cloud: Cloud) -> None:
    """The stack makes a topic, and a table as STATE_TABLE wants it where one is named; by default none is."""
    assert made(cloud, "plain", {}) == ["Topic"]
    assert made(cloud, "with-table", {"StateTable": "gantry-by-stack"}) == ["StateTableResource", "Topic"]
    table = cloud.client("dynamodb").describe_table(TableName="gantry-by-stack")["Table"]
    assert table["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert table["AttributeDefinitions"] == [{"AttributeName": "id", "AttributeType": "S"}]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    # moto's CloudFormation passes over this one.
    expiry = resources(operations, "AWS::DynamoDB::Table")["StateTableResource"]["TimeToLiveSpecification"]
    assert expiry == {"AttributeName": "expires", "Enabled": True}


def test_deleting_the_stack_keeps_the_state_table(operations: dict[str, Any]) -> None:
    """Whose account is whose outlives the stack."""
    table = operations["Resources"]["StateTableResource"]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")


def made(cloud: Cloud, stack: str, parameters: dict[str, str]) -> list[str]:
    client = cloud.client("cloudformation")
    client.create_stack(
        StackName=stack,
        TemplateBody=(TEMPLATES / "operations.yaml").read_text("utf-8"),
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in {"Email": "admin@example.org", **parameters}.items()
        ],
    )
    assert client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    made = client.list_stack_resources(StackName=stack)["StackResourceSummaries"]
    return sorted(each["LogicalResourceId"] for each in made if each["LogicalResourceId"])


def resolved(value: Any) -> str:
    """A value with the parameters' defaults."""
    if isinstance(value, str):
        return value
    if "Ref" in value:
        return DEFAULTS[value["Ref"]]
    text: str = value["Fn::Sub"]
    for name, default in DEFAULTS.items():
        text = text.replace(f"${{{name}}}", default)
    return text
