"""The nouns: who somebody is, what was given to them, and for how long."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from chalicelib.deadline import Deadline
from chalicelib.secret import Secret

TokenKind = Literal["login", "iframe"]

RESPONSE_KEYS: Mapping[TokenKind, str] = {"login": "loginToken", "iframe": "token"}
"""The key that a token stands under in the session check's body and in `login-with-token`: exactly one of them, since a
client that is given both fires both of its login handlers."""


@dataclass(frozen=True)
class Token:
    """What logs a browser in to the workspace: a native login token, or one of the `iframe` service.

    `last_login` is the account's `lastLogin` when an `iframe` token was handed out, in milliseconds since 1970 and None
    where the account had none: the workspace sets it at every login, so it shows that the token was used.
    """

    value: Secret
    kind: TokenKind = "login"
    last_login: int | None = None

    def as_response(self) -> dict[str, str]:
        """Return the one-key object that the workspace's client understands."""
        return {RESPONSE_KEYS[self.kind]: self.value.reveal()}


@dataclass(frozen=True)
class Identity:
    """Who somebody is, in the words of the directory that checked it.

    `subject` is stable within `issuer`. `second_factor` tells whether the directory checked one. Where the directory is
    the workspace, `account` is the account itself, and `login` the token that came with the check where one did.
    """

    issuer: str
    subject: str
    username: str
    email: str | None = None
    email_verified: bool = False
    name: str | None = None
    second_factor: bool = False
    account: "Account | None" = None
    login: Token | None = None

    def as_plain(self) -> dict[str, str | bool | None]:
        """Return the identity as plain values: what the directory said, without an account or a token."""
        return {
            "issuer": self.issuer,
            "subject": self.subject,
            "username": self.username,
            "email": self.email,
            "email_verified": self.email_verified,
            "name": self.name,
            "second_factor": self.second_factor,
        }


@dataclass(frozen=True)
class ProviderToken:
    """What a provider gave the browser through the workspace: an access token, and Twitter's secret that goes with it.

    It proves nothing until the provider has said whose it is, and for which application it was made.
    """

    value: Secret
    secret: Secret | None = None


@dataclass(frozen=True)
class Account:
    """The workspace's user record for an identity, by its id."""

    id: str


@dataclass(frozen=True)
class Session:
    """A browser's sign-in: whose it is, the token it was given, when it began and when it ends (seconds since 1970)."""

    account_id: str
    token: Token
    began: float
    expires: float


@dataclass(frozen=True)
class Challenge:
    """A password that was right, waiting for its second factor since `began`.

    With `identity` the directory is content, and it is the account in the workspace that has the second factor.
    """

    directory: str
    username: str
    method: str
    began: float
    memo: Mapping[str, str] = field(default_factory=dict, repr=False)
    identity: Identity | None = None


@dataclass(frozen=True)
class Caller:
    """Who asks, and how long we may take: source address, the request's id for the log, and its deadline."""

    address: str
    request_id: str
    deadline: Deadline


@dataclass(frozen=True)
class Limits:
    """How many failures within `window` seconds ban for `ban` seconds; 0 failures switch a budget off."""

    name_after: int = 5
    address_after: int = 20
    window: int = 300
    ban: int = 600
