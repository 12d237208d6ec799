"""`python -m admin hash-password`: make one person's entry for the list in the secret (`users`)."""

import json
import sys
import unicodedata
from getpass import getpass

import click
from argon2 import Parameters, PasswordHasher, Type

from chalicelib.directories import LONGEST_PASSWORD_BYTES
from chalicelib.people import listed
from chalicelib.secret import Secret

PROFILE = Parameters(type=Type.ID, version=19, salt_len=16, hash_len=32, time_cost=2, memory_cost=19_456, parallelism=1)
"""At least 19 MiB, 2 passes and 1 lane: OWASP's Password Storage Cheat Sheet, section "Argon2id". Salt and digest have
the lengths of RFC 9106, section 4."""

SHORTEST_PASSWORD = 8
"""In characters, each code point one: NIST SP 800-63B (revision 3), section 5.1.1.2."""

_PLACEHOLDER = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
_ANYBODY = "username"


@click.command("hash-password", context_settings={"allow_extra_args": True})
@click.argument("username", required=False)
@click.option("--name", help="The person's name, as the workspace shows it.")
@click.option(
    "--email", help="The person's address. It finds their account, and you vouch for it: it counts as verified."
)
@click.pass_context
def hash_password(context: click.Context, username: str | None, name: str | None, email: str | None) -> None:
    """Make the entry of one person for DIRECTORY=users.

    The password is asked for twice and not shown. Where standard input is no terminal, it is the one line that is read
    there. It has at least 8 characters, and no place on the command line: others could read it there.

    What is printed goes into the secret in AWS Secrets Manager, among "users", with a comma between two people:

    \b
        {
          "session_keys": ["…"],
          "users": {
            "alice": {"password": "$argon2id$…", "name": "Alice Archer", "email": "alice@example.com"},
            "bob": {"password": "$argon2id$…"}
          }
        }

    USERNAME is what the person types, in any case. Without it only the object behind the name is printed. Gantry reads
    the secret again within five minutes: then the person can sign in, and one that was removed cannot any more.
    """
    if context.args:
        # What stands there may be the password, so it is not repeated.
        raise click.UsageError("There is one argument, USERNAME. A password has no place on the command line.", context)
    who = {key: value for key, value in (("name", name), ("email", email)) if value is not None}
    _refuse_unusable(_ANYBODY if username is None else username, who)
    hashed = PasswordHasher.from_parameters(PROFILE).hash(_typed().reveal())
    entry = json.dumps({"password": hashed, **who}, ensure_ascii=False)
    click.echo(entry if username is None else f"{json.dumps(username, ensure_ascii=False)}: {entry}")


def _refuse_unusable(username: str, who: dict[str, str]) -> None:
    """Raise `UsageError` for what the secret's own rules do not let stand in an entry, before anything is typed."""
    _, problems = listed({username: {"password": _PLACEHOLDER, **who}})
    for problem in problems:
        raise click.UsageError(f"The entry could not be used: {problem.what}.")


def _typed() -> Secret:
    """Return the password from the terminal or from standard input. Raises `ClickException`, without the password."""
    password = _from_terminal() if sys.stdin.isatty() else _from_standard_input()
    if not password:
        raise click.ClickException("The password is empty.")
    if len(password) < SHORTEST_PASSWORD:
        raise click.ClickException(f"The password has fewer than {SHORTEST_PASSWORD} characters (NIST SP 800-63B).")
    if len(password.encode("utf-8", "surrogatepass")) > LONGEST_PASSWORD_BYTES:
        raise click.ClickException(f"The password has more than {LONGEST_PASSWORD_BYTES} bytes.")
    if any(unicodedata.category(each) in ("Cc", "Cs") for each in password) or password.startswith("\ufeff"):
        raise click.ClickException("The password has a control character, which no login form sends.")
    return Secret(password)


def _from_terminal() -> str:
    password = getpass("Password: ")
    if password and getpass("The same once more: ") != password:
        raise click.ClickException("These were two different passwords.")
    return password


def _from_standard_input() -> str:
    """Return the one line of standard input without its line end; nothing else is taken off."""
    # As bytes: text would turn every other line end into one, and what is no UTF-8 into something else.
    line = sys.stdin.buffer.readline()
    if sys.stdin.buffer.read(1):
        raise click.ClickException("Standard input has more than one line: the password is one line.")
    try:
        return (line[:-2] if line.endswith(b"\r\n") else line.removesuffix(b"\n")).decode()
    except UnicodeDecodeError:
        raise click.ClickException("The password is not UTF-8, which login forms send.") from None
