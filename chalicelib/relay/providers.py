"""The providers by name, each over transports to its own hosts."""

from collections.abc import Callable, Mapping
from time import time
from typing import TYPE_CHECKING

from chalicelib.credentials import CredentialSource
from chalicelib.transport import HttpTransport

if TYPE_CHECKING:
    from chalicelib.signin import Provider


def provider(
    name: str, credentials: CredentialSource, base_urls: Mapping[str, str], clock: Callable[[], float] = time
) -> "Provider":
    """Return the provider of that name, at its own address where `base_urls` has none for it. Raises `KeyError`."""

    def send(base_url: str) -> HttpTransport:
        return HttpTransport(base_urls.get(name, base_url), name, clock)

    if name == "google":
        from chalicelib.relay import google

        return google.GoogleProvider(send(google.BASE_URL), credentials, clock, profiles=send(google.PROFILES_URL))
    if name == "facebook":
        from chalicelib.relay import facebook

        return facebook.FacebookProvider(send(facebook.BASE_URL), credentials, clock)
    if name == "twitter":
        from chalicelib.relay import twitter

        base_url = base_urls.get(name, twitter.BASE_URL)
        return twitter.TwitterProvider(send(base_url), credentials, base_url, clock)
    raise KeyError(name)
