"""`python -m admin sign-out`: for the day somebody leaves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import click

from admin import workspace
from admin.administrator import Administrator, Build
from admin.deployment import Deployment, with_deployment
from admin.failures import Command, sentence
from chalicelib import rocketchat_users
from chalicelib.accounts.record import AccountRecord
from chalicelib.accounts.users import Users
from chalicelib.bootstrap import Gantry
from chalicelib.config import Settings
from chalicelib.credentials import Credentials, ServiceAccount, UserPool
from chalicelib.errors import GantryError
from chalicelib.people import ListedPerson
from chalicelib.rocketchat import Call, CallRefused
from chalicelib.throttle import folded
from chalicelib.tokens.mongodb import IFRAME_TOKEN, IFRAME_WHEN, LOGIN_TOKENS

PERSONAL = "personalAccessToken"
_FIELDS = {"username": 1, "name": 1, "emails": 1, "active": 1, LOGIN_TOKENS: 1, IFRAME_TOKEN: 1}
_NOBODY = "Nobody in the workspace has the username or address {user}. Look it up there under Administration > Users."


@dataclass(frozen=True)
class Found:
    """The account that USER means."""

    record: AccountRecord

    def __str__(self) -> str:
        name = self.record.text("name")
        return f"{self.username} ({name + ', ' if name else ''}id {self.record.id})"

    @property
    def username(self) -> str:
        """The username, else the id."""
        return self.record.text("username") or self.record.id

    @property
    def names(self) -> set[str]:
        """By what other directories may know the person: username and addresses, folded."""
        return {folded(self.username), *(folded(address) for address, _ in self.record.emails())}


@click.command("sign-out", cls=Command)
@with_deployment
@click.argument("user")
@click.option("--deactivate", is_flag=True, help="Also switch the account off, so that nobody can sign in with it.")
def sign_out(deployment: Deployment, user: str, deactivate: bool) -> None:
    """End all sessions of one person: USER is their username or e-mail address in the workspace.

    With a service account in the secret the workspace does it, and open windows are signed out at once. With MongoDB
    alone the account's login tokens are removed: open windows stay until they connect anew. Personal access tokens,
    which people make for programs, are not touched.

    \b
        python -m admin sign-out alice                # lost a laptop
        python -m admin sign-out alice --deactivate   # leaves

    Without --deactivate the person can sign in again. The account and its messages stay; an administrator switches it
    on again under Administration > Users. Next: what is printed, where another directory still knows the person.
    """
    settings, credentials = deployment.settings(), deployment.credentials()
    if credentials.service_account is None and not settings.uses_mongodb:
        raise click.ClickException(
            "Gantry has neither a service account nor a database here, so it can sign nobody out. Do it in the"
            " workspace (Administration > Users > the person > Deactivate), or store a service account: python -m admin"
            " init"
        )
    gantry = deployment.gantry()
    try:
        if credentials.service_account is None:
            found = _by_database(deployment, gantry, user, deactivate)
        else:
            found = _by_rest(deployment, gantry, credentials.service_account, user, deactivate)
            if settings.uses_mongodb:
                _iframe_token_too(gantry, found, deployment)
    finally:
        if settings.uses_mongodb:
            gantry.mongo.close()
    _warn(deployment, settings, credentials, found, deactivate)


# --- by the workspace ------------------------------------------------------------------------------------------------


def _by_rest(deployment: Deployment, gantry: Gantry, service: ServiceAccount, user: str, deactivate: bool) -> Found:
    administrator = Administrator(gantry.workspace, service, deployment.deadline)
    found = _found_by_rest(administrator, user)
    click.echo(f"Found {found}.")
    done = []
    try:
        if deactivate:
            # First, so that nobody signs in between the two.
            administrator.call(partial(workspace.set_active, user_id=found.record.id, active=False))
            done.append("deactivated")
            click.echo("The account is switched off.")
        administrator.call(partial(workspace.log_out, user_id=found.record.id))
    except (click.ClickException, GantryError) as error:
        why = error.format_message() if isinstance(error, click.ClickException) else sentence(error)
        left = "still signed in" if done or not deactivate else "neither switched off nor signed out"
        raise click.ClickException(f"{why}\n{found.username} is {left}. Run this again when that is mended.") from None
    click.echo("Signed out everywhere, open windows included. Gantry's sessions ended with that.")
    click.echo("The workspace does not show others' personal access tokens: some may be left, and live on.")
    return found


def _found_by_rest(administrator: Administrator, user: str) -> Found:
    by_email = "@" in user
    name, address = rocketchat_users.info_by_username, rocketchat_users.info_by_email
    for build in (address, name) if by_email else (name,):
        try:
            content = administrator.call(_about(build, user))
        except CallRefused as refused:
            # 400: nobody has that name, or the workspace is older than 8.4 and finds nobody by an address.
            if refused.status != 400:
                raise
            continue
        return Found(rocketchat_users.account_in(content))
    older = " A workspace before 8.4 finds nobody by an address: give the username." if by_email else ""
    raise click.ClickException(_NOBODY.format(user=user) + older)


def _about(build: Callable[[ServiceAccount, str], Call], user: str) -> Build:
    def made(account: ServiceAccount, code: Mapping[str, str]) -> Call:
        call = build(account, user)
        return replace(call, headers={**call.headers, **code})

    return made


# --- in the database -------------------------------------------------------------------------------------------------


def _by_database(deployment: Deployment, gantry: Gantry, user: str, deactivate: bool) -> Found:
    users = Users(gantry.mongo)
    found = _found_in_database(users, user, deployment)
    click.echo(f"Found {found}.")
    held = found.record.at(LOGIN_TOKENS)
    change: dict[str, Any] = {"$unset": {IFRAME_TOKEN: "", IFRAME_WHEN: ""}}
    if isinstance(held, list):
        change["$pull"] = {LOGIN_TOKENS: {"type": {"$ne": PERSONAL}}}
    if deactivate:
        change["$set"] = {"active": False}
    if not users.change({"_id": found.record.content["_id"]}, change, deployment.deadline()):
        raise click.ClickException("The account was removed meanwhile. Nothing was changed.")
    personal = _personal(held)
    removed = (len(held) if isinstance(held, list) else 0) - personal
    click.echo(f"Removed {removed} login token{'' if removed == 1 else 's'}, and what Gantry had handed out.")
    if deactivate:
        click.echo("The account is switched off.")
    click.echo("Windows that are open stay signed in until they connect anew: the database cannot close them.")
    if personal:
        remain = "personal access token remains" if personal == 1 else "personal access tokens remain"
        click.echo(f"{personal} {remain}, which are for programs: end them in the workspace where they should end too.")
    return found


def _found_in_database(users: Users, user: str, deployment: Deployment) -> Found:
    paths = ("emails.address", "username") if "@" in user else ("username",)
    for path in paths:
        exact = users.one({path: user}, _FIELDS, deployment.deadline())
        if exact is not None:
            return Found(exact)
        alike = users.ignoring_case({path: user}, _FIELDS, deployment.deadline())
        if len(alike) > 1:
            raise click.ClickException(
                f"More than one account has the {path} {user} but for its case: write it exactly."
            )
        if alike:
            return Found(alike[0])
    raise click.ClickException(_NOBODY.format(user=user))


def _iframe_token_too(gantry: Gantry, found: Found, deployment: Deployment) -> None:
    """Remove the `iframe` token, which the workspace's own logout leaves."""
    change = {"$unset": {IFRAME_TOKEN: "", IFRAME_WHEN: ""}}
    if Users(gantry.mongo).change({"_id": found.record.id}, change, deployment.deadline()):
        return
    raise click.ClickException("The workspace's database has no such account: does mongodb_uri name another database?")


def _personal(held: object) -> int:
    elements = held if isinstance(held, list) else []
    return sum(1 for each in elements if isinstance(each, dict) and each.get("type") == PERSONAL)


# --- where else the person is known ----------------------------------------------------------------------------------


def _warn(deployment: Deployment, settings: Settings, credentials: Credentials, found: Found, deactivate: bool) -> None:
    """Say where the person can still come from."""
    listed = _listed(credentials, found)
    pooled = credentials.user_pool is not None and _in_pool(deployment, credentials.user_pool, found)
    if listed is not None:
        click.echo(
            f'"{listed.username}" stands in "users" of the secret {settings.secret_id}: remove the entry there'
            " (AWS console > Secrets Manager > Retrieve secret value > Edit)."
        )
    if credentials.user_pool is not None and pooled is not False:
        who = f"{pooled}" if pooled else "The person"
        click.echo(
            f"{who} {'is' if pooled else 'may be'} in the user pool {credentials.user_pool.id}: aws cognito-idp"
            f" admin-disable-user --region {credentials.user_pool.region} --user-pool-id {credentials.user_pool.id}"
            f" --username {pooled or '…'}"
        )
    if not deactivate:
        click.echo("They can sign in again: add --deactivate where they should not.")
    elif listed is not None or pooled is not False:
        click.echo("The account is off, so a sign-in is refused; with PROVISION, another address could get a new one.")


def _listed(credentials: Credentials, found: Found) -> ListedPerson | None:
    for name, person in (credentials.people or {}).items():
        if name in found.names or (person.email and folded(person.email) in found.names):
            return person
    return None


def _in_pool(deployment: Deployment, pool: UserPool, found: Found) -> str | bool | None:
    """Return the person's name in the pool, False where nobody there is them, None where it cannot be known."""
    from botocore.exceptions import BotoCoreError, ClientError

    client = deployment.aws("cognito-idp", region=pool.region)
    try:
        for attribute, value in _searched(found):
            quoted = value.replace("\\", "\\\\").replace('"', '\\"')
            users = client.list_users(UserPoolId=pool.id, Filter=f'{attribute} = "{quoted}"', Limit=1)["Users"]
            if users:
                return str(users[0]["Username"])
    except (ClientError, BotoCoreError):
        return None
    return False


def _searched(found: Found) -> list[tuple[str, str]]:
    addresses = [("email", address) for address, _ in found.record.emails()]
    return [("username", found.username), ("preferred_username", found.username), *addresses]
