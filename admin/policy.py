"""What both functions may do, as an IAM policy for `.chalice/policy-<stage>.json`.

Chalice writes that file into the roles as it stands, so it is complete only when the secret exists, whose ARN ends in
six characters that Secrets Manager chooses. Every resource is named; the exception are network interfaces, for which
IAM knows no other way.
"""

import re
from collections.abc import Sequence
from typing import Any

_SECRETS_ARN = r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+-[A-Za-z0-9]{6}"
_TABLE_ARN = r"arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:\d{12}:table/[\w.-]+"
_KEY_ARN = r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[\w-]+"


def policy(
    region: str,
    account: str,
    functions: Sequence[str],
    secret_arn: str,
    table_arn: str | None = None,
    key_arn: str | None = None,
    vpc: bool = False,
) -> dict[str, Any]:
    """Return the policy for the functions of one stage.

    `functions` are their names, for their log groups. `secret_arn` is the secret's full ARN, `table_arn` that of
    `STATE_TABLE`, `key_arn` that of the customer key that encrypts the secret (the key itself: IAM ignores aliases).
    `vpc` is for functions in a private network. Cognito's calls are public and need no permission.

    Raises `ValueError` for an ARN that is not of its kind, or has a wildcard.
    """
    _require(_SECRETS_ARN, secret_arn, "a secret's full ARN, with the six characters at its end")
    partition = secret_arn.split(":")[1]
    logs = f"arn:{partition}:logs:{region}:{account}:log-group:/aws/lambda/"
    statements = [
        # An ARN for these three ends in `:*` (CloudWatch Logs User Guide, "Overview of managing access permissions").
        _allow(
            "WriteOwnLogs",
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            [f"{logs}{name}:*" for name in functions],
        ),
        _allow("ReadTheSecret", ["secretsmanager:GetSecretValue"], [secret_arn]),
    ]
    if table_arn is not None:
        _require(_TABLE_ARN, table_arn, "a DynamoDB table's ARN")
        actions = ["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:PutItem", "dynamodb:DeleteItem"]
        statements.append(_allow("UseTheStateTable", actions, [table_arn]))
    if key_arn is not None:
        _require(_KEY_ARN, key_arn, "a KMS key's ARN (not an alias)")
        # Only as Secrets Manager uses the key on behalf of the function, not for what else it encrypts.
        through = {"StringLike": {"kms:ViaService": f"secretsmanager.{region}.amazonaws.com*"}}
        statements.append({**_allow("DecryptTheSecret", ["kms:Decrypt"], [key_arn]), "Condition": through})
    if vpc:
        # What AWSLambdaVPCAccessExecutionRole has: Lambda makes network interfaces in the functions' name.
        actions = [
            *("ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"),
            *("ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
        ]
        statements.append(_allow("JoinTheNetwork", actions, ["*"]))
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(sid: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


def _require(pattern: str, arn: str, what: str) -> None:
    if re.fullmatch(pattern, arn, re.ASCII) is None:
        raise ValueError(f"this is not {what}: {arn}")
