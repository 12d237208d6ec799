"""What the browser is answered when a request could not be done."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.bootstrap import Gantry
from chalicelib.errors import (
    AccountNotMade,
    ConfigurationError,
    GantryError,
    MalformedForm,
    OutsideFrame,
    RequestRefused,
    Unavailable,
    UnknownProvider,
)
from chalicelib.web import cors
from chalicelib.web.answers import Answer
from chalicelib.web.outcomes import headers_of, outcome_of
from chalicelib.web.request import Request

if TYPE_CHECKING:
    from chalicelib.web.pages import Pages

Failure = Callable[[Gantry, Request, Exception], Answer]
"""How one kind of route answers an exception."""


def answer(failure: Failure, gantry: Gantry, request: Request, error: Exception) -> tuple[Answer, str]:
    """Return how `failure` answers `error`, and the reason code for the log.

    What Gantry did not raise itself is logged by class and place and answered 500; so is an answer that fails in turn.
    """
    reason = error.reason if isinstance(error, GantryError) else "fault"
    if not isinstance(error, GantryError):
        gantry.journal.fault(error, request.caller.request_id)
    elif isinstance(error, Unavailable | AccountNotMade):
        gantry.journal.backend(error, request.caller.request_id)
    elif isinstance(error, ConfigurationError) and gantry.is_configured:
        gantry.journal.problems(error)
    try:
        return failure(gantry, request, error), reason
    except Exception as again:
        gantry.journal.fault(again, request.caller.request_id)
        return Answer(500), "fault"


def bare(gantry: Gantry, request: Request, error: Exception) -> Answer:
    """Answer a failed session check: a status and no word."""
    try:
        headers = cors.allow(request.origin, gantry.settings.origins)
    except GantryError:
        headers = {}
    return Answer(outcome_of(error).status, {**headers, **headers_of(error)})


def pages_for(gantry: Gantry, request: Request) -> "Pages":
    """Return the pages for `request`. A session check draws none, so it does not wait for their modules either.

    Raises `ConfigurationError`.
    """
    from chalicelib.web.pages import Pages

    return Pages.of(gantry.settings, request)


def page(gantry: Gantry, request: Request, error: Exception) -> Answer:
    """Answer a failed page with one that says so."""
    status = outcome_of(error).status
    try:
        pages = pages_for(gantry, request)
    except ConfigurationError as refused:
        from chalicelib.web.pages import Pages

        return Pages.unconfigured(refused.frame_ancestors, request).notice(error, status, headers_of(error))
    if isinstance(error, OutsideFrame):
        return pages.outside(status=status)
    return pages.notice(error, status, headers_of(error))


def login_again(gantry: Gantry, request: Request, error: Exception) -> Answer:
    """Answer a failed sign-in with the form that it came from, and the reason: what was typed is not lost."""
    from chalicelib.web import forms, relays

    try:
        pages = pages_for(gantry, request)
    except ConfigurationError:
        return page(gantry, request, error)
    if isinstance(error, OutsideFrame | UnknownProvider):
        return page(gantry, request, error)
    status, headers = outcome_of(error).status, headers_of(error)
    try:
        fields = forms.read(request)
    except RequestRefused:
        fields = {}
    if "challenge" in fields and isinstance(error, MalformedForm | Unavailable):
        try:
            sign_in = relays.sign_in(gantry, request) if request.parts else gantry.sign_in
            due = sign_in.pending(fields["challenge"], request.caller)
            return pages.code(due, gantry.clock(), headers, status=status, error=error)
        except GantryError:
            # The challenge is of no use any more: the login page says why the sign-in failed all the same.
            pass
    offered = relays.offered(gantry, request)
    return pages.login(headers, status=status, username=fields.get("username", ""), error=error, relays=offered)
