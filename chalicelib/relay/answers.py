"""What the vendors' answers have in common: JSON objects that nobody here has made."""

import json
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.credentials import Credentials, CredentialSource
from chalicelib.deadline import Deadline
from chalicelib.errors import ConfigurationError, Problem, RateLimited, Unavailable
from chalicelib.model import Identity
from chalicelib.rocketchat import Reply
from chalicelib.secret import Secret

LONGEST_NAME = 128
LONGEST_ADDRESS = 254
"""RFC 3696, erratum 1690: the longest address that mail can be sent to."""

LONGEST_WAIT_SECONDS = 900
"""The longest window of a vendor's limit: Twitter's 15 minutes."""

_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+")
_SUBJECT = re.compile(r"[!-~]{1,255}")
_SECONDS = re.compile(r"[0-9]{1,12}")
_BETWEEN_WORDS = re.compile(r"[^a-z0-9]+")


class ApplicationRefused(Exception):
    """The vendor does not accept the workspace's own application; `problem` is the administrator's to mend."""

    def __init__(self, key: str, what: str, remedy: str) -> None:
        super().__init__(key)
        self.problem = Problem(key, what, remedy)


def with_secret_read_anew(
    credentials: CredentialSource, attempt: Callable[[Credentials], Identity], deadline: Deadline
) -> Identity:
    """Return what `attempt` finds with the secret as it is known, or read anew where its application is refused.

    An administrator may have rotated it meanwhile (promise 34). Raises `ConfigurationError` where the application is
    refused twice, and what `attempt` raises.
    """
    try:
        return attempt(credentials.current(deadline))
    except ApplicationRefused:
        renewed = credentials.refreshed(deadline)
    try:
        return attempt(renewed)
    except ApplicationRefused as refused:
        raise ConfigurationError((refused.problem,)) from None


def missing(provider: str) -> ConfigurationError:
    """Return what is to be mended where the secret describes no application for `provider`."""
    what = "the secret has none, and RELAY names it"
    return ConfigurationError((Problem(provider, what, "Store the workspace's application, or take it out of RELAY"),))


def bearer(token: Secret) -> dict[str, str]:
    """Return the header that presents `token` (RFC 6750, section 2.1)."""
    return {"Authorization": f"Bearer {token.reveal()}"}


def content(reply: Reply, backend: str) -> dict[str, Any]:
    """Return the JSON object of an answer, whatever its status below 500 says.

    Raises `RateLimited` for 420 and 429, and `Unavailable` for a redirect, for 5xx and for anything that is no JSON
    object.
    """
    if reply.status in (420, 429):
        raise RateLimited(backend, "rate limit", _retry_after(reply.headers))
    if 300 <= reply.status < 400 or reply.status >= 500:
        raise Unavailable(backend, f"status {reply.status}")
    try:
        read = json.loads(reply.body)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise Unavailable(backend, f"status {reply.status} without a JSON object")
    return read


def wait(seconds: float) -> int:
    """Return how long to wait where a vendor says so: whole seconds, 1 to `LONGEST_WAIT_SECONDS`."""
    return max(1, min(LONGEST_WAIT_SECONDS, math.ceil(seconds)))


def _retry_after(headers: Mapping[str, str]) -> int:
    # RFC 9110, section 10.2.3. The form with a date is not understood: a minute is as good a guess.
    seconds = headers.get("retry-after", "").strip()
    return wait(int(seconds)) if _SECONDS.fullmatch(seconds) else 60


def number(value: object) -> int | None:
    """Return a whole number of seconds since 1970 that JSON holds as such or as a text, None for anything else."""
    if isinstance(value, str) and _SECONDS.fullmatch(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12 else None


def subject(value: object) -> str | None:
    """Return a vendor's id of a person: a text of up to 255 visible ASCII characters, None for anything else.

    OpenID Connect Core, section 2 (`sub`). A number is none: one beyond 2**53 may have lost digits on its way.
    """
    return value if isinstance(value, str) and _SUBJECT.fullmatch(value) else None


def address(value: object) -> str | None:
    """Return an e-mail address that an account can have, None for anything else."""
    if not isinstance(value, str) or len(value) > LONGEST_ADDRESS or not value.isprintable():
        return None
    return value if _ADDRESS.fullmatch(value) else None


def name(value: object) -> str | None:
    """Return a display name on one line and without what does not print, None where nothing is left."""
    if not isinstance(value, str):
        return None
    printable = "".join(each if each.isprintable() else " " for each in value[: 4 * LONGEST_NAME])
    return " ".join(printable.split())[:LONGEST_NAME].rstrip() or None


def username(provider: str, subject: str, name: str | None) -> str:
    """Return what a new account may be called: the display name in dots, or the provider and the id's last digits.

    Never the local part of an address, which is nobody's name (promise 37).
    """
    plain = unicodedata.normalize("NFKD", name or "").encode("ascii", "ignore").decode().lower()
    folded = _BETWEEN_WORDS.sub(".", plain).strip(".")
    return folded[:64].rstrip(".") or f"{provider}-{subject[-6:]}"
