"""`python -m admin rotate-key`: a new key for sessions, without signing anybody out."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from cryptography.fernet import Fernet

from admin import vault
from admin.deployment import Deployment, with_deployment
from admin.failures import Command, sentence
from chalicelib.aws import TTL_SECONDS
from chalicelib.credentials import Credentials
from chalicelib.errors import ConfigurationError

MOST_TRIES = 3
MOST_KEYS = 10


@click.command("rotate-key", cls=Command)
@with_deployment
@click.option(
    "--keep",
    type=click.IntRange(1, MOST_KEYS),
    default=2,
    show_default=True,
    help="How many keys the secret has afterwards, the new one included. 1 ends every session at once.",
)
def rotate_key(deployment: Deployment, keep: int) -> None:
    """Add a session key to the secret, and drop the oldest beyond two.

    The new key seals sessions from now on, the one before it still opens them, so nobody is signed out. Run it now and
    then, SESSION_HOURS or more apart; closer together, sessions of the dropped key end early, and those people keep
    what Rocket.Chat itself remembers. After a leak: rotate-key --keep 1.

    \b
        python -m admin rotate-key

    Needs secretsmanager:DescribeSecret, GetSecretValue, PutSecretValue and UpdateSecretVersionStage. A change that
    somebody else makes at the same time is not lost: it is read again, and the key is added to that.

    Next: nothing. No deploy is needed, the functions read the secret again by themselves.
    """
    settings = deployment.settings()
    client = deployment.aws("secretsmanager")
    for _ in range(MOST_TRIES):
        stored = vault.read(client, settings.secret_id)
        if stored is None:
            raise click.ClickException(f"There is no secret {settings.secret_id}. Make it with: python -m admin init")
        keys = _keys(stored.content)
        new = [*keys, Fernet.generate_key().decode()][-keep:]
        try:
            vault.replace(client, stored, {**stored.content, "session_keys": new})
        except vault.Conflict:
            continue
        _tell(stored, len(keys), len(new), timedelta(seconds=settings.session_seconds))
        return
    raise click.ClickException("Somebody else changes the secret all the time. Nothing was changed; run this again.")


def _keys(content: dict[str, Any]) -> list[str]:
    """Return the keys that are there. Raises `ClickException` where one of them is none, as the service would say."""
    try:
        Credentials.from_json(json.dumps(content))
    except ConfigurationError as error:
        raise click.ClickException(f"{sentence(error)}\nNothing was changed.") from None
    return list(content["session_keys"])


def _tell(stored: vault.Stored, before: int, after: int, session: timedelta) -> None:
    dropped = before + 1 - after
    now = datetime.now(UTC)
    click.echo(f"The secret {stored.name} has a new session key, the last of {after}; {dropped or 'none'} dropped.")
    click.echo(f"Running functions take it up within {round(TTL_SECONDS / 60)} minutes; nothing has to be deployed.")
    hours = round(session.total_seconds() / 3600)
    if after > 1:
        # A function that has not read the secret again yet still seals with it.
        last = now + timedelta(seconds=TTL_SECONDS) + session
        click.echo(
            f"The key before it opens sessions until {last:%Y-%m-%d %H:%M} UTC (SESSION_HOURS={hours}); after"
            " that it does not matter any more."
        )
    if after == 1:
        click.echo("Every open session ends with that: people sign in again when the workspace next asks for them.")
    elif dropped and stored.changed is not None and now - stored.changed < session:
        click.echo(
            f"The secret was last changed on {stored.changed.astimezone(UTC):%Y-%m-%d %H:%M} UTC, less than a session"
            " ago: whoever's session was sealed with the dropped key signs in again. Next time, --keep 3."
        )
