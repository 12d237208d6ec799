"""What Gantry needs in AWS beside its functions: each made where it is missing, and left as it is where it is not.

Every function returns a line that says what it did; `made` is False where there was nothing to do.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import click
from cryptography.fernet import Fernet

from admin import vault

RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""In days: those that CloudWatch Logs has (PutRetentionPolicy, "retentionInDays")."""

AWS_KEYS = frozenset({"", "alias/aws/secretsmanager"})


@dataclass(frozen=True)
class Line:
    """What was done, for the terminal."""

    made: bool
    text: str


@dataclass(frozen=True)
class Merged:
    """The secret's content as it should be, and by which keys it differs from what is stored."""

    content: dict[str, Any]
    added: tuple[str, ...]
    replaced: tuple[str, ...]


def merge(stored: dict[str, Any], given: dict[str, Any]) -> Merged:
    """Return what is stored with what is given over it; of `users`, person by person. Session keys are made if need be.

    What is not given stays. Whether anything may be replaced is for the caller to decide, by `replaced`.
    """
    content, added, replaced = dict(stored), [], []
    for key, value in given.items():
        if key == "users" and isinstance(value, dict) and isinstance(stored.get(key), dict):
            people = stored[key] | value
            added += [f"users.{name}" for name in value if name not in stored[key]]
            replaced += [f"users.{name}" for name in value if name in stored[key] and stored[key][name] != value[name]]
            content[key] = people
        elif key not in stored:
            added.append(key)
            content[key] = value
        elif stored[key] != value:
            replaced.append(key)
            content[key] = value
    if "session_keys" not in content:
        added.insert(0, "session_keys")
        content["session_keys"] = [Fernet.generate_key().decode()]
    return Merged(content, tuple(added), tuple(replaced))


def secret(client: Any, name: str, stored: vault.Stored | None, merged: Merged, key_id: str | None) -> tuple[Line, str]:
    """Store the content; return the line and the secret's ARN. Raises `ClickException` where it changed meanwhile."""
    if stored is None:
        arn = vault.create(client, name, merged.content, key_id)
        return Line(True, f"secret {name}: {', '.join(merged.added)}"), arn
    if not merged.added and not merged.replaced:
        return Line(False, f"secret {stored.name}"), stored.arn
    try:
        vault.replace(client, stored, merged.content)
    except vault.Conflict:
        raise click.ClickException(f"The secret {stored.name} was changed meanwhile. Run this again.") from None
    said = [f"added {', '.join(merged.added)}"] if merged.added else []
    said += [f"replaced {', '.join(merged.replaced)}"] if merged.replaced else []
    return Line(True, f"secret {stored.name}: {'; '.join(said)}"), stored.arn


def key_arn(kms: Any, key_id: str) -> str | None:
    """Return the ARN of the customer's key that encrypts the secret, None for AWS's own."""
    if key_id in AWS_KEYS:
        return None
    about = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    return str(about["Arn"]) if about.get("KeyManager") != "AWS" else None


def table(client: Any, name: str) -> tuple[Line, str]:
    """Make the state table, and let it delete by `expires`; return the line and its ARN.

    Raises `ClickException` for a table that has another key.
    """
    from botocore.exceptions import ClientError

    made = False
    try:
        about = client.describe_table(TableName=name)["Table"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ResourceNotFoundException":
            raise
        about = client.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )["TableDescription"]
        made = True
    key = [(each["AttributeName"], each["KeyType"]) for each in about["KeySchema"]]
    types = {each["AttributeName"]: each["AttributeType"] for each in about["AttributeDefinitions"]}
    if key != [("id", "HASH")] or types.get("id") != "S":
        raise click.ClickException(
            f"There is a table {name} already, and its key is not `id`, a text. Name another: --state-table"
        )
    client.get_waiter("table_exists").wait(TableName=name)
    expiring = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    if expiring.get("TimeToLiveStatus") in ("DISABLED", None):
        client.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
        )
        made = True
    elif expiring.get("AttributeName") != "expires":
        other = expiring.get("AttributeName")
        raise click.ClickException(
            f"The table {name} deletes by {other}, not by `expires`. Name another: --state-table"
        )
    return Line(made, f"table {name}: on demand, key id, deletes by expires"), str(about["TableArn"])


def log_groups(client: Any, names: Iterable[str], days: int, *, insist: bool) -> list[Line]:
    """Make the groups, or give them a retention where they have none; with `insist` also where they have another."""
    lines = []
    for name in names:
        found = client.describe_log_groups(logGroupNamePrefix=name).get("logGroups", [])
        group = next((each for each in found if each["logGroupName"] == name), None)
        kept = group.get("retentionInDays") if group is not None else None
        if group is None:
            client.create_log_group(logGroupName=name)
        change = kept is None or (insist and kept != days)
        if change:
            client.put_retention_policy(logGroupName=name, retentionInDays=days)
        lines.append(Line(change, f"log group {name}: kept {days if change else kept} days"))
    return lines


def readable(content: dict[str, Any]) -> str:
    """Return the content as the service reads it."""
    return json.dumps(content, ensure_ascii=False)
