"""The other calls of the API: me, logout, info and the settings."""

from typing import Any

import requests

from playground.workspace import Serving, Workspace
from tests.playground.conftest import Api


def test_me_shows_the_account_and_only_the_factors_that_are_on(workspace: Workspace, api: Api) -> None:
    """`me` answers with the caller's account, and names a second factor only where it is on."""
    accounts = workspace.accounts
    alice, bob = accounts["alice"], accounts["bob"]
    plain = api.get("me", (alice["_id"], accounts.new_login_token(alice))).json()
    assert (plain["success"], plain["username"], plain["email"]) == (True, "alice", "alice@example.org")
    assert "totp" not in plain["services"]
    assert "password" not in plain["services"]
    guarded = api.get("me", (bob["_id"], accounts.new_login_token(bob))).json()
    assert guarded["services"] == {"totp": {"enabled": True}}


def test_a_dead_or_foreign_token_is_401_in_both_forms(workspace: Workspace, api: Api) -> None:
    """No headers, a dead token and another account's token are 401, in either of the two documented forms."""
    identity, token = api.login_of("alice")
    pairs = [None, (identity, "x" * 43), (workspace.accounts["bob"]["_id"], token)]
    for pair in pairs:
        answer = api.get("me", pair)
        assert answer.status_code == 401
        assert answer.json() == {"status": "error", "message": "You must be logged in to do this."}
    workspace.unauthorized_form = "success"
    assert api.get("me").json() == {"success": False, "error": "unauthorized"}


def test_logout_ends_only_the_token_it_was_called_with(workspace: Workspace, api: Api) -> None:
    """`logout` ends the token in its header and leaves the account's others alone."""
    first, second = api.login_of("alice"), api.login_of("alice")
    assert api.post("logout", login=first).status_code == 200
    assert api.get("me", first).status_code == 401
    assert api.get("me", second).status_code == 200
    assert api.post("logout", login=first).status_code == 401


def test_deactivation_ends_all_logins(workspace: Workspace, api: Api) -> None:
    """When an administrator deactivates an account its tokens are dead."""
    login = api.login_of("alice")
    workspace.deactivate("alice")
    assert api.get("me", login).status_code == 401


def test_the_version_is_major_and_minor(serving: Serving) -> None:
    """`/api/info` needs no login and says 8.6."""
    answer = requests.get(f"{serving.url}/api/info", timeout=5)
    assert answer.json() == {"version": "8.6", "success": True}


def test_public_settings_are_public_and_others_are_not(workspace: Workspace, api: Api) -> None:
    """The four iframe settings are readable without a login, the others are not."""
    workspace.connect(iframe_url="http://g/login", api_url="http://g/session")
    wanted = "Accounts_iframe_enabled,Accounts_Iframe_api_method,API_Enable_Rate_Limiter"
    answer = api.get(f"settings.public?_id={wanted}").json()
    found = {row["_id"]: row["value"] for row in answer["settings"]}
    assert found == {"Accounts_iframe_enabled": True, "Accounts_Iframe_api_method": "POST"}


def test_only_an_administrator_changes_settings(workspace: Workspace, api: Api) -> None:
    """A setting is written by an administrator's personal access token, and by nobody else."""
    path, body = "settings/Accounts_iframe_enabled", {"value": True}
    assert api.post(path, body).status_code == 401
    assert api.post(path, body, api.login_of("alice")).status_code == 403
    assert workspace.settings["Accounts_iframe_enabled"] is False
    administrator = workspace.add_administrator()
    assert api.post(path, {"value": True, "more": 1}, administrator).status_code == 400
    assert api.post(path, body, administrator).status_code == 200
    assert workspace.settings["Accounts_iframe_enabled"] is True


def test_an_unknown_route_is_json_too(api: Api) -> None:
    """A route that the stand-in does not have answers 404 with `success: false`."""
    answer = api.get("users.list")
    assert (answer.status_code, answer.json()["success"]) == (404, False)


def test_calls_are_kept_with_headers_address_and_status(workspace: Workspace, api: Api) -> None:
    """A test can read back each call's route, headers, client address and status."""
    api.post("login", {"user": "alice", "password": "gantry-demo"}, headers={"X-Real-IP": "192.0.2.7"})
    (call,) = workspace.calls("login")
    assert (call.method, call.path, call.status, call.address) == ("POST", "/api/v1/login", 200, "192.0.2.7")
    assert call.headers["x-real-ip"] == "192.0.2.7"


def test_a_connection_stays_open_between_calls(workspace: Workspace, api: Api) -> None:
    """Two calls come over one connection, as a real workspace allows."""
    api.get("me")
    ports = {_port(api) for _ in range(3)}
    assert len(ports) == 1


def _port(api: Api) -> int:
    with api.session.get(f"{api.url}/api/info", timeout=5, stream=True) as answer:
        connection: Any = answer.raw.connection
        port: int = connection.sock.getsockname()[1]
        answer.raw.drain_conn()
        return port
