"""Checks of the settings and the secret."""

from collections.abc import Iterator

from admin.doctor.finding import Finding, problem, said, shown, unasked
from admin.doctor.patient import Change, Once, Patient
from chalicelib.aws import AwsRefusal
from chalicelib.config import Settings
from chalicelib.credentials import Credentials
from chalicelib.errors import ConfigurationError, GantryError
from chalicelib.people import weak_hashes

KEYS_KEPT = 2
"""One that seals, and one that still opens what was sealed before the last rotation."""

_UNUSABLE = "Gantry answers 503 to everything but /health, and nobody can sign in"
_NAMED = 10


def settings(configuration: Once[Settings], change: Change) -> Iterator[Finding]:
    """Every problem of the settings, as the service would report it."""
    try:
        found = configuration()
    except ConfigurationError as error:
        for each in error.problems:
            yield Finding("error", each.key, each.what, _UNUSABLE, f"{each.remedy}: {change(f'{each.key}=…')}")
        return
    what = f"understood: DIRECTORY={found.directory}, TOKEN_SOURCE={found.token_source}"
    yield Finding("ok", "settings", f"{what}, TOKEN_KIND={found.token_kind}")


def secret(patient: Patient) -> Iterator[Finding]:
    """Whether the secret can be read, and every problem of what is in it."""
    stage = patient.settings
    try:
        patient.secret()
    except AwsRefusal as error:
        if error.code == "InvalidRequestException":
            remedy = f"aws secretsmanager restore-secret --secret-id {shown(stage.secret_id)}"
            yield Finding("error", "SECRET_ID", "the secret is marked for deletion", _UNUSABLE, remedy)
            return
        if error.code != "ResourceNotFoundException":
            yield unasked("secret", error, "secretsmanager:GetSecretValue on the secret")
            return
        what = "SECRET_ID names no secret in this account and region"
        remedy = f"{patient.command('init')}, or mend SECRET_ID, or export the AWS_PROFILE and AWS_DEFAULT_REGION of it"
        yield Finding("error", "SECRET_ID", what, _UNUSABLE, remedy)
        return
    except GantryError as error:
        yield unasked("secret", error, "secretsmanager:GetSecretValue on the secret")
        return
    try:
        credentials = patient.understood()
    except ConfigurationError as error:
        yield from (problem(each, _UNUSABLE) for each in error.problems)
        return
    except GantryError as error:
        yield Finding("note", "secret", f"not understood: {said(error)}")
        return
    yield Finding("ok", "secret", "readable from here, and it holds what the settings need")
    yield from session_keys(credentials, patient.command("rotate-key"))
    yield from hashes(credentials, stage)


def session_keys(credentials: Credentials, rotate: str) -> Iterator[Finding]:
    """How many keys open sessions, and whether one stands there twice."""
    keys = [key.reveal() for key in credentials.session_keys]
    if len(set(keys)) < len(keys):
        yield Finding(
            "warning",
            "session_keys",
            f"one of the {len(keys)} session keys stands there twice",
            "A rotation with a key that was there before changes nothing",
            rotate,
        )
    elif len(keys) > KEYS_KEPT:
        why = "Whoever has an old key can still make sessions with it"
        what = f"{len(keys)} session keys open sessions; {KEYS_KEPT} are enough"
        yield Finding("warning", "session_keys", what, why, f"{rotate} (it drops the oldest beyond {KEYS_KEPT})")
    else:
        count = "one session key" if len(keys) == 1 else f"{len(keys)} session keys"
        yield Finding("ok", "session_keys", f"{count}; a new one: {rotate}")


def hashes(credentials: Credentials, settings: Settings) -> Iterator[Finding]:
    """Whose password in the list `users` is hashed with less than is asked of new hashes."""
    if settings.directory != "users":
        return
    weak = weak_hashes(credentials.people)
    if not weak:
        yield Finding("ok", "users", f"{len(credentials.people or {})} people, none with a weak password hash")
        return
    names = ", ".join(ascii(each)[1:-1] for each in weak[:_NAMED]) + (", …" if len(weak) > _NAMED else "")
    who = ascii(weak[0].removeprefix("users."))[1:-1]
    yield Finding(
        "warning",
        "users",
        f"{len(weak)} of {len(credentials.people or {})} entries have weak password hashes: {names}",
        "Whoever gets hold of the secret tries passwords on them fast",
        f"python -m admin hash-password {who} (and so on), and put what it prints in the place of the entry",
    )


def throttle(settings: Settings, change: Change, make: str) -> Iterator[Finding]:
    """Whether guesses are counted at all, and in one place; `make` makes a table."""
    off = [
        name
        for name, after in (
            ("BAN_NAME_AFTER", settings.limits.name_after),
            ("BAN_ADDRESS_AFTER", settings.limits.address_after),
        )
        if not after
    ]
    if off:
        what = f"{' and '.join(off)} {'is' if len(off) == 1 else 'are'} 0: such guesses are not limited"
        yield Finding(
            "warning", "throttle", what, "The login page is open to everybody", change(*(f"{name}=" for name in off))
        )
    if settings.keeps_links:
        place = "MongoDB" if settings.uses_mongodb else "STATE_TABLE"
        yield Finding("ok", "throttle", f"failed attempts are counted in {place}, for all containers together")
        return
    what = "failed attempts are counted in each container's memory: there is neither MongoDB nor STATE_TABLE"
    why = "Each of Lambda's containers gives the whole budget anew to whoever guesses on the public login page"
    if settings.directory in ("rocketchat", "cognito"):
        other = "The workspace" if settings.directory == "rocketchat" else "Cognito"
        why += f". {other} counts for itself, too"
    yield Finding("warning", "throttle", what, why, make)
