"""The clients that the stand-in can play: each is a script of its own in `static/clients/`, named as it is here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import requests

from playground.workspace.settings import Settings

DEFAULT = "8.6"
_PATIENCE_SECONDS = 10


@dataclass(frozen=True)
class Client:
    """One client: its name on the command line, the version of a workspace that has it, and what is peculiar to it.

    Without a version it goes with any workspace. The API of the stand-in is that of 8.6 behind each of them.
    """

    name: str
    version: str | None
    about: str


CLIENTS: Mapping[str, Client] = {
    client.name: client
    for client in (
        Client("8.6", None, "checks with fetch, four, two or three at once"),
        Client("7.10", "7.10", "as 8.6, and asks again and again where a dead token is answered 200"),
        Client("6.x", "6.13", "checks with fetch and a JSON content type, after a preflight"),
        Client("3.x", "3.18", "checks with XMLHttpRequest, without a stored login and at logout"),
        Client("1.x", "1.3", "as 3.x, and serves the workspace's own social logins"),
        Client("mobile", None, "the mobile app: the 8.6 client in a web view, where the app listens too"),
        Client("electron", None, "the desktop app: the 8.6 client, with client=electron on the login page"),
    )
}


@dataclass(frozen=True)
class CheckOfTheApp:
    """What the mobile app was answered."""

    status: int
    body: str


def ask_as_the_app(settings: Settings) -> CheckOfTheApp:
    """Make the session check as the mobile app does by itself: no browser, so no cookie, no origin and no preflight."""
    method, address = settings["Accounts_Iframe_api_method"], settings["Accounts_Iframe_api_url"]
    with requests.Session() as http:
        http.trust_env = False
        answer = http.request(method, address, timeout=_PATIENCE_SECONDS)
    return CheckOfTheApp(answer.status_code, answer.text)
