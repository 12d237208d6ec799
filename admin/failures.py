"""What a command says when something goes wrong: sentences for a technician, never a value that may be a secret."""

import re
from typing import Any

import click

from chalicelib.errors import ConfigurationError, GantryError, RateLimited, Unavailable

_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId"})
_ACTION = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)")
_CREDENTIALS = (
    "Sign in to AWS first (aws configure, or aws sso login and AWS_PROFILE) and see with: aws sts get-caller-identity"
)


class Command(click.Command):
    """A command whose failures are sentences with exit code 1, and whose arguments are never repeated.

    Words that have no place on the command line may be passwords, so they are refused without being shown.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.allow_extra_args = True

    def invoke(self, context: click.Context) -> Any:
        """Run the command. Raises `UsageError` for further arguments, `ClickException` for whatever is foreseen."""
        if context.args:
            raise click.UsageError(
                "There is an argument too many. Passwords, tokens and keys have no place on the command line.", context
            )
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return super().invoke(context)
        except (GantryError, ClientError, BotoCoreError) as error:
            raise click.ClickException(sentence(error)) from None


def sentence(error: Exception) -> str:
    """Return what to tell about a failure of Gantry's own parts or of AWS. Texts of AWS may repeat what was sent."""
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ConfigurationError):
        return listed(error)
    if isinstance(error, RateLimited):
        return f"The {error.backend} asks for patience: try again in {error.retry_after} seconds."
    if isinstance(error, Unavailable):
        return f"The {error.backend} gave no usable answer ({error.why})."
    if isinstance(error, ClientError):
        return _of_aws(error)
    if isinstance(error, BotoCoreError):
        name = type(error).__name__
        if "Credential" in name or "Token" in name or "SSO" in name or "Profile" in name:
            return f"AWS does not know who you are ({name}). {_CREDENTIALS}"
        return f"AWS cannot be reached from here, or is used in a wrong way ({name})."
    return f"This failed ({type(error).__name__})."


def listed(error: ConfigurationError) -> str:
    """Return all problems, each with its remedy on a line of its own."""
    count = len(error.problems)
    title = "There is one problem:" if count == 1 else f"There are {count} problems:"
    return "\n".join([title, *(f"  {each.key}: {each.what}.\n    {each.remedy}." for each in error.problems)])


def _of_aws(error: Any) -> str:
    known = error.response.get("Error", {})
    code = str(known.get("Code") or "ClientError")
    if code in _DENIED:
        action = _ACTION.search(str(known.get("Message") or ""))
        what = action[1] if action else f"the call {error.operation_name}"
        return f"AWS does not let you do this: your user or role needs {what}."
    if code in _EXPIRED:
        return f"AWS does not accept your credentials ({code}). {_CREDENTIALS}"
    return f"AWS refused {error.operation_name} ({code})."
