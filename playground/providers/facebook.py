"""Facebook's `debug_token` and `me`, as far as Gantry asks for them.

Errors are Graph API's own object ("Handling Errors"). An error about who asks stands at the top with status 400; what
is wrong with the inspected token stands in `data.error` beside `is_valid: false` ("Debug-Token"), but for a token of
another application, which is error 100 at the top.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from flask import Blueprint, Response, jsonify, request

from playground.providers.google import bearer
from playground.providers.providers import Providers

_EXPIRED, _REVOKED = 463, 458
Answer = Response | tuple[Response, int]


def blueprint(providers: Providers) -> Blueprint:
    """The endpoints below Facebook's base address."""
    facebook = Blueprint("facebook", __name__, url_prefix="/facebook")

    @facebook.get("/debug_token")
    def debug_token() -> Answer:
        application = providers.applications["facebook"]
        app_id, _, secret = (bearer() or request.args.get("access_token", "")).partition("|")
        if not secret:
            message = "(#100) You must provide an app access token, or a user access token of a developer of the app"
            return _error(100, message)
        if app_id != application["app_id"]:
            return _error(101, "Error validating application. Cannot get application info due to a system error.")
        if not hmac.compare_digest(secret.encode(), application["app_secret"].encode()):
            return _error(190, "Invalid OAuth access token signature.")
        token = request.args.get("input_token", "")
        if not token:
            return _error(100, "(#100) The parameter input_token is required")
        grant = providers.find("facebook", token)
        if grant is None:
            return _invalid({}, 190, "Invalid OAuth access token - Cannot parse access token")
        if grant.application != app_id:
            return _error(100, "(#100) The App_id in the input_token did not match the Viewing App")
        known = {
            "app_id": grant.application,
            "type": "USER",
            "application": "Workspace",
            "expires_at": int(grant.expires),
            "user_id": grant.person.ids["facebook"],
        }
        if grant.revoked:
            return _invalid(known, 190, "The user has not authorized the application.", _REVOKED)
        if providers.clock() >= grant.expires:
            return _invalid(known, 190, "Error validating access token: Session has expired.", _EXPIRED)
        scopes = ["public_profile", "email"] if grant.person.told_email else ["public_profile"]
        return jsonify(data={**known, "is_valid": True, "scopes": scopes})

    @facebook.get("/me")
    def me() -> Answer:
        token = bearer() or request.args.get("access_token", "")
        if not token:
            return _error(2500, "An active access token must be used to query information about the current user.")
        grant = providers.live("facebook", token)
        if grant is None:
            return _error(190, "Error validating access token: Session has expired.", subcode=_EXPIRED)
        ours = grant.application == providers.application_id("facebook")
        secret = (providers.applications if ours else providers.another)["facebook"]["app_secret"]
        proof = hmac.digest(secret.encode(), token.encode(), hashlib.sha256).hex()
        if not hmac.compare_digest(proof, request.args.get("appsecret_proof", "")):
            return _error(100, "Invalid appsecret_proof provided in the API argument", kind="GraphMethodException")
        person = grant.person
        known = {"id": person.ids["facebook"], "name": person.name, "email": person.told_email}
        fields = request.args.get("fields", "id,name").split(",")
        return jsonify({name: value for name, value in known.items() if name in fields and value is not None})

    return facebook


def rate_limited() -> tuple[Response, int]:
    """Too many calls of the application ("Rate Limits")."""
    return _error(4, "(#4) Application request limit reached")


def temporary() -> tuple[Response, int]:
    """A trouble of Facebook's own."""
    return _error(2, "An unexpected error has occurred. Please retry your request later.", status=500)


def application_refused() -> tuple[Response, int]:
    """The application's secret was changed."""
    return _error(190, "Invalid OAuth access token signature.")


def _invalid(known: dict[str, Any], code: int, message: str, subcode: int | None = None) -> Response:
    error: dict[str, Any] = {"code": code, "message": message}
    if subcode is not None:
        error["subcode"] = subcode
    return jsonify(data={**known, "error": error, "is_valid": False, "scopes": []})


def _error(
    code: int, message: str, *, subcode: int | None = None, kind: str = "OAuthException", status: int = 400
) -> tuple[Response, int]:
    error: dict[str, Any] = {"message": message, "type": kind, "code": code, "fbtrace_id": "standin"}
    if subcode is not None:
        error["error_subcode"] = subcode
    return jsonify(error=error), status
