"""The commands one after the other, as somebody sets Gantry up who has other work to do."""

import json
import sys
from io import StringIO

import pytest
import requests

import app
from chalicelib.bootstrap import Gantry
from chalicelib.log import Journal
from playground.workspace import PASSWORD, Serving
from tests.admin.checkout import Checkout
from tests.admin.terminal import Terminal
from tests.api_gateway import Gateway


def test_from_nothing_to_people_signing_in(
    checkout: Checkout, chat: Serving, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`init`, `check-config`, `connect`: then the Gantry of these files signs somebody in, and `sign-out` out again."""
    assert "SECRET_ID: it is not set" in checkout.refused("check-config")
    user_id, token = chat.workspace.add_administrator()
    account = {"rocketchat_user_id": user_id, "rocketchat_auth_token": token}
    checkout.keep([token])
    words = ("init", "--yes", "--rocketchat-url", chat.url, "--credentials", "-")
    assert "chalice deploy --stage prod" in checkout.done(*words, typed=json.dumps(account))
    checkout.secret()
    assert "can be used: 1 session key, a service account." in checkout.done("check-config")
    assert "chalice deploy --stage prod" in checkout.refused("connect")

    gantry = Gantry(checkout.environment)
    gantry.journal = Journal(stream=StringIO())
    monkeypatch.setattr(app, "gantry", gantry)
    checkout.deployed(gateway.url)
    assert "Accounts_iframe_enabled      on" in checkout.done("connect")
    form = {"username": "alice", "password": PASSWORD}
    with requests.Session() as browser:
        browser.trust_env = False
        page = browser.post(
            str(chat.workspace.settings["Accounts_iframe_url"]), data=form, headers={"Origin": gateway.url}, timeout=10
        )
    assert page.status_code == 200
    assert "loginToken" in page.text
    alice = chat.workspace.accounts["alice"]
    assert len(chat.workspace.accounts.login_tokens(alice)) == 1

    assert "the last of 2; none dropped" in checkout.done("rotate-key")
    checkout.secret()
    assert "2 session keys" in checkout.done("check-config")
    checkout.done("sign-out", "alice", "--deactivate")
    assert chat.workspace.accounts.login_tokens(alice) == []
    assert "own form" in checkout.done("connect", "--disable")


def test_at_a_terminal_what_is_secret_is_not_shown(checkout: Checkout) -> None:
    """Promise 32: a token that is typed at a real terminal is neither echoed nor printed, and is stored as typed."""
    here = f"from pathlib import Path; from admin.__main__ import admin; admin(obj=Path({str(checkout.root)!r}))"
    terminal = Terminal(sys.executable, "-c", here, "init", "--no-state-table")
    terminal.answer("https://chat.example.com)", "https://chat.example.com")
    terminal.answer("Which [rocketchat]", "")
    terminal.answer("Which [rest]", "")
    terminal.answer("personal access token of one", "y")
    terminal.answer("User id", "service-id")
    terminal.answer("Token", "canary-token")
    assert terminal.ended() == 0
    assert "canary" not in terminal.screen
    assert "chalice deploy --stage prod" in terminal.screen
    assert checkout.secret()["rocketchat_auth_token"] == "canary-token"
