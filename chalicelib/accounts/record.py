"""An account as it lies in the workspace's database, read without trusting its shape."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chalicelib.errors import AccountDeactivated, AccountNotForPeople, AccountWithoutRoles

_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|1[0-5])\$[./A-Za-z0-9]{53}")

BUILT_IN_SERVICES = frozenset(
    {
        "password",
        "resume",
        "email",
        "email2fa",
        "emailCode",
        "totp",
        "iframe",
        "cloud",
        "passwordHistory",
        "verifyEmail",
    }
)
"""What Rocket.Chat keeps under `services` itself: any other name there is a provider that the account came from."""


@dataclass(frozen=True)
class AccountRecord:
    """A document of the collection `users`. What is missing or of another type than it should be counts as absent."""

    content: Mapping[str, Any]

    def at(self, path: str) -> object:
        """Return what stands at a dotted path, None where there is nothing."""
        value: object = self.content
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    def text(self, path: str) -> str | None:
        """Return the text at a dotted path, None where there is none or an empty one."""
        value = self.at(path)
        return value if isinstance(value, str) and value else None

    @property
    def id(self) -> str:
        """The account's id."""
        return str(self.content["_id"])

    @property
    def active(self) -> bool:
        """Whether the account is switched on: exactly true, as Rocket.Chat asks."""
        return self.at("active") is True

    @property
    def has_roles(self) -> bool:
        """Whether the account has a list of roles."""
        return isinstance(self.at("roles"), list)

    @property
    def is_admin(self) -> bool:
        """Whether the account has the role `admin`."""
        roles = self.at("roles")
        return isinstance(roles, list) and "admin" in roles

    @property
    def password_hash(self) -> str | None:
        """The bcrypt hash, where it is one."""
        stored = self.text("services.password.bcrypt")
        return stored if stored is not None and _BCRYPT.fullmatch(stored) else None

    @property
    def totp_enabled(self) -> bool:
        """Whether the account has TOTP switched on."""
        return self.at("services.totp.enabled") is True

    @property
    def wants_email_codes(self) -> bool:
        """Whether the account has codes by e-mail switched on, with an address that they can go to."""
        return self.at("services.email2fa.enabled") is True and any(verified for _, verified in self.emails())

    @property
    def from_provider(self) -> bool:
        """Whether the account came from a provider: Rocket.Chat then counts it as an OAuth account."""
        services = self.at("services")
        return isinstance(services, Mapping) and bool(set(services) - BUILT_IN_SERVICES)

    @property
    def last_login(self) -> int | None:
        """`lastLogin` in milliseconds since 1970, None where there is none."""
        return milliseconds(self.at("lastLogin"))

    def refuse_unfit(self) -> None:
        """Raise what Rocket.Chat would refuse the account for after any login, in its order."""
        if not self.active:
            raise AccountDeactivated
        if not self.has_roles:
            raise AccountWithoutRoles
        if self.at("type") == "app":
            raise AccountNotForPeople

    def names(self) -> Iterator[str]:
        """Yield what the account's owner may sign in by: its username and its addresses."""
        username = self.text("username")
        if username is not None:
            yield username
        yield from (address for address, _ in self.emails())

    def emails(self) -> Iterator[tuple[str, bool]]:
        """Yield each address and whether it is verified: exactly true."""
        emails = self.at("emails")
        for entry in emails if isinstance(emails, list) else ():
            if isinstance(entry, Mapping) and isinstance(entry.get("address"), str):
                yield entry["address"], entry.get("verified") is True


def milliseconds(value: object) -> int | None:
    """Return a date of the database in milliseconds since 1970 (BSON's own resolution), None for anything else."""
    if not isinstance(value, datetime):
        return None
    moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
