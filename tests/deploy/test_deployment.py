"""`make deploy` and `make delete` against moto: what stands in the account before and after."""

import base64
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from admin.policy import policy
from app import app
from tests.deploy.cloud import ACCOUNT, REGION, Cloud
from tests.deploy.conftest import Package, leave_byte_code, make, nobodys_environment

APP, STAGE = "gantry", "prod"
API, SWEEP = f"{APP}-{STAGE}", f"{APP}-{STAGE}-sweep"


def arn(function: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"


@dataclass(frozen=True)
class Standing:
    """What stands of the stage, by name or id."""

    functions: dict[str, Any]
    permissions: dict[str, list[Any]]
    roles: dict[str, dict[str, Any]]
    rules: dict[str, dict[str, Any]]
    apis: dict[str, dict[str, Any]]
    groups: list[str]
    recorded: dict[str, Any]

    @property
    def api(self) -> dict[str, Any]:
        (api,) = self.apis.values()
        return api

    @property
    def ids(self) -> dict[str, object]:
        """What others know the stage by."""
        return {
            "functions": sorted(each["FunctionArn"] for each in self.functions.values()),
            "roles": sorted(each["Arn"] for each in self.roles.values()),
            "rules": sorted(each["Arn"] for each in self.rules.values()),
            "apis": sorted(self.apis),
            "permissions": self.permissions,
            "recorded": self.recorded,
        }


@dataclass(frozen=True)
class Deployment:
    """One stage that was deployed, deployed again with another setting, and deleted."""

    policy: dict[str, Any]
    environ: dict[str, str]
    said: list[str]
    first: Standing
    second: Standing
    after: Standing
    kept: list[str]


@pytest.fixture(scope="module")
def tree(packages: Mapping[str, Package], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what was packaged, built archive and byte code included, in which nothing is deployed."""
    copy = tmp_path_factory.mktemp("deployment") / "gantry"
    shutil.copytree(packages[STAGE].tree, copy, symlinks=True)
    shutil.rmtree(copy / ".chalice/deployed")
    return copy


@pytest.fixture(scope="module")
def deployment(tree: Path, cloud: Cloud) -> Deployment:
    secret = cloud.client("secretsmanager").create_secret(Name="gantry/deployed", SecretString="{}")["ARN"]
    table = cloud.client("dynamodb").create_table(
        TableName="gantry-deployed",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )["TableDescription"]["TableArn"]
    for function in (API, SWEEP):
        cloud.client("logs").create_log_group(logGroupName=f"/aws/lambda/{function}")
    document = policy(REGION, ACCOUNT, (API, SWEEP), secret, table_arn=table)
    (tree / f".chalice/policy-{STAGE}.json").write_text(json.dumps(document))
    environ = {"ROCKETCHAT_URL": "https://chat.example.com", "SECRET_ID": secret, "STATE_TABLE": "gantry-deployed"}

    said = [_deploy(tree, cloud, environ)]
    first = standing(cloud, tree)
    said.append(_deploy(tree, cloud, {**environ, "LOG_LEVEL": "DEBUG"}))
    second = standing(cloud, tree)
    said.append(_run(tree, cloud, "delete"))
    after = standing(cloud, tree)

    kept = [
        cloud.client("secretsmanager").describe_secret(SecretId=secret)["ARN"],
        cloud.client("dynamodb").describe_table(TableName="gantry-deployed")["Table"]["TableArn"],
    ]
    assert kept == [secret, table]
    return Deployment(document, environ, said, first, second, after, kept)


def _deploy(tree: Path, cloud: Cloud, environ: dict[str, str]) -> str:
    config = json.loads((tree / ".chalice/config.json").read_text("utf-8"))
    config["stages"] = {STAGE: {"environment_variables": environ}}
    (tree / ".chalice/config.json").write_text(json.dumps(config))
    leave_byte_code(tree)
    return _run(tree, cloud, "deploy")


def _run(tree: Path, cloud: Cloud, task: str) -> str:
    result = make(tree, task, f"STAGE={STAGE}", environ=cloud.environ)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def standing(cloud: Cloud, tree: Path) -> Standing:
    functions = {
        each["FunctionName"]: each
        for each in cloud.client("lambda").list_functions()["Functions"]
        if each["FunctionName"].startswith(API)
    }
    return Standing(
        functions=functions,
        permissions={
            name: json.loads(cloud.client("lambda").get_policy(FunctionName=name)["Policy"])["Statement"]
            for name in functions
        },
        roles=_roles(cloud),
        rules={
            each["Name"]: {**each, "Targets": cloud.client("events").list_targets_by_rule(Rule=each["Name"])["Targets"]}
            for each in cloud.client("events").list_rules(NamePrefix=API)["Rules"]
        },
        apis={
            each["id"]: {
                **each,
                "stages": [
                    stage["stageName"] for stage in cloud.client("apigateway").get_stages(restApiId=each["id"])["item"]
                ],
                "methods": _methods(cloud, each["id"]),
            }
            for each in cloud.client("apigateway").get_rest_apis()["items"]
        },
        groups=[
            each["logGroupName"]
            for each in cloud.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{API}")["logGroups"]
        ],
        recorded=json.loads((tree / f".chalice/deployed/{STAGE}.json").read_text("utf-8")),
    )


def _roles(cloud: Cloud) -> dict[str, dict[str, Any]]:
    iam = cloud.client("iam")
    found = {}
    for role in iam.list_roles()["Roles"]:
        name = role["RoleName"]
        if name.startswith(API):
            inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
            documents = [iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"] for each in inline]
            attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
            found[name] = {**role, "inline": documents, "attached": attached}
    return found


def _methods(cloud: Cloud, api: str) -> dict[tuple[str, str], dict[str, Any]]:
    resources = cloud.client("apigateway").get_resources(restApiId=api, embed=["methods"], limit=500)["items"]
    return {
        (resource["path"], method): details["methodIntegration"]
        for resource in resources
        for method, details in resource.get("resourceMethods", {}).items()
    }


def test_both_functions_stand_as_the_stage_says(deployment: Deployment) -> None:
    """`make deploy` makes two functions, the API's and the sweep's, with memory, time-out and settings of the stage."""
    functions = deployment.first.functions
    assert {name: each["Handler"] for name, each in functions.items()} == {API: "app.app", SWEEP: "app.sweep"}
    for each in functions.values():
        assert (each["MemorySize"], each["Timeout"], each["Architectures"]) == (1769, 28, ["x86_64"])
        assert each["Runtime"] == f"python{sys.version_info.major}.{sys.version_info.minor}"
        assert each["Environment"]["Variables"] == deployment.environ


def test_both_roles_have_exactly_the_policy_of_the_stage(deployment: Deployment) -> None:
    """Each function has a role of its own, for Lambda alone, with the stage's policy and no other."""
    functions, roles = deployment.first.functions, deployment.first.roles
    assert {each["Role"] for each in functions.values()} == {role["Arn"] for role in roles.values()}
    assert len(roles) == 2
    for role in roles.values():
        assert role["inline"] == [deployment.policy]
        assert role["attached"] == []
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert (trust["Effect"], trust["Action"]) == ("Allow", "sts:AssumeRole")
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_a_rule_runs_the_sweep_every_hour(deployment: Deployment) -> None:
    """One rule, switched on, runs the sweep every hour, and nothing but that rule may."""
    (rule,) = deployment.first.rules.values()
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 hour)", "ENABLED")
    assert [target["Arn"] for target in rule["Targets"]] == [arn(SWEEP)]
    (permission,) = deployment.first.permissions[SWEEP]
    assert permission["Principal"] == {"Service": "events.amazonaws.com"}
    assert permission["Condition"] == {"ArnLike": {"AWS:SourceArn": rule["Arn"]}}


def test_every_route_and_method_leads_to_the_function(deployment: Deployment) -> None:
    """The API has the routes and methods of `app.py`, each a proxy to the API's function, and no other."""
    methods = deployment.first.api["methods"]
    assert set(methods) == {(path, method) for path, views in app.routes.items() for method in views}
    for integration in methods.values():
        assert integration["type"].upper() == "AWS_PROXY"
        assert integration["uri"].endswith(f":lambda:path/2015-03-31/functions/{arn(API)}/invocations")


def test_the_preflight_of_the_session_check_is_gantrys(deployment: Deployment) -> None:
    """OPTIONS of `/session` goes to the function: API Gateway answers none by a mock of its own."""
    options = {path: each for (path, method), each in deployment.first.api["methods"].items() if method == "OPTIONS"}
    assert {path: each["type"].upper() for path, each in options.items()} == {"/session": "AWS_PROXY"}


def test_the_api_is_regional_and_alone_may_call_its_function(deployment: Deployment) -> None:
    """There is one API, REGIONAL, with the stage `api`, and nobody else may call its function."""
    api = deployment.first.api
    assert api["endpointConfiguration"]["types"] == ["REGIONAL"]
    assert api["stages"] == ["api"]
    (permission,) = deployment.first.permissions[API]
    assert permission["Principal"] == {"Service": "apigateway.amazonaws.com"}
    source = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api['id']}/*"
    assert permission["Condition"] == {"ArnLike": {"AWS:SourceArn": source}}


def test_a_deployment_tells_the_address(deployment: Deployment) -> None:
    """Both deployments end with the address that the workspace's settings begin with."""
    address = f"https://{deployment.first.api['id']}.execute-api.{REGION}.amazonaws.com/api/"
    assert [f"Rest API URL: {address}\n" in said for said in deployment.said] == [True, True, False]


def test_a_redeploy_changes_settings_and_no_id(deployment: Deployment) -> None:
    """Deploying again brings new settings; address, functions, roles, rule and permissions stay as they are."""
    assert deployment.second.ids == deployment.first.ids
    for each in deployment.second.functions.values():
        assert each["Environment"]["Variables"] == {**deployment.environ, "LOG_LEVEL": "DEBUG"}
    assert deployment.second.api["methods"].keys() == deployment.first.api["methods"].keys()
    assert deployment.second.api["endpointConfiguration"]["types"] == ["REGIONAL"]


def test_delete_leaves_what_init_made_and_nothing_else(deployment: Deployment) -> None:
    """`make delete` leaves secret, state table and log groups, and no function, role, rule, API or record of one."""
    after = deployment.after
    assert (after.functions, after.roles, after.rules, after.apis) == ({}, {}, {}, {})
    assert after.recorded["resources"] == []
    assert sorted(after.groups) == [f"/aws/lambda/{API}", f"/aws/lambda/{SWEEP}"]
    assert len(deployment.kept) == 2


def test_what_is_deployed_is_what_package_built(deployment: Deployment, packages: Mapping[str, Package]) -> None:
    """Both functions get the archive of `make package` byte for byte, whatever byte code lay in the tree."""
    built = sha256(packages[STAGE].archive)
    deployed = [*deployment.first.functions.values(), *deployment.second.functions.values()]
    assert {each["CodeSha256"] for each in deployed} == {built}


def test_a_plain_chalice_deploy_packs_no_byte_code_of_its_own(
    packages: Mapping[str, Package], cloud: Cloud, tmp_path: Path
) -> None:
    """In the environment that make has made, `chalice deploy` alone, too, packs what `make package` built.

    Whatever that environment runs leaves no byte code beside what was compiled ahead, neither commands before it nor
    Chalice, which imports the app.
    """
    (tmp_path / "Makefile").write_bytes((packages["dev"].tree / "Makefile").read_bytes())
    for name in ("requirements.txt", "requirements-dev.txt"):
        (tmp_path / name).touch()
    python = [f"PYTHON={sys.executable}", "VENV=environment"]
    made = subprocess.run(
        ["make", *python, "environment/.complete"],
        cwd=tmp_path,
        env=nobodys_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    tree = tmp_path / "gantry"
    shutil.copytree(packages["dev"].tree, tree, symlinks=True)

    deploy = "import sys; from chalice.cli import main; sys.exit(main())"
    for words in (["-c", "import chalicelib.log"], ["-c", deploy, "deploy", "--stage", "dev"]):
        environ = nobodys_environment() | cloud.environ | {"PYTHONPATH": _libraries()}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        result = subprocess.run(
            [tmp_path / "environment/bin/python", *words],
            cwd=tree,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert result.returncode == 0, result.stdout + result.stderr
    code = cloud.client("lambda").get_function(FunctionName=f"{APP}-dev")["Configuration"]["CodeSha256"]
    assert code == sha256(packages["dev"].archive)


def _libraries() -> str:
    """Where the libraries are that make would have installed."""
    return str(Path(pytest.__file__).parents[1])


def sha256(file: Path) -> str:
    return base64.b64encode(hashlib.sha256(file.read_bytes()).digest()).decode()
