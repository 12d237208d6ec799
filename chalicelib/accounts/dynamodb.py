"""Links in the DynamoDB table of `STATE_TABLE`, where there is no database."""

from collections.abc import Callable
from time import time
from typing import Any

from chalicelib.accounts.linking import Link, link_id
from chalicelib.deadline import Deadline
from chalicelib.model import Identity
from chalicelib.state import StateTable


class TableLinks:
    """Links as items that never run out, changed by compare-and-set on their version."""

    kept = True

    def __init__(self, table: StateTable, clock: Callable[[], float] = time) -> None:
        self._table = table
        self._clock = clock

    def find(self, identity: Identity, deadline: Deadline) -> Link | None:
        """Return the identity's link, None where there is none."""
        content, version = self._table.read(_key(identity), deadline)
        if not version:
            return None
        account_id = content.get("account")
        return Link(account_id if isinstance(account_id, str) else None, version)

    def claim(self, identity: Identity, account_id: str | None, deadline: Deadline) -> Link | None:
        """Make the identity's link; None where there is one."""
        written = self._table.write(_key(identity), self._content(identity, account_id), 0, deadline)
        return Link(account_id, 1) if written else None

    def point(self, identity: Identity, link: Link, account_id: str, deadline: Deadline) -> bool:
        """Let the link lead to `account_id`; False where it has been changed since it was read as `link`."""
        return self._table.write(_key(identity), self._content(identity, account_id), link.version, deadline)

    def _content(self, identity: Identity, account_id: str | None) -> dict[str, Any]:
        content = {"issuer": identity.issuer, "subject": identity.subject, "when": self._clock()}
        return content if account_id is None else {**content, "account": account_id}


def _key(identity: Identity) -> str:
    return f"link {link_id(identity)}"
