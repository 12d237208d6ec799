"""The policy that `init` completes, and the one in the repository that it begins from."""

import json
from pathlib import Path
from typing import Any

import pytest

from admin.policy import policy
from tests.deploy.conftest import STAGES, Package
from tests.deploy.permissions import allows, as_list, has_wildcard, statements

ACCOUNT, REGION = "123456789012", "eu-central-1"
FUNCTIONS = ("gantry-prod", "gantry-prod-sweep")
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:gantry/prod-a1B2c3"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/gantry-state"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d-0000-4000-8000-000000000000"
LOGS = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/"
READ_SECRET = "secretsmanager:GetSecretValue"
STREAM = ":log-stream:2026/11/20/[$LATEST]0"


def complete(**more: Any) -> dict[str, Any]:
    return policy(REGION, ACCOUNT, FUNCTIONS, SECRET, **more)


def sids(document: dict[str, Any]) -> list[str]:
    return [statement["Sid"] for statement in document["Statement"]]


def test_functions_read_the_one_secret() -> None:
    """Promise 36: The policy names the secret's full ARN, so no other secret can be read."""
    assert allows(complete(), READ_SECRET, SECRET)
    assert not allows(complete(), READ_SECRET, SECRET.replace("a1B2c3", "d4E5f6"))
    assert not allows(complete(), "secretsmanager:PutSecretValue", SECRET)


def test_functions_write_their_own_logs() -> None:
    """Each function may create its log group and stream and write there, and in no other group."""
    for function in FUNCTIONS:
        assert allows(complete(), "logs:CreateLogGroup", f"{LOGS}{function}:log-stream:")
        assert allows(complete(), "logs:CreateLogStream", LOGS + function + STREAM)
        assert allows(complete(), "logs:PutLogEvents", LOGS + function + STREAM)
    assert not allows(complete(), "logs:PutLogEvents", LOGS + "gantry-production" + STREAM)
    assert not allows(complete(), "logs:GetLogEvents", LOGS + "gantry-prod" + STREAM)


def test_a_function_needs_nothing_but_secret_and_logs() -> None:
    """Without table, key and private network the policy is the logs and the secret, with no wildcard for the secret."""
    document = complete()
    assert sids(document) == ["WriteOwnLogs", "ReadTheSecret"]
    assert document["Statement"][1]["Resource"] == [SECRET]


@pytest.mark.parametrize("action", ["GetItem", "UpdateItem", "PutItem", "DeleteItem"])
def test_functions_use_the_one_table(action: str) -> None:
    """With STATE_TABLE the four actions on single items are allowed, on that table alone."""
    document = complete(table_arn=TABLE)
    assert allows(document, f"dynamodb:{action}", TABLE)
    assert not allows(document, f"dynamodb:{action}", TABLE + "-2")
    assert not allows(complete(), f"dynamodb:{action}", TABLE)


@pytest.mark.parametrize("action", ["Scan", "Query", "DeleteTable", "BatchWriteItem"])
def test_functions_cannot_list_or_drop_the_table(action: str) -> None:
    """What reads or removes all items at once is not allowed."""
    assert not allows(complete(table_arn=TABLE), f"dynamodb:{action}", TABLE)


def test_a_customer_key_decrypts_the_secret_alone() -> None:
    """With a customer key `kms:Decrypt` is allowed on it, through Secrets Manager only."""
    document = complete(key_arn=KEY)
    assert allows(document, "kms:Decrypt", KEY)
    (statement,) = [each for each in document["Statement"] if each["Sid"] == "DecryptTheSecret"]
    assert statement["Condition"] == {"StringLike": {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com*"}}


def test_in_a_private_network_lambda_makes_its_interfaces() -> None:
    """With a VPC the actions of AWSLambdaVPCAccessExecutionRole are allowed, and without one none of EC2's."""
    needed = ("CreateNetworkInterface", "DescribeNetworkInterfaces", "DescribeSubnets", "DeleteNetworkInterface")
    interface = f"arn:aws:ec2:{REGION}:{ACCOUNT}:network-interface/eni-0"
    for action in (*needed, "AssignPrivateIpAddresses", "UnassignPrivateIpAddresses"):
        assert allows(complete(vpc=True), f"ec2:{action}", interface)
        assert not allows(complete(), f"ec2:{action}", interface)


def test_only_interfaces_are_not_named() -> None:
    """The whole policy has `*` for a resource in the network's statement alone, and for an action nowhere."""
    document = complete(table_arn=TABLE, key_arn=KEY, vpc=True)
    assert [each["Sid"] for each in document["Statement"] if each["Resource"] == ["*"]] == ["JoinTheNetwork"]
    assert not [action for each in document["Statement"] for action in each["Action"] if has_wildcard(action)]
    for statement in document["Statement"]:
        if statement["Sid"] not in ("WriteOwnLogs", "JoinTheNetwork"):
            assert not any(has_wildcard(resource) for resource in statement["Resource"])


def test_other_partitions_keep_their_name() -> None:
    """In China and GovCloud the log groups lie in the secret's partition."""
    document = policy("us-gov-west-1", ACCOUNT, FUNCTIONS, SECRET.replace("arn:aws:", "arn:aws-us-gov:"))
    assert document["Statement"][0]["Resource"][0].startswith("arn:aws-us-gov:logs:us-gov-west-1:")


@pytest.mark.parametrize(
    "arn",
    [
        "gantry/prod",
        "*",
        f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:*",
        f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:gantry/prod",
        f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:gantry/prod-??????",
        f"arn:aws:secretsmanager:*:{ACCOUNT}:secret:gantry/prod-a1B2c3",
        TABLE,
    ],
)
def test_what_is_not_one_secret_is_refused(arn: str) -> None:
    """Promise 36: A name, an incomplete ARN or one with a wildcard makes no policy."""
    with pytest.raises(ValueError, match="full ARN"):
        policy(REGION, ACCOUNT, FUNCTIONS, arn)


@pytest.mark.parametrize(
    "named",
    [
        {"table_arn": "gantry-state"},
        {"table_arn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/*"},
        {"key_arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/gantry"},
        {"key_arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*"},
    ],
)
def test_what_is_not_one_table_or_key_is_refused(named: dict[str, str]) -> None:
    """A table's name, a key's alias or a wildcard makes no policy."""
    with pytest.raises(ValueError, match="this is not a"):
        complete(**named)


@pytest.mark.parametrize("stage", STAGES)
def test_as_delivered_functions_write_their_own_logs_and_nothing_else(stage: str, delivered: Path) -> None:
    """In the repository the policy allows the logs of the stage's functions alone.

    Region and account are wildcards there, for nobody knows them before `init`: a role is of one account, and Lambda
    writes a function's log to its own region, so this opens no other group. `-*` stands for the schedule's function.
    """
    document = json.loads((delivered / f"policy-{stage}.json").read_text("utf-8"))
    (statement,) = document["Statement"]
    assert sorted(statement["Action"]) == ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    for function in (f"gantry-{stage}", f"gantry-{stage}-sweep"):
        assert allows(document, "logs:CreateLogGroup", f"{LOGS}{function}:log-stream:")
        assert allows(document, "logs:PutLogEvents", LOGS + function + STREAM)
    for other in (f"gantry-{stage}2", "gantry", "billing"):
        assert not allows(document, "logs:PutLogEvents", LOGS + other + STREAM)


def test_every_function_of_the_template_may_write_its_log(package: Package) -> None:
    """Whatever a deployer has added, both roles let a function of that name write its log.

    `chalice deploy` names the functions after app and stage.
    """
    stage = package.archive.parent.name
    app_name = json.loads((package.tree / ".chalice/config.json").read_text("utf-8"))["app_name"]
    roles = package.resources("AWS::IAM::Role")
    assert len(roles) == 2
    for role in roles:
        (inline,) = role["Policies"]
        for function in (f"{app_name}-{stage}", f"{app_name}-{stage}-sweep"):
            here = [anywhere(statement) for statement in statements([inline["PolicyDocument"]])]
            assert allows({"Statement": here}, "logs:PutLogEvents", LOGS + function + STREAM), function


def anywhere(statement: dict[str, Any]) -> dict[str, Any]:
    """The statement as it would be in the account and region of these tests."""
    places = [resource.split(":", 5) for resource in as_list(statement["Resource"])]
    here = [":".join([*parts[:3], REGION, ACCOUNT, *parts[5:]]) for parts in places if len(parts) == 6]
    return {**statement, "Resource": here}
