"""All checks of the doctor in their order, and how they are made: every one of them, whatever the others find."""

import json
import platform
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import click

from admin.doctor import account, browser, configuration, database, second_factors, service_account, workspace
from admin.doctor.finding import Finding, Lacking
from admin.doctor.patient import Patient
from chalicelib.errors import GantryError


@dataclass(frozen=True)
class Check:
    """One check: what it is called where it cannot be made, in which part of the report, and how it is made."""

    area: str
    name: str
    make: Callable[[Patient], Iterable[Finding]]


def _throttle(patient: Patient) -> Iterator[Finding]:
    name = f"{patient.deployment.app_name}-{patient.deployment.stage}-state"
    make = f"{patient.command('init')} --yes --state-table {name}, then {patient.deploy}"
    yield from configuration.throttle(patient.settings, patient.change, make)


def _relay(patient: Patient) -> Iterator[Finding]:
    if patient.settings.relay:
        patient.credentials  # noqa: B018 - it is understood, so it is a JSON object
        yield from workspace.relay(patient, json.loads(patient.secret()))


CHECKS = (
    Check("Configuration", "settings", lambda it: configuration.settings(it.configuration, it.change)),
    Check("Configuration", "secret", configuration.secret),
    Check("Configuration", "throttle", _throttle),
    Check("AWS", "account", account.identity),
    Check("AWS", "deployment", account.deployment),
    Check("AWS", "logs", lambda it: account.log_groups(it.cloud, it.deployment.log_groups)),
    Check("AWS", "state table", lambda it: account.state_table(it.cloud, it.settings, it.change)),
    Check("AWS", "concurrency", lambda it: account.concurrency(it.cloud)),
    Check("AWS", "host", lambda it: account.host(platform.system(), platform.machine())),
    Check("Workspace", "workspace", workspace.reachable),
    Check("Workspace", "iframe settings", workspace.iframe),
    Check("Workspace", "origins", workspace.site_url),
    Check("Workspace", "usernames", workspace.usernames),
    Check("Workspace", "block by address", workspace.block_by_address),
    Check("Workspace", "service account", service_account.check),
    Check("Workspace", "second factors", second_factors.check),
    Check("Workspace", "relay", _relay),
    Check("Database", "database", database.reachable),
    Check("Deployed Gantry", "session check", browser.session),
    Check("Deployed Gantry", "cookie", browser.cookie),
    Check("Deployed Gantry", "login page", browser.login_page),
    Check("Deployed Gantry", "health", browser.inside),
)


def examine(patient: Patient, *, fix: bool = False) -> Iterator[tuple[str, Finding]]:
    """Yield what each check finds, with its part of the report; with `fix`, mend what can be mended at once.

    Nothing that goes wrong in a check ends it: what could not be looked at is a note.
    """
    lacking: dict[str, list[str]] = {}
    for check in CHECKS:
        for found in _made(check, patient, lacking):
            yield check.area, _mended(found) if fix and found.mend is not None else found
    for what, names in lacking.items():
        yield "Not looked at", Finding("note", "unchecked", f"{', '.join(names)}: {what}")


def _made(check: Check, patient: Patient, lacking: dict[str, list[str]]) -> Iterator[Finding]:
    try:
        yield from check.make(patient)
    except Lacking as error:
        lacking.setdefault(error.what, []).append(check.name)
    except GantryError as error:
        lacking.setdefault(str(error), []).append(check.name)
    except click.ClickException as error:
        lacking.setdefault(error.message, []).append(check.name)
    except Exception as error:
        # The text of an exception that nobody expected may hold what nobody should read.
        lacking.setdefault(f"a fault of the doctor's own ({type(error).__name__})", []).append(check.name)


def _mended(found: Finding) -> Finding:
    assert found.mend is not None  # noqa: S101
    try:
        found.mend()
    except GantryError as error:
        return replace(found, what=f"{found.what} (not mended: {error})")
    return replace(found, level="ok", what=f"mended: {found.what}", why="", remedy="", mended=True)
