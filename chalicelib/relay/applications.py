"""The applications that the workspace registered with the vendors, as the secret names them."""

from dataclasses import dataclass

from chalicelib.secret import Secret


@dataclass(frozen=True)
class GoogleApplication:
    """The workspace's OAuth client at Google. Its secret stays in the workspace: a token is looked at without it.

    `scopes` and `web_client_id` are what the login page asks the workspace's client to ask for, where they are there.
    """

    client_id: str
    scopes: tuple[str, ...] = ()
    web_client_id: str | None = None


@dataclass(frozen=True)
class FacebookApplication:
    """The workspace's application at Facebook, with the secret that proves who asks."""

    app_id: str
    app_secret: Secret


@dataclass(frozen=True)
class TwitterApplication:
    """The workspace's application at Twitter: the key and the secret that sign each call."""

    consumer_key: str
    consumer_secret: Secret
