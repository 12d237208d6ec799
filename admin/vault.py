"""The secret in Secrets Manager as an administrator changes it: read whole, replaced only where nobody else did.

`UpdateSecretVersionStage` moves `AWSCURRENT` away from one named version and fails where that is not the current one
(Secrets Manager API reference): so a change that somebody made meanwhile is never lost.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import click

CURRENT = "AWSCURRENT"
_STAGED = "GANTRY_NEXT"
_MOVED_MEANWHILE = frozenset({"InvalidParameterException", "InvalidRequestException"})


class Conflict(Exception):
    """The secret was changed between reading and replacing it."""


@dataclass(frozen=True)
class Stored:
    """The secret as it was read. `version` is empty where it has no value yet, `key_id` where AWS's own key is used."""

    name: str
    arn: str
    version: str
    changed: datetime | None
    key_id: str
    content: dict[str, Any] = field(repr=False)


def read(client: Any, secret_id: str) -> Stored | None:
    """Return the secret, None where there is none.

    Raises `click.ClickException` for one that is being deleted or is no JSON object, boto3's errors for all else.
    """
    from botocore.exceptions import ClientError

    try:
        about = client.describe_secret(SecretId=secret_id)
    except ClientError as error:
        if _code(error) == "ResourceNotFoundException":
            return None
        raise
    if about.get("DeletedDate"):
        raise click.ClickException(
            f"The secret {about['Name']} is being deleted. Take that back with:"
            f" aws secretsmanager restore-secret --secret-id {about['Name']}"
        )
    key_id = about.get("KmsKeyId") or ""
    try:
        value = client.get_secret_value(SecretId=secret_id)
    except ClientError as error:
        if _code(error) == "ResourceNotFoundException":
            return Stored(about["Name"], about["ARN"], "", None, key_id, {})
        raise
    return Stored(
        about["Name"], about["ARN"], value["VersionId"], value.get("CreatedDate"), key_id, _content(about, value)
    )


def create(client: Any, name: str, content: dict[str, Any], key_id: str | None) -> str:
    """Create the secret and return its ARN. Raises boto3's errors: one that is there already is never overwritten."""
    key = {"KmsKeyId": key_id} if key_id else {}
    text = json.dumps(content, ensure_ascii=False, indent=2)
    made = client.create_secret(Name=name, Description="Gantry: session keys and credentials", SecretString=text, **key)
    return str(made["ARN"])


def replace(client: Any, stored: Stored, content: dict[str, Any]) -> None:
    """Put `content` in the place of what was read. Raises `Conflict` where that is not current any more."""
    from botocore.exceptions import ClientError

    text = json.dumps(content, ensure_ascii=False, indent=2)
    if not stored.version:
        client.put_secret_value(SecretId=stored.arn, SecretString=text)
        return
    staged = client.put_secret_value(SecretId=stored.arn, SecretString=text, VersionStages=[_STAGED])
    new = staged["VersionId"]
    try:
        client.update_secret_version_stage(
            SecretId=stored.arn, VersionStage=CURRENT, MoveToVersionId=new, RemoveFromVersionId=stored.version
        )
    except ClientError as error:
        if _code(error) in _MOVED_MEANWHILE:
            raise Conflict from None
        raise
    finally:
        _unstage(client, stored.arn, new)


def _unstage(client: Any, arn: str, version: str) -> None:
    """Take our own label off; where somebody else's change carries it by now it is theirs to take off."""
    from botocore.exceptions import ClientError

    try:
        client.update_secret_version_stage(SecretId=arn, VersionStage=_STAGED, RemoveFromVersionId=version)
    except ClientError as error:
        if _code(error) not in _MOVED_MEANWHILE:
            raise


def _content(about: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    try:
        content = json.loads(value.get("SecretString") or "")
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise click.ClickException(
            f"The secret {about['Name']} is no JSON object, so it is not Gantry's. Name another with --secret-id."
        )
    return content


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
