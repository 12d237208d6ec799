"""The workspace is the directory: whoever it knows has an account there, and says which."""

from chalicelib.deadline import Deadline
from chalicelib.errors import ChallengeGone, NoAccount
from chalicelib.model import Account, Identity


class WorkspaceAccounts:
    """Take the account that the directory named."""

    def account_of(self, identity: Identity, deadline: Deadline) -> Account:
        """Return the identity's own account. Raises `NoAccount` for an identity of another issuer."""
        if identity.account is None:
            raise NoAccount
        return identity.account


class AskedElsewhere:
    """The second factor is the directory's or the token source's own affair: nothing is due in between."""

    def ask(self, account: Account, identity: Identity, deadline: Deadline) -> None:
        """Return, since nothing is due."""

    def answer(self, account: Account, code: str, deadline: Deadline) -> None:
        """Raise `ChallengeGone`: the challenge is of a time with other settings."""
        raise ChallengeGone
