"""What `init` asks at the terminal. Secrets are typed without being shown."""

from collections.abc import Callable, Mapping
from typing import Any

import click
from argon2 import PasswordHasher

from admin.hash_password import PROFILE, SHORTEST_PASSWORD
from chalicelib.config import Settings
from chalicelib.directories import LONGEST_PASSWORD_BYTES
from chalicelib.errors import ConfigurationError
from chalicelib.people import listed

DIRECTORIES = {
    "rocketchat": "the workspace itself: people have accounts and passwords there (recommended)",
    "mongodb": "the accounts in the workspace's database, which must be reachable from AWS",
    "users": "a short list of people, in the secret",
    "cognito": "a Cognito user pool",
}
SOURCES = {
    "rest": "the workspace's REST API",
    "mongodb": "written into the workspace's database",
}


def setting(name: str, question: str, default: str | None) -> str:
    """Ask for a setting until the service could use it."""

    def usable(value: str) -> str:
        base = {"ROCKETCHAT_URL": "https://chat.example.com", "SECRET_ID": "gantry"}
        try:
            Settings.from_environ({**base, name: value.strip()})
        except ConfigurationError as error:
            for problem in error.problems:
                if problem.key == name:
                    raise click.UsageError(f"{problem.what}. {problem.remedy}.") from None
        return value.strip()

    return str(click.prompt(question, default=default, value_proc=usable))


def choice(question: str, options: Mapping[str, str], default: str) -> str:
    """Ask for one of the options, after showing what they mean."""
    click.echo(question)
    for name, meaning in options.items():
        click.echo(f"  {name:<11} {meaning}")
    return str(click.prompt("Which", type=click.Choice(list(options)), default=default, show_choices=False))


def service_account(*, offered: bool = False) -> dict[str, Any]:
    """Ask for the service account; nothing where it is only offered and not wanted."""
    if offered:
        click.echo(
            "A service account lets Gantry sign in more than ten people a minute, find accounts, and sign people out."
        )
        if not click.confirm("Have you a personal access token of one", default=False):
            return {}
    click.echo(
        'Make it in the workspace as an administrator: My Account > Personal Access Tokens, with "ignore two factor'
        ' authentication".'
    )
    return {
        "rocketchat_user_id": click.prompt("User id (beside the token)").strip(),
        "rocketchat_auth_token": _hidden("Token"),
    }


def mongodb_uri() -> dict[str, Any]:
    """Ask for the address of the workspace's database."""
    return {"mongodb_uri": _hidden("MongoDB address (mongodb+srv://user:password@host/rocketchat)")}


def create_token_secret(*, offered: bool = False) -> dict[str, Any]:
    """Ask for the workspace's secret for making tokens; nothing where it is only offered and there is none."""
    if offered:
        click.echo(
            "Tokens are made without a password where the workspace was started with CREATE_TOKENS_FOR_USERS_SECRET"
            " (6.x and 7.x: CREATE_TOKENS_FOR_USERS=true). Elsewhere people need the same password in both places."
        )
        if not click.confirm("Was it", default=False):
            return {}
    title = "CREATE_TOKENS_FOR_USERS_SECRET (Enter for 6.x or 7.x, which have none)"
    return {"rocketchat_create_token_secret": _hidden(title, default="")}


def user_pool() -> dict[str, Any]:
    """Ask for the user pool and its app client."""
    found = {
        "user_pool_id": click.prompt("User pool id (eu-central-1_…)").strip(),
        "client_id": click.prompt("App client id").strip(),
    }
    secret = _hidden("App client secret (Enter for none)", default="")
    return {"cognito": found | ({"client_secret": secret} if secret else {})}


def google() -> dict[str, Any]:
    """Ask for the workspace's client at Google."""
    click.echo("The application that the workspace has under Administration > Settings > OAuth > Google.")
    return {"google": {"client_id": click.prompt("Google client id").strip()}}


def facebook() -> dict[str, Any]:
    """Ask for the workspace's application at Facebook."""
    click.echo("The application that the workspace has under Administration > Settings > OAuth > Facebook.")
    app_id = click.prompt("Facebook app id").strip()
    return {"facebook": {"app_id": app_id, "app_secret": _hidden("Facebook app secret")}}


def twitter() -> dict[str, Any]:
    """Ask for the workspace's application at Twitter."""
    click.echo("The application that the workspace has under Administration > Settings > OAuth > Twitter.")
    key, secret = _hidden("Twitter consumer key"), _hidden("Twitter consumer secret")
    return {"twitter": {"consumer_key": key, "consumer_secret": secret}}


def first_person() -> dict[str, Any]:
    """Ask for one person of the list; the others are added later."""
    click.echo("The first person of the list. More of them later: python -m admin hash-password")
    username = click.prompt("Username").strip()
    email = click.prompt("E-mail address (you vouch for it; Enter for none)", default="", show_default=False).strip()
    password = click.prompt("Password", hide_input=True, confirmation_prompt="The same once more", value_proc=_password)
    entry = {"password": PasswordHasher.from_parameters(PROFILE).hash(password)} | ({"email": email} if email else {})
    _, problems = listed({username: entry})
    if problems:
        click.echo(f"That cannot be used: {problems[0].what}.")
        return first_person()
    return {"users": {username: entry}}


QUESTIONS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "mongodb_uri": mongodb_uri,
    "rocketchat_user_id": service_account,
    "rocketchat_auth_token": service_account,
    "rocketchat_create_token_secret": create_token_secret,
    "cognito": user_pool,
    "users": first_person,
    "google": google,
    "facebook": facebook,
    "twitter": twitter,
}
"""What asks for each key of the secret that the service misses or cannot use."""


def _hidden(question: str, default: str | None = None) -> str:
    return str(click.prompt(question, hide_input=True, default=default, show_default=False)).strip()


def _password(value: str) -> str:
    if len(value) < SHORTEST_PASSWORD or len(value.encode("utf-8", "surrogatepass")) > LONGEST_PASSWORD_BYTES:
        raise click.UsageError(f"A password has from {SHORTEST_PASSWORD} characters to {LONGEST_PASSWORD_BYTES} bytes.")
    return value
