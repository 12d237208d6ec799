"""The demo people, and the form in which any further person is described to the stand-in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

PASSWORD = "gantry-demo"  # noqa: S105  - printed at every start, and worth nothing
BOB_TOTP = "GANTRYDEMOGANTRYDEMOGANTRYDEMOAA"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody with an account in the stand-in workspace.

    `fields` are further dotted paths of the account record, set last: {"services.google.id": "1"}.
    `roles=None` leaves the roles away altogether and `password=None` the password hash.
    """

    username: str
    name: str = ""
    email: str | None = None
    verified: bool = True
    password: str | None = PASSWORD
    totp_secret: str | None = None
    backup_codes: tuple[str, ...] = ()
    email_codes: bool = False
    active: bool = True
    roles: tuple[str, ...] | None = ("user",)
    type: Literal["user", "app", "bot", "visitor"] = "user"
    fields: Mapping[str, object] = field(default_factory=dict)
    about: str = ""

    @property
    def second_factor(self) -> str:
        """The method that Rocket.Chat asks this person for first: totp, email or none."""
        if self.totp_secret:
            return "totp"
        return "email" if self.email_codes and self.email and self.verified else "none"


DEMO_PEOPLE = (
    Person(username="alice", name="Alice Archer", email="alice@example.org", about="password only"),
    Person(
        username="bob",
        name="Bob Baker",
        email="bob@example.org",
        totp_secret=BOB_TOTP,
        about="with an authenticator code",
    ),
    Person(
        username="carol",
        name="Carol Chen",
        email="carol@example.org",
        email_codes=True,
        about="with an e-mail code",
    ),
    Person(username="dave", name="Dave Doyle", email="dave@example.org", active=False, about="deactivated: refused"),
)
