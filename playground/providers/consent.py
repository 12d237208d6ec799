"""The page on which a provider asks a person: a popup that the workspace's client of 1.x opens.

`GET <provider>/consent?origin=<the opener's origin>[&application=another]` shows a button for each person and Cancel.
The page posts to its opener, at exactly that origin, and closes:

    {provider, person, granted, answer}               granted: see `Providers.grant`; answer: see `answer`
    {provider, person: null, granted: null, answer}   after Cancel; answer: see `cancelled`
"""

from __future__ import annotations

import re
import secrets

from flask import Blueprint, Response, jsonify, render_template, request

from playground.providers.people import NAMES
from playground.providers.providers import Providers, answer, cancelled

_ORIGIN = re.compile(r"https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?")


def blueprint(providers: Providers) -> Blueprint:
    """The page of each provider, and the address that its script asks for a grant."""
    pages = Blueprint("consent", __name__)
    provider = f"/<any({','.join(NAMES)}):provider>"

    @pages.get(f"{provider}/consent")
    def page(provider: str) -> tuple[str, int, dict[str, str]]:
        origin = request.args.get("origin", "")
        if not _ORIGIN.fullmatch(origin):
            return "origin: the origin of the window that opened this one", 400, {"Content-Type": "text/plain"}
        nonce = secrets.token_urlsafe(16)
        policy = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        text = render_template(
            "consent.html",
            provider=provider,
            people=providers.people.values(),
            origin=origin,
            application="another" if request.args.get("application") == "another" else "workspace",
            cancelled=cancelled(provider),
            nonce=nonce,
        )
        return text, 200, {"Content-Security-Policy": policy, "Cache-Control": "no-store"}

    @pages.post(f"{provider}/consent")
    def consent(provider: str) -> Response | tuple[Response, int]:
        body = request.get_json(silent=True)
        person = body.get("person") if isinstance(body, dict) else None
        if not isinstance(body, dict) or not isinstance(person, str) or person not in providers.people:
            return jsonify(error="no such person"), 404
        application = "another" if body.get("application") == "another" else "workspace"
        granted = providers.grant(provider, person, application)
        return jsonify(provider=provider, person=person, granted=granted, answer=answer(granted))

    return pages
