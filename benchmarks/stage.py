"""What stands around the function while it is measured: its backends, its settings, and somebody who is signed in."""

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import bcrypt

from benchmarks.backends import CHECKED, SIGNING_IN, Backends
from benchmarks.containers import Container
from benchmarks.events import cookie_in, sign_in
from chalicelib import indexes as own_indexes
from playground.database import addresses, choice, indexes
from playground.database.engine import Unavailable, connect
from playground.people import PASSWORD
from tests.mongodb.stage import account, services
from tests.secrets_manager import AWS
from tests.stage import new_key

BCRYPT_ROUNDS = 10
"""What Rocket.Chat's own hashes cost."""


@dataclass(frozen=True)
class Stage:
    """Ready to be measured. `environs` are a function's by kind of token source; one that cannot be had is missing."""

    backends: Backends
    environs: Mapping[str, Mapping[str, str]]
    secrets: Mapping[str, Mapping[str, object]]
    database: str
    """The engine's name, else why there is none."""

    def cookies(self, archive: Path, provided: Path) -> dict[str, str]:
        """Sign somebody in through a container of each kind; the session's seal of each. Raises `FunctionFailed`."""
        cookies = {}
        for kind, environ in self.environs.items():
            with Container(archive, provided, "app.app", environ) as container:
                cookies[kind] = cookie_in(container(sign_in(CHECKED)))
        return cookies


@contextmanager
def staged() -> Iterator[Stage]:
    """Start the backends and the first database that is there, which has somebody to check and somebody to sign in."""
    with ExitStack() as things:
        backends = things.enter_context(Backends())
        kept: dict[str, Mapping[str, object]] = {"rest": {"session_keys": [new_key()]}}
        try:
            engine = things.enter_context(choice.start())
            name = f"gantry_bench_{secrets.token_hex(6)}"
            client = things.enter_context(connect(engine.admin_uri))
            things.callback(client.drop_database, name)
            indexes.create(client[name].users, engine.can)
            own_indexes.create(client[name])
            client[name].users.insert_many([_person(each) for each in (CHECKED, SIGNING_IN)])
            uri = addresses.for_database(engine.uri, name)
            kept["mongodb"] = {"session_keys": [new_key()], "mongodb_uri": uri}
            database = engine.name
        except Unavailable as reason:
            database = f"none: {reason}"
        yield Stage(backends, {kind: _environ(backends, kind, each) for kind, each in kept.items()}, kept, database)


def _environ(backends: Backends, kind: str, secret: Mapping[str, object]) -> dict[str, str]:
    by_database = {"DIRECTORY": "mongodb", "TOKEN_SOURCE": "mongodb"} if kind == "mongodb" else {}
    return {
        **AWS,
        "AWS_ENDPOINT_URL": backends.secrets_url,
        "ROCKETCHAT_URL": backends.workspace_url,
        "SECRET_ID": backends.store(secret),
        **by_database,
    }


def _person(username: str) -> dict[str, object]:
    digest = hashlib.sha256(PASSWORD.encode()).hexdigest().encode()
    hashed = bcrypt.hashpw(digest, bcrypt.gensalt(BCRYPT_ROUNDS)).decode()
    return account(username, services=services(password={"bcrypt": hashed}))
