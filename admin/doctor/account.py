"""Checks of the AWS account, and of the computer that deploys into it."""

from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from admin.doctor.finding import Finding, unasked
from admin.doctor.patient import Aws, Change, Patient
from chalicelib.aws import AwsRefusal
from chalicelib.config import Settings
from chalicelib.errors import GantryError

RETENTION_DAYS = 30
"""The logs hold usernames and addresses."""

FEW = 10
"""Executions at a time that a new AWS account has (Lambda Developer Guide, "Lambda quotas")."""

A_PAGE_LOAD = 4
"""Session checks that Rocket.Chat's client makes at once when a page loads."""

LARGEST_SKEW = 5.0
"""Seconds. A seal from further in the future is refused."""

_STACK = "aws:cloudformation:stack-name"


def identity(patient: Patient) -> Iterator[Finding]:
    """Whether AWS knows whoever runs this, and whether AWS's clock and ours agree."""
    began = patient.clock()
    try:
        answer = patient.identity()
    except GantryError as error:
        yield unasked("aws", error, "sts:GetCallerIdentity")
        return
    yield Finding("ok", "aws", f"account {answer.get('Account')}")
    yield from clocks("AWS", _dated(answer), began, patient.clock())


def clocks(whose: str, date: str | None, began: float, ended: float) -> Iterator[Finding]:
    """Compare a `Date` header with the time here, between which the question was `began` and `ended`."""
    try:
        theirs = parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        yield Finding("note", "clock", f"{whose} did not say what time it is")
        return
    # The header has whole seconds, rounded down.
    apart = max(began - theirs - 1, theirs - ended, 0.0)
    if apart <= LARGEST_SKEW:
        yield Finding("ok", "clock", f"{whose} and this computer agree on the time")
        return
    yield Finding(
        "warning",
        "clock",
        f"the clocks of {whose} and of this computer are {apart:.0f} s apart",
        "Seals from more than 5 s ahead are refused, codes do not fit, and AWS refuses whoever is 5 minutes off",
        "timedatectl set-ntp true, on whichever of the two is wrong (compare with https://time.is)",
    )


def log_groups(aws: Aws, names: tuple[str, ...]) -> Iterator[Finding]:
    """Whether what the functions log goes away some day."""
    for name in names:
        try:
            found = aws.call("logs", "describe_log_groups", logGroupNamePrefix=name).get("logGroups", [])
        except GantryError as error:
            yield unasked("logs", error, "logs:DescribeLogGroups")
            return
        group = next((each for each in found if each.get("logGroupName") == name), None)
        days = group.get("retentionInDays") if group else None
        if days is not None:
            yield Finding("ok", "logs", f"{name} keeps {days} days")
            continue
        what = f"{name} keeps its lines for ever" if group else f"{name} is not there: Lambda makes it, for ever"
        keep = f"aws logs put-retention-policy --log-group-name {name} --retention-in-days {RETENTION_DAYS}"
        make = "" if group else f"aws logs create-log-group --log-group-name {name} && "
        why = "The lines hold usernames and addresses, and storage is paid for"
        mend = _retention(aws, name, missing=group is None)
        yield Finding("warning", "logs", what, why, make + keep, mend)


def _retention(aws: Aws, name: str, *, missing: bool) -> Callable[[], None]:
    def mend() -> None:
        if missing:
            aws.call("logs", "create_log_group", logGroupName=name)
        aws.call("logs", "put_retention_policy", logGroupName=name, retentionInDays=RETENTION_DAYS)

    return mend


def state_table(aws: Aws, settings: Settings, change: Change) -> Iterator[Finding]:
    """Whether the table for attempts and links is there, with its key and its housekeeping."""
    table = settings.state_table
    if not table:
        return
    if settings.uses_mongodb:
        yield Finding("note", "STATE_TABLE", "not used: attempts and links are in MongoDB", "", change("STATE_TABLE="))
        return
    create = (
        f"aws dynamodb create-table --table-name {table} --billing-mode PAY_PER_REQUEST"
        " --attribute-definitions AttributeName=id,AttributeType=S --key-schema AttributeName=id,KeyType=HASH"
    )
    why = "Attempts cannot be counted, so every sign-in is refused"
    try:
        described = aws.call("dynamodb", "describe_table", TableName=table)["Table"]
    except AwsRefusal as error:
        if error.code != "ResourceNotFoundException":
            yield unasked("STATE_TABLE", error, "dynamodb:DescribeTable")
            return
        yield Finding("error", "STATE_TABLE", f"there is no table {table} in this account and region", why, create)
        return
    except GantryError as error:
        yield unasked("STATE_TABLE", error, "dynamodb:DescribeTable")
        return
    keys = {each["AttributeName"]: each["KeyType"] for each in described.get("KeySchema", ())}
    types = {each["AttributeName"]: each["AttributeType"] for each in described.get("AttributeDefinitions", ())}
    if keys != {"id": "HASH"} or types.get("id") != "S":
        what = f"{table} has another key than `id`, a string, alone"
        yield Finding("error", "STATE_TABLE", what, why, change("STATE_TABLE=…") + " (a new name)")
        return
    yield Finding("ok", "STATE_TABLE", f"{table} is there, with the key `id`")
    yield from _housekeeping(aws, table)


def _housekeeping(aws: Aws, table: str) -> Iterator[Finding]:
    try:
        answer = aws.call("dynamodb", "describe_time_to_live", TableName=table)
    except GantryError as error:
        yield unasked("STATE_TABLE", error, "dynamodb:DescribeTimeToLive")
        return
    told = answer.get("TimeToLiveDescription", {})
    if told.get("TimeToLiveStatus") in ("ENABLED", "ENABLING") and told.get("AttributeName") == "expires":
        yield Finding("ok", "STATE_TABLE", "old attempts are deleted by their attribute `expires`")
        return
    remedy = (
        f"aws dynamodb update-time-to-live --table-name {table}"
        " --time-to-live-specification Enabled=true,AttributeName=expires"
    )
    why = "Names and addresses of failed attempts stay for ever, and storage is paid for"
    yield Finding("warning", "STATE_TABLE", f"{table} has no TTL on the attribute `expires`", why, remedy)


def concurrency(aws: Aws) -> Iterator[Finding]:
    """How many requests Lambda serves at a time in this account."""
    try:
        limit = aws.call("lambda", "get_account_settings").get("AccountLimit", {})
    except GantryError as error:
        yield unasked("concurrency", error, "lambda:GetAccountSettings")
        return
    at_once = limit.get("UnreservedConcurrentExecutions", limit.get("ConcurrentExecutions"))
    if not isinstance(at_once, int):
        yield Finding("note", "concurrency", "Lambda did not say how many executions the account may have at a time")
        return
    if at_once > FEW:
        yield Finding("ok", "concurrency", f"{at_once} executions at a time")
        return
    yield Finding(
        "warning",
        "concurrency",
        f"this AWS account may have {at_once} executions of functions at a time, as new accounts do",
        f"One page load takes {A_PAGE_LOAD}: the third person at the same moment is shown the login page",
        "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384"
        " --desired-value 1000",
    )


def deployment(patient: Patient) -> Iterator[Finding]:
    """Whether what is deployed is what is described here, and whether the next deploy would find it."""
    function = patient.deployment.functions[0]
    recorded = patient.deployment.deployed is not None
    try:
        found: Mapping[str, Any] | None = patient.cloud.call("lambda", "get_function", FunctionName=function)
    except AwsRefusal as error:
        if error.code != "ResourceNotFoundException":
            yield unasked("deployment", error, "lambda:GetFunction")
            return
        found = None
    except GantryError as error:
        yield unasked("deployment", error, "lambda:GetFunction")
        return
    by_stack = found is not None and _STACK in (found.get("Tags") or {})
    file = f".chalice/deployed/{patient.deployment.stage}.json"
    if found is None and recorded:
        what = f"{file} tells of a function {function} that is not in this account and region"
        remedy = "export the AWS_PROFILE and AWS_DEFAULT_REGION that it was deployed with"
        yield Finding("warning", "deployment", what, "The doctor may be looking at another account", remedy)
    elif found is None:
        yield Finding("note", "deployment", f"there is no function {function} yet", "", patient.deploy)
    elif not recorded and not by_stack:
        yield Finding(
            "warning",
            "deployment",
            f"the function {function} is deployed, and {file} is missing here",
            "The next `chalice deploy` silently makes a second API with a new address; the workspace asks the old one",
            f"Bring {file} back from whoever deployed, before you deploy; if it is lost, delete the old API and"
            f" functions, then {patient.deploy} and {patient.command('connect')}",
        )
    else:
        yield Finding("ok", "deployment", f"{function} is deployed" + (" by CloudFormation" if by_stack else ""))
    if found is not None:
        yield from environment(found, patient.deployment.environ, patient.deploy)


def environment(function: Mapping[str, Any], described: Mapping[str, str], deploy: str) -> Iterator[Finding]:
    """Whether the deployed function has the environment that is described here. Names are told, and no values."""
    deployed = ((function.get("Configuration") or {}).get("Environment") or {}).get("Variables") or {}
    differing = sorted(name for name in {*deployed, *described} if deployed.get(name) != described.get(name))
    if differing:
        what = f"deployed with other values than .chalice/config.json has: {', '.join(differing)}"
        yield Finding("warning", "deployment", what, "What this doctor says of the settings is not what runs", deploy)


def host(system: str, machine: str) -> Iterator[Finding]:
    """Whether what this computer packs would run on Lambda."""
    if system == "Linux" and machine.lower() in ("aarch64", "arm64"):
        yield Finding(
            "warning",
            "host",
            "this is Linux on arm64",
            "Chalice before 1.34 packs arm64 wheels here, for a function that runs on x86-64, and a later one was not"
            " tried: a deploy from here may break Gantry",
            "Deploy from an x86-64 computer, or in a container: docker run --platform linux/amd64 …",
        )
    else:
        yield Finding("ok", "host", f"{system} on {machine} packs what Lambda runs")


def _dated(answer: Mapping[str, Any]) -> str | None:
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    date = headers.get("date")
    return date if isinstance(date, str) else None
