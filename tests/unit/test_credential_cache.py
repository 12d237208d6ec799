"""The secret is kept for a while, read again when due or doubted, and a failed refresh keeps what is there."""

import io
import json
from functools import partial

import pytest

from chalicelib.aws import CredentialCache
from chalicelib.credentials import Credentials
from chalicelib.deadline import Deadline
from chalicelib.errors import ConfigurationError, Problem, Unavailable
from chalicelib.log import Journal
from tests.fakes import FakeClock, FakeSecretStore, fernet_key, secret_text, settings

OLD, NEW = fernet_key(), fernet_key()
DEADLINE = Deadline.after(1e6)


class Stage:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = FakeSecretStore(secret_text(OLD))
        self.lines = io.StringIO()
        self.cache = CredentialCache(self.store, Journal(stream=self.lines), self.clock)

    def keys(self, credentials: Credentials | None = None) -> list[str]:
        credentials = credentials or self.cache.current(DEADLINE)
        return [key.reveal() for key in credentials.session_keys]

    def rotate(self) -> None:
        self.store.text = secret_text(OLD, NEW)

    def logged(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.lines.getvalue().splitlines()]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_the_secret_is_fetched_once_within_its_ttl(stage: Stage) -> None:
    """Promise 34: within 300 s the secret is read once."""
    stage.keys()
    stage.clock.now += 299.9
    stage.rotate()
    assert stage.keys() == [OLD]
    assert stage.store.fetches == 1


def test_the_secret_is_read_again_after_its_ttl(stage: Stage) -> None:
    """Promise 34: after 300 s the secret is read again."""
    stage.keys()
    stage.clock.now += 300
    stage.rotate()
    assert stage.keys() == [OLD, NEW]


def test_a_forced_refresh_reads_at_once(stage: Stage) -> None:
    """Promise 34: a caller that doubts the keys gets them as they are now."""
    stage.keys()
    stage.rotate()
    assert stage.keys(stage.cache.refreshed(DEADLINE)) == [OLD, NEW]
    assert stage.keys() == [OLD, NEW]


@pytest.mark.parametrize(
    "failure", [Unavailable("secret", "down"), ConfigurationError((Problem("SECRET_ID", "gone", "Mend it"),))]
)
def test_a_refresh_that_fails_keeps_the_cached_secret(stage: Stage, failure: Exception) -> None:
    """Promise 34: a refresh that fails keeps what is cached, says so in the log, and is tried again after 30 s."""
    stage.keys()
    stage.store.failure = failure
    stage.clock.now += 300
    assert stage.keys() == [OLD]
    assert stage.keys() == [OLD]
    assert stage.store.fetches == 2
    assert stage.logged()[-1]["event"] == "secret_kept"
    stage.store.failure = None
    stage.rotate()
    stage.clock.now += 30
    assert stage.keys() == [OLD, NEW]


def test_a_faulty_new_secret_keeps_the_cached_one_and_is_logged(stage: Stage) -> None:
    """Promise 34: a secret that was overwritten with nonsense signs nobody out, and its problems are in the log."""
    stage.keys()
    stage.store.text = "nonsense"
    assert stage.keys(stage.cache.refreshed(DEADLINE)) == [OLD]
    assert stage.logged()[0]["problems"] == [
        'SECRET_ID: the secret is not a JSON object. Store {"session_keys": […]} in it'
    ]


def test_a_failed_refresh_returns_the_same_object(stage: Stage) -> None:
    """Whoever forced a refresh can tell by identity whether it brought anything."""
    known = stage.cache.current(DEADLINE)
    stage.store.failure = Unavailable("secret", "down")
    assert stage.cache.refreshed(DEADLINE) is known
    stage.store.failure = None
    assert stage.cache.refreshed(DEADLINE) is not known


def test_without_a_cached_secret_a_failure_is_raised_each_time(stage: Stage) -> None:
    """A container without a secret says so at every request that needs one, and heals with the first good answer."""
    stage.store.failure = Unavailable("secret", "down")
    for _ in range(2):
        with pytest.raises(Unavailable):
            stage.keys()
    stage.store.failure = None
    assert stage.keys() == [OLD]


def test_nothing_of_the_secret_is_logged(stage: Stage) -> None:
    """Promise 32: no key appears in the log, whatever goes wrong."""
    stage.keys()
    stage.store.text = secret_text(OLD, "not-a-key-canary")
    stage.cache.refreshed(DEADLINE)
    assert OLD not in stage.lines.getvalue()
    assert "canary" not in stage.lines.getvalue()


def test_a_weak_hash_is_reported_by_its_key() -> None:
    """Promise 3: a hash that was made with less than is asked of new ones is in the log once, by its key."""
    weak = "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    content = {"session_keys": [fernet_key()], "users": {"alice": {"password": weak}}}
    stream, store = io.StringIO(), FakeSecretStore(json.dumps(content))
    understand = partial(Credentials.from_json, settings=settings(DIRECTORY="users"))
    cache = CredentialCache(store, Journal(stream=stream), FakeClock(), understand)
    for _ in range(3):
        cache.refreshed(DEADLINE)
    assert [json.loads(line)["keys"] for line in stream.getvalue().splitlines()] == [["users.alice"]]
    assert weak not in stream.getvalue()
