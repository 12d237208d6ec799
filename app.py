"""Gantry's routes: each reads the request, calls a use case and renders what came of it."""

import json
import os
from collections.abc import Callable, Mapping
from functools import wraps
from time import monotonic
from typing import TYPE_CHECKING

from chalice.app import Chalice, CloudWatchEvent, Rate, Response
from chalice.app import Request as ChaliceRequest

from chalicelib.bootstrap import Gantry
from chalicelib.deadline import Deadline
from chalicelib.errors import GantryError, NotSignedIn
from chalicelib.web import cookies, cors, failures
from chalicelib.web.answers import Answer, hardened
from chalicelib.web.request import Request

if TYPE_CHECKING:
    from chalicelib.signin import CodeDue, SignedIn

app = Chalice(app_name="gantry", configure_logs=False)
app.debug = False
# Nothing here is binary: without the list Chalice does not hold every answer's content type to it.
app.api.binary_types = []
gantry = Gantry(os.environ)

View = Callable[[Request], Answer]

# Chalice answers 415 by itself for a content type that a route does not list: the form routes check it themselves.
ANY = ["*/*"]


@app.middleware("http")
def harden(event: ChaliceRequest, get_response: Callable[[ChaliceRequest], Response]) -> Response:
    """Put the headers of every answer on whatever leaves, Chalice's own refusals and faults included."""
    response = get_response(event)
    path = event.path if event is not None else ""
    try:
        response.headers = hardened(response.headers, path)
    except ValueError as error:
        gantry.journal.fault(error, "")
        response = Response("", hardened({}, path), 500)
    return response


def answered(failure: failures.Failure) -> Callable[[View], Callable[..., Response]]:
    """Make a route of a view: every exception becomes an answer by `failure`, and every request one line in the log."""

    def decorate(view: View) -> Callable[..., Response]:
        @wraps(view)
        def route(**_parts: str) -> Response:
            began = monotonic()
            request = Request.from_chalice(app.current_request)
            reason: str | None = None
            try:
                answer = view(request)
            except Exception as error:
                answer, reason = failures.answer(failure, gantry, request, error)
            gantry.journal.event(
                "request",
                path=request.path,
                method=request.method,
                status=answer.status,
                reason=reason,
                milliseconds=round((monotonic() - began) * 1000, 1),
                request_id=request.caller.request_id,
            )
            return Response(answer.body, dict(answer.headers), answer.status)

        return route

    return decorate


@app.route("/session", methods=["GET", "POST"], content_types=ANY)
@answered(failures.bare)
def session_check(request: Request) -> Answer:
    """Tell the workspace's client whether this browser is signed in, and with which token."""
    settings = gantry.settings
    allowed = cors.allow(request.origin, settings.origins)
    sealed = cookies.read(request.headers.get("cookie"))
    if sealed is None:
        return Answer(401, allowed)
    try:
        session = gantry.session_check.check(sealed, request.caller.deadline)
    except NotSignedIn as gone:
        dead = {"Set-Cookie": cookies.expire(settings.cookie_site)} if gone.certain else {}
        return Answer(401, {**allowed, **dead})
    return Answer(200, {**allowed, "Content-Type": "application/json"}, json.dumps(session.token.as_response()))


@app.route("/session", methods=["OPTIONS"], content_types=ANY)
@answered(failures.bare)
def session_preflight(request: Request) -> Answer:
    """Answer a browser that asks first whether the workspace's page may check."""
    return Answer(204, cors.preflight(request.origin, gantry.settings.origins))


@app.route("/login", methods=["GET"], content_types=ANY)
@answered(failures.page)
def login_page(request: Request) -> Answer:
    """Show the login page; `client=electron` and `client=cordova`, which old clients append, change nothing."""
    from chalicelib.web import relays

    pages = failures.pages_for(gantry, request)
    if cors.stands_alone(request, gantry.settings.cookie_site):
        return pages.outside()
    return pages.login(relays=relays.offered(gantry, request))


@app.route("/login", methods=["POST"], content_types=ANY)
@answered(failures.login_again)
def login(request: Request) -> Answer:
    """Sign somebody in: password, second factor where one is due, handoff."""
    from chalicelib.web import forms

    form = forms.login(form_of_ours(request))
    if isinstance(form, forms.PasswordForm):
        came_to = gantry.sign_in.with_password(form.username, form.password, request.caller)
    else:
        came_to = gantry.sign_in.with_code(form.challenge, form.code, request.caller)
    return welcome(request, came_to)


@app.route("/relay/{provider}", methods=["POST"], content_types=ANY)
@answered(failures.login_again)
def relay(request: Request) -> Answer:
    """Sign somebody in by what a provider gave the workspace's own login: token, second factor where due, handoff."""
    from chalicelib.web import forms, relays

    sign_in = relays.sign_in(gantry, request)
    form = forms.relay(form_of_ours(request))
    if isinstance(form, forms.CodeForm):
        came_to = sign_in.with_code(form.challenge, form.code, request.caller)
    else:
        came_to = sign_in.with_token(form, request.caller)
    return welcome(request, came_to)


def form_of_ours(request: Request) -> Mapping[str, str]:
    """Return the fields of a form that a page of ours has posted, in the workspace's frame; raises what is wrong."""
    from chalicelib.web import forms

    cors.require_own_page(request)
    cors.require_frame(request, gantry.settings.cookie_site)
    return forms.read(request)


def welcome(request: Request, came_to: "SignedIn | CodeDue") -> Answer:
    """Answer a sign-in: the second factor's form, or cookie and handoff."""
    from chalicelib.signin import CodeDue

    settings, pages = gantry.settings, failures.pages_for(gantry, request)
    if isinstance(came_to, CodeDue):
        return pages.code(came_to, gantry.clock())
    lifetime = int(came_to.session.expires - came_to.session.began)
    cookie = cookies.issue(came_to.sealed, lifetime, settings.cookie_site)
    token, headers = came_to.session.token, {"Set-Cookie": cookie}
    return pages.handoff(token, settings.origins, settings.handoff, headers, alone=request.is_document)


@app.route("/logout", methods=["GET"], content_types=ANY)
@answered(failures.page)
def logout_page(request: Request) -> Answer:
    """Show the one button that signs out."""
    return failures.pages_for(gantry, request).logout()


@app.route("/logout", methods=["POST"], content_types=ANY)
@answered(failures.page)
def logout(request: Request) -> Answer:
    """End the session here and its token in the workspace; the cookie goes even where the workspace cannot be told."""
    from chalicelib.web import forms

    settings = gantry.settings
    cors.require_own_page(request, also=settings.origins)
    forms.read(request)
    sealed = cookies.read(request.headers.get("cookie"))
    result = "none"
    try:
        if sealed is not None and gantry.session_check.sign_out(sealed, request.caller.deadline):
            result = "done"
    except GantryError as error:
        gantry.journal.backend(error, request.caller.request_id)
        result = "untold"
    cookie = cookies.expire(settings.cookie_site)
    return failures.pages_for(gantry, request).signed_out(result, {"Set-Cookie": cookie})


@app.route("/health", methods=["GET"], content_types=ANY)
@answered(failures.page)
def health(request: Request) -> Answer:
    """Answer that we are here; with `?deep=1` also what is reachable."""
    body: dict[str, object] = {"status": "ok"}
    if request.query.get("deep") == "1":
        reachable = gantry.reachable(request.caller.deadline)
        body = {"status": "ok" if all(reachable.values()) else "degraded", "reachable": reachable}
    return Answer(200, {"Content-Type": "application/json"}, json.dumps(body))


@app.route("/", methods=["GET"], content_types=ANY)
@answered(failures.page)
def administrator_page(request: Request) -> Answer:
    """Show what to paste into the workspace's settings."""
    return failures.pages_for(gantry, request).administrator(request.own_origin)


@app.schedule(Rate(1, unit=Rate.HOURS))
def sweep(event: CloudWatchEvent) -> None:
    """Remove what was handed out and never used: `iframe` tokens, which nothing else ends."""
    try:
        swept = gantry.sweep(Deadline.of_context(event.context))
        gantry.journal.event("sweep", removed=swept)
    except GantryError as error:
        gantry.journal.backend(error, "")
