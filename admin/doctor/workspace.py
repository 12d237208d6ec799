"""Checks of the workspace: its version, and what its settings mean for Gantry."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from admin.doctor.account import clocks
from admin.doctor.finding import Finding, shown
from admin.doctor.patient import Patient, soon
from admin.workspace import API_METHOD, API_URL, IFRAME_URL, wanted
from chalicelib import rocketchat
from chalicelib.config import Settings, origin_of
from chalicelib.credentials import Credentials
from chalicelib.errors import GantryError
from chalicelib.relay.version import relays

Release = tuple[int, ...]

NEWEST = (8, 6)
"""The newest version whose sources Gantry's rules were read from."""

CREATE_TOKEN_MENDED = (8, 6, 1)

_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?")
_IFRAME = "Administration → Settings → Accounts → Iframe"
_REACH = "Gantry cannot sign anybody in without the workspace's REST API"


def reachable(patient: Patient) -> Iterator[Finding]:
    """Whether the workspace answers, and what its version means."""
    settings = patient.settings
    address = settings.rocketchat_url
    remedy = f"curl -i {address}/api/info, and mend ROCKETCHAT_URL or the workspace"
    began = patient.clock()
    try:
        reply = patient.workspace(rocketchat.info(), soon())
        content = rocketchat.decipher(reply, patient.clock())
    except GantryError as error:
        yield Finding("error", "workspace", f"{address} gives no answer of Rocket.Chat's ({error})", _REACH, remedy)
        return
    yield Finding("ok", "workspace", f"{address} answers")
    if "date" in reply.headers:
        yield from clocks("the workspace", reply.headers["date"], began, patient.clock())
    release = release_of(content.get("version"))
    yield from version(release)
    yield from create_token(_exactly(patient) or release, settings, patient.credentials)


def release_of(version: object) -> Release | None:
    """Return the numbers of a version, two from `/api/info`, three for whoever may know more; None for no version."""
    found = _VERSION.match(version) if isinstance(version, str) else None
    return tuple(int(part) for part in found.groups() if part is not None) if found else None


def _exactly(patient: Patient) -> Release | None:
    """Return all three numbers where the service account may see them (`get-server-info`), else None."""
    account = patient.credentials.service_account
    if account is None:
        return None
    headers = rocketchat.authentication(account.user_id, account.token)
    try:
        info = patient.ask(rocketchat.Call("GET", "/api/info", headers)).get("info")
    except GantryError:
        return None
    return release_of(info.get("version")) if isinstance(info, dict) else None


def version(release: Release | None) -> Iterator[Finding]:
    """What Gantry's version matrix says of a version."""
    if release is None:
        yield Finding(
            "note", "version", "the workspace does not tell its version", "", "7.8 and 7.9 do not work: check"
        )
        return
    name = ".".join(map(str, release))
    short = release[:2]
    if short in ((7, 8), (7, 9)):
        why = "These versions broke their side: they do not ask Gantry, or show their own login form"
        yield Finding("error", "version", f"Rocket.Chat {name}", why, "Update the workspace to 7.10 or newer")
    elif short > NEWEST:
        what = f"Rocket.Chat {name} is newer than {'.'.join(map(str, NEWEST))}, which Gantry was written against"
        yield Finding("note", "version", what, "", "Look for a newer Gantry, and sign in once as a test")
    elif short >= (7, 10):
        yield Finding("ok", "version", f"Rocket.Chat {name}")
    elif short >= (6, 0):
        what = f"Rocket.Chat {name} works: its browsers ask first (OPTIONS) before each session check"
        yield Finding("note", "version", what, "", "An update to 8 is worth it: this line gets few security fixes")
    elif short >= (2, 0):
        what = f"Rocket.Chat {name} is old: Gantry's rules for it were read, and not tried"
        yield Finding("note", "version", what, "It gets no security fixes any more", "Update the workspace")
    else:
        what = f"Rocket.Chat {name} is very old: `loginToken` came with 0.40, and 0.58 wants `token` beside it"
        yield Finding("note", "version", what, "It gets no security fixes any more", "Update the workspace")


def create_token(release: Release | None, settings: Settings, credentials: Credentials) -> Iterator[Finding]:
    """Whether the workspace lets others than its administrators make tokens for other people."""
    for_others = settings.directory != "rocketchat" or bool(settings.relay)
    made = settings.token_source == "rest" and for_others  # noqa: S105 - the name of a source
    if not made or credentials.create_token_secret is None:
        return
    update = "Update the workspace to 8.6.1 or newer"
    missing = "users.createToken of 8.0 to 8.6.0 checks no permission for other people's tokens"
    if release is None:
        return
    if release >= CREATE_TOKEN_MENDED:
        yield Finding("ok", "createToken", "users.createToken checks the caller's permission")
    elif release == (8, 6):
        what = "8.6.0 or 8.6.1? /api/info does not say, and 8.6.0 makes tokens for callers without the permission"
        yield Finding(
            "note", "createToken", what, missing, f"Administration → Workspace shows it. {update} if it is 8.6.0"
        )
    elif release >= (8, 0):
        why = "Whoever has any account and learns the secret can sign in as anybody"
        yield Finding("warning", "createToken", missing, why, update)
    else:
        what = "before 8.0 users.createToken knows no secret: CREATE_TOKENS_FOR_USERS opens it to whoever may call it"
        why = "Its permission check was incomplete until 8.6.1"
        yield Finding("warning", "createToken", what, why, update)


def iframe(patient: Patient) -> Iterator[Finding]:
    """Whether the four iframe settings lead to this Gantry."""
    connect = f"{patient.command('connect')}; if Gantry has another address than {patient.url}: doctor --url …"
    why = "Unless all four are right, the workspace shows its own login form or asks somebody else"
    try:
        patient.workspace_settings()
    except GantryError as error:
        yield Finding("note", "iframe", f"not checked: the workspace does not tell its settings ({error})")
        return
    if patient.url is None:
        yield Finding("note", "iframe", "our own address is not known, so the two addresses were not compared")
    differing = []
    for name, value in wanted(patient.url or "").items():
        there = patient.setting(name)
        unknown = patient.url is None and name in (IFRAME_URL, API_URL)
        if there is None:
            yield Finding("note", "iframe", f"the workspace does not show {name}", "", f"Look at {_IFRAME}")
        elif not (there == value or unknown or (name == API_METHOD and there == "GET")):
            differing.append(f"{name} is {shown(there)}, and should be {shown(value)}")
    if differing:
        yield Finding("error", "iframe", "; ".join(differing), why, connect)
    elif patient.url is not None:
        yield Finding("ok", "iframe", "the workspace's iframe settings lead here")


def site_url(patient: Patient) -> Iterator[Finding]:
    """Whether the address that the workspace calls its own is one that may read tokens."""
    own = patient.setting("Site_Url")
    if not isinstance(own, str) or not own:
        return
    origins = patient.settings.origins
    try:
        origin = origin_of(own)
    except ValueError:
        origin = own
    if origin in origins:
        yield Finding("ok", "origins", f"the workspace calls itself {origin}, which may read tokens")
        return
    yield Finding(
        "warning",
        "origins",
        f"the workspace calls itself {shown(own)}, and only {', '.join(origins)} may read tokens",
        "People who open the workspace at another address than these are refused",
        f"If it is right: {patient.change('ALLOWED_ORIGINS=https://…')}; or mend ROCKETCHAT_URL the same way",
    )


def usernames(patient: Patient) -> Iterator[Finding]:
    """Whether people can change what links them to their accounts."""
    settings = patient.settings
    if not settings.is_foreign or settings.link_by != "username":
        return
    where = "Administration → Settings → Accounts → Allow Username Change"
    may_change = patient.setting("Accounts_AllowUsernameChange")
    why = "Whoever takes another person's username in the workspace gets that person to sign in to their account"
    if may_change is False:
        yield Finding("ok", "LINK_BY", "accounts are found by username, and nobody can change theirs")
    elif may_change is None:
        what = "LINK_BY=username, and whether people can change their usernames cannot be seen"
        yield Finding("note", "LINK_BY", what, why, f"{where}: off")
    else:
        what = "LINK_BY=username, and people can change their usernames in the workspace"
        yield Finding("warning", "LINK_BY", what, why, f"{where}: off; or {patient.change('LINK_BY=')}")


def block_by_address(patient: Patient) -> Iterator[Finding]:
    """Whether the workspace may block everybody at once, for the wrong passwords of one."""
    if not logs_in(patient.settings, patient.credentials):
        return
    on = [
        patient.setting(name) for name in ("Block_Multiple_Failed_Logins_Enabled", "Block_Multiple_Failed_Logins_By_Ip")
    ]
    if False in on:
        yield Finding("ok", "block", "the workspace blocks no address after failed logins")
        return
    many = patient.setting("Block_Multiple_Failed_Logins_Attempts_Until_Block_By_Ip")
    count = many if isinstance(many, int) else 50
    yield Finding(
        "note",
        "block",
        f"the workspace blocks an address after {count} failed logins"
        + ("" if True in on else ", as it does by default: these settings are not public"),
        "Gantry tells it each person's address in X-Real-IP. Where a proxy writes its own over that, everybody has the"
        " same address, and the wrong passwords of one person lock all out",
        "Type a wrong password on the login page, then look at the address in the workspace's log of failed logins"
        " (Administration → Settings → Accounts, among the failed logins): is it yours? Else let the proxy pass"
        " X-Real-IP on for Gantry, or switch the block by address off there",
    )


def logs_in(settings: Settings, credentials: Credentials) -> bool:
    """Tell whether Gantry makes `POST login`, with the person's password."""
    written = settings.token_source == "mongodb"  # noqa: S105 - the name of a source
    makes_tokens = written or credentials.create_token_secret is not None
    return settings.directory == "rocketchat" or (settings.is_foreign and not makes_tokens)


_PROVIDERS = {
    "facebook": ("Facebook", "app_id"),
    "google": ("Google", "client_id"),
    "twitter": ("Twitter", "consumer_key"),
}


def relay(patient: Patient, secret: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether the workspace relays, has the providers of RELAY switched on, and the applications of our secret."""
    yield from relaying(patient)
    for provider in patient.settings.relay:
        title, key = _PROVIDERS[provider]
        setting = f"Accounts_OAuth_{title}"
        where = f"Administration → Settings → OAuth → {title}"
        on = patient.setting(setting)
        if on is None:
            yield Finding("note", "RELAY", f"the workspace does not show {setting}", "", f"Look at {where}")
        elif on is not True:
            why = "The workspace's own OAuth is what a relay goes through"
            yield Finding("warning", "RELAY", f"{setting} is off in the workspace", why, f"{where}: on")
        else:
            yield Finding("ok", "RELAY", f"{setting} is on")
        ours = secret.get(provider)
        ours = ours.get(key) if isinstance(ours, dict) else None
        theirs = _client_id(patient, provider, f"{setting}_id")
        if ours is None:
            yield Finding("note", "RELAY", f"the secret has no {provider}.{key} to compare with the workspace's")
        elif theirs is None:
            yield Finding(
                "note", "RELAY", f"the workspace does not show its {setting}_id", "", f"Compare it at {where}"
            )
        elif theirs != ours:
            why = "A token that the provider made for another application is refused"
            what = f"the workspace has another {setting}_id than {provider}.{key} in the secret"
            yield Finding("warning", "RELAY", what, why, f"Put the same one into the secret and at {where}")
        else:
            yield Finding("ok", "RELAY", f"{setting}_id is the secret's {provider}.{key}")


def relaying(patient: Patient) -> Iterator[Finding]:
    """Whether the workspace's version is one whose client relays."""
    try:
        known = patient.ask(rocketchat.info()).get("version")
    except GantryError as error:
        yield Finding("note", "RELAY", f"whether the workspace relays is not known ({error})")
        return
    release = release_of(known)
    name = f"Rocket.Chat {'.'.join(map(str, release))}" if release else "the workspace"
    answer = relays(known)
    if answer:
        yield Finding("ok", "RELAY", f"{name} relays the logins of {', '.join(patient.settings.relay)}")
    elif answer is None:
        what = f"whether {name} relays is not known: clients up to about 1.x do"
        yield Finding("note", "RELAY", what, "The login page shows the buttons, and waits", "Sign in once as a test")
    else:
        what = f"{name} does not relay: its client ignores what RELAY asks of it"
        why = "Only clients up to about 1.x answer, so the login page hides its buttons and says so"
        yield Finding("warning", "RELAY", what, why, patient.change("RELAY="))


def _client_id(patient: Patient, provider: str, setting: str) -> object:
    """Return the workspace's id with a provider: from its settings, else from what its login page is told."""
    known = patient.setting(setting)
    if known:
        return known
    try:
        services = patient.ask(rocketchat.Call("GET", "/api/v1/settings.oauth")).get("services")
    except GantryError:
        return None
    for each in services if isinstance(services, list) else ():
        if isinstance(each, dict) and each.get("name") == provider:
            return each.get("clientId")
    return None
