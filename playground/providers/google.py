"""Google's token information and profile, as far as Gantry asks for them.

`POST /tokeninfo` takes an access token in a header, as Google's own libraries send it, in a form or in the query. What
it refuses is 400 `invalid_token`, whether the token has expired, was revoked or never was one. A token of any
application is described: to whom it was issued is for the caller to look at ("OAuth 2.0 for Client-side Web
Applications", "Cross-client Identity").
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from playground.providers.providers import Providers

_SCOPES = "openid https://www.googleapis.com/auth/userinfo.profile"
_EMAIL_SCOPE = "https://www.googleapis.com/auth/userinfo.email"


def blueprint(providers: Providers) -> Blueprint:
    """The endpoints below Google's base address."""
    google = Blueprint("google", __name__, url_prefix="/google")

    @google.route("/tokeninfo", methods=["GET", "POST"])
    def token_information() -> Response | tuple[Response, int]:
        token = bearer() or request.values.get("access_token", "")
        if not token:
            description = "either access_token, id_token, or token_handle required"
            return jsonify(error="invalid_request", error_description=description), 400
        grant = providers.live("google", token)
        if grant is None:
            return jsonify(error="invalid_token", error_description="Invalid Value"), 400
        known: dict[str, Any] = {
            "azp": grant.application,
            "aud": grant.audience,
            "sub": grant.person.ids["google"],
            "scope": _SCOPES,
            "exp": str(int(grant.expires)),
            "expires_in": str(int(grant.expires - providers.clock())),
            "access_type": "online",
        }
        if grant.person.told_email:
            known["scope"] += f" {_EMAIL_SCOPE}"
            known["email"] = grant.person.told_email
            known["email_verified"] = "true" if grant.person.verified else "false"
        return jsonify(known)

    @google.get("/v1/userinfo")
    def profile() -> Response | tuple[Response, int]:
        grant = providers.live("google", bearer())
        if grant is None:
            return jsonify(error="invalid_request", error_description="Invalid Credentials"), 401
        person = grant.person
        known: dict[str, Any] = {
            "sub": person.ids["google"],
            "name": person.name,
            "given_name": person.given_name,
            "family_name": person.family_name,
        }
        if person.told_email:
            known |= {"email": person.told_email, "email_verified": person.verified}
        return jsonify(known)

    return google


def rate_limited() -> tuple[Response, int]:
    """Too many calls."""
    reasons = [{"domain": "usageLimits", "reason": "rateLimitExceeded", "message": "Rate Limit Exceeded"}]
    return jsonify(error={"code": 429, "message": "Rate Limit Exceeded", "errors": reasons}), 429


def temporary() -> tuple[Response, int]:
    """A trouble of Google's own."""
    return jsonify(error={"code": 500, "message": "Internal error encountered.", "status": "INTERNAL"}), 500


def application_refused() -> tuple[Response, int]:
    """Google is not told which application asks, so it cannot refuse one: the token is not known any more."""
    return jsonify(error="invalid_token", error_description="Invalid Value"), 400


def bearer() -> str:
    """The token of the `Authorization` header, empty without one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme == "Bearer" else ""
