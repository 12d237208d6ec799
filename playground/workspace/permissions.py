"""Which role may do what: the few of Rocket.Chat's permissions that the stand-in asks for, by their own ids."""

from __future__ import annotations

from playground.workspace.records import Document

Permissions = dict[str, set[str]]

BYPASS_RATE_LIMIT = "api-bypass-rate-limit"
CREATE_USER = "create-user"
ASSIGN_ROLES = "assign-roles"
VIEW_FULL_INFO = "view-full-other-user-info"
GENERATE_TOKEN = "user-generate-access-token"  # noqa: S105  - a permission
LOGOUT_OTHER = "logout-other-user"
EDIT_ACTIVE_STATUS = "edit-other-user-active-status"
EDIT_SETTING = "edit-privileged-setting"


def default_permissions() -> Permissions:
    """Role to permissions as a new workspace has them; its keys are the roles that there are.

    What else Rocket.Chat gives bots is not known here, so they may do no more than call often.
    """
    return {
        "admin": {
            BYPASS_RATE_LIMIT,
            CREATE_USER,
            ASSIGN_ROLES,
            VIEW_FULL_INFO,
            GENERATE_TOKEN,
            LOGOUT_OTHER,
            EDIT_ACTIVE_STATUS,
            EDIT_SETTING,
        },
        "bot": {BYPASS_RATE_LIMIT},
        "user": set(),
        "guest": set(),
        "anonymous": set(),
    }


def may(permissions: Permissions, account: Document | None, permission: str) -> bool:
    """Whether one of the account's roles has that permission; nobody has none."""
    roles = account.get("roles") if account else None
    return isinstance(roles, list) and any(permission in permissions.get(str(role), ()) for role in roles)
