"""`python -m admin doctor`: look at a deployment from every side, and say what to do."""

import json
import re
from collections.abc import Iterable
from itertools import groupby
from textwrap import wrap

import click

from admin.deployment import Deployment, with_deployment
from admin.doctor.checklist import examine
from admin.doctor.finding import Finding
from admin.doctor.patient import Patient
from admin.failures import Command
from chalicelib.config import origin_of

_WIDTH = 110
_INDENT = " " * 10
_COMMAND = re.compile(r"mend: (aws|chalice|curl|export|python|timedatectl) |in mongosh")


@click.command("doctor", cls=Command)
@click.option("--fix", is_flag=True, help="Mend what can be mended at once: log retention, Gantry's indexes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.option(
    "--url",
    help="Where Gantry is deployed: https://….amazonaws.com/api. Without it, what `chalice deploy` noted.",
)
@with_deployment
def doctor(deployment: Deployment, fix: bool, as_json: bool, url: str | None) -> None:
    """Look for what is wrong with a deployment.

    The doctor looks at the stage's settings and its secret, at the AWS account, the workspace, its database, and at
    the deployed Gantry as a browser of the workspace sees it. For each thing it says what there is, why it matters, and
    what mends it. Nothing is changed without --fix, and nobody is signed in.

    \b
      error    breaks sign-in: mend it first. The exit code is 1.
      warning  weakens something, or will break it one day
      note     for you to judge, or a check that could not be made, and what it needs
      ok       looked at, and fine

    It needs AWS credentials that may read the secret (AWS_PROFILE, AWS_DEFAULT_REGION); each further right that is
    missing is named. Where mongodb_uri is of a user who may not make indexes, as it should be, --fix takes
    GANTRY_ADMIN_MONGODB_URI from the environment for them. It is run from the checkout that was deployed:

    \b
      python -m admin doctor --stage prod
      python -m admin doctor --stage prod --fix
      python -m admin doctor --url https://gantry.example.com --json

    Run it after `chalice deploy` and `python -m admin connect`, and whenever somebody cannot sign in.
    """
    if url is not None:
        url = _address(url)
    patient = Patient(deployment, url)
    try:
        found = list(examine(patient, fix=fix))
    finally:
        patient.close()
    if as_json:
        click.echo(json.dumps(_object(patient, found), indent=2, ensure_ascii=False))
    else:
        click.echo(f"Gantry's doctor: stage {deployment.stage}, {patient.url or 'deployed nowhere that is known here'}")
        for area, group in groupby(found, lambda each: each[0]):
            click.echo(f"\n{area}")
            for _, finding in group:
                click.echo(_text(finding))
        click.echo(f"\n{_summary([finding for _, finding in found])}")
    if any(finding.level == "error" for _, finding in found):
        raise SystemExit(1)


def _address(url: str) -> str:
    try:
        origin_of(url if url.isprintable() else "")
    except ValueError:
        raise click.UsageError("--url is an https address, like https://….amazonaws.com/api.") from None
    address = url.rstrip("/")
    for route in ("/login", "/session"):
        address = address.removesuffix(route)
    return address


def _text(finding: Finding) -> str:
    lines = [_wrapped(f"{finding.level:8}{finding.key}: {finding.what}", "  ")]
    if finding.level != "ok":
        lines += [_wrapped(f"why: {finding.why}", _INDENT)] if finding.why else []
        mend = f"mend: {finding.remedy}" if finding.remedy else ""
        # A command is to be copied, so it stays on its line, however long that is.
        lines += [f"{_INDENT}{mend}" if _COMMAND.search(mend) else _wrapped(mend, _INDENT)] if mend else []
    return "\n".join(lines)


def _wrapped(text: str, indent: str) -> str:
    # Addresses and names are to be copied, so no word is broken.
    wide = _WIDTH - len(_INDENT)
    lines = wrap(text, wide, break_long_words=False, break_on_hyphens=False)
    return "\n".join((_INDENT if number else indent) + line for number, line in enumerate(lines))


def _summary(found: Iterable[Finding]) -> str:
    levels = [finding.level for finding in found]
    counts = [(levels.count(level), level) for level in ("error", "warning", "note")]
    told = ", ".join(f"{count} {level}{'' if count == 1 else 's'}" for count, level in counts)
    if levels.count("error"):
        return f"{told}. Sign-in is broken: mend the errors, then run the doctor again."
    return f"{told}. Nothing here breaks sign-in."


def _object(patient: Patient, found: list[tuple[str, Finding]]) -> dict[str, object]:
    levels = [finding.level for _, finding in found]
    return {
        "stage": patient.deployment.stage,
        "url": patient.url,
        "errors": levels.count("error"),
        "warnings": levels.count("warning"),
        "findings": [
            {
                "level": finding.level,
                "area": area,
                "key": finding.key,
                "what": finding.what,
                "why": finding.why,
                "remedy": finding.remedy,
                "mended": finding.mended,
            }
            for area, finding in found
        ],
    }
