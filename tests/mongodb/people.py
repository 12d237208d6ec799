"""Sign-ins of people whom another directory knows: what Gantry does beside the workspace's own."""

from dataclasses import dataclass

from chalicelib.accounts.linking import LinkedAccounts
from chalicelib.accounts.mongodb import MongoInsert, MongoLinks, MongoRoster
from chalicelib.accounts.second_factor import RecordSecondFactor
from chalicelib.attempts.mongodb import MongoAttempts, MongoSteps
from chalicelib.bootstrap import Gantry
from chalicelib.errors import WrongCode
from chalicelib.model import Caller, Challenge, Identity
from chalicelib.secret import Secret
from chalicelib.sessions import Challenges, Seals, Sessions
from chalicelib.signin import Directory, SignIn
from chalicelib.throttle import Throttle
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
    mongo, log = gantry.mongo, AttemptRecorder()
    seals = Seals(gantry.credentials, gantry.clock)
    kind = IframeTokens if gantry.settings.token_kind == "iframe" else LoginTokens
    return SignIn(
        directory=directory or ForeignDirectory(),
        accounts=LinkedAccounts(MongoLinks(mongo, gantry.clock), MongoRoster(mongo), MongoInsert(mongo, gantry.clock)),
        second_factor=RecordSecondFactor(mongo, MongoSteps(mongo), "honour", gantry.clock),
        tokens=kind(mongo, gantry.clock),
        sessions=Sessions(seals, gantry.settings.session_seconds, gantry.clock),
        challenges=Challenges(seals),
        throttle=Throttle(MongoAttempts(mongo), gantry.settings.limits, log, gantry.clock),
        log=log,
        clock=gantry.clock,
    )
