"""Who could come in past a second factor of the workspace."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from admin.doctor.finding import Finding
from admin.doctor.patient import Patient, soon
from chalicelib.accounts.record import AccountRecord
from chalicelib.config import Settings
from chalicelib.credentials import Credentials
from chalicelib.errors import GantryError
from chalicelib.mongodb import Mongo

_FIELDS = {"username": 1, "services.totp.enabled": 1, "services.email2fa.enabled": 1, "emails": 1}
_MOST = 200
_SHOWN = 10


@dataclass(frozen=True)
class Administrator:
    """An account with the role `admin`, and the second factors that it has switched on."""

    username: str
    totp: bool
    email_codes: bool


def check(patient: Patient) -> Iterator[Finding]:
    """Whether Gantry makes tokens past a second factor, and for which administrators."""
    settings = patient.settings
    if patient.workspace_settings().get("Accounts_TwoFactorAuthentication_Enabled") is False:
        remedy = "Administration → Settings → Accounts → Two Factor Authentication: on"
        yield Finding("note", "2FA", "second factors are switched off in the workspace, for everybody", "", remedy)
        return
    if not mints(settings, patient.credentials):
        yield Finding("ok", "2FA", "the workspace itself asks for second factors")
        return
    try:
        known = administrators(patient.mongo, settings) if settings.uses_mongodb else None
    except GantryError as error:
        yield Finding("note", "2FA", f"the administrators could not be listed ({error})")
        known = None
    yield from judged(settings, known, patient.change("WORKSPACE_2FA=honour"))


def mints(settings: Settings, credentials: Credentials) -> bool:
    """Tell whether Gantry itself makes native login tokens, which skip the workspace's second factor."""
    asks_itself = settings.directory == "rocketchat" and not settings.relay
    if asks_itself or settings.token_kind == "iframe":  # noqa: S105 - the kind of a token
        return False
    return settings.token_source == "mongodb" or credentials.create_token_secret is not None  # noqa: S105


def judged(settings: Settings, known: Sequence[Administrator] | None, remedy: str) -> Iterator[Finding]:
    """Say what WORKSPACE_2FA means, for these administrators where they are known."""
    policy = settings.workspace_2fa
    if policy == "honour":
        yield Finding("ok", "2FA", "WORKSPACE_2FA=honour: nobody comes in past a second factor of theirs")
    elif policy == "totp":
        past = [each.username for each in known or () if each.email_codes and not each.totp]
        what = "WORKSPACE_2FA=totp: codes by e-mail are not asked for"
        yield from _past(what, past, known, remedy)
    else:
        past = [each.username for each in known or () if each.email_codes or each.totp]
        yield from _past("WORKSPACE_2FA=skip: the password alone is enough", past, known, remedy, always=True)
    bare = [each.username for each in known or () if not each.totp and not each.email_codes]
    if bare:
        what = f"administrators without any second factor, who come in by password: {_named(bare)}"
        why = "An administrator's account can read and change everything in the workspace"
        yield Finding("note", "2FA", what, why, "Let them switch two factor authentication on: Profile → Security")


def _past(
    what: str, past: list[str], known: Sequence[Administrator] | None, remedy: str, *, always: bool = False
) -> Iterator[Finding]:
    if past:
        why = f"Administrators who come in past their second factor: {_named(past)}"
        yield Finding("warning", "2FA", what, why, remedy)
    elif known is None:
        why = "Administrators with a second factor may come in past it; without MongoDB they cannot be listed here"
        yield Finding("warning", "2FA", what, why, remedy)
    else:
        why = "Whoever switches a second factor on believes to be protected by it"
        what += "; no administrator has one that is passed by"
        yield Finding("warning", "2FA", what, why, remedy) if always else Finding("ok", "2FA", what)


def administrators(mongo: Mongo, settings: Settings) -> list[Administrator]:
    """Return the active administrators who can come in through Gantry. Raises `Unavailable`.

    Where accounts are found by e-mail address, an administrator's never is: only a stored link leads there, or a
    provider's id. The workspace as the directory asks for second factors itself.
    """
    wanted = {"roles": "admin", "active": True}
    fields = {**_FIELDS, **{f"services.{provider}.id": 1 for provider in settings.relay}}
    found = mongo.run(lambda database: list(database["users"].find(wanted, fields).limit(_MOST)), soon())
    records = [AccountRecord(each) for each in found]
    by_link = settings.is_foreign and settings.link_by == "email"
    if by_link or settings.directory == "rocketchat":
        known = _linked(mongo, [record.id for record in records]) if by_link else frozenset()
        records = [each for each in records if each.id in known or _is_relayed(each, settings)]
    return [
        Administrator(record.text("username") or record.id, record.totp_enabled, record.wants_email_codes)
        for record in records
    ]


def _linked(mongo: Mongo, account_ids: list[str]) -> frozenset[str]:
    query = {"account": {"$in": account_ids}}
    linked = mongo.run(lambda database: list(database["gantry_links"].find(query, {"account": 1})), soon())
    return frozenset(link["account"] for link in linked)


def _is_relayed(record: AccountRecord, settings: Settings) -> bool:
    return any(record.at(f"services.{provider}.id") is not None for provider in settings.relay)


def _named(names: list[str]) -> str:
    return ", ".join(ascii(name)[1:-1] for name in names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
