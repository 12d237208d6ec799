"""Links of relayed sign-ins: the provider's id on the account itself, where Rocket.Chat's own OAuth keeps it."""

from pymongo.errors import DuplicateKeyError

from chalicelib.accounts.linking import Link
from chalicelib.accounts.users import Users
from chalicelib.deadline import Deadline
from chalicelib.errors import LinkedElsewhere, Unavailable
from chalicelib.model import Identity
from chalicelib.mongodb import BACKEND, Mongo


def id_path(provider: str) -> str:
    """Return the dotted path of a provider's id, under which Meteor keeps a unique sparse index (`accounts-oauth`)."""
    return f"services.{provider}.id"


class ProviderLinks:
    """Links as `services.<provider>.id`, so that an account which Rocket.Chat's own OAuth made is found as well.

    There is no link without an account: what is claimed for one that is still to be made is written with that account
    (`MongoInsert`), or when it is there. What else stands under `services.<provider>` is Rocket.Chat's, and stays.
    """

    kept = True

    def __init__(self, mongo: Mongo, provider: str) -> None:
        self._users = Users(mongo)
        self._path = id_path(provider)

    def find(self, identity: Identity, deadline: Deadline) -> Link | None:
        """Return the link to the account that has the identity's id, None where none has it."""
        if not identity.subject:
            # An empty text would be found wherever somebody has stored one.
            raise Unavailable(BACKEND, "an identity without an id")
        found = self._users.one({self._path: identity.subject}, {"_id": 1}, deadline)
        return Link(found.id) if found is not None else None

    def claim(self, identity: Identity, account_id: str | None, deadline: Deadline) -> Link | None:
        """Give the account the identity's id, None where another account has it by now.

        For an account that is not there yet nothing is written. Raises `LinkedElsewhere` for an account that has
        another id of this provider, and `Unavailable`.
        """
        given = self._give(identity, account_id, deadline) if account_id is not None else None
        return None if given is False else Link(account_id)

    def point(self, identity: Identity, link: Link, account_id: str, deadline: Deadline) -> bool:
        """Let the identity's id stand on `account_id`; False where another account has it by now. Raises as `claim`."""
        given = self._give(identity, account_id, deadline)
        if given is None:
            raise Unavailable(BACKEND, "an account vanished while it was linked")
        return given

    def _give(self, identity: Identity, account_id: str, deadline: Deadline) -> bool | None:
        """Write the id where none is; False where another account has it, None where there is no such account."""
        # None is what is not there, or null.
        wanted = {"_id": account_id, self._path: None}
        try:
            if self._users.change(wanted, {"$set": {self._path: identity.subject}}, deadline):
                return True
        except DuplicateKeyError:
            return False
        record = self._users.one({"_id": account_id}, {self._path: 1}, deadline)
        if record is None:
            return None
        if record.at(self._path) != identity.subject:
            raise LinkedElsewhere
        return True
