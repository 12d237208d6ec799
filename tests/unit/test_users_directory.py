"""The directory `users`: exactly one hash an attempt, one refusal for all that is wrong, passwords as received."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

import argon2
import bcrypt
import pytest
from argon2 import low_level
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.aws import CredentialCache
from chalicelib.config import Settings
from chalicelib.credentials import Credentials
from chalicelib.deadline import Deadline
from chalicelib.directories.users import UsersDirectory
from chalicelib.errors import ChallengeGone, ConfigurationError, Problem, Unavailable, WrongCredentials
from chalicelib.log import Journal
from chalicelib.model import Challenge, Identity
from chalicelib.people import Argon2id, Bcrypt, ListedPerson, Scheme, listed, scheme_of
from chalicelib.secret import Secret
from tests.fakes import FakeClock, FakeSecretStore, caller, fernet_key

PASSWORD = "correct horse battery staple"
WRONG = "wrong horse"


def wide(name: str) -> str:
    """The same letters as East Asian typography has them; NFKC folds them."""
    return "".join(chr(ord(letter) + 0xFEE0) for letter in name)


def cheap(password: str, memory: int = 8, passes: int = 1) -> str:
    hasher = argon2.PasswordHasher(time_cost=passes, memory_cost=memory, parallelism=1)
    return hasher.hash(password.encode("utf-8", "surrogatepass"))


def old(password: str, rounds: int = 4) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds)).decode()


ARGON2ID, BCRYPT = cheap(PASSWORD), old(PASSWORD)
PEOPLE: dict[str, Any] = {
    "Alice": {"password": ARGON2ID, "name": "Alice Archer", "email": "alice@example.com"},
    "bob": {"password": BCRYPT},
    "carol": {"password": cheap(WRONG + "!")},
}


class Kept:
    """Credentials in memory, which a test may exchange."""

    def __init__(self, people: Mapping[str, ListedPerson] | None) -> None:
        self.known = Credentials((), people=people)

    def current(self, deadline: Deadline) -> Credentials:
        return self.known

    def refreshed(self, deadline: Deadline) -> Credentials:
        return self.known


def kept(entries: Mapping[str, Any]) -> Kept:
    people, problems = listed(entries)
    assert not problems
    return Kept(people)


def directory(entries: Mapping[str, Any] = PEOPLE) -> UsersDirectory:
    return UsersDirectory(kept(entries))


def authenticate(directory: UsersDirectory, username: str, password: str = PASSWORD) -> Identity:
    return directory.authenticate(username, Secret(password), caller())


class Hashes:
    """The hashes that were really worked out: of what, and to compare with which stored one."""

    def __init__(self) -> None:
        self.seen: list[tuple[bytes, str]] = []
        self.made = 0

    def schemes(self) -> list[Scheme | None]:
        return [scheme_of(stored) for _, stored in self.seen]


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hashes]:
    """Count below the directory: a form that a library refuses to decode costs nothing, so it does not count."""
    counted = Hashes()
    verify, check = low_level.verify_secret, bcrypt.checkpw

    def argon2id(stored: bytes, password: bytes, kind: low_level.Type) -> bool:
        try:
            same = verify(stored, password, kind)
        except argon2.exceptions.VerifyMismatchError:
            counted.seen.append((password, stored.decode()))
            raise
        counted.seen.append((password, stored.decode()))
        return same

    def old_one(password: bytes, stored: bytes) -> bool:
        same = check(password, stored)
        counted.seen.append((password, stored.decode()))
        return same

    def making(*_: Any, **__: Any) -> Any:
        counted.made += 1
        raise AssertionError("a hash was made")

    monkeypatch.setattr("argon2.low_level.verify_secret", argon2id)
    monkeypatch.setattr("bcrypt.checkpw", old_one)
    for name in ("argon2.low_level.hash_secret", "argon2.low_level.hash_secret_raw", "bcrypt.hashpw", "bcrypt.kdf"):
        monkeypatch.setattr(name, making)
    monkeypatch.setattr("argon2.PasswordHasher.hash", making)
    yield counted
    assert counted.made == 0


def test_a_listed_person_is_known_by_the_administrators_word() -> None:
    """The identity is the folded name of issuer `users`, with the key as written, name and the address vouched for."""
    assert authenticate(directory(), "alice") == Identity(
        issuer="users",
        subject="alice",
        username="Alice",
        email="alice@example.com",
        email_verified=True,
        name="Alice Archer",
    )


def test_without_an_address_none_is_verified() -> None:
    """A person without an address has no verified one."""
    assert authenticate(directory(), "bob") == Identity("users", "bob", "bob")


@pytest.mark.parametrize("spelling", ["alice", "ALICE", "Alice", wide("alice"), " alice "])
def test_names_are_compared_without_case_after_nfkc(spelling: str) -> None:
    """Every spelling of a name is the same person, with the same subject."""
    assert authenticate(directory(), spelling).subject == "alice"


def test_a_hash_of_the_promised_cost_is_verified(hashes: Hashes) -> None:
    """Promise 3: Argon2id with 19 MiB, two passes and one lane, as new hashes have it, is verified by one hash."""
    strong = "$argon2id$v=19$m=19456,t=2,p=1$oG5fPreRu+5ihQLZ2GAmpQ$+n/bfjuXkVxp7Kg0fSr6jlZftcxRsb8jBqXICwDay3s"
    assert authenticate(directory({"alice": {"password": strong}}), "alice", "correct horse")
    assert hashes.schemes() == [Argon2id(19_456, 2, 1)]


UNUSABLE = ("", "nonsense", ARGON2ID + "aa", ARGON2ID[:-1] + "~", ARGON2ID.replace("2id", "2i"), BCRYPT[:28] + "/" * 32)
ATTEMPTS = {
    "right": ("alice", PASSWORD),
    "right, bcrypt": ("bob", PASSWORD),
    "wrong": ("alice", WRONG),
    "wrong, bcrypt": ("bob", WRONG),
    "unknown": ("nobody", PASSWORD),
    "nameless": ("", PASSWORD),
    "empty password": ("alice", ""),
    "a lone surrogate": ("alice", "\ud800"),
    "too long": ("alice", "p" * 1025),
    "too long, bcrypt": ("bob", PASSWORD + "p" * 72),
    "too long, unknown": ("nobody", "p" * 1025),
    "far too long": ("alice", "p" * 100_000),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_every_attempt_costs_exactly_one_hash(hashes: Hashes, attempt: str) -> None:
    """Promise 1: right, wrong, unknown and too long cost one hash each, and only the right ones are let in."""
    username, password = ATTEMPTS[attempt]
    try:
        authenticate(directory(), username, password)
    except WrongCredentials:
        assert not attempt.startswith("right")
    else:
        assert attempt.startswith("right")
    assert len(hashes.seen) == 1


@pytest.mark.parametrize("stored", UNUSABLE)
def test_an_unusable_hash_costs_exactly_one_hash_too(hashes: Hashes, stored: str) -> None:
    """Promises 1 and 2: a hash that no library would look at is one hash and the same refusal, whatever is typed."""
    people = {"mallory": ListedPerson("mallory", Secret(stored)), "alice": ListedPerson("alice", Secret(ARGON2ID))}
    for password in (PASSWORD, stored, ""):
        with pytest.raises(WrongCredentials):
            authenticate(UsersDirectory(Kept(people)), "mallory", password)
    assert hashes.schemes() == [Argon2id(8, 1, 1)] * 3


def test_all_refusals_are_one() -> None:
    """Promise 2: wrong, unknown, unusable and too long are told apart by nothing that the refusal carries."""
    people = {**listed(PEOPLE)[0], "mallory": ListedPerson("mallory", Secret("nonsense"))}
    users = UsersDirectory(Kept(people))
    refusals = []
    wrong = [each for name, each in ATTEMPTS.items() if not name.startswith("right")]
    for username, password in (*wrong, ("mallory", PASSWORD)):
        with pytest.raises(WrongCredentials) as refused:
            authenticate(users, username, password)
        refusals.append((type(refused.value), refused.value.args, str(refused.value), refused.value.__cause__))
    assert refusals == [(WrongCredentials, (), "wrong-credentials", None)] * len(refusals)


@pytest.mark.parametrize("with_people", [True, False])
def test_a_list_without_anybody_costs_a_hash_too(hashes: Hashes, with_people: bool) -> None:
    """Promise 1: even where there is nobody to be, an attempt costs one hash, at what is asked of new ones."""
    with pytest.raises(WrongCredentials):
        authenticate(UsersDirectory(Kept({} if with_people else None)), "alice")
    assert hashes.schemes() == [Argon2id(19_456, 2, 1)]


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ([cheap("a", 8), cheap("b", 16), cheap("c", 16)], Argon2id(16, 1, 1)),
        ([cheap("a", 8), cheap("b", 8, 3), cheap("c", 8, 3), old("d")], Argon2id(8, 3, 1)),
        ([old("a", 5), cheap("b"), old("c", 5)], Bcrypt(5)),
        ([old("a").replace("$2b$", "$2a$"), cheap("b"), old("c").replace("$2b$", "$2y$")], Bcrypt(4)),
        ([cheap("a")], Argon2id(8, 1, 1)),
    ],
)
def test_the_decoy_has_the_commonest_parameters(hashes: Hashes, stored: list[str], expected: Scheme) -> None:
    """Promise 3: an unknown user's password is held to a hash like most of the list's, made without hashing."""
    users = directory({f"p{each}": {"password": hashed} for each, hashed in enumerate(stored)})
    with pytest.raises(WrongCredentials):
        authenticate(users, "nobody")
    assert hashes.schemes() == [expected]
    assert hashes.seen[0][1] not in stored


def test_the_decoy_is_made_once_for_each_version_of_the_list(hashes: Hashes) -> None:
    """One decoy serves while the credentials are the same, and another, like the new list, once they are others."""
    source = kept(PEOPLE)
    users = UsersDirectory(source)

    def decoys() -> set[str]:
        del hashes.seen[:]
        for _ in range(3):
            with pytest.raises(WrongCredentials):
                authenticate(users, "nobody")
        return {stored for _, stored in hashes.seen}

    (first,) = decoys()
    source.known = kept({"bob": PEOPLE["bob"]}).known
    (second,) = decoys()
    assert (scheme_of(first), scheme_of(second)) == (Argon2id(8, 1, 1), Bcrypt(4))


def test_no_two_decoys_are_the_same(hashes: Hashes) -> None:
    """Salt and digest of a decoy are random, so nobody knows a password that it would be the hash of."""
    for entries in (PEOPLE, {"bob": PEOPLE["bob"]}):
        del hashes.seen[:]
        for _ in range(20):
            with pytest.raises(WrongCredentials):
                authenticate(directory(entries), "nobody")
        assert len({stored for _, stored in hashes.seen}) == 20


@pytest.mark.parametrize(
    "password",
    [
        " blanks around ",
        "tab\tinside",
        "é",
        "e\u0301",
        "ﬁ",
        "p" * 64,
        "🔑" * 16,
        "p" * 1024,
        "nul\0inside",
        "\ufeffbom",
    ],
)
def test_a_password_is_verified_exactly_as_received(password: str) -> None:
    """Promise 4: nothing is stripped, folded, normalised or cut, and 64 characters and more pass."""
    users = directory({"alice": {"password": cheap(password)}})
    assert authenticate(users, "alice", password)
    alike = {password.strip(), password + " ", password.upper(), password.replace("\0", ""), password[:-1]}
    alike |= {"é", "e\u0301", "fi", password.removeprefix("\ufeff"), password.partition("\0")[0]}
    for other in alike - {password}:
        with pytest.raises(WrongCredentials):
            authenticate(users, "alice", other)


def test_bytes_are_counted_and_not_characters() -> None:
    """Promise 4: 1,024 bytes of UTF-8 are taken and 1,026 are not, even where they are the right ones."""
    most, more = "é" * 512, "é" * 513
    users = directory({"alice": {"password": cheap(most)}, "bob": {"password": cheap(more)}})
    assert authenticate(users, "alice", most)
    with pytest.raises(WrongCredentials):
        authenticate(users, "bob", more)


def test_bcrypt_sees_at_most_72_bytes(hashes: Hashes) -> None:
    """Promise 4: with bcrypt, what is longer than 72 bytes is refused and not taken for its beginning."""
    password = "é" * 36
    users = directory({"alice": {"password": "$2b$04$eu0dvqi0/TSvqn5hY/6n0.sDWqJ/kgIH8T2fz4nn8sw3HxZVumNDi"}})
    with pytest.raises(WrongCredentials):
        authenticate(users, "alice", password)
    assert hashes.seen[0][0] == password.encode()
    with pytest.raises(WrongCredentials):
        authenticate(users, "alice", password + "x")
    assert len(hashes.seen) == 2
    assert "eu0dvqi0" not in hashes.seen[1][1]


def test_72_bytes_are_enough_for_bcrypt() -> None:
    """Promise 4: a password of 72 bytes signs in with bcrypt, and one of 73 that begins alike does not."""
    users = directory({"bob": {"password": old("p" * 72)}})
    assert authenticate(users, "bob", "p" * 72)
    with pytest.raises(WrongCredentials):
        authenticate(users, "bob", "p" * 73)


@pytest.mark.parametrize("prefix", ["$2a$", "$2b$", "$2y$"])
def test_old_hashes_of_every_kind_are_verified(prefix: str) -> None:
    """bcrypt hashes are taken under each of the names that programs wrote them with."""
    assert authenticate(directory({"bob": {"password": BCRYPT.replace("$2b$", prefix)}}), "bob")


@given(username=st.text(), password=st.text())
@example(username="\ud800", password="\udcff")
def test_no_input_is_more_than_wrong(username: str, password: str) -> None:
    """Whatever is typed, lone surrogates included, is wrong and nothing worse, for either kind of hash."""
    users = directory({"alice": {"password": ARGON2ID}, "bob": {"password": BCRYPT}, "carol": {"password": BCRYPT}})
    for name in (username, "alice", "bob"):
        with pytest.raises(WrongCredentials):
            authenticate(users, name, password)


def unpadded(content: bytes) -> str:
    return base64.b64encode(content).decode().rstrip("=")


@given(
    salt=st.binary(min_size=8, max_size=64),
    digest=st.binary(min_size=12, max_size=64),
    lanes=st.integers(1, 4),
    passes=st.integers(1, 3),
    spare=st.integers(0, 9),
    cut=st.sampled_from(["", "A", "B", "AA"]),
)
def test_what_is_listed_can_be_hashed(
    salt: bytes, digest: bytes, lanes: int, passes: int, spare: int, cut: str
) -> None:
    """Promise 1: a form that the list takes is never one that the library refuses without hashing."""
    cost = f"m={8 * lanes + spare},t={passes},p={lanes}"
    stored = f"$argon2id$v=19${cost}${unpadded(salt)}${unpadded(digest)}{cut}"
    if scheme_of(stored) is None:
        assert cut
        return
    with pytest.raises(argon2.exceptions.VerifyMismatchError):
        low_level.verify_secret(stored.encode(), b"password", low_level.Type.ID)


@given(st.text("./Aeu0zZi", min_size=22, max_size=22), st.text("./Aeu0zZi", min_size=31, max_size=31))
def test_what_is_listed_of_bcrypt_can_be_hashed(salt: str, digest: str) -> None:
    """Promise 1: a bcrypt hash that the list takes is never one that the library refuses without hashing."""
    stored = f"$2b$04${salt}{digest}"
    if scheme_of(stored) is not None:
        assert bcrypt.checkpw(b"password", stored.encode()) is False


def test_memory_that_is_wanting_is_not_called_a_wrong_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash that cannot be worked out just now makes the directory unavailable, for it says nothing about anybody."""

    def exhausted(*_: object) -> bool:
        raise argon2.exceptions.VerificationError("Memory allocation error")

    monkeypatch.setattr("argon2.low_level.verify_secret", exhausted)
    for username in ("alice", "nobody"):
        with pytest.raises(Unavailable) as unavailable:
            authenticate(directory(), username)
        assert str(unavailable.value) == "users: Memory allocation error"


def test_no_challenge_is_of_this_directory() -> None:
    """The list knows no second factor, so a code has nothing to answer."""
    with pytest.raises(ChallengeGone):
        directory().answer(Challenge("users", "alice", "totp", 0.0), "123456", caller())


class Cached:
    """The directory over the secret's own cache."""

    def __init__(self) -> None:
        environ = {"ROCKETCHAT_URL": "https://chat.example.com", "SECRET_ID": "s", "DIRECTORY": "users"}
        settings = Settings.from_environ(environ)
        self.clock = FakeClock()
        self.store = FakeSecretStore("")
        self.put("alice")

        def understood(text: str) -> Credentials:
            return Credentials.from_json(text, settings)

        self.users = UsersDirectory(CredentialCache(self.store, Journal("ERROR"), self.clock, understood))

    def put(self, *names: str) -> None:
        self.store.text = json.dumps(
            {"session_keys": [fernet_key()], "users": {each: {"password": ARGON2ID} for each in names}}
        )

    def lets_in(self, username: str) -> bool:
        try:
            return authenticate(self.users, username).subject == username
        except WrongCredentials:
            return False


def test_who_is_added_can_sign_in_and_who_is_removed_cannot() -> None:
    """Promise 34: the list is the secret's once it is read anew, and until then what was read before."""
    cached = Cached()
    assert (cached.lets_in("alice"), cached.lets_in("bob")) == (True, False)
    cached.put("bob")
    cached.clock.now += 299
    assert (cached.lets_in("alice"), cached.lets_in("bob")) == (True, False)
    cached.clock.now += 1
    assert (cached.lets_in("alice"), cached.lets_in("bob")) == (False, True)


def test_an_unknown_name_does_not_read_the_secret_again() -> None:
    """Whoever guesses names does not drive Secrets Manager."""
    cached = Cached()
    for _ in range(5):
        assert not cached.lets_in("nobody")
    assert cached.store.fetches == 1


def test_a_list_that_cannot_be_had_is_nobodys_wrong_password() -> None:
    """Without the secret nothing is said about anybody's password."""
    cached = Cached()
    for failure in (Unavailable("secret", "down"), ConfigurationError((Problem("SECRET_ID", "gone", "Mend it"),))):
        cached.store.failure = failure
        with pytest.raises(type(failure)):
            cached.lets_in("alice")


def test_nothing_typed_or_stored_stands_in_a_refusal(hashes: Hashes) -> None:
    """Promise 32: neither the password nor a hash is in what is raised, or in the directory's repr."""
    users = directory()
    for username in ("alice", "bob", "nobody"):
        with pytest.raises(WrongCredentials) as refused:
            authenticate(users, username, "canary")
        shown = f"{refused.value!r} {refused.value} {users!r}"
        assert "canary" not in shown
        assert "$" not in shown
