"""A stage whose way to the database leads through the relay, and canaries that show when a secret is told."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from chalicelib.model import Session
from chalicelib.signin import CodeDue, SignedIn
from tests.database.relay import Relay
from tests.fakes import caller, secret_text
from tests.mongodb.people import foreign
from tests.mongodb.stage import BACKUP_CODE, HASH, PASSWORD, TOTP_SECRET, Stage, hashed

CANARY = "c4n4ry"
SHORT = 0.4
"""Seconds that a request has where it is to fail: what is asserted is how it fails, never how long it takes."""

REQUESTS = ("check", "sign-in", "sign-out", "sweep", "elsewhere")


@dataclass
class Relayed:
    """What is asked of Gantry through the relay, in little time."""

    stage: Stage
    relay: Relay

    def rotate(self, uri: str) -> None:
        """Store another address in the secret, as a rotation does."""
        self.stage.store.text = secret_text(self.stage.key, mongodb_uri=uri)

    def check(self, signed_in: SignedIn, seconds: float = SHORT) -> Session:
        """One session check."""
        return self.stage.gantry.session_check.check(signed_in.sealed, caller(seconds).deadline)

    def sign_in(self, seconds: float = SHORT) -> SignedIn | CodeDue:
        """One sign-in of alice."""
        return self.stage.password("alice", who=caller(seconds))

    def requests(self, signed_in: SignedIn, seconds: float = SHORT) -> dict[str, Callable[[], object]]:
        """Everything that asks the database, each as one request."""
        gantry = self.stage.gantry
        return {
            "check": lambda: self.check(signed_in, seconds),
            "sign-in": lambda: self.sign_in(seconds),
            "sign-out": lambda: gantry.session_check.sign_out(signed_in.sealed, caller(seconds).deadline),
            "sweep": lambda: gantry.sweep(caller(seconds).deadline),
            "elsewhere": lambda: foreign(gantry).with_password("erin", PASSWORD, caller(seconds)),
        }


def mint_canaries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make every new token recognisable; the answer is the list of them, which grows."""
    minted: list[str] = []

    def new_token() -> str:
        minted.append(CANARY + secrets.token_urlsafe(32)[len(CANARY) :])
        return minted[-1]

    monkeypatch.setattr("chalicelib.tokens.mongodb.new_token", new_token)
    return minted


def assert_nothing_secret(told: str, minted: list[str]) -> None:
    """Promise 32: no password, token, URI or hash stands in `told`."""
    for secret in (CANARY, "mongodb://", PASSWORD.reveal(), HASH, TOTP_SECRET, BACKUP_CODE, *map(hashed, minted)):
        assert secret not in told
