"""`python -m admin connect`: tell the workspace where Gantry is, or that it shall use its own login form again."""

import json
from functools import partial
from typing import Any

import click

from admin import workspace
from admin.administrator import Administrator, typed_account
from admin.deployment import Deployment, with_deployment
from admin.failures import Command, sentence
from admin.files import secret_file
from chalicelib import rocketchat
from chalicelib.config import Settings, origin_of
from chalicelib.credentials import Credentials, ServiceAccount
from chalicelib.deadline import Deadline
from chalicelib.errors import ConfigurationError, GantryError, Unavailable
from chalicelib.rocketchat import Send
from chalicelib.transport import HttpTransport

_NOT_DEPLOYED = (
    "Where is Gantry? Stage {stage} has not been deployed from this checkout (there is no {file})."
    "\n  Deploy it:            chalice deploy --stage {stage}"
    "\n  or give its address:  --url https://….execute-api.….amazonaws.com/api"
)


@click.command("connect", cls=Command)
@with_deployment
@click.option("--url", help="Gantry's address, without /login, where it is not in .chalice/deployed/<stage>.json.")
@click.option("--disable", is_flag=True, help="Switch the iframe off: the workspace shows its own login form again.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--ask", is_flag=True, help="Ask for a token even where the secret has a service account.")
@click.option(
    "--credentials", type=click.Path(), help="A JSON file with an administrator's token, or - for standard input."
)
@click.option("--force", is_flag=True, help="Connect even where Gantry does not answer at its address.")
def connect(
    deployment: Deployment,
    url: str | None,
    disable: bool,
    dry_run: bool,
    ask: bool,
    credentials: str | None,
    force: bool,
) -> None:
    """Set the workspace's four iframe settings to this deployment, or take them back.

    Needs a personal access token of an administrator: that of the secret's service account, else you are asked for one.
    Make it with "ignore two factor authentication", or have your authenticator app at hand: a code is asked for where
    the workspace wants one.

    \b
        python -m admin connect --dry-run       # what would change
        python -m admin connect                 # before and after
        python -m admin connect --disable       # the workspace's own login form again

    Before it switches the iframe on, it asks Gantry whether it is there, since nobody could sign in otherwise. The
    switch is thrown last, and first with --disable, so what breaks off in the middle locks nobody out.

    Next: open the workspace in a private window and sign in, then python -m admin doctor.
    """
    settings = deployment.settings()
    send = HttpTransport(settings.rocketchat_url, rocketchat.BACKEND)
    if disable:
        wanted: dict[str, object] = {workspace.ENABLED: False}
    else:
        wanted = workspace.wanted(_address(deployment, url))
    before = _read(send, deployment)
    changes = {name: value for name, value in wanted.items() if before[name] != value}
    _show(settings, before, wanted)
    if not changes:
        click.echo("\nNothing to do: the workspace has these already.")
        _remind(settings, disable)
        return
    if dry_run:
        click.echo(f"\nNothing was changed (--dry-run): {len(changes)} of the four would be.")
        return
    if not disable and not force:
        _ask_gantry(str(wanted[workspace.IFRAME_URL]).removesuffix("/login"), deployment.deadline())
    administrator = Administrator(send, _account(deployment, settings, ask, credentials), deployment.deadline)
    _change(administrator, changes)
    after = _read(send, deployment)
    click.echo("\nNow:")
    for name in workspace.IFRAME:
        click.echo(f"  {name:<28} {_said(after[name])}")
    if any(after[name] != value for name, value in wanted.items()):
        raise click.ClickException("The workspace took the settings and shows others: look at its version and its log.")
    if disable:
        click.echo("\nThe other three were left as they are: without the first they have no effect.")
    _remind(settings, disable)


def _address(deployment: Deployment, given: str | None) -> str:
    """Return Gantry's address as it was given, else as it was deployed. Raises `ClickException` and `UsageError`."""
    url = given or deployment.url
    if url is None:
        file = deployment.deployed_file.relative_to(deployment.root)
        raise click.ClickException(_NOT_DEPLOYED.format(stage=deployment.stage, file=file))
    url = url.rstrip("/")
    try:
        origin_of(url)
    except ValueError:
        raise click.UsageError(
            "--url is no https address. Write it like https://abc.execute-api.eu-central-1.amazonaws.com/api"
        ) from None
    if url.endswith(("/login", "/session")):
        raise click.UsageError("--url is the address before /login and /session, as chalice deploy prints it.")
    return url


def _ask_gantry(url: str, deadline: Deadline) -> None:
    """Raise `ClickException` unless a Gantry answers at `url` that reaches all that it needs."""
    advice = "Nobody could sign in, so nothing was changed. Mend that (python -m admin doctor), or use --force."
    try:
        reply = HttpTransport(url, "gantry")(rocketchat.Call("GET", "/health?deep=1"), deadline)
        health = json.loads(reply.body) if reply.status == 200 else None
    except (GantryError, ValueError, RecursionError):
        health = None
    if not isinstance(health, dict) or not isinstance(health.get("reachable"), dict):
        raise click.ClickException(f"No Gantry answers at {url}/health. {advice}")
    missing = [str(name) for name, there in health["reachable"].items() if there is not True]
    if missing:
        raise click.ClickException(
            f"Gantry answers at {url}, and cannot use: {', '.join(missing)} (it looks again every 30 seconds). {advice}"
        )


def _account(deployment: Deployment, settings: Settings, ask: bool, file: str | None) -> ServiceAccount:
    if file is not None:
        given = secret_file(file)
        keys = ("rocketchat_user_id", "rocketchat_auth_token")
        if not all(isinstance(given.get(key), str) for key in keys):
            raise click.ClickException(f"{file} lacks {' or '.join(keys)}.")
        # The keys that a secret must have beside it are none of an administrator's.
        placeholder = {"session_keys": ["A" * 43 + "="]}
        content = json.dumps({**placeholder, **{key: given[key] for key in keys}})
        plain = Settings.from_environ({"ROCKETCHAT_URL": settings.rocketchat_url, "SECRET_ID": settings.secret_id})
        account = Credentials.from_json(content, plain).service_account
    elif ask:
        account = None
    else:
        account = _service_account(deployment)
    return account or typed_account()


def _service_account(deployment: Deployment) -> ServiceAccount | None:
    try:
        account = deployment.credentials().service_account
    except (ConfigurationError, Unavailable) as error:
        click.echo(f"\nThe secret cannot be used, so its service account cannot either. {sentence(error)}", err=True)
        return None
    if account is not None:
        click.echo("\nWith the service account of the secret:")
    return account


def _read(send: Send, deployment: Deployment) -> dict[str, object]:
    reply = send(workspace.public_settings(workspace.IFRAME), deployment.deadline())
    return workspace.values_in(rocketchat.decipher(reply, 0.0), workspace.IFRAME)


def _change(administrator: Administrator, changes: dict[str, object]) -> None:
    """Make the changes, the switch last. Raises `ClickException` that says what is done and what is not."""
    order = sorted(changes, key=lambda name: name == workspace.ENABLED)
    for number, name in enumerate(order):
        try:
            administrator.call(partial(workspace.change_setting, name=name, value=changes[name]))
        except (click.ClickException, click.Abort, GantryError) as error:
            why = _why(error)
            done, left = ", ".join(order[:number]) or "nothing", ", ".join(order[number:])
            raise click.ClickException(f"{why}\nSet: {done}.\nNot set: {left}.\nRun this again to finish.") from None
        click.echo(f"  {name} is set.")


def _why(error: Exception) -> str:
    if isinstance(error, click.Abort):
        return "This was broken off."
    return error.format_message() if isinstance(error, click.ClickException) else sentence(error)


def _show(settings: Settings, before: dict[str, object], wanted: dict[str, object]) -> None:
    click.echo(f"{settings.rocketchat_url}, Administration > Settings > Accounts > Iframe:")
    for name in workspace.IFRAME:
        change = f"  ->  {_said(wanted[name])}" if name in wanted and before[name] != wanted[name] else ""
        click.echo(f"  {name:<28} {_said(before[name])}{change}")


def _said(value: Any) -> str:
    if value is None:
        return "(unknown)"
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) or "(empty)"


def _remind(settings: Settings, disable: bool) -> None:
    if disable:
        click.echo("People sign in at the workspace's own form from the next page load on.")
        return
    click.echo(
        f"\nNext: open {settings.rocketchat_url} in a private window and sign in; stay signed in here until that works."
        "\nShould nobody get in: python -m admin console-login, or python -m admin connect --disable."
    )
