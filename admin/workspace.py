"""Calls to the workspace's REST API that only an administrator makes, without any I/O: what to send, what came back.

`chalicelib.rocketchat` has the transport's `Call` and `Reply` and the decipherer of everything else.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from chalicelib.credentials import ServiceAccount
from chalicelib.errors import Unavailable
from chalicelib.rocketchat import BACKEND, Call, Reply, authentication

ENABLED = "Accounts_iframe_enabled"
IFRAME_URL = "Accounts_iframe_url"
API_URL = "Accounts_Iframe_api_url"
API_METHOD = "Accounts_Iframe_api_method"
IFRAME = (ENABLED, IFRAME_URL, API_URL, API_METHOD)
"""The four settings of Administration > Settings > Accounts > Iframe, by their ids."""

SETTINGS = "/api/v1/settings/"
LOGOUT = "/api/v1/users.logout"
ACTIVE = "/api/v1/users.setActiveStatus"
PERMISSIONS: Mapping[str, str] = {
    SETTINGS: "edit-privileged-setting",
    LOGOUT: "logout-other-user",
    ACTIVE: "edit-other-user-active-status",
    "/api/v1/users.info": "view-full-other-user-info",
}
"""What the calling account needs for each call, by Rocket.Chat's own ids; of settings the beginning of the path."""

NO_CODE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class SecondFactorDue:
    """The workspace wants a code for a call, or another one than it was given (`wrong`).

    `method` is `totp`, `email` or what else it names; `sent` tells whether it has just sent a code by e-mail.
    """

    method: str
    wrong: bool
    sent: bool | None = None


def wanted(url: str) -> dict[str, object]:
    """Return what the four settings must be for a deployment at `url`."""
    return {ENABLED: True, IFRAME_URL: f"{url}/login", API_URL: f"{url}/session", API_METHOD: "POST"}


def public_settings(names: Iterable[str]) -> Call:
    """Build `GET settings.public` for some ids, which needs no authentication."""
    return Call("GET", "/api/v1/settings.public?" + urlencode({"_id": ",".join(names)}))


def change_setting(caller: ServiceAccount, code: Mapping[str, str] = NO_CODE, *, name: str, value: object) -> Call:
    """Build `POST settings/<id>`; `code` are the headers of a second factor."""
    return Call("POST", SETTINGS + name, _headers(caller, code), {"value": value})


def log_out(caller: ServiceAccount, code: Mapping[str, str] = NO_CODE, *, user_id: str) -> Call:
    """Build `POST users.logout`, which ends every session of an account, open windows included."""
    return Call("POST", LOGOUT, _headers(caller, code), {"userId": user_id})


def set_active(caller: ServiceAccount, code: Mapping[str, str] = NO_CODE, *, user_id: str, active: bool) -> Call:
    """Build `POST users.setActiveStatus`."""
    return Call("POST", ACTIVE, _headers(caller, code), {"userId": user_id, "activeStatus": active})


def code_headers(method: str, code: str) -> dict[str, str]:
    """Return the two headers by which a call brings a second factor's code."""
    return {"x-2fa-code": code, "x-2fa-method": method}


def permission_for(call: Call) -> str:
    """Return the permission that `call` needs, empty where none is known."""
    path = call.path.partition("?")[0]
    return PERMISSIONS.get(SETTINGS if path.startswith(SETTINGS) else path, "")


def second_factor_due(reply: Reply) -> SecondFactorDue | None:
    """Return what the answer says of a code that is due or was wrong, None where it says nothing of one.

    In the middle of things that is a 400 with `errorType`, where Rocket.Chat counts it as a login a 401 with `error`.
    """
    if reply.status not in (400, 401):
        return None
    try:
        content = json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    word = content.get("errorType") or content.get("error")
    if word not in ("totp-required", "totp-invalid", "totp-max-attempts"):
        return None
    details = content.get("details")
    details = details if isinstance(details, dict) else {}
    method, sent = details.get("method"), details.get("codeGenerated")
    return SecondFactorDue(
        method if isinstance(method, str) and method.isalnum() else "",
        wrong=word != "totp-required",
        sent=sent if isinstance(sent, bool) else None,
    )


def values_in(content: Mapping[str, Any], names: Iterable[str]) -> dict[str, object]:
    """Return the settings that an answer of `settings.public` holds; one that is missing is None.

    Raises `Unavailable` for an answer of another shape.
    """
    found = content.get("settings")
    if not isinstance(found, list):
        raise Unavailable(BACKEND, "settings were answered in an unknown shape")
    values = {each.get("_id"): each.get("value") for each in found if isinstance(each, dict)}
    return {name: values.get(name) for name in names}


def _headers(caller: ServiceAccount, code: Mapping[str, str]) -> dict[str, str]:
    return {**authentication(caller.user_id, caller.token), **code}
