"""The demo people, and the form in which any further person is described to the stand-in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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


def people_for(settings: Mapping[str, str]) -> tuple[Person, ...]:
    """The demo people, each with what happens to them where Gantry has these settings."""
    return tuple(replace(person, about=_about(person, settings)) for person in DEMO_PEOPLE)


def _about(person: Person, settings: Mapping[str, str]) -> str:
    by_iframe = settings.get("TOKEN_KIND") == "iframe"
    by_record = settings.get("DIRECTORY") == "mongodb"
    policy = settings.get("WORKSPACE_2FA") or "honour"
    method = person.second_factor
    if method == "none":
        return person.about
    if by_iframe:
        return f"{person.about}: refused, an iframe token cannot get past it"
    if by_record and method == "email" and policy == "honour":
        return f"{person.about}: refused, Gantry cannot ask for it"
    if by_record and (policy == "skip" or method == "email"):
        return f"{person.about} that is not asked for: WORKSPACE_2FA={policy}"
    return person.about
