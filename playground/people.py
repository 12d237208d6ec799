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


FOREIGN = ("users", "cognito")
"""The directories whose people need not have an account in the workspace."""

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


NEWCOMERS = (
    Person(username="erin", name="Erin Eaton", email="erin@example.org", about="without an account"),
    Person(username="frank", name="Frank Field", about="without an account or an e-mail address"),
)
"""Known to the directories of `FOREIGN` alone; the accounts above are known there too, by the same password."""


def people_for(settings: Mapping[str, str], *, create_tokens: bool = True) -> tuple[Person, ...]:
    """The people with an account, each with what happens to them where Gantry has these settings.

    `create_tokens` says whether it has the workspace's secret for making tokens.
    """
    return tuple(replace(person, about=_about(person, settings, create_tokens)) for person in DEMO_PEOPLE)


def listed_in(settings: Mapping[str, str], *, create_tokens: bool = True) -> tuple[Person, ...]:
    """The people whom the directory knows and the workspace need not: nobody where it is the workspace's own."""
    if settings.get("DIRECTORY") not in FOREIGN:
        return ()
    newcomers = (replace(person, about=_newcomer(person, settings, create_tokens)) for person in NEWCOMERS)
    return (*people_for(settings, create_tokens=create_tokens), *newcomers)


def _newcomer(person: Person, settings: Mapping[str, str], create_tokens: bool) -> str:
    by_database = settings.get("TOKEN_SOURCE") == "mongodb"
    if settings.get("PROVISION") == "off":
        return f"{person.about}: refused"
    if not person.email:
        return f"{person.about}: " + ("one is made" if by_database else "refused, REST wants an address")
    if settings.get("TOKEN_KIND") == "iframe":
        return f"{person.about}: one is made, whose codes by e-mail an iframe token cannot get past"
    if by_database or create_tokens:
        return f"{person.about}: one is made"
    return f"{person.about}: one is made, which asks for a code by e-mail"


def _in_workspace(person: Person, settings: Mapping[str, str], create_tokens: bool) -> str:
    """What becomes of the account's second factor where another directory knows the person."""
    by_database = settings.get("TOKEN_SOURCE") == "mongodb"
    if person.second_factor == "none" or not (by_database or create_tokens):
        return person.about
    if settings.get("TOKEN_KIND") == "iframe":
        return f"{person.about} in the workspace: refused, an iframe token cannot get past it"
    if person.second_factor == "email" or settings.get("WORKSPACE_2FA") == "skip":
        return f"{person.about} in the workspace, which is not asked for"
    return f"{person.about} in the workspace: " + ("asked for" if by_database else "refused, it cannot be asked for")


def _about(person: Person, settings: Mapping[str, str], create_tokens: bool) -> str:
    if settings.get("DIRECTORY") in FOREIGN:
        return _in_workspace(person, settings, create_tokens)
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
