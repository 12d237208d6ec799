"""The REST API of the stand-in, as far as Gantry uses it, with Rocket.Chat's refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from flask import Blueprint, Response, request

from playground.workspace import users
from playground.workspace.calls import Call, Fault
from playground.workspace.exchange import (
    Answer,
    Handler,
    Question,
    as_json,
    forbidden,
    own_account,
    succeed,
    without_secrets,
)
from playground.workspace.limits import Verdict
from playground.workspace.permissions import BYPASS_RATE_LIMIT, EDIT_SETTING
from playground.workspace.records import Document
from playground.workspace.refusals import BadRequest, LoginRefused
from playground.workspace.settings import PUBLIC
from playground.workspace.trace import Outcome
from playground.workspace.workspace import Workspace

WIRE = "playground.wire"  # in the WSGI environment: a Wire, by which an answer tells the server how to misbehave
_LOGIN_KEYS = frozenset({"user", "username", "email", "password", "code"})
_DEAD = "no live token"
_DUE = "totp-required"


@dataclass
class Wire:
    """How the bytes of one answer travel: not at all, or with a pause after each."""

    cut: bool = False
    pause: float | None = None


def log_in(workspace: Workspace, question: Question) -> Answer:
    """`POST login`: exactly one of user, username or email, the password, and perhaps a code."""
    body = question.body
    if not isinstance(body, dict) or not set(body) <= _LOGIN_KEYS:
        raise BadRequest("must NOT have additional properties")
    names = [key for key in ("user", "username", "email") if key in body]
    if len(names) != 1 or not all(isinstance(value, str) for value in body.values()) or "password" not in body:
        raise BadRequest("must have required properties of type string")
    given = body[names[0]]
    by_email = names[0] == "email" or "@" in given
    try:
        login = workspace.logins.by_password(
            body["password"],
            username="" if by_email else given,
            email=given if by_email else "",
            code=body.get("code") or question.headers.get("x-2fa-code"),
            method=question.headers.get("x-2fa-method"),
            address=question.address,
        )
    except LoginRefused as refusal:
        details = {} if refusal.details is None else {"details": refusal.details}
        refused = {"status": "error", "error": refusal.error, "message": refusal.message, **details}
        return Answer(401, refused, str(refusal.error), ordinary=refusal.error == _DUE)
    data = {"userId": login.account["_id"], "authToken": login.token, "me": own_account(login.account)}
    return Answer(200, {"status": "success", "data": data}, f"logged in as {login.account.get('username')}")


def log_out(workspace: Workspace, question: Question) -> Answer:
    """`POST logout`: ends the token in X-Auth-Token."""
    workspace.accounts.remove_login_token(question.caller_account(), question.headers["x-auth-token"])
    return Answer(200, {"status": "success", "data": {"message": "You've been logged out!"}}, "token ended")


def me(workspace: Workspace, question: Question) -> Answer:
    """`GET me`: the caller's account."""
    account = question.caller_account()
    return succeed(f"is {account.get('username')}, token lives", **own_account(account))


def info(workspace: Workspace, question: Question) -> Answer:
    """`GET /api/info`: the version, major and minor only."""
    return Answer(200, {"version": workspace.told_version, "success": True})


def public_settings(workspace: Workspace, question: Question) -> Answer:
    """`GET settings.public?_id=A,B`: without authentication, public settings only."""
    wanted = [name for name in question.args.get("_id", "").split(",") if name] or sorted(PUBLIC)
    found = [{"_id": name, "value": workspace.settings[name]} for name in wanted if name in PUBLIC]
    return Answer(200, {"settings": found, "count": len(found), "offset": 0, "total": len(found), "success": True})


def change_setting(workspace: Workspace, question: Question) -> Answer:
    """`POST settings/<id>` `{"value": …}`: for administrators."""
    if not workspace.may(question.caller, EDIT_SETTING):
        return forbidden("not an administrator")
    name = question.path["name"]
    if not isinstance(question.body, dict) or set(question.body) != {"value"} or name not in workspace.settings:
        raise BadRequest("must have required property 'value'")
    workspace.settings[name] = question.body["value"]
    return succeed("changed")


def blueprint(workspace: Workspace) -> Blueprint:
    """The routes of the API over one workspace."""
    api = Blueprint("api", __name__)

    def route(name: str, rule: str, method: str, handler: Handler, *, authenticated: bool = False) -> None:
        def view(**path: str) -> Response:
            return _serve(workspace, name, handler, path, authenticated=authenticated)

        api.add_url_rule(rule, name.replace(".", "-"), view, methods=[method], provide_automatic_options=False)

    route("login", "/api/v1/login", "POST", log_in)
    route("logout", "/api/v1/logout", "POST", log_out, authenticated=True)
    route("me", "/api/v1/me", "GET", me, authenticated=True)
    route("info", "/api/info", "GET", info)
    route("settings.public", "/api/v1/settings.public", "GET", public_settings)
    route("settings", "/api/v1/settings/<name>", "POST", change_setting, authenticated=True)
    route("users.info", "/api/v1/users.info", "GET", users.info, authenticated=True)
    route("users.register", "/api/v1/users.register", "POST", users.register)
    for name, handler in users.ADMINISTRATION.items():
        route(name, f"/api/v1/{name}", "POST", handler, authenticated=True)
    return api


def _serve(
    workspace: Workspace, name: str, handler: Handler, path: Mapping[str, str], *, authenticated: bool
) -> Response:
    headers = {key.lower(): value for key, value in request.headers.items()}
    body = request.get_json(force=True, silent=True)
    address = workspace.client_address(headers, request.remote_addr or "")
    caller = _caller(workspace, headers)
    call = Call(
        route=name,
        method=request.method,
        path=request.path,
        headers=headers,
        body=without_secrets(body),
        address=address,
        username=caller.get("username") if caller else None,
        args=request.args.to_dict(),
    )
    workspace.call_log.add(call)
    number = workspace.trace.begin("call", f"{request.method} {request.path}", detail=f"from {address}")
    fault = workspace.faults.take(name)
    question = Question(headers, body, request.args, path, address, caller)
    answer = None
    if fault is None or fault.after or (fault.status is None and not fault.cut and fault.hold is None):
        answer = _answer(workspace, name, handler, question, authenticated=authenticated)
    if fault is not None and fault.hold is not None:
        fault.hold.wait(fault.seconds)
    if fault is not None and fault.cut:
        workspace.trace.finish(number, "bad", "connection cut on purpose")
        _wire().cut = True
        return Response()
    if fault is not None and fault.status is not None:
        call.status = fault.status
        workspace.trace.finish(number, "bad", f"{fault.status} on purpose")
        return _faulty(fault)
    if answer is None:
        answer = _answer(workspace, name, handler, question, authenticated=authenticated)
    call.status = answer.status
    outcome: Outcome = "good" if answer.status == 200 else "plain" if answer.ordinary else "bad"
    workspace.trace.finish(number, outcome, f"{answer.status} {answer.note}".strip())
    text = json.dumps(answer.body, default=as_json).encode()
    response = _faulty(Fault(status=answer.status, body=text, drip=fault.drip if fault else None))
    response.content_type = "application/json"
    response.headers.update(answer.headers)
    return response


def _faulty(fault: Fault) -> Response:
    if fault.drip is None:
        response = Response(fault.body, status=fault.status)
    else:
        response = Response(_drip(fault.body), status=fault.status)
        response.content_length = len(fault.body)
        _wire().pause = fault.drip
    response.headers.update(fault.headers)
    return response


def _wire() -> Wire:
    wire = request.environ.get(WIRE)
    return wire if isinstance(wire, Wire) else Wire()


def _drip(body: bytes) -> Iterator[bytes]:
    for index in range(len(body)):
        yield body[index : index + 1]


def _caller(workspace: Workspace, headers: Mapping[str, str]) -> Document | None:
    with workspace.lock:
        account = workspace.accounts.find_by_login_token(headers.get("x-auth-token", ""))
        return account if account and account["_id"] == headers.get("x-user-id") else None


def _answer(workspace: Workspace, name: str, handler: Handler, question: Question, *, authenticated: bool) -> Answer:
    """Rocket.Chat 8.6: authentication first, then the limiter, the second factor, and then the call itself."""
    with workspace.lock:
        if authenticated and question.caller is None:
            return _unauthorized(workspace)
        verdict = _limit(workspace, name, question, authenticated=authenticated)
        limits = verdict.headers() if verdict else {}
        if verdict and not verdict.allowed:
            return _too_many(verdict)
        mails = len(workspace.second_factor.mailbox)
        try:
            _check_second_factor(workspace, name, question)
            answer = handler(workspace, question)
        except BadRequest as refusal:
            answer = _bad_request(refusal)
        except LoginRefused as refusal:
            answer = _code_due(refusal)
        for mail in workspace.second_factor.mailbox[mails:]:
            workspace.trace.add("mail", f"E-mail to {mail.address}", "plain", "code sent", detail="shown under People")
        return replace(answer, headers={**limits, **answer.headers})


def _limit(workspace: Workspace, name: str, question: Question, *, authenticated: bool) -> Verdict | None:
    """Nobody who may call often is counted; before 8.x only where the call needs a login at all."""
    known = question.caller if authenticated or workspace.is_at_least(8) else None
    limiter = workspace.rate_limiter
    is_exempt = not workspace.settings["API_Enable_Rate_Limiter"] or workspace.may(known, BYPASS_RATE_LIMIT)
    if is_exempt and not limiter.exhausted:
        return None
    return limiter.take(name, question.address)


def _check_second_factor(workspace: Workspace, name: str, question: Question) -> None:
    """Some calls ask for a code where the caller's token does not ignore two-factor, and some ask even then.

    An account without a second factor is asked in the latter case alone, and has nothing to answer with.
    """
    caller = question.caller
    always = name in workspace.second_factor_always
    if caller is None or not (always or name in workspace.second_factor_routes):
        return
    if not always and workspace.accounts.ignores_second_factor(caller, question.headers["x-auth-token"]):
        return
    if always and not workspace.second_factor.methods(caller):
        details = {"method": "password", "codeGenerated": False, "availableMethods": []}
        raise LoginRefused(_DUE, "TOTP Required", details)
    workspace.second_factor.check(caller, question.headers.get("x-2fa-code"), question.headers.get("x-2fa-method"))


def _code_due(refusal: LoginRefused) -> Answer:
    """In the middle of things a missing or wrong code is 400, in the form of every other failure."""
    body = {"success": False, "error": f"{refusal.message} [{refusal.error}]", "errorType": refusal.error}
    return Answer(400, {**body, "details": refusal.details}, str(refusal.error), ordinary=refusal.error == _DUE)


def _bad_request(refusal: BadRequest) -> Answer:
    error: dict[str, object] = {"error": refusal.message}
    if refusal.error_type is not None:
        error = {"error": f"{refusal.message} [{refusal.error_type}]", "errorType": refusal.error_type}
    return Answer(400, {"success": False, **error}, refusal.note, ordinary=refusal.ordinary)


def _unauthorized(workspace: Workspace) -> Answer:
    if workspace.unauthorized_form == "success":
        return Answer(401, {"success": False, "error": "unauthorized"}, _DEAD, ordinary=True)
    return Answer(401, {"status": "error", "message": "You must be logged in to do this."}, _DEAD, ordinary=True)


def _too_many(verdict: Verdict) -> Answer:
    text = (
        "Error, too many requests. Please slow down. You must wait "
        f"{verdict.wait_seconds} seconds before trying this endpoint again. [error-too-many-requests]"
    )
    note = f"rate limit: more than {verdict.limit} a minute on this route, free again in {verdict.wait_seconds} s"
    return Answer(429, {"success": False, "error": text}, note, verdict.headers())
