"""`python -m admin init`: what it makes in AWS and in `.chalice/`, and that it can be run again."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from admin.policy import policy
from chalicelib.config import Settings
from chalicelib.credentials import Credentials
from tests.admin.checkout import ACCOUNT, MONGODB, URL, Checkout, alone, given, retentions


def table(checkout: Checkout, name: str = "") -> dict[str, Any]:
    found: dict[str, Any] = checkout.client("dynamodb").describe_table(TableName=name or checkout.table)["Table"]
    return found


def test_all_that_a_stage_needs_is_made(checkout: Checkout) -> None:
    """One run makes secret, table, log groups, environment and policy, all as the service and the policy want them."""
    output = checkout.done(*alone(checkout, "--credentials", given(checkout, **ACCOUNT)))
    secret = checkout.secret()
    assert set(secret) == {"session_keys", *ACCOUNT}
    (key,) = secret["session_keys"]
    Fernet(key)
    settings = Settings.from_environ(checkout.environment)
    assert settings.rocketchat_url == URL
    assert (settings.secret_id, settings.state_table) == (checkout.secret_id, checkout.table)
    assert Credentials.from_json(json.dumps(secret), settings).service_account is not None
    made = table(checkout)
    assert made["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert made["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    living = checkout.client("dynamodb").describe_time_to_live(TableName=checkout.table)["TimeToLiveDescription"]
    assert (living["TimeToLiveStatus"], living["AttributeName"]) == ("ENABLED", "expires")
    groups = [f"/aws/lambda/{checkout.name}-prod", f"/aws/lambda/{checkout.name}-prod-sweep"]
    assert retentions(checkout) == dict.fromkeys(groups, 30)
    arn = checkout.client("secretsmanager").describe_secret(SecretId=checkout.secret_id)["ARN"]
    functions = [name.removeprefix("/aws/lambda/") for name in groups]
    assert checkout.policy == policy("eu-central-1", "123456789012", functions, arn, made["TableArn"])
    assert "account 123456789012, region eu-central-1" in output
    resources = [f"secret {checkout.secret_id}: session_keys", f"table {checkout.table}"]
    resources += [f"log group {name}" for name in groups]
    for what in (*resources, ".chalice/config.json", ".chalice/policy-prod.json"):
        assert f"  done   {what}" in output
    assert "chalice deploy --stage prod" in output
    assert output.index("chalice deploy") < output.index("admin connect") < output.index("admin doctor")


def test_a_second_run_changes_nothing_and_says_so(checkout: Checkout) -> None:
    """Run again, with the same words or with none, nothing is made or written."""
    words = alone(checkout, "--credentials", given(checkout, **ACCOUNT))
    checkout.done(*words)
    before, secret = checkout.snapshot(), checkout.secret()
    for again in (words, ("init", "--yes")):
        output = checkout.done(*again)
        assert "Nothing to do" in output
        assert "done " not in output
    assert (checkout.snapshot(), checkout.secret()) == (before, secret)


@pytest.mark.parametrize("lost", ["table", "log group", "policy", "settings"])
def test_a_half_finished_run_is_finished_by_the_next(checkout: Checkout, lost: str) -> None:
    """What an earlier run did not come to, or somebody has removed since, is made; all else stays."""
    words = alone(checkout)
    checkout.done(*words)
    whole, secret = checkout.snapshot(), checkout.secret()
    if lost == "table":
        checkout.client("dynamodb").delete_table(TableName=checkout.table)
    elif lost == "log group":
        checkout.client("logs").delete_log_group(logGroupName=f"/aws/lambda/{checkout.name}-prod-sweep")
    elif lost == "policy":
        (checkout.root / ".chalice" / "policy-prod.json").unlink()
    else:
        checkout.configure({})
    output = checkout.done(*words)
    assert output.count("done ") == 1
    assert table(checkout)["TableName"] == checkout.table
    assert set(retentions(checkout).values()) == {30}
    assert (checkout.snapshot(), checkout.secret()) == (whole, secret)


def test_what_fails_in_the_middle_tells_what_is_done(checkout: Checkout) -> None:
    """Where AWS refuses a later step, what was made is listed, no file is written, and the next run completes it."""
    client = checkout.client("dynamodb")
    client.create_table(
        TableName=checkout.table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
    )
    before = checkout.snapshot()
    output = checkout.refused(*alone(checkout))
    assert f"done   secret {checkout.secret_id}" in output
    assert "its key is not `id`" in output
    assert "This was not finished" in output
    assert checkout.snapshot() == before
    secret = checkout.secret()
    client.delete_table(TableName=checkout.table)
    assert f"there  secret {checkout.secret_id}" in checkout.done(*alone(checkout))
    assert checkout.secret() == secret


def test_a_table_is_made_where_there_is_no_database(checkout: Checkout) -> None:
    """With MongoDB attempts are counted there, and no table is made; --no-state-table is said to be weak."""
    output = checkout.done(*alone(checkout, "--directory", "mongodb", "--credentials", given(checkout, **MONGODB)))
    assert "table" not in output
    assert "STATE_TABLE" not in checkout.environment
    assert checkout.environment["TOKEN_SOURCE"] == "mongodb"
    assert "dynamodb" not in json.dumps(checkout.policy)


def test_a_table_can_be_declined_and_named(checkout: Checkout) -> None:
    """--no-state-table leaves the table out, says what that means and removes the setting; --state-table names one."""
    name = f"{checkout.name}-other"
    checkout.done(*alone(checkout, "--state-table", name))
    assert checkout.environment["STATE_TABLE"] == table(checkout, name)["TableName"]
    assert name in json.dumps(checkout.policy)
    output = checkout.done(*alone(checkout, "--no-state-table"))
    assert "counts failed attempts for itself" in output
    assert "STATE_TABLE" not in checkout.environment
    assert "two answers" in checkout.refused(*alone(checkout, "--no-state-table", "--state-table", name), code=2)


def test_a_table_that_is_there_is_given_its_time_to_live(checkout: Checkout) -> None:
    """A table with the right key and no time to live is completed, not made anew."""
    client = checkout.client("dynamodb")
    client.create_table(
        TableName=checkout.table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    checkout.done(*alone(checkout))
    living = client.describe_time_to_live(TableName=checkout.table)["TimeToLiveDescription"]
    assert living["AttributeName"] == "expires"


def test_log_groups_keep_what_somebody_chose(checkout: Checkout) -> None:
    """A group without a retention gets 30 days, one that has one keeps it, unless --retention is given."""
    logs = checkout.client("logs")
    api, sweep = (f"/aws/lambda/{checkout.name}-prod{end}" for end in ("", "-sweep"))
    logs.create_log_group(logGroupName=api)
    logs.create_log_group(logGroupName=sweep)
    logs.put_retention_policy(logGroupName=sweep, retentionInDays=7)
    checkout.done(*alone(checkout))
    assert retentions(checkout) == {api: 30, sweep: 7}
    checkout.done(*alone(checkout, "--retention", "14"))
    assert retentions(checkout) == {api: 14, sweep: 14}


def test_a_key_of_ones_own_is_used_and_allowed(checkout: Checkout) -> None:
    """A secret under a customer's key needs kms:Decrypt on that key, in every later run as well."""
    key = checkout.client("kms").create_key()["KeyMetadata"]
    checkout.done(*alone(checkout, "--kms-key", key["KeyId"]))
    statement = next(each for each in checkout.policy["Statement"] if each["Action"] == ["kms:Decrypt"])
    assert statement["Resource"] == [key["Arn"]]
    assert "Nothing to do" in checkout.done(*alone(checkout))


def test_any_other_setting_can_be_set_and_removed(checkout: Checkout) -> None:
    """--set writes a setting of the service's, NAME= removes it, and another name is refused without its value."""
    checkout.done(*alone(checkout, "--set", "BRAND_NAME=Example Ltd", "--set", "SESSION_HOURS=24"))
    assert (checkout.environment["BRAND_NAME"], checkout.environment["SESSION_HOURS"]) == ("Example Ltd", "24")
    checkout.done(*alone(checkout, "--set", "SESSION_HOURS="))
    assert "SESSION_HOURS" not in checkout.environment
    for word in ("mongodb_uri=canary", "canary", "SESION_HOURS=24"):
        assert "--credentials" in checkout.refused(*alone(checkout, "--set", word), code=2)


def test_a_private_network_is_allowed_for(checkout: Checkout) -> None:
    """Functions with subnets may make their network interfaces."""
    checkout.configure(subnet_ids=["subnet-1"], security_group_ids=["sg-1"])
    checkout.done(*alone(checkout))
    assert "ec2:CreateNetworkInterface" in json.dumps(checkout.policy)


def test_who_is_not_known_to_aws_is_told_how_to_sign_in(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without AWS credentials the sentence has the commands that give them, and no traceback."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    output = checkout.refused(*alone(checkout))
    assert "aws configure" in output
    assert "Traceback" not in output


def test_the_files_of_other_stages_stay(checkout: Checkout) -> None:
    """Another stage has a secret, functions and a policy of its own, and nothing of prod changes by it."""
    before = checkout.snapshot()
    checkout.done(*alone(checkout, "--stage", "dev"))
    after = checkout.snapshot()
    prod = str(Path(".chalice") / "policy-prod.json")
    assert after[prod] == before[prod]
    assert checkout.environment == {}
    assert f"{checkout.name}-dev-state" in after[str(Path(".chalice") / "policy-dev.json")]
    assert os.environ["AWS_DEFAULT_REGION"] in after[str(Path(".chalice") / "policy-dev.json")]
