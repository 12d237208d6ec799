"""What a check of the doctor says."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from chalicelib.aws import AwsRefusal
from chalicelib.errors import GantryError, Problem, Unavailable

Level = Literal["error", "warning", "note", "ok"]

LONGEST_VALUE = 160
_DENIED = frozenset({"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"})
_NOT_TAKEN = frozenset(
    {
        *("ExpiredToken", "ExpiredTokenException", "RequestExpired"),
        *("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"),
        *("SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature"),
    }
)
_NOBODY = ("Credential", "Token", "Profile", "Region")
_AGAIN = "then run the doctor again"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what there is, why it matters, and a command or a click path that mends it.

    An `error` breaks sign-in, a `warning` weakens it or will break something, a `note` is for the reader to judge or
    says that a check could not be made. `mend` is what `--fix` does; it raises a `GantryError` where it cannot.
    """

    level: Level
    key: str
    what: str
    why: str = ""
    remedy: str = ""
    mend: Callable[[], None] | None = field(default=None, repr=False, compare=False)
    mended: bool = False


class Lacking(Exception):
    """A check cannot be made for want of what another check has complained about; `what` names it."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def problem(found: Problem, why: str) -> Finding:
    """Return an error for a problem that the service itself would report."""
    return Finding("error", found.key, found.what, why, found.remedy)


def shown(value: object) -> str:
    """Return a value that somebody else wrote as it may stand on a terminal: in JSON, ASCII, and not too long."""
    text = json.dumps(value, default=str)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def unasked(key: str, error: GantryError, right: str) -> Finding:
    """Return the note that AWS could not be asked; `right` is the permission that the question needs."""
    if isinstance(error, AwsRefusal) and error.code in _DENIED:
        remedy = f"Allow {right} for whoever runs the doctor, {_AGAIN}"
        return Finding("note", key, f"not checked: {right} is not allowed with these AWS credentials", "", remedy)
    return Finding("note", key, f"not checked: {said(error)}", "", hint(error))


def said(error: GantryError) -> str:
    """Return what an error of AWS's says, in words that hold no secret."""
    if isinstance(error, AwsRefusal):
        return f"AWS refuses ({error.code})"
    if isinstance(error, Unavailable):
        return f"no usable answer ({error})"
    return str(error)


def is_nobody(error: GantryError) -> bool:
    """Tell whether there are no AWS credentials here, or none that AWS takes: then no further question is worth it."""
    if isinstance(error, AwsRefusal):
        return error.code in _NOT_TAKEN
    return isinstance(error, Unavailable) and any(word in error.why for word in _NOBODY)


def hint(error: GantryError) -> str:
    """Return what to do about AWS's not being there to be asked."""
    why = error.why if isinstance(error, Unavailable) else ""
    if "Region" in why:
        return f"export AWS_DEFAULT_REGION=eu-central-1 (yours), {_AGAIN}"
    if is_nobody(error):
        return f"export AWS_PROFILE=… (see `aws configure`, `aws sts get-caller-identity`), {_AGAIN}"
    if isinstance(error, AwsRefusal):
        return f"Ask AWS the same with its command line: it says more about {error.code}"
    return f"Look at the network from here to AWS, {_AGAIN}"
