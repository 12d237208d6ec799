"""What the login page offers of the workspace's own logins by Facebook, Google and Twitter."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.bootstrap import Gantry
from chalicelib.errors import GantryError, UnknownProvider
from chalicelib.web.request import Request

if TYPE_CHECKING:
    from chalicelib.relay.applications import GoogleApplication
    from chalicelib.signin import RelaySignIn

# Twitter has been X since 2023, and its vendor's pages speak of "Sign in with X" alone; who presses the button comes to
# a page of X's. In settings and events it is `twitter` still, as it is in the workspaces that relay.
NAMES: Mapping[str, str] = {"facebook": "Facebook", "google": "Google", "twitter": "X"}


@dataclass(frozen=True)
class Relays:
    """The providers of `RELAY` in their order, and what the page asks the workspace's window for each.

    `calls` are the messages of the workspace's client by provider, empty where its version is known to answer none.
    """

    providers: tuple[str, ...]
    calls: Mapping[str, Mapping[str, object]]

    @property
    def named(self) -> list[tuple[str, str]]:
        """Each provider with what people call it."""
        return [(provider, NAMES[provider]) for provider in self.providers]

    def names(self, last: str) -> str:
        """Return what people call them as one text, with `last` before the last."""
        *others, name = (NAMES[provider] for provider in self.providers)
        return f"{', '.join(others)}{last}{name}" if others else name


def offered(gantry: Gantry, request: Request) -> Relays | None:
    """Return what the login page offers, None without `RELAY`.

    Nothing that goes wrong here keeps anybody from the form: where the version is not known, the buttons are there;
    where the secret cannot be read, they ask without Google's scopes, and who comes back with a token hears of it then.
    """
    providers = gantry.settings.relay
    if not providers:
        return None
    try:
        if gantry.relays(request.caller.deadline) is False:
            return Relays(providers, {})
        google = gantry.credentials.current(request.caller.deadline).google if "google" in providers else None
    except GantryError:
        google = None
    return Relays(providers, {provider: _call(provider, google) for provider in providers})


def sign_in(gantry: Gantry, request: Request) -> "RelaySignIn":
    """Return the use cases of the provider that the request's path names. Raises `UnknownProvider`."""
    provider = request.parts.get("provider", "")
    if provider not in gantry.settings.relay:
        raise UnknownProvider
    return gantry.relay(provider)


def _call(provider: str, google: "GoogleApplication | None") -> dict[str, object]:
    """Return the message by which clients up to 1.x run the workspace's login by that provider."""
    call: dict[str, object] = {"event": f"call-{provider}-login"}
    if provider == "facebook":
        call["permissions"] = ["email"]
    if provider == "google" and google is not None:
        call |= {"scopes": list(google.scopes)} if google.scopes else {}
        call |= {"webClientId": google.web_client_id} if google.web_client_id else {}
    return call
