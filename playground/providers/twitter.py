"""Twitter's `account/verify_credentials` and `oauth2/token`, as far as Gantry asks for them.

The signature is verified for what it is, by oauthlib's own resource endpoint (RFC 5849). Errors carry the codes of
Twitter's page "Response codes and errors".
"""

from __future__ import annotations

import base64
import hmac
from typing import Any

from flask import Blueprint, Response, jsonify, request
from oauthlib.oauth1 import RequestValidator, ResourceEndpoint

from playground.providers.providers import Providers

_CLOCK_SECONDS = 300
_NOT_AUTHENTICATED = (32, "Could not authenticate you.", 401)
_EXPIRED = (89, "Invalid or expired token.", 401)
_BAD_DATA = (215, "Bad Authentication data.", 400)
_TIMESTAMP = (135, "Timestamp out of bounds.", 401)
_SUSPENDED = (64, "Your account is suspended and is not permitted to access this feature", 403)
_UNVERIFIED = (99, "Unable to verify your credentials", 403)
Answer = Response | tuple[Response, int]


def blueprint(providers: Providers) -> Blueprint:
    """The endpoints below Twitter's base address."""
    twitter = Blueprint("twitter", __name__, url_prefix="/twitter")
    validator = _Validator(providers)
    endpoint = ResourceEndpoint(validator)

    @twitter.get("/1.1/account/verify_credentials.json")
    def verify_credentials() -> Answer:
        if "oauth_token=" not in request.headers.get("Authorization", ""):
            return _error(*_BAD_DATA)
        signed, call = endpoint.validate_protected_resource_request(
            request.url, http_method="GET", body=None, headers={"Authorization": request.headers["Authorization"]}
        )
        if call is None:
            return _error(*_BAD_DATA)
        if not validator.in_time(call.timestamp):
            return _error(*_TIMESTAMP)
        if call.client_key != providers.application_id("twitter"):
            return _error(*_NOT_AUTHENTICATED)
        grant = providers.live("twitter", call.resource_owner_key)
        if grant is None or grant.application != call.client_key:
            return _error(*_EXPIRED)
        if not signed:
            return _error(*_NOT_AUTHENTICATED)
        person = grant.person
        if person.key in providers.suspended:
            return _error(*_SUSPENDED)
        known: dict[str, Any] = {
            "id": int(person.ids["twitter"]),
            "id_str": person.ids["twitter"],
            "name": person.name,
            "screen_name": person.screen_name,
        }
        if request.args.get("include_email") == "true":
            known["email"] = person.told_email if person.verified else None
        return jsonify(known)

    @twitter.post("/oauth2/token")
    def application_token() -> Answer:
        application = providers.applications["twitter"]
        pair = f"{application['consumer_key']}:{application['consumer_secret']}"
        expected = f"Basic {base64.b64encode(pair.encode()).decode()}"
        if request.form.get("grant_type") != "client_credentials":
            return _error(170, "Missing required parameter: grant_type", 400)
        if not hmac.compare_digest(expected.encode(), request.headers.get("Authorization", "").encode()):
            return _error(*_UNVERIFIED)
        return jsonify(token_type="bearer", access_token="standin-of-a-bearer-token")  # noqa: S106

    return twitter


class _Validator(RequestValidator):
    """Tells oauthlib what it has to compare with; who is known at all is told apart by the endpoint above."""

    # The ids and tokens are made here: oauthlib's ideas of their length and alphabet are not Twitter's.
    enforce_ssl = False
    timestamp_lifetime = 10**12
    dummy_client = "nobody"
    dummy_access_token = "nothing"  # noqa: S105

    def __init__(self, providers: Providers) -> None:
        super().__init__()
        self._providers = providers
        self._nonces: set[tuple[str, str]] = set()

    def in_time(self, timestamp: str) -> bool:
        """Tell whether a timestamp is near enough to now."""
        return abs(int(timestamp) - self._providers.clock()) <= _CLOCK_SECONDS

    def check_client_key(self, client_key: str) -> bool:
        return bool(client_key)

    def check_access_token(self, request_token: str) -> bool:
        return bool(request_token)

    def check_nonce(self, nonce: str) -> bool:
        return bool(nonce)

    def validate_client_key(self, client_key: str, request: Any) -> bool:
        return client_key == self._providers.application_id("twitter")

    def validate_access_token(self, client_key: str, token: str, request: Any) -> bool:
        return self._providers.live("twitter", token) is not None

    def validate_timestamp_and_nonce(
        self,
        client_key: str,
        timestamp: str,
        nonce: str,
        request: Any,
        request_token: str | None = None,
        access_token: str | None = None,
    ) -> bool:
        used = (timestamp, nonce) in self._nonces
        self._nonces.add((timestamp, nonce))
        return not used

    def validate_realms(
        self, client_key: str, token: str, request: Any, uri: str | None = None, realms: Any = None
    ) -> bool:
        return True

    def get_client_secret(self, client_key: str, request: Any) -> str:
        return self._providers.applications["twitter"]["consumer_secret"]

    def get_access_token_secret(self, client_key: str, token: str, request: Any) -> str:
        grant = self._providers.live("twitter", token)
        return grant.secret if grant is not None else "nothing"


def rate_limited(providers: Providers) -> tuple[Response, int]:
    """Too many calls, until the time that the header tells ("Rate limits")."""
    response, _ = _error(88, "Rate limit exceeded", 429)
    response.headers["x-rate-limit-reset"] = str(int(providers.clock()) + 90)
    return response, 429


def temporary() -> tuple[Response, int]:
    """A trouble of Twitter's own."""
    return _error(131, "Internal error", 500)


def application_refused() -> tuple[Response, int]:
    """The application was suspended."""
    return _error(416, "Invalid / suspended application", 401)


def _error(code: int, message: str, status: int) -> tuple[Response, int]:
    return jsonify(errors=[{"code": code, "message": message}]), status
