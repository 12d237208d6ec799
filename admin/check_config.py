"""`python -m admin check-config`: what the service would say of its settings and its secret, before it is deployed."""

import click

from admin.deployment import SETTINGS, Deployment, understood, with_deployment
from admin.failures import Command, listed, sentence
from chalicelib.config import Settings
from chalicelib.credentials import Credentials
from chalicelib.errors import ConfigurationError, Problem, Unavailable
from chalicelib.secrets_manager import SecretsManager


@click.command("check-config", cls=Command)
@with_deployment
@click.option("--no-secret", is_flag=True, help="Check the settings alone, without AWS: for CI.")
def check_config(deployment: Deployment, no_secret: bool) -> None:
    """Check the settings and the secret of a stage as the service does.

    All problems are listed at once, each with its remedy, by name and never by value. Exit code 1 where there is one.
    The settings are "environment_variables" in .chalice/config.json; the secret is read from AWS, which needs
    secretsmanager:GetSecretValue.

    \b
        python -m admin check-config
        python -m admin check-config --stage dev --no-secret

    Next: chalice deploy, since what is wrong here would be answered 503 there; then python -m admin doctor, which also
    asks the workspace and the database.
    """
    settings, found = understood(deployment.environ)
    problems = list(found)
    credentials = None if no_secret else _credentials(deployment, settings, problems)
    for name in sorted(set(deployment.environ) - set(SETTINGS)):
        click.echo(f"Note: {name} is no setting of Gantry's, and has no effect. Is it misspelt?", err=True)
    if problems:
        raise click.ClickException(listed(ConfigurationError(tuple(problems))))
    if settings is not None:
        click.echo(
            f"The settings of stage {deployment.stage} can be used: {settings.rocketchat_url},"
            f" DIRECTORY={settings.directory}, TOKEN_SOURCE={settings.token_source}."
        )
    if settings is not None and credentials is not None:
        held = ", ".join(_held(credentials))
        click.echo(f"The secret {settings.secret_id} can be used: {held}.")


def _credentials(deployment: Deployment, settings: Settings | None, problems: list[Problem]) -> Credentials | None:
    """Read the secret, even where some settings cannot be used, so that its own problems show as well."""
    secret_id = deployment.environ.get("SECRET_ID", "").strip()
    if not secret_id or any(problem.key == "SECRET_ID" for problem in problems):
        return None
    try:
        return Credentials.from_json(SecretsManager(secret_id).fetch(deployment.deadline()), settings)
    except ConfigurationError as error:
        problems.extend(error.problems)
    except Unavailable as error:
        # One that AWS does not give is no problem of the configuration's, and it is not known to be good either.
        remedy = "See who you are with: aws sts get-caller-identity. Or check the settings alone: --no-secret"
        problems.append(Problem("SECRET_ID", sentence(error).rstrip("."), remedy))
    return None


def _held(credentials: Credentials) -> list[str]:
    """Name what the secret has, without a value."""
    count = len(credentials.session_keys)
    held = [f"{count} session key{'' if count == 1 else 's'}"]
    named = {
        "mongodb_uri": credentials.mongodb_uri,
        "a service account": credentials.service_account,
        "rocketchat_create_token_secret": credentials.create_token_secret,
        "rocketchat_registration_secret": credentials.registration_secret,
        "a user pool": credentials.user_pool,
        "Google's application": credentials.google,
        "Facebook's application": credentials.facebook,
        "Twitter's application": credentials.twitter,
    }
    held += [name for name, value in named.items() if value is not None]
    if credentials.people is not None:
        people = len(credentials.people)
        held.append("1 person" if people == 1 else f"{people} people")
    return held
