"""Sign-ins of people whom another directory knows: what Gantry does beside the workspace's own."""

from dataclasses import dataclass

from chalicelib.accounts.mongodb import MongoAccounts
from chalicelib.bootstrap import Gantry
from chalicelib.errors import WrongCode
from chalicelib.model import Caller, Challenge, Identity
from chalicelib.secret import Secret
from chalicelib.sessions import Challenges, Seals, Sessions
from chalicelib.signin import Directory, SignIn
from chalicelib.tokens.mongodb import IframeTokens, LoginTokens
from tests.fakes import AttemptRecorder


@dataclass
class ForeignDirectory:
    """A directory of another issuer that knows everybody, whatever the password, by one name where that is given."""

    name: str = "users"
    everybody_is: str = ""

    def authenticate(self, username: str, password: Secret, caller: Caller) -> Identity:
        address = f"{username}@example.com"
        return Identity(
            "https://issuer.example",
            f"subject of {username}",
            self.everybody_is or username,
            address,
            email_verified=True,
        )

    def answer(self, challenge: Challenge, code: str, caller: Caller) -> Identity:
        raise WrongCode


def foreign(gantry: Gantry, directory: Directory | None = None) -> SignIn:
    """The use cases of a container for people of another issuer, whose accounts are made when they first come."""
    seals = Seals(gantry.credentials, gantry.clock)
    kind = IframeTokens if gantry.settings.token_kind == "iframe" else LoginTokens
    return SignIn(
        directory=directory or ForeignDirectory(),
        accounts=MongoAccounts(gantry.mongo, "create", "email", gantry.clock),
        tokens=kind(gantry.mongo, gantry.clock),
        sessions=Sessions(seals, gantry.settings.session_seconds, gantry.clock),
        challenges=Challenges(seals),
        log=AttemptRecorder(),
        clock=gantry.clock,
    )
