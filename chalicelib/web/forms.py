"""Forms as they come in: read within limits, or refused before anything else happens (promises 20 and 28)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from chalicelib.errors import MalformedForm, WrongContentType
from chalicelib.model import ProviderToken
from chalicelib.secret import Secret
from chalicelib.web.request import Request

LARGEST_BODY = 8192
MOST_FIELDS = 20
LONGEST_NAME = 254
LONGEST_CODE = 64
# No vendor says how long its tokens are; an access token is visible ASCII (RFC 6749 appendix A.12, less the space).
_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")


@dataclass(frozen=True)
class PasswordForm:
    """The first step: who, and with what."""

    username: str
    password: Secret


@dataclass(frozen=True)
class CodeForm:
    """The second step: the sealed challenge and the code that answers it."""

    challenge: str = field(repr=False)
    code: str = field(repr=False)


def read(request: Request) -> Mapping[str, str]:
    """Return the fields of an URL-encoded form.

    Raises `WrongContentType` for any other (or no) content type, `MalformedForm` for a body over 8 KiB, one that is not
    UTF-8, a field that comes twice or too many fields (WHATWG URL standard, application/x-www-form-urlencoded).
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        raise WrongContentType
    try:
        body = request.body()
    except ValueError:
        raise MalformedForm("the body cannot be decoded") from None
    if len(body) > LARGEST_BODY:
        raise MalformedForm("the body is too long")
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise MalformedForm("the form cannot be read") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise MalformedForm("a field comes twice")
    return fields


def login(fields: Mapping[str, str]) -> PasswordForm | CodeForm:
    """Return the step of the login that `fields` are.

    A name is taken without the spaces around it, which phones like to add; a password exactly as it was typed
    (promise 4); a code without any spaces. Raises `MalformedForm`, naming the fields that are missing where some are.
    """
    if "challenge" in fields:
        return _code(fields)
    username, password = fields.get("username", "").strip(), fields.get("password", "")
    missing = tuple(name for name, value in (("username", username), ("password", password)) if not value)
    if missing:
        raise MalformedForm("a field is missing", missing)
    if len(username) > LONGEST_NAME or not username.isprintable():
        raise MalformedForm("the username cannot be one", ("username",))
    return PasswordForm(username, Secret(password))


def relay(fields: Mapping[str, str]) -> ProviderToken | CodeForm:
    """Return the provider's token that `fields` bring, with the secret that goes with it, or the answer to a challenge.

    Nothing else that is there is looked at: whose the token is, the provider says. Raises `MalformedForm` as `login`,
    and for a token or secret that cannot be one.
    """
    if "challenge" in fields:
        return _code(fields)
    token, secret = fields.get("token", ""), fields.get("secret")
    if not _TOKEN.fullmatch(token) or not (secret is None or _TOKEN.fullmatch(secret)):
        raise MalformedForm("the token cannot be one")
    return ProviderToken(Secret(token), None if secret is None else Secret(secret))


def _code(fields: Mapping[str, str]) -> CodeForm:
    code = "".join(fields.get("code", "").split())
    if not code or len(code) > LONGEST_CODE or not code.isprintable():
        raise MalformedForm("the code cannot be one", ("code",))
    return CodeForm(fields["challenge"], code)
