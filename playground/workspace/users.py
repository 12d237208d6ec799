"""The `users.*` calls of the API: look accounts up, make them, let people in and turn them out.

Where the documentation says nothing the stand-in refuses, or answers what public sources show; each such choice stands
with its call.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import replace

from playground.people import Person
from playground.workspace.exchange import Answer, Handler, Question, account, body_of, forbidden, succeed
from playground.workspace.permissions import (
    ASSIGN_ROLES,
    CREATE_USER,
    EDIT_ACTIVE_STATUS,
    GENERATE_TOKEN,
    LOGOUT_OTHER,
    VIEW_FULL_INFO,
)
from playground.workspace.records import Document
from playground.workspace.refusals import BadRequest
from playground.workspace.workspace import Workspace

_BY_EMAIL = (8, 4)  # the first version whose users.info takes an address
_SECRET_FOR_TOKENS = 8  # the first major version whose users.createToken takes a secret
_TOKEN_TOO_EARLY = (7, 13)
_CREATE_REQUIRED = ("email", "name", "password", "username")
_CREATE_OPTIONAL: Mapping[str, type] = {
    "active": bool,
    "roles": list,
    "joinDefaultChannels": bool,
    "requirePasswordChange": bool,
    "setRandomPassword": bool,
    "sendWelcomeEmail": bool,
    "verified": bool,
    "customFields": dict,
}
_REGISTER_OPTIONAL: Mapping[str, type] = {"name": str, "secret": str, "reason": str}
_ADDRESS = re.compile(r"[^\s@\0]+@[^\s@\0]+")
_OPT_IN = (
    "Accounts_TwoFactorAuthentication_Enabled",
    "Accounts_TwoFactorAuthentication_By_Email_Enabled",
    "Accounts_TwoFactorAuthentication_By_Email_Auto_Opt_In",
)


def info(workspace: Workspace, question: Question) -> Answer:
    """`GET users.info` with exactly one of `userId`, `username` and, from 8.4, `email`.

    An older workspace knows no `email`, so it answers as to a call without any of them. To a caller without the
    permission for it somebody else's address is nobody's: "User not found." again (as its pull request, 39989, tells).
    Guesses: a username must be exact and an address may be in any case; no further parameter is taken.
    """
    known = ("userId", "username", *(("email",) if workspace.is_at_least(*_BY_EMAIL) else ()))
    named = [key for key in known if question.args.get(key)]
    if len(named) != 1 or set(question.args) != set(named):
        raise BadRequest(f"must have exactly one of the properties {', '.join(known)}", note="nobody named")
    caller, (key,) = question.caller_account(), named
    found = _find(workspace, key, question.args[key])
    own = found is not None and found["_id"] == caller["_id"]
    full = own or workspace.may(caller, VIEW_FULL_INFO)
    if found is None or (key == "email" and not full):
        raise BadRequest("User not found.", None, note=f"nobody with that {key}", ordinary=True)
    return succeed(f"found {found.get('username')} by {key}", user=account(found, full=full))


def _find(workspace: Workspace, key: str, value: str) -> Document | None:
    if key == "email":
        return workspace.accounts.find_by_email(value)
    return workspace.accounts.records.find("_id" if key == "userId" else "username", value)


def create(workspace: Workspace, question: Question) -> Answer:
    """`POST users.create`: an account with a password, on the word of a caller with `create-user`.

    Guesses: naming `roles` needs `assign-roles`, and roles that exist. `active` needs `edit-other-user-active-status`,
    which is asked for when the account is there already. Custom fields are kept as they are, texts only. No welcome
    e-mail is sent.
    """
    body = body_of(question, _CREATE_REQUIRED, _CREATE_OPTIONAL)
    roles, custom = body.get("roles", ["user"]), body.get("customFields", {})
    if not all(isinstance(value, str) for value in (*roles, *custom.values())):
        raise BadRequest("must be string")
    caller = question.caller_account()
    if not workspace.may(caller, CREATE_USER):
        raise BadRequest("Adding user is not allowed", "error-action-not-allowed")
    if "roles" in body and not (workspace.may(caller, ASSIGN_ROLES) and set(roles) <= set(workspace.permissions)):
        raise BadRequest("Assigning roles is not allowed", "error-action-not-allowed")
    _refuse_names(workspace, body)
    if workspace.accounts.username_is_taken(body["username"]):
        raise _taken("username", body["username"])
    if workspace.accounts.email_is_taken(body["email"]):
        raise _taken("email", body["email"])
    random = body.get("setRandomPassword", False)
    must_change = {"requirePasswordChange": True} if random or body.get("requirePasswordChange") else {}
    person = _newcomer(
        workspace,
        body,
        password=secrets.token_urlsafe() if random else body["password"],
        verified=body.get("verified", False),
        roles=tuple(roles),
        fields={**must_change, **({"customFields": custom} if custom else {})},
        about="made by users.create",
    )
    record = _add(workspace, person, joins=body.get("joinDefaultChannels", True))
    if "active" in body:
        if not workspace.may(caller, EDIT_ACTIVE_STATUS):
            raise BadRequest("Not allowed", "error-not-allowed", note=f"created {person.username}, but not its status")
        workspace.accounts.update(person.username, {"active": body["active"]})
        record = workspace.accounts[person.username]
    return succeed(f"created {person.username}", user=account(record))


def register(workspace: Workspace, question: Question) -> Answer:
    """`POST users.register`: people make their own account, whose address nobody has verified.

    Guesses, after public sources: a username or an address that is taken is 400 in a form of its own, without
    `error-field-unavailable`; a secret counts only where the setting says "Secret URL"; the account joins the default
    channels. The `reason` is for approval by hand, which the stand-in has not.
    """
    if question.caller is not None:
        raise BadRequest("Logged in users can not register again.", None)
    body = body_of(question, ("username", "email", "pass"), _REGISTER_OPTIONAL)
    form = workspace.settings["Accounts_RegistrationForm"]
    if form == "Secret URL":
        secret = workspace.settings["Accounts_RegistrationForm_SecretURL"]
        if not secret or body.get("secret") != secret:
            text = "User registration is only allowed via Secret URL"
            raise BadRequest(text, "error-user-registration-secret")
    elif form != "Public":
        raise BadRequest("User registration is disabled", "error-user-registration-disabled")
    _refuse_names(workspace, body)
    if workspace.accounts.username_is_taken(body["username"]):
        raise BadRequest("Username is already in use", None)
    if workspace.accounts.email_is_taken(body["email"]):
        raise BadRequest("Email already exists.", 403)
    person = _newcomer(workspace, body, password=body["pass"], verified=False, about="made by users.register")
    return succeed(f"registered {person.username}", user=account(_add(workspace, person, joins=True)))


def _refuse_names(workspace: Workspace, body: Document) -> None:
    if not re.fullmatch(workspace.settings["UTF8_User_Names_Validation"], body["username"]):
        text = f"{body['username']} is not a valid username"
        raise BadRequest(text, "error-input-is-not-a-valid-field", note="not a valid username")
    if not _ADDRESS.fullmatch(body["email"]):
        raise BadRequest(f"Invalid email {body['email']}", "error-invalid-email", note="not a valid address")


def _taken(what: str, text: str) -> BadRequest:
    return BadRequest(f"{text} is already in use :(", "error-field-unavailable", note=f"the {what} is taken")


def _newcomer(
    workspace: Workspace,
    body: Document,
    *,
    password: str,
    verified: bool,
    about: str,
    roles: tuple[str, ...] = ("user",),
    fields: Mapping[str, object] | None = None,
) -> Person:
    """Whoever has a new account; codes by e-mail are on unless the workspace's settings switch them off."""
    return Person(
        username=body["username"],
        name=body.get("name", ""),
        email=body["email"],
        password=password,
        verified=verified,
        roles=roles,
        fields=fields or {},
        email_codes=all(workspace.settings[name] for name in _OPT_IN),
        about=about,
    )


def _add(workspace: Workspace, person: Person, *, joins: bool) -> Document:
    """Insert it; somebody else who writes into the same database may have been faster."""
    try:
        record = workspace.accounts.add(person)
    except ValueError:
        raise _taken("username or email", person.username) from None
    if joins:
        workspace.joined.add(record["_id"])
    workspace.people += (replace(person, password=None),)
    return record


def create_token(workspace: Workspace, question: Question) -> Answer:
    """`POST users.createToken`: a native login token for somebody, without a second factor and without `lastLogin`.

    8.x: exactly `{userId, secret}`, before that exactly `{userId}`, and the server started for it. Guesses: a wrong
    secret, a server not started for it and a missing permission (in every version, though it was not always checked)
    are one and the same 400; so is an id of nobody's, with another word. An account's state is not looked at.
    """
    body = body_of(question, ("userId", "secret") if workspace.is_at_least(_SECRET_FOR_TOKENS) else ("userId",))
    if workspace.is_at_least(_SECRET_FOR_TOKENS):
        started = bool(workspace.create_tokens_secret) and body["secret"] == workspace.create_tokens_secret
    else:
        started = workspace.create_tokens_for_users
    if not started or not workspace.may(question.caller_account(), GENERATE_TOKEN):
        raise BadRequest("Not authorized", "error-not-authorized")
    found = _named(workspace, body)
    first = not found.get("lastLogin") and not workspace.accounts.login_tokens(found)
    token = workspace.accounts.new_login_token(found)
    if first and workspace.release == _TOKEN_TOO_EARLY:
        # The token is stored, but the server looks for it before that: the words are the stand-in's own.
        raise BadRequest("The login tokens of the account were not found", None, note="token made, but not given")
    return succeed(f"token for {found.get('username')}", data={"userId": found["_id"], "authToken": token})


def log_out(workspace: Workspace, question: Question) -> Answer:
    """`POST users.logout` `{userId}`: ends every login of an account, one's own without a permission.

    Guesses: personal access tokens stay, and the id must be there.
    """
    body = body_of(question, ("userId",))
    caller = question.caller_account()
    if body["userId"] != caller["_id"] and not workspace.may(caller, LOGOUT_OTHER):
        return forbidden("may not log others out")
    found = _named(workspace, body)
    workspace.accounts.remove_login_tokens(found)
    message = f"User {found['_id']} has been logged out!"
    return succeed(f"logged {found.get('username')} out everywhere", message=message)


def set_active_status(workspace: Workspace, question: Question) -> Answer:
    """`POST users.setActiveStatus` `{userId, activeStatus}`: deactivation ends every login.

    Guesses: as with `users.logout` personal access tokens stay, and no further key is taken.
    """
    body = body_of(question, ("userId",), {"activeStatus": bool})
    if "activeStatus" not in body:
        raise BadRequest("must have required property 'activeStatus'")
    if not workspace.may(question.caller_account(), EDIT_ACTIVE_STATUS):
        return forbidden("may not change who is active")
    found, active = _named(workspace, body), body["activeStatus"]
    workspace.accounts.records.set(found["_id"], {"active": active})
    if not active:
        workspace.accounts.remove_login_tokens(found)
    word = "activated" if active else "deactivated"
    return succeed(f"{word} {found.get('username')}", user={"_id": found["_id"], "active": active})


def _named(workspace: Workspace, body: Document) -> Document:
    found = workspace.accounts.find_by_id(body["userId"])
    if found is None:
        raise BadRequest('The required "userId" does not match any users', "error-invalid-user", note="nobody's id")
    return found


ADMINISTRATION: Mapping[str, Handler] = {
    "users.create": create,
    "users.createToken": create_token,
    "users.logout": log_out,
    "users.setActiveStatus": set_active_status,
}
