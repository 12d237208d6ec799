"""The workspace is the directory: whoever it knows has an account there, and says which."""

from chalicelib.deadline import Deadline
from chalicelib.errors import NoAccount
from chalicelib.model import Account, Identity


class WorkspaceAccounts:
    """Take the account that the directory named."""

    def account_of(self, identity: Identity, deadline: Deadline) -> Account:
        """Return the identity's own account. Raises `NoAccount` for an identity of another issuer."""
        if identity.account is None:
            raise NoAccount
        return identity.account
