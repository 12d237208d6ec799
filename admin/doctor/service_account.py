"""Checks of the account in the workspace that Gantry acts with. Nothing is created or changed."""

from collections.abc import Iterator, Mapping
from typing import Any

from admin.doctor.finding import Finding, Level, problem, shown
from admin.doctor.patient import Patient, soon
from chalicelib import rocketchat, rocketchat_users
from chalicelib.config import Settings
from chalicelib.credentials import Credentials, ServiceAccount
from chalicelib.errors import ConfigurationError, GantryError
from chalicelib.service import Service

BYPASS = "api-bypass-rate-limit"
_WHY = "Accounts are found and made, and tokens made, by this account"
_ROLE = "Administration → Permissions, or give the account the role admin (Administration → Users)"


def check(patient: Patient) -> Iterator[Finding]:
    """Whether the service account lives, and may do what these settings ask of it."""
    settings, credentials = patient.settings, patient.credentials
    wanted = permissions(settings, credentials)
    if credentials.service_account is None:
        yield from without(settings)
        return
    try:
        own = patient.service.call(_me, soon())
        patient.service.call(_itself, soon())
    except ConfigurationError as error:
        level: Level = "error" if wanted else "warning"
        why = _WHY if wanted else "Sign-ins go with its headers, and without it ten a minute are all that come through"
        for each in error.problems:
            found = problem(each, why)
            yield Finding(level, found.key, found.what, found.why, found.remedy)
        return
    except GantryError as error:
        yield Finding("note", "service account", f"not checked ({error})")
        return
    roles = [str(role) for role in own.get("roles") or () if isinstance(role, str)]
    name = shown(own.get("username"))
    yield Finding("ok", "service account", f"{name} lives, with the roles {', '.join(map(shown, roles)) or 'none'}")
    yield from granted(roles, _grants(patient.service), wanted)
    yield from second_factor(own)


def permissions(settings: Settings, credentials: Credentials) -> tuple[str, ...]:
    """What the account must be allowed, by Rocket.Chat's own ids; nothing where it is for the rate limit alone."""
    by_rest = settings.token_source == "rest"  # noqa: S105 - the name of a source
    makes_tokens = by_rest and credentials.create_token_secret is not None
    creates = settings.knows_foreigners and settings.provision == "create"
    wanted: tuple[str, ...] = ()
    if makes_tokens and (settings.knows_foreigners or settings.directory == "mongodb"):
        wanted += ("user-generate-access-token",)
    if makes_tokens and settings.knows_foreigners:
        wanted += (rocketchat_users.SEES_ALL,)
    return (*wanted, "create-user", "assign-roles") if creates else wanted


def without(settings: Settings) -> Iterator[Finding]:
    """What it means that there is no service account, where there need not be one."""
    if settings.directory == "rocketchat":
        what = "the secret has none: ten people a minute can sign in, and the eleventh is told to wait"
        remedy = (
            "In the workspace, as an administrator: Profile → Personal Access Tokens, with “ignore two factor"
            " authentication”; store rocketchat_user_id and rocketchat_auth_token in the secret"
        )
        why = "Rocket.Chat limits each call to ten a minute from one address, and all share Gantry's"
        yield Finding("note", "service account", what, why, remedy)


def granted(
    roles: list[str], grants: Mapping[str, frozenset[str]] | None, wanted: tuple[str, ...]
) -> Iterator[Finding]:
    """Compare what roles may do with what is wanted; `grants` is permission to roles, None where that is not told."""
    if grants is None:
        if "admin" in roles or not wanted:
            yield Finding("ok", "permissions", "the role admin has what is needed, unless somebody took it away")
        else:
            what = f"whether its roles have {', '.join(wanted)} cannot be seen"
            yield Finding("note", "permissions", what, _WHY, f"Look at {_ROLE}")
        return
    missing = [each for each in wanted if not grants.get(each, frozenset()).intersection(roles)]
    if missing:
        what = f"the service account lacks {', '.join(missing)}"
        yield Finding("error", "permissions", what, _WHY, _ROLE)
    if not grants.get(BYPASS, frozenset()).intersection(roles):
        why = "Each of its calls is limited to ten a minute, for everybody together"
        yield Finding("warning", "permissions", f"the service account lacks {BYPASS}", why, _ROLE)
    elif not missing:
        yield Finding("ok", "permissions", "the service account may do what is needed")


def second_factor(own: Mapping[str, Any]) -> Iterator[Finding]:
    """Remind of what cannot be seen of a token whose account has a second factor."""
    services = own.get("services")
    on = [name for name in ("totp", "email2fa") if isinstance(services, dict) and services.get(name)]
    if on:
        what = f"the service account has a second factor ({', '.join(on)})"
        why = "A personal access token without “ignore two factor authentication” is asked for codes by some calls"
        remedy = "If sign-ins fail with that: make the token anew with the box ticked"
        yield Finding("note", "service account", what, why, remedy)


def _grants(service: Service) -> Mapping[str, frozenset[str]] | None:
    """Return which roles have which permission (`permissions.listAll`), None where the workspace does not say."""
    try:
        told = service.call(_permissions, soon()).get("update")
    except GantryError:
        return None
    if not isinstance(told, list):
        return None
    return {
        str(each.get("_id")): frozenset(map(str, each.get("roles") or ())) for each in told if isinstance(each, dict)
    }


def _me(account: ServiceAccount) -> rocketchat.Call:
    return rocketchat.me(account.user_id, account.token)


def _itself(account: ServiceAccount) -> rocketchat.Call:
    return rocketchat_users.info_by_id(account, account.user_id)


def _permissions(account: ServiceAccount) -> rocketchat.Call:
    headers = rocketchat.authentication(account.user_id, account.token)
    return rocketchat.Call("GET", "/api/v1/permissions.listAll", headers)
