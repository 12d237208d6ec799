"""Credentials that come from a JSON file or from standard input: never from the command line."""

import json
import sys
from pathlib import Path
from typing import Any

import click

LONGEST = 65_536
"""In bytes: no secret in Secrets Manager is longer (quotas)."""


def secret_file(name: str) -> dict[str, Any]:
    """Return the JSON object in a file, or on standard input for `-`.

    Raises `click.ClickException` without anything that stands in it.
    """
    shown = "Standard input" if name == "-" else name
    try:
        text = sys.stdin.buffer.read(LONGEST + 1) if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise click.ClickException(f"{shown} cannot be read: {error.strerror}.") from None
    if len(text) > LONGEST:
        raise click.ClickException(f"{shown} has more than {LONGEST} bytes, which no secret may have.")
    try:
        content = json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise click.ClickException(f'{shown} is no JSON object. Write it like {{"rocketchat_user_id": "…"}}.')
    return content
