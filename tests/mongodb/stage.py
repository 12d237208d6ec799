"""A Gantry over a database: accounts to put in, use cases to call, and what became of the records."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import bcrypt
import pyotp

from chalicelib.bootstrap import Gantry
from chalicelib.model import Caller
from chalicelib.secret import Secret
from chalicelib.signin import CodeDue, SignedIn
from tests.database.fixtures import FreshDatabase
from tests.fakes import FakeClock, FakeSecretStore, caller, fernet_key, secret_text

PASSWORD = Secret("gantry-demo")
TOTP_SECRET = "GANTRYTESTGANTRYTESTGANTRYTESTAA"
BACKUP_CODE = "ab12CD34"
WORKSPACE = "https://chat.example.com"
# The lowest cost that bcrypt knows: what is tested is which hash is compared, not how slowly.
HASH = bcrypt.hashpw(hashlib.sha256(PASSWORD.reveal().encode()).hexdigest().encode(), bcrypt.gensalt(4)).decode()


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def hashed(token: str) -> str:
    """What Meteor stores of a native login token."""
    return base64.b64encode(hashlib.sha256(token.encode()).digest()).decode()


def account(username: str, **fields: Any) -> dict[str, Any]:
    """An account as Rocket.Chat writes it; `fields` replace whole top-level fields, None removes one."""
    record = {
        "_id": f"{username}-id",
        "createdAt": moment(1_700_000_000),
        "services": {"password": {"bcrypt": HASH}, "resume": {"loginTokens": []}},
        "emails": [{"address": f"{username}@example.com", "verified": True}],
        "name": username.title(),
        "username": username,
        "active": True,
        "statusDefault": "online",
        "roles": ["user"],
        "type": "user",
        "_updatedAt": moment(1_700_000_000),
        **fields,
    }
    return {key: value for key, value in record.items() if value is not None}


def services(**more: Any) -> dict[str, Any]:
    """The services of an account with the known password."""
    return {"password": {"bcrypt": HASH}, "resume": {"loginTokens": []}, **more}


def with_totp(*backup_codes: str) -> dict[str, Any]:
    """The services of an account with TOTP switched on."""
    codes = [hashlib.sha256(code.encode()).hexdigest() for code in backup_codes]
    return services(totp={"enabled": True, "secret": TOTP_SECRET, "hashedBackup": codes})


@dataclass
class Stage:
    """One container of Gantry and its database; `environ` are settings beside the usual ones."""

    database: FreshDatabase
    environ: Mapping[str, str] = field(default_factory=dict)
    uri: str | None = None

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.key = fernet_key()
        self.store = FakeSecretStore(secret_text(self.key, mongodb_uri=self.uri or self.database.uri))
        self.gantry = self.container()

    def container(self) -> Gantry:
        """Another container of the same deployment."""
        environ = {
            "ROCKETCHAT_URL": WORKSPACE,
            "SECRET_ID": "gantry/test",
            "DIRECTORY": "mongodb",
            "TOKEN_SOURCE": "mongodb",
            **self.environ,
        }
        return Gantry(environ, clock=self.clock, secret_store=self.store)

    def close(self) -> None:
        self.gantry.mongo.close()

    def add(self, username: str, **fields: Any) -> str:
        record = account(username, **fields)
        self.database.users.insert_one(record)
        return str(record["_id"])

    def record(self, username: str) -> dict[str, Any]:
        found = self.database.users.find_one({"_id": f"{username}-id"})
        assert found is not None
        return found

    def tokens(self, username: str) -> list[dict[str, Any]]:
        return list(self.record(username)["services"].get("resume", {}).get("loginTokens", []))

    def password(self, username: str, password: Secret = PASSWORD, who: Caller | None = None) -> SignedIn | CodeDue:
        return self.gantry.sign_in.with_password(username, password, who or caller())

    def code(self, due: CodeDue, code: str) -> SignedIn | CodeDue:
        return self.gantry.sign_in.with_code(due.challenge, code, caller())

    def signed_in(self, username: str) -> SignedIn:
        came_to = self.password(username)
        assert isinstance(came_to, SignedIn)
        return came_to

    def challenged(self, username: str) -> CodeDue:
        came_to = self.password(username)
        assert isinstance(came_to, CodeDue)
        return came_to

    def totp(self, steps_aside: int = 0) -> str:
        return pyotp.TOTP(TOTP_SECRET).at(int(self.clock.now) + 30 * steps_aside)

    def check(self, signed_in: SignedIn) -> None:
        self.gantry.session_check.check(signed_in.sealed, caller().deadline)

    def sign_out(self, signed_in: SignedIn) -> bool:
        return self.gantry.session_check.sign_out(signed_in.sealed, caller().deadline)

    def log_in_to_workspace(self, username: str) -> None:
        """What every accepted login does to the account."""
        self.clock.now += 1
        self.database.users.update_one({"_id": f"{username}-id"}, {"$set": {"lastLogin": moment(self.clock.now)}})

    def set(self, name: str, value: object) -> None:
        """Write a setting of the workspace."""
        settings = self.database.documents["rocketchat_settings"]
        settings.replace_one({"_id": name}, {"_id": name, "value": value}, upsert=True)
