"""`python -m admin console-login`: how an administrator gets in while the iframe is on."""

import json

import click

from admin.failures import Command


@click.command("console-login", cls=Command)
@click.argument("username", default="user")
def console_login(username: str) -> None:
    """Print the line by which an administrator signs in from the browser's console.

    With the iframe on, the workspace shows Gantry's page and no form of its own. Where that page lets nobody in (Gantry
    is down, or misconfigured), this line does, with the password that the account has in the workspace.

    \b
        python -m admin console-login alice

    It needs nothing: no AWS, no network. The other way out is python -m admin connect --disable.
    """
    # JSON's escapes are JavaScript's, and no quote or bracket of a name ends the line early.
    name = "'" + json.dumps(username)[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"
    click.echo(
        "1. Log out of the workspace in that browser, if you are signed in: a live session signs in again at the next"
        "\n   load, as the same person as before."
        "\n2. Open the workspace, press F12 and choose Console."
        "\n3. Type this with your password in the place of the second word, and press Enter:\n"
        f"\n   Meteor.loginWithPassword({name}, 'password')\n"
        "\nThe console may keep what was typed in its history: clear that on a computer that others use."
    )
