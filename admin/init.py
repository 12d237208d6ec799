"""`python -m admin init`: what a stage needs in AWS and in `.chalice/`, before it is deployed."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import click

from admin import questions, resources, vault
from admin.administrator import interactive
from admin.deployment import SETTINGS, Deployment, understood, with_deployment
from admin.failures import Command, listed
from admin.files import secret_file
from admin.policy import policy
from chalicelib.config import DirectoryName, Provision, Settings
from chalicelib.credentials import Credentials
from chalicelib.errors import ConfigurationError, Problem

KEYS = frozenset(
    {
        "session_keys",
        "mongodb_uri",
        "rocketchat_user_id",
        "rocketchat_auth_token",
        "rocketchat_create_token_secret",
        "rocketchat_registration_secret",
        "users",
        "cognito",
        "google",
        "facebook",
        "twitter",
    }
)
"""What the service reads of the secret: another key would be a misspelt one."""

_FLAGS = {
    "ROCKETCHAT_URL": "--rocketchat-url https://…",
    "SECRET_ID": "--secret-id",
    "DIRECTORY": "--directory",
    "TOKEN_SOURCE": "--token-source",
    "PROVISION": "--provision",
    "STATE_TABLE": "--state-table",
}


@dataclass(frozen=True)
class Options:
    """How `init` was called, but for the settings."""

    credentials: str | None
    state_table: str | None
    no_state_table: bool
    retention: int | None
    kms_key: str | None
    overwrite: bool
    asks: bool


@click.command("init", cls=Command)
@with_deployment
@click.option("--rocketchat-url", help="The workspace's address, https://chat.example.com.")
@click.option("--directory", type=click.Choice(get_args(DirectoryName)), help="Who knows the people.")
@click.option("--token-source", type=click.Choice(list(questions.SOURCES)), help="Where tokens come from.")
@click.option("--provision", type=click.Choice(get_args(Provision)), help="With users and cognito: make accounts.")
@click.option("--set", "further", multiple=True, metavar="NAME=VALUE", help="Any other setting, NAME= to remove it.")
@click.option("--secret-id", help="The secret's name.  [default: <app>/<stage>]")
@click.option("--credentials", metavar="FILE", help="A JSON file with keys of the secret, or - for standard input.")
@click.option("--overwrite-secret", is_flag=True, help="Replace keys of the secret that have another value now.")
@click.option("--state-table", metavar="NAME", help="The DynamoDB table.  [default: <app>-<stage>-state]")
@click.option("--no-state-table", is_flag=True, help="Use no table: each container counts failures for itself.")
@click.option(
    "--retention",
    type=click.Choice([str(days) for days in resources.RETENTIONS]),
    metavar="DAYS",
    help="How long the logs are kept: they hold usernames and addresses.  [default: 30]",
)
@click.option("--kms-key", metavar="ARN", help="A key of your own for a new secret, instead of AWS's.")
@click.option("--yes", is_flag=True, help="Ask nothing: take the flags, what is there already, and the defaults.")
def init(deployment: Deployment, retention: str | None, yes: bool, **given: Any) -> None:
    """Prepare a stage: the secret, the state table, the log groups, and the files in .chalice/.

    It asks for what it must know, or takes flags; with --yes, or without a terminal, it asks nothing and says what is
    missing. Everything is checked as the service does before anything is written. It can be run again: what is there
    stays, what is missing is made, and a value of the secret is replaced with --overwrite-secret alone.

    Passwords, tokens and keys are typed without being shown, or come from a JSON file (or a pipe: --credentials -),
    never from the command line:

    \b
        {"rocketchat_user_id": "…", "rocketchat_auth_token": "…"}

    \b
        python -m admin init
        python -m admin init --yes --rocketchat-url https://chat.example.com --credentials -  < credentials.json

    Session keys are made by itself. A DynamoDB table is made where there is no database: for failed attempts, and for
    links with the directories users and cognito, and with RELAY. Needs AWS credentials that may make these things, in a
    region: AWS_PROFILE and AWS_DEFAULT_REGION, or aws configure.

    Next: chalice deploy --stage prod, then python -m admin connect, then python -m admin doctor.
    """
    further = _further(given.pop("further"))
    options = Options(
        credentials=given.pop("credentials"),
        state_table=given.pop("state_table"),
        no_state_table=given.pop("no_state_table"),
        retention=int(retention) if retention else None,
        kms_key=given.pop("kms_key"),
        overwrite=given.pop("overwrite_secret"),
        asks=not yes and interactive(),
    )
    if options.state_table and options.no_state_table:
        raise click.UsageError("--state-table and --no-state-table are two answers to one question.")
    flags: dict[str, str | None] = {name.upper(): value for name, value in given.items() if value is not None}
    flags |= further
    typed = {} if options.credentials is None else _known(options.credentials)
    account = deployment.aws("sts").get_caller_identity()["Account"]
    click.echo(
        f"Stage {deployment.stage} of {deployment.app_name}, AWS account {account}, region {deployment.region}.\n"
    )

    environment = _environment(deployment, flags, options)
    effective = {**deployment.environ, **environment}
    settings, problems = understood({name: value for name, value in effective.items() if value is not None})
    stored = vault.read(deployment.aws("secretsmanager"), str(environment["SECRET_ID"]))
    merged = _content(settings, stored, typed, options, problems)
    _make(deployment, environment, settings, stored, merged, options, str(account))


# --- what is wanted --------------------------------------------------------------------------------------------------


def _further(words: tuple[str, ...]) -> dict[str, str | None]:
    """Return the settings of --set, None for one to remove. What is no setting may be a secret, and is not repeated."""
    found: dict[str, str | None] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in SETTINGS:
            raise click.UsageError(
                f"--set takes NAME=VALUE with one of {', '.join(SETTINGS)}. Keys of the secret come by --credentials."
            )
        found[name] = value.strip() or None
    return found


def _known(file: str) -> dict[str, Any]:
    given = secret_file(file)
    unknown = sorted(set(given) - KEYS)
    if unknown:
        # Not repeated: it may be a value in the place of its key.
        raise click.ClickException(
            f"{len(unknown)} of the keys in {'standard input' if file == '-' else file} mean nothing to Gantry. It"
            f" knows {', '.join(sorted(KEYS))}."
        )
    return given


def _environment(deployment: Deployment, flags: Mapping[str, str | None], options: Options) -> dict[str, str | None]:
    """Return the variables of the stage: flags first, then what is there, then answers, then defaults."""
    there = {name: value for name, value in deployment.environ.items() if value.strip()}
    wanted: dict[str, str | None] = dict(flags)

    def known(name: str) -> str | None:
        return wanted.get(name) or there.get(name)

    if options.asks and "ROCKETCHAT_URL" not in wanted:
        wanted["ROCKETCHAT_URL"] = questions.setting(
            "ROCKETCHAT_URL", "The workspace's address (https://chat.example.com)", there.get("ROCKETCHAT_URL")
        )
    if options.asks and "DIRECTORY" not in wanted:
        default = there.get("DIRECTORY", "rocketchat")
        wanted["DIRECTORY"] = questions.choice("Who knows the people?", questions.DIRECTORIES, default)
    directory = wanted.setdefault("DIRECTORY", there.get("DIRECTORY", "rocketchat"))
    source = there.get("TOKEN_SOURCE", "mongodb" if directory == "mongodb" else "rest")
    if options.asks and "TOKEN_SOURCE" not in wanted:
        wanted["TOKEN_SOURCE"] = questions.choice("Where do login tokens come from?", questions.SOURCES, source)
    source = wanted.setdefault("TOKEN_SOURCE", source) or source
    if options.asks and (directory in ("users", "cognito") or known("RELAY")) and not known("PROVISION"):
        make = click.confirm("Make an account for a known person who has none in the workspace", default=False)
        wanted["PROVISION"] = "create" if make else "off"
    wanted["SECRET_ID"] = known("SECRET_ID") or f"{deployment.app_name}/{deployment.stage}"
    if options.no_state_table:
        wanted["STATE_TABLE"] = None
    elif options.state_table:
        wanted["STATE_TABLE"] = options.state_table
    elif not known("STATE_TABLE") and "mongodb" not in (directory, source):
        name = f"{deployment.app_name}-{deployment.stage}-state"
        # Links need a place, and the throttle wants one: without it each container counts failures for itself.
        needed = directory in ("users", "cognito") or bool(known("RELAY"))
        if (
            needed
            or not options.asks
            or click.confirm(f"Count failed attempts in a DynamoDB table ({name})", default=True)
        ):
            wanted["STATE_TABLE"] = name
    return wanted


def _content(
    settings: Settings | None,
    stored: vault.Stored | None,
    typed: dict[str, Any],
    options: Options,
    problems: tuple[Problem, ...],
) -> resources.Merged:
    """Return the secret's content, asked for until the service could use it. Raises with all problems at once."""
    held = stored.content if stored is not None else {}
    if stored is not None and stored.version and "session_keys" not in held and not options.overwrite:
        raise click.ClickException(
            f"There is a secret {stored.name} already, and it has no session_keys: it may be somebody else's. Name"
            " another with --secret-id, or let Gantry add to it with --overwrite-secret."
        )
    given = dict(typed)
    # Where the settings are wrong, no answer would help: all is told at once.
    asks = options.asks and not problems
    if settings is not None and asks:
        given |= _offered(settings, {**held, **given})
    while True:
        merged = resources.merge(held, given)
        faults = _faults(merged.content, settings)
        asked = _to_ask(faults, held, options) if asks else ()
        if not asked:
            break
        for problem in faults:
            click.echo(f"{problem.key}: {problem.what}.")
        for question in dict.fromkeys(questions.QUESTIONS[key] for key in asked):
            given |= question()
    if problems or faults:
        hints = [_FLAGS[each.key] for each in problems if each.key in _FLAGS]
        hints += ["--credentials FILE"] if faults else []
        how = f"\nBy flags: {', '.join(hints)}." if hints else ""
        error = ConfigurationError((*problems, *faults))
        raise click.ClickException(f"{listed(error)}{how}\nNothing was written.")
    if merged.replaced and not options.overwrite:
        raise click.ClickException(
            f"The secret has other values for {', '.join(merged.replaced)}. Replace them with --overwrite-secret, which"
            " keeps all else, or leave them out. Nothing was written."
        )
    return merged


def _offered(settings: Settings, there: Mapping[str, Any]) -> dict[str, Any]:
    """Ask for what is useful, not needed, where tokens come by REST: the secret that makes them, a service account."""
    if settings.token_source != "rest":  # noqa: S105 - a setting
        return {}
    given: dict[str, Any] = {}
    if settings.is_foreign and "rocketchat_create_token_secret" not in there:
        given |= questions.create_token_secret(offered=True)
    # Where tokens are made by it, the account is needed, and asked for as what is missing.
    if "rocketchat_user_id" not in there and not given:
        given |= questions.service_account(offered=True)
    return given


def _faults(content: dict[str, Any], settings: Settings | None) -> tuple[Problem, ...]:
    try:
        Credentials.from_json(resources.readable(content), settings)
    except ConfigurationError as error:
        return error.problems
    return ()


def _to_ask(faults: tuple[Problem, ...], held: Mapping[str, Any], options: Options) -> tuple[str, ...]:
    """Return the keys to ask for; none where something is wrong that no answer mends."""
    keys = tuple(dict.fromkeys(problem.key.partition(".")[0] for problem in faults))
    mendable = all(key in questions.QUESTIONS and (key not in held or options.overwrite) for key in keys)
    return keys if mendable else ()


# --- making it -------------------------------------------------------------------------------------------------------


def _make(
    deployment: Deployment,
    environment: Mapping[str, str | None],
    settings: Settings | None,
    stored: vault.Stored | None,
    merged: resources.Merged,
    options: Options,
    account: str,
) -> None:
    """Make what is missing, in the order in which it can be finished by another run."""
    from botocore.exceptions import BotoCoreError, ClientError

    name = str(environment["SECRET_ID"])
    table_arn: str | None = None
    lines: list[resources.Line] = []

    def told(*done: resources.Line) -> None:
        for line in done:
            lines.append(line)
            click.echo(f"  {'done ' if line.made else 'there'}  {line.text}")

    try:
        line, secret_arn = resources.secret(deployment.aws("secretsmanager"), name, stored, merged, options.kms_key)
        told(line)
        key_id = stored.key_id if stored is not None else options.kms_key or ""
        key_arn = None if key_id in resources.AWS_KEYS else resources.key_arn(deployment.aws("kms"), key_id)
        if settings is not None and settings.state_table:
            line, table_arn = resources.table(deployment.aws("dynamodb"), settings.state_table)
            told(line)
        days, logs = options.retention or 30, deployment.aws("logs")
        told(*resources.log_groups(logs, deployment.log_groups, days, insist=options.retention is not None))
    except (click.ClickException, ClientError, BotoCoreError):
        click.echo("This was not finished. What stands above is done; run the same again when the rest is mended.")
        raise
    allowed = policy(
        region=deployment.region,
        account=account,
        functions=deployment.functions,
        secret_arn=secret_arn,
        table_arn=table_arn,
        key_arn=key_arn,
        vpc=deployment.in_vpc,
    )
    written = deployment.write(environment=environment, policy=allowed)
    for path in (deployment.config_file, deployment.policy_file):
        told(resources.Line(path in written, str(path.relative_to(deployment.root))))
    _finish(deployment, settings, any(line.made for line in lines))


def _finish(deployment: Deployment, settings: Settings | None, changed: bool) -> None:
    click.echo("" if changed else "\nNothing to do: all of this was there already.")
    stage = "" if deployment.stage == "prod" else f" --stage {deployment.stage}"
    # Where no virtual environment is active, its programs are called by their place.
    place = "" if "VIRTUAL_ENV" in os.environ else ".venv/bin/"
    click.echo(
        f"Next:\n  {place}chalice deploy --stage {deployment.stage}"
        f"\n  {place}python -m admin connect{stage}\n  {place}python -m admin doctor{stage}"
    )
    if settings is not None and not settings.keeps_links:
        click.echo("Without a table each container counts failed attempts for itself: --state-table mends that.")
