"""What the commands say when something goes wrong."""

import json

import pytest
from botocore.exceptions import ClientError, NoCredentialsError, ParamValidationError, ProfileNotFound

from admin import vault, workspace
from admin.failures import sentence
from chalicelib.errors import NotSignedIn, RateLimited, Unavailable
from chalicelib.rocketchat import Reply
from tests.admin.checkout import Checkout, alone, given


def refusal(code: str, message: str = "canary") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "CreateSecret")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (refusal("InternalFailure"), "AWS refused CreateSecret (InternalFailure)."),
        (refusal("ExpiredTokenException"), "aws sso login"),
        (refusal("AccessDeniedException"), "your user or role needs the call CreateSecret"),
        (
            refusal("AccessDenied", "User: canary is not authorized to perform: kms:DescribeKey on resource: canary"),
            "your user or role needs kms:DescribeKey.",
        ),
        (NoCredentialsError(), "aws configure"),
        (ProfileNotFound(profile="canary"), "aws configure"),
        (ParamValidationError(report="SecretString: canary"), "ParamValidationError"),
        (RateLimited("workspace", "canary", 7), "try again in 7 seconds"),
        (Unavailable("database", "timeout"), "The database gave no usable answer (timeout)."),
        (NotSignedIn(), "NotSignedIn"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_failure_is_a_sentence_without_what_was_sent(error: Exception, said: str) -> None:
    """Promise 32: a failure is named by its kind and what helps; texts of AWS may repeat values and are left out."""
    assert said in sentence(error)
    assert "canary" not in sentence(error)


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b'{"error": 403}', b'{"errorType": "error-canary"}', b"[" * 9999])
def test_a_refusal_of_another_kind_is_no_second_factor(body: bytes) -> None:
    """Only the three words of Rocket.Chat's ask for a code; whatever else a proxy answers does not."""
    assert workspace.second_factor_due(Reply(400, {}, body)) is None
    assert workspace.second_factor_due(Reply(200, {}, b'{"errorType": "totp-required"}')) is None


def test_a_second_factor_is_understood_in_both_forms() -> None:
    """As a 400 with `errorType` and as a 401 with `error`, with a method that is a plain word or none."""
    details = {"method": "email", "codeGenerated": False}
    for status, key in ((400, "errorType"), (401, "error")):
        body = json.dumps({key: "totp-invalid", "details": details}).encode()
        assert workspace.second_factor_due(Reply(status, {}, body)) == workspace.SecondFactorDue("email", True, False)
    odd = json.dumps({"errorType": "totp-required", "details": {"method": "\r\ncanary"}}).encode()
    assert workspace.second_factor_due(Reply(400, {}, odd)) == workspace.SecondFactorDue("", False, None)


def test_a_secret_that_changes_under_init_is_not_overwritten(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that somebody else adds between reading and writing stays, and the next run adds to that."""
    checkout.done(*alone(checkout))
    changed = checkout.secret() | {"of_somebody": "canary-theirs"}
    read = vault.read

    def late(client: object, secret_id: str) -> vault.Stored | None:
        stored = read(client, secret_id)
        if "of_somebody" not in checkout.secret():
            checkout.client("secretsmanager").put_secret_value(
                SecretId=checkout.secret_id, SecretString=json.dumps(changed)
            )
        return stored

    monkeypatch.setattr(vault, "read", late)
    words = alone(checkout, "--credentials", given(checkout, rocketchat_registration_secret="canary-r"))
    assert "was changed meanwhile" in checkout.refused(*words)
    assert checkout.secret() == changed
    checkout.done(*words)
    assert checkout.secret() == changed | {"rocketchat_registration_secret": "canary-r"}


def test_aws_own_key_needs_no_permission(checkout: Checkout) -> None:
    """A secret under the key that AWS manages is read without kms:Decrypt."""
    checkout.done(*alone(checkout, "--kms-key", "alias/aws/secretsmanager"))
    assert "kms:" not in json.dumps(checkout.policy)


def test_a_table_that_deletes_by_another_attribute_is_refused(checkout: Checkout) -> None:
    """A table whose time to live is something else's is another program's: it is not changed."""
    checkout.done(*alone(checkout))
    client = checkout.client("dynamodb")
    off = {"Enabled": False, "AttributeName": "expires"}
    client.update_time_to_live(TableName=checkout.table, TimeToLiveSpecification=off)
    other = {"Enabled": True, "AttributeName": "other"}
    client.update_time_to_live(TableName=checkout.table, TimeToLiveSpecification=other)
    assert "deletes by other" in checkout.refused(*alone(checkout))


def test_the_group_lists_every_command(checkout: Checkout) -> None:
    """`python -m admin` names the commands, and each one's --help has an example to copy."""
    names = ("init", "check-config", "connect", "rotate-key", "console-login", "sign-out", "hash-password")
    listed = checkout.done("--help")
    for name in names:
        assert f"\n  {name} " in listed
        if name != "hash-password":
            assert f"python -m admin {name}" in checkout.done(name, "--help")
            assert "Next:" in checkout.done(name, "--help") or name == "console-login"
