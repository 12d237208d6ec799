"""The DynamoDB table of `STATE_TABLE`: what Gantry remembers where it has no database.

The table has the partition key `id` (a string) and, for housekeeping alone, the TTL attribute `expires` (a number).
DynamoDB deletes late, within days (Developer Guide, "Using time to live (TTL)"), so whoever reads compares times
themselves.
"""

import json
from collections.abc import Mapping
from math import ceil
from typing import Any

from chalicelib.aws import AwsRefusal, AwsService
from chalicelib.deadline import Deadline
from chalicelib.errors import ConfigurationError, Problem, Unavailable

BACKEND = "state"
SETTING = "STATE_TABLE"

_PERMANENT = {
    "ResourceNotFoundException": (
        "there is no such table in this account and region",
        "Create it with the partition key `id` (a string), or mend the name",
    ),
    "AccessDeniedException": (
        "the function may not use the table",
        "Allow dynamodb:GetItem and dynamodb:PutItem on the table's ARN in .chalice/policy-<stage>.json and deploy",
    ),
    "ValidationException": (
        "the table has another key, or what was to be kept is too large for it",
        "Create one with the partition key `id` (a string) and no sort key",
    ),
}


class StateTable:
    """Keep JSON objects by key, and change them by compare-and-set."""

    def __init__(self, service: AwsService, name: str) -> None:
        self._service = service
        self._name = name

    def read(self, key: str, deadline: Deadline) -> tuple[dict[str, Any], int]:
        """Return what is kept under `key` and its version; an empty object and 0 where there is nothing.

        The read is consistent: it sees every write that was answered. Raises `ConfigurationError` where the table is
        not there, may not be used or has another key, and `Unavailable` for all else.
        """
        answer = self._call("get_item", deadline, Key={"id": {"S": key}}, ConsistentRead=True)
        item = answer.get("Item")
        if item is None:
            return {}, 0
        try:
            content, version = json.loads(item["content"]["S"]), int(item["version"]["N"])
        except (KeyError, TypeError, ValueError):
            raise Unavailable(BACKEND, "an item that Gantry did not write") from None
        if not isinstance(content, dict):
            raise Unavailable(BACKEND, "an item that Gantry did not write")
        return content, version

    def write(
        self, key: str, content: Mapping[str, Any], version: int, deadline: Deadline, expires: float | None = None
    ) -> bool:
        """Keep `content` in the place of `version`, as `version` + 1; return False where that is not what is there.

        Version 0 stands for nothing. `content` is what JSON can say. After `expires` (seconds since 1970) DynamoDB may
        delete it. Raises as `read`.
        """
        item = {
            "id": {"S": key},
            "version": {"N": str(version + 1)},
            "content": {"S": json.dumps(dict(content), separators=(",", ":"))},
        }
        if expires is not None:
            item["expires"] = {"N": str(ceil(expires))}
        condition: dict[str, Any] = {
            "ConditionExpression": "#version = :version",
            "ExpressionAttributeNames": {"#version": "version"},
            "ExpressionAttributeValues": {":version": {"N": str(version)}},
        }
        if version == 0:
            condition = {
                "ConditionExpression": "attribute_not_exists(#id)",
                "ExpressionAttributeNames": {"#id": "id"},
            }
        try:
            self._call("put_item", deadline, Item=item, **condition)
        except _ConditionFailed:
            return False
        return True

    def _call(self, operation: str, deadline: Deadline, **parameters: Any) -> dict[str, Any]:
        try:
            return self._service.call(operation, deadline, TableName=self._name, **parameters)
        except AwsRefusal as refusal:
            code = refusal.code
        if code == "ConditionalCheckFailedException":
            raise _ConditionFailed
        if code in _PERMANENT:
            raise ConfigurationError((Problem(SETTING, *_PERMANENT[code]),))
        raise Unavailable(BACKEND, code)


class _ConditionFailed(Exception):
    """A write whose condition did not hold."""
