"""One API call and its answer, apart from how they travel: what the handlers of a topic have in common."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from playground.workspace.records import Document, at
from playground.workspace.refusals import BadRequest
from playground.workspace.workspace import Workspace

HIDDEN = "<hidden>"
_SECRETS = frozenset({"password", "pass", "secret"})
_OPEN = ("_id", "name", "username", "active", "type", "statusDefault")
_FULL = ("emails", "roles", "createdAt", "lastLogin", "customFields", "requirePasswordChange")
_FACTORS = ("totp", "email2fa")


@dataclass(frozen=True)
class Answer:
    """Status and JSON of an answer, with a word for the inspector; `ordinary` is a refusal that is part of the day."""

    status: int
    body: Mapping[str, object]
    note: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    ordinary: bool = False


@dataclass(frozen=True)
class Question:
    """An API call after its headers and body were read; `body` is None where there was none or no JSON."""

    headers: dict[str, str]
    body: Any
    args: Mapping[str, str]
    path: Mapping[str, str]
    address: str
    caller: Document | None

    def caller_account(self) -> Document:
        """Who calls, on a route that only takes calls of somebody."""
        if self.caller is None:
            raise LookupError("this route is served to nobody without a login")
        return self.caller


Handler = Callable[[Workspace, Question], Answer]


def as_json(value: object) -> object:
    """Dates as Rocket.Chat's API writes them: ISO 8601 with milliseconds and Z."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    raise TypeError(type(value).__name__)


def without_secrets(body: Any) -> Any:
    """A body as it may be kept: what is secret in it reads "<hidden>", so that only its presence shows."""
    if not isinstance(body, dict):
        return body
    return {key: HIDDEN if key in _SECRETS else value for key, value in body.items()}


def account(record: Document, *, full: bool = True) -> dict[str, object]:
    """An account as others see it, never with `services`; in full only for itself and whoever may see that."""
    shown = {name: record[name] for name in (*_OPEN, *(_FULL if full else ())) if name in record}
    return {**shown, "status": "online", "utcOffset": 0}


def own_account(record: Document) -> dict[str, object]:
    """An account as it sees itself in `me` and in the answer to a login: with the second factors that are on."""
    shown = account(record)
    shown["services"] = {name: {"enabled": True} for name in _FACTORS if at(record, f"services.{name}.enabled")}
    if record.get("emails"):
        shown["email"] = record["emails"][0]["address"]
    return {**shown, "statusConnection": "online"}


def succeed(note: str, **body: object) -> Answer:
    """A 200 with `success: true`."""
    return Answer(200, {**body, "success": True}, note)


def forbidden(note: str) -> Answer:
    """A 403: the caller lacks a permission."""
    refusal = "User does not have the permissions required for this action [error-unauthorized]"
    return Answer(403, {"success": False, "error": refusal}, note)


def body_of(question: Question, required: tuple[str, ...], optional: Mapping[str, type] | None = None) -> Document:
    """The body with exactly these keys: required texts that are not empty, and optional values of a type."""
    body, optional = question.body, optional or {}
    if not isinstance(body, dict):
        raise BadRequest("must be object")
    for key in required:
        if key not in body:
            raise BadRequest(f"must have required property '{key}'")
        if not isinstance(body[key], str) or not body[key]:
            raise BadRequest(f"{key} must be a string of at least one character")
    if not set(body) <= {*required, *optional}:
        raise BadRequest("must NOT have additional properties")
    for key, kind in optional.items():
        if key in body and not isinstance(body[key], kind):
            raise BadRequest(f"{key} must be {kind.__name__}")
    if not _has_bytes(json.dumps(body, ensure_ascii=False)):
        raise BadRequest("must be text")
    return body


def _has_bytes(text: str) -> bool:
    """Whether there are UTF-8 bytes for it; JSON can carry half of a surrogate pair."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)
