"""The web side of the stand-in: the client's page, its login methods and the inspector's feed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import pyotp
from flask import Blueprint, Flask, Response, jsonify, render_template, request

from playground.people import PASSWORD
from playground.workspace import rest
from playground.workspace.accounts import IFRAME_TOKEN, LOGIN_TOKENS
from playground.workspace.clients import CLIENTS, ask_as_the_app
from playground.workspace.explanations import explain
from playground.workspace.logins import Login
from playground.workspace.records import Document, at
from playground.workspace.refusals import LoginRefused
from playground.workspace.second_factor import EMAIL_CODE, Mail
from playground.workspace.settings import iframe_complete
from playground.workspace.trace import KINDS, OUTCOMES, Entry, Kind, Outcome, shorten
from playground.workspace.workspace import Workspace

_TOTP_STEP = 30
# Rocket.Chat 8.6 lets its page frame and call anything; scripts and styles are its own.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src *; frame-src *; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


def create_app(workspace: Workspace) -> Flask:
    """The WSGI application over one workspace."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 1_000_000
    app.register_blueprint(rest.blueprint(workspace))
    app.register_blueprint(_client(workspace))
    app.register_blueprint(_inspector(workspace))

    @app.errorhandler(404)
    @app.errorhandler(405)
    @app.errorhandler(413)
    def refuse(error: Exception) -> tuple[Response, int]:
        return jsonify(success=False, error=getattr(error, "name", "")), getattr(error, "code", None) or 404

    @app.after_request
    def keep_out_of_caches(response: Response) -> Response:
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        return response

    return app


def _client(workspace: Workspace) -> Blueprint:
    """The page, and HTTP endpoints in place of the methods that the real client calls over its websocket.

    A refused login is no failed request there, so it answers 200 here too: `{"error": …, "message": …}`.
    """
    client = Blueprint("client", __name__)

    @client.get("/", defaults={"path": ""})
    @client.get("/home", defaults={"path": ""})
    @client.get("/login", defaults={"path": ""})
    @client.get("/channel/<path:path>")
    def page(path: str) -> Response:
        settings = workspace.settings
        text = render_template(
            "client.html",
            iframe=iframe_complete(settings),
            iframe_url=settings["Accounts_iframe_url"],
            api_url=settings["Accounts_Iframe_api_url"],
            api_method=settings["Accounts_Iframe_api_method"],
            site_url=settings["Site_Url"],
            version=workspace.told_version,
            client=workspace.client,
            clients=CLIENTS.values(),
            password=PASSWORD,
            place=workspace.store.place,
            providers=dict(workspace.providers),
            cookies="blocked" if "cookies" in workspace.switches.on else "sent",
        )
        return Response(text, mimetype="text/html", headers={"Content-Security-Policy": _POLICY})

    def method(
        name: str, title: Callable[[Document], str], run: Callable[[Document, str], Login], found_by: str = ""
    ) -> None:
        def view() -> Response:
            body = request.get_json(force=True, silent=True)
            body = body if isinstance(body, dict) else {}
            number = workspace.trace.begin("login", title(body))
            address = workspace.client_address(
                {key.lower(): value for key, value in request.headers.items()}, request.remote_addr or ""
            )
            try:
                with workspace.lock:
                    login = run(body, address)
                    account = login.account
                    username = account.get("username", "")
                    user = {"id": account["_id"], "username": username, "name": account.get("name") or username}
            except LoginRefused as refusal:
                workspace.trace.finish(number, "bad", f"refused: {refusal.error}", detail=refusal.message)
                return jsonify(error=refusal.error, message=f"{refusal.message} [{refusal.error}]")
            detail = f"found in the database by {found_by}" if workspace.store.place and found_by else ""
            workspace.trace.finish(number, "good", f"logged in as {username}", detail=detail)
            return jsonify(user=user, token=login.token)

        client.add_url_rule(f"/_client/{name}", name, view, methods=["POST"])

    def text(body: Document, key: str) -> str:
        value = body.get(key)
        return value if isinstance(value, str) else ""

    def by_password(body: Document, address: str) -> Login:
        user, code = text(body, "user"), text(body, "code") or None
        key = "email" if "@" in user else "username"
        return workspace.logins.by_password(text(body, "password"), code=code, address=address, **{key: user})

    method(
        "resume",
        lambda body: f"Login by resume with {shorten(body.get('token'))}",
        lambda body, address: workspace.logins.by_resume(text(body, "token"), address=address),
        f"the hash in {LOGIN_TOKENS}",
    )
    method(
        "iframe",
        lambda body: f"Login by iframe token {shorten(body.get('token'))}",
        lambda body, address: workspace.logins.by_iframe(text(body, "token"), address=address),
        IFRAME_TOKEN,
    )
    method("password", lambda body: f"Login by password of {text(body, 'user')[:40] or 'nobody'}", by_password)

    @client.post("/_client/logout")
    def log_out() -> Response:
        body = request.get_json(force=True, silent=True)
        token = text(body, "token") if isinstance(body, dict) else ""
        with workspace.lock:
            removed = workspace.logins.log_out(token)
        workspace.trace.add(
            "login", f"Logout, token {shorten(token)}", "good", "token removed" if removed else "token was gone already"
        )
        return jsonify(removed=removed)

    @client.post("/_client/app-check")
    def check_of_the_app() -> Response:
        return jsonify(asdict(ask_as_the_app(workspace.settings)))

    return client


def _inspector(workspace: Workspace) -> Blueprint:
    """The feed of the inspector, and the address where the client reports what only it can see."""
    inspector = Blueprint("inspector", __name__, url_prefix="/_playground")

    @inspector.get("/trace")
    def entries() -> Response:
        return jsonify(entries=[_explained(entry) for entry in workspace.trace.entries])

    @inspector.post("/trace")
    def report() -> tuple[Response, int]:
        body = request.get_json(force=True, silent=True)
        reports = body if isinstance(body, list) else []
        for item in reports[:50]:
            if isinstance(item, dict):
                _note(workspace, item)
        return Response(), 204

    @inspector.post("/clear")
    def clear() -> tuple[Response, int]:
        workspace.trace.clear()
        return Response(), 204

    @inspector.post("/faults/<name>")
    def turn(name: str) -> tuple[Response, int]:
        body = request.get_json(force=True, silent=True)
        on = body.get("on") if isinstance(body, dict) else None
        if not isinstance(on, bool):
            return jsonify(error="on must be true or false"), 400
        try:
            workspace.switches.turn(name, on)
        except KeyError:
            return jsonify(error="no such fault here"), 404
        return Response(), 204

    @inspector.post("/client")
    def choose_client() -> tuple[Response, int]:
        body = request.get_json(force=True, silent=True)
        name = body.get("client") if isinstance(body, dict) else None
        if not isinstance(name, str) or name not in CLIENTS:
            return jsonify(success=False, error="There is no such client."), 400
        workspace.client = CLIENTS[name]
        return Response(), 204

    @inspector.get("/people")
    def people() -> Response:
        return jsonify(_people(workspace))

    @inspector.get("/stream")
    def stream() -> Response:
        return Response(_events(workspace), mimetype="text/event-stream")

    return inspector


def _note(workspace: Workspace, item: dict[str, Any]) -> None:
    """Take over one report of the client: a beginning, an end, or both at once."""
    kind, outcome = item.get("kind"), item.get("outcome", "pending")
    at, took = item.get("at"), item.get("took")
    ref, title, detail, result = (str(item.get(key, ""))[:300] for key in ("ref", "title", "detail", "result"))
    if outcome not in OUTCOMES or kind not in KINDS or not isinstance(at, int | float) or not ref:
        return
    known: Kind = kind
    ended: Outcome = outcome
    number = workspace.trace.find(ref)
    if number is None:
        number = workspace.trace.begin(known, title, detail=detail, at=at, ref=ref)
    if ended != "pending":
        took = took if isinstance(took, int | float) else 0
        workspace.trace.finish(number, ended, result, detail=detail, took=took)


def _explained(entry: Entry) -> dict[str, object]:
    return {**asdict(entry), "why": explain(entry).as_json()}


def _events(workspace: Workspace) -> Iterator[bytes]:
    """Server-sent events: the entries that changed, and the people with their codes at least at every TOTP step."""
    for cleared, entries in workspace.trace.follow(lambda: _TOTP_STEP - time.time() % _TOTP_STEP + 0.05):
        if cleared:
            yield b"event: clear\ndata: {}\n\n"
        for entry in entries:
            yield b"event: entry\ndata: " + json.dumps(_explained(entry)).encode() + b"\n\n"
        yield b"event: faults\ndata: " + json.dumps(workspace.switches.shown()).encode() + b"\n\n"
        yield b"event: people\ndata: " + json.dumps(_people(workspace)).encode() + b"\n\n"


def _state(workspace: Workspace, mail: Mail) -> str:
    if mail.expires < workspace.accounts.now():
        return "ran out"
    record = workspace.accounts.find_by_username(mail.username)
    return "" if record and at(record, EMAIL_CODE) else "used"


def _people(workspace: Workspace) -> dict[str, object]:
    """The demo people with the codes that they would read from their authenticator or their mail."""
    now = workspace.clock()
    shown = []
    with workspace.lock:
        for person in workspace.people:
            mail = workspace.last_mail(person.username)
            row: dict[str, object] = {"username": person.username, "name": person.name, "about": person.about}
            if person.totp_secret:
                row["totp"] = pyotp.TOTP(person.totp_secret).at(int(now))
            # With the accounts in a database Gantry refuses e-mail codes, and only the console has them sent.
            if person.email_codes and (mail or not workspace.store.place):
                row["mail"] = mail.code if mail else ""
                row["mailState"] = _state(workspace, mail) if mail else "none"
            shown.append(row)
    return {"people": shown, "step": _TOTP_STEP, "left": _TOTP_STEP - now % _TOTP_STEP}
