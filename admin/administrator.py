"""Whoever acts in the workspace: the service account, or an administrator whose token is typed in."""

import sys
from collections.abc import Callable, Mapping
from time import time
from typing import Any

import click

from admin import workspace
from chalicelib import rocketchat
from chalicelib.credentials import ServiceAccount
from chalicelib.deadline import Deadline
from chalicelib.errors import Unauthorized
from chalicelib.rocketchat import Call, CallRefused, Send
from chalicelib.secret import Secret
from chalicelib.service import NOT_PERMITTED

Build = Callable[[ServiceAccount, Mapping[str, str]], Call]
"""What makes a call of the administrator, with the headers of a second factor."""

MOST_CODES = 3
_ADVICE = (
    "Make a personal access token in the workspace (My Account > Personal Access Tokens), as an administrator, with"
    ' "ignore two factor authentication"'
)


class Administrator:
    """Make calls as one account, and ask at the terminal for the code of its second factor where one is due."""

    def __init__(self, send: Send, account: ServiceAccount, deadline: Callable[[], Deadline]) -> None:
        self._send = send
        self._account = account
        self._deadline = deadline
        self._code: Mapping[str, str] = {}

    def call(self, build: Build) -> dict[str, Any]:
        """Return what the call is answered.

        Raises `click.ClickException` where the token is dead, a code is due and cannot be had, or a permission is
        missing; `CallRefused` for any other no, and `Unavailable`.
        """
        asked = 0
        while True:
            call = build(self._account, self._code)
            reply = self._send(call, self._deadline())
            due = workspace.second_factor_due(reply)
            if due is None:
                return self._understood(call, reply)
            # An authenticator's code is good for the calls of the next seconds, too; one by e-mail for one call.
            reused = asked == 0 and bool(self._code)
            if asked == MOST_CODES:
                raise click.ClickException(
                    "The workspace does not accept these codes. Wait a minute and run this again."
                )
            asked += 1
            self._code = _typed_code(due, again=due.wrong and not reused)

    def _understood(self, call: Call, reply: rocketchat.Reply) -> dict[str, Any]:
        if self._code.get("x-2fa-method") != "totp":
            self._code = {}
        try:
            return rocketchat.decipher(reply, time())
        except Unauthorized:
            raise click.ClickException(f"The workspace does not accept the token for that id. {_ADVICE}.") from None
        except CallRefused as refused:
            if refused.status == 403 or refused.error_type in NOT_PERMITTED:
                permission = workspace.permission_for(call)
                raise click.ClickException(
                    "The account of the token may not do this: it lacks the permission"
                    f" {permission or 'for this call'}, which administrators have."
                ) from None
            raise


def typed_account() -> ServiceAccount:
    """Ask for an administrator's id and token, which is not shown. Raises `UsageError` without a terminal."""
    if not interactive():
        raise click.UsageError(
            "Without a terminal nobody can type an administrator's token. Store one in the secret (init --credentials),"
            ' or give --credentials a file with {"rocketchat_user_id": "…", "rocketchat_auth_token": "…"}.'
        )
    click.echo(f"{_ADVICE}. It is used now and not kept.")
    user_id = _prompt("User id (beside the token)")
    token = _prompt("Token", hidden=True)
    return ServiceAccount(user_id, Secret(token))


def interactive() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty()


def _typed_code(due: workspace.SecondFactorDue, *, again: bool) -> dict[str, str]:
    if due.method not in rocketchat.SECOND_FACTORS:
        raise click.ClickException(
            "The workspace wants a second factor for this call, and this account has none that can be asked for here."
            f" {_ADVICE}."
        )
    if not interactive():
        raise click.ClickException(
            f"The workspace wants a second factor for this call, and nobody is there to type the code. {_ADVICE}."
        )
    if again:
        click.echo("That code was wrong.")
    if due.method == "email":
        click.echo(
            "The workspace has sent a code by e-mail." if due.sent else "An earlier code by e-mail still counts."
        )
    title = "Code from the e-mail" if due.method == "email" else "Code from the authenticator app (or a backup code)"
    return workspace.code_headers(due.method, _prompt(title, hidden=True))


def _prompt(title: str, *, hidden: bool = False) -> str:
    return str(click.prompt(title, hide_input=hidden, value_proc=_header_value))


def _header_value(value: str) -> str:
    value = value.strip()
    if not rocketchat.is_credential(value):
        raise click.UsageError("This has blanks or letters that no id, token or code has.")
    return value
