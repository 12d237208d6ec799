"""The demo people as the providers know them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

NAMES = ("google", "facebook", "twitter")


@dataclass(frozen=True, kw_only=True)
class ProviderPerson:
    """Somebody with an account at each of the providers.

    `ids` are their stable ids there. Without an `email`, or with `shares_email` off, no provider tells one: there is
    none, or the permission was not given. `verified` is what Google says of the address; Twitter tells verified ones
    only, and Facebook does not say.
    """

    key: str
    name: str
    ids: Mapping[str, str]
    email: str | None = None
    verified: bool = True
    shares_email: bool = True
    screen_name: str = ""
    about: str = field(default="", compare=False)

    @property
    def told_email(self) -> str | None:
        """The address that a provider tells at all."""
        return self.email if self.shares_email else None

    @property
    def given_name(self) -> str:
        """The first word of the name."""
        return self.name.partition(" ")[0]

    @property
    def family_name(self) -> str:
        """The rest of the name."""
        return self.name.partition(" ")[2]


DEMO = (
    ProviderPerson(
        key="alice",
        name="Alice Archer",
        email="alice@example.org",
        screen_name="alice_archer",
        ids={"google": "100200300400500600701", "facebook": "10150000000000001", "twitter": "900000000000000001"},
        about="has an account in the workspace, with the same address",
    ),
    ProviderPerson(
        key="gina",
        name="Gina Green",
        email="gina@example.org",
        screen_name="gina_green",
        ids={"google": "100200300400500600702", "facebook": "10150000000000002", "twitter": "900000000000000002"},
        about="has no account in the workspace yet",
    ),
    ProviderPerson(
        key="noel",
        name="Noel North",
        email="noel@example.org",
        shares_email=False,
        screen_name="noel_north",
        ids={"google": "100200300400500600703", "facebook": "10150000000000003", "twitter": "900000000000000003"},
        about="keeps the e-mail address to himself",
    ),
)
