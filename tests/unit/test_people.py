"""The list of people in the secret: what is taken, and what is one problem, by key and never by value."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.config import Settings
from chalicelib.credentials import Credentials
from chalicelib.errors import ConfigurationError
from chalicelib.people import Argon2id, Bcrypt, listed, scheme_of, weak_hashes
from tests.fakes import fernet_key

SALT, DIGEST = "c2FsdHNhbHRzYWx0c2FsdA", "ZGlnZXN0ZGlnZXN0ZGlnZXN0ZGlnZXN0ZGlnZXN0ZGk"
STRONG = f"$argon2id$v=19$m=19456,t=2,p=1${SALT}${DIGEST}"
OLD = "$2b$04$eu0dvqi0/TSvqn5hY/6n0.sDWqJ/kgIH8T2fz4nn8sw3HxZVumNDi"

SETTINGS = Settings.from_environ(
    {"ROCKETCHAT_URL": "https://chat.example.com", "SECRET_ID": "s", "DIRECTORY": "users", "TOKEN_SOURCE": "rest"}
)
KEY = fernet_key()


def argon2id(memory: int = 19_456, passes: int = 2, lanes: int = 1, salt: str = SALT, digest: str = DIGEST) -> str:
    return f"$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${digest}"


def entry(**fields: Any) -> dict[str, Any]:
    return {"password": STRONG, **fields}


def wide(name: str) -> str:
    """The same letters as East Asian typography has them; NFKC folds them."""
    return "".join(chr(ord(letter) + 0xFEE0) for letter in name)


def keys(content: object) -> list[str]:
    return [problem.key for problem in listed(content)[1]]


def test_people_are_found_by_their_folded_names() -> None:
    """Each entry is one person under the name that all spellings of theirs fold to, with the key as it is written."""
    people, problems = listed(
        {"Álice": entry(name="Alice Archer", email="alice@example.com"), wide("bob"): {"password": OLD, "name": None}}
    )
    assert not problems
    assert set(people) == {"álice", "bob"}
    alice, bob = people["álice"], people["bob"]
    assert (alice.username, alice.name, alice.email, alice.weak) == (
        "Álice",
        "Alice Archer",
        "alice@example.com",
        False,
    )
    assert (bob.username, bob.name, bob.email, bob.weak) == (wide("bob"), None, None, True)
    assert alice.password.reveal() == STRONG


def test_no_hash_prints() -> None:
    """Promise 32: a person's hash stays hidden in reprs."""
    people, _ = listed({"alice": entry()})
    assert DIGEST not in repr(people)
    assert SALT not in repr(people)


CANARY = "canary-password"
UNUSABLE: dict[str, Any] = {
    "a text": CANARY,
    "a number": 5,
    "nothing": None,
    "a list": [CANARY],
    "an empty object": {},
    "an unknown key": entry(passwort=CANARY),
    "a password as a key": entry(**{CANARY: ""}),
    "no password": {"name": "Alice"},
    "a password in plain text": {"password": CANARY},
    "an empty password": {"password": ""},
    "a password that is null": {"password": None},
    "a password that is a number": {"password": 12345678},
    "a password that is a list": {"password": [STRONG]},
    "argon2i": {"password": STRONG.replace("argon2id", "argon2i")},
    "argon2d": {"password": STRONG.replace("argon2id", "argon2d")},
    "argon2id of 2012": {"password": STRONG.replace("v=19", "v=16")},
    "argon2id without a version": {"password": STRONG.replace("v=19$", "")},
    "a line end behind the hash": {"password": STRONG + "\n"},
    "a blank before the hash": {"password": " " + STRONG},
    "a hash cut short": {"password": STRONG.rpartition("$")[0]},
    "a digest cut short": {"password": STRONG[:-40]},
    "a digest of half a byte more": {"password": STRONG + "aa"},
    "a digest with bits left over": {"password": STRONG[:-1] + "l"},
    "a salt with bits left over": {"password": argon2id(salt=SALT[:-1] + "B")},
    "a salt that is none": {"password": argon2id(salt="c2FsdHNhbHRzYWx0c")},
    "base 64 with padding": {"password": STRONG + "="},
    "base 64 for addresses": {"password": argon2id(digest="_" + DIGEST[1:])},
    "no memory": {"password": argon2id(memory=0)},
    "less memory than its lanes need": {"password": argon2id(memory=15, lanes=2)},
    "no passes": {"password": argon2id(passes=0)},
    "no lanes": {"password": argon2id(lanes=0)},
    "too much memory": {"password": argon2id(memory=65_537)},
    "more memory than there is": {"password": argon2id(memory=10**30)},
    "too many passes": {"password": argon2id(passes=21)},
    "more passes than there is time": {"password": argon2id(passes=999_999_999)},
    "too many lanes": {"password": argon2id(lanes=17)},
    "numbers that are not ASCII": {"password": STRONG.replace("t=2", "t=٢")},
    "bcrypt cut short": {"password": OLD[:-1]},
    "bcrypt too long": {"password": OLD + "a"},
    "bcrypt of another kind": {"password": OLD.replace("$2b$", "$2x$")},
    "bcrypt without rounds": {"password": OLD.replace("$04$", "$03$")},
    "bcrypt with too many rounds": {"password": OLD.replace("$04$", "$16$")},
    "bcrypt whose salt has bits left over": {"password": OLD[:28] + "/" + OLD[29:]},
    "bcrypt whose digest has bits left over": {"password": OLD[:-1] + "j"},
    "SHA-512 crypt": {"password": "$6$rounds=5000$saltsalt$" + "a" * 86},
    "a name that is a number": entry(name=5),
    "an empty name": entry(name=""),
    "a name of two lines": entry(name=f"Alice\n{CANARY}"),
    "a name that is too long": entry(name="a" * 255),
    "a name that is a list": entry(name=[CANARY]),
    "an address that is a number": entry(email=5),
    "an address that is none": entry(email=CANARY),
    "an address with a blank": entry(email=f"{CANARY} @example.com"),
    "two addresses": entry(email=f"{CANARY}@example.com,b@example.com"),
    "an address that is too long": entry(email="a@" + "b" * 253),
    "an empty address": entry(email=""),
}


@pytest.mark.parametrize("fault", UNUSABLE)
def test_an_entry_that_cannot_be_used_is_one_problem_by_its_key(fault: str) -> None:
    """Promise 32: a faulty entry is one problem, which names the person's key and repeats nothing of what is there."""
    people, (problem,) = listed({"alice": UNUSABLE[fault], "bob": entry()})
    assert set(people) == {"bob"}
    assert problem.key == "users.alice"
    shown = str(problem)
    assert "canary" not in shown
    assert "$" not in shown
    assert "hash-password" in problem.remedy


def test_what_an_argon2id_hash_may_cost_is_the_promised_range() -> None:
    """Promise 3: weaker parameters are taken and known as weak, and 64 MiB is the most memory that is taken."""
    taken = [argon2id(65_536), argon2id(65_536, 20, 16), argon2id(19_456, 2), argon2id(19_455, 2), argon2id(65_536, 1)]
    people, problems = listed({f"p{each}": {"password": stored} for each, stored in enumerate(taken)})
    assert not problems
    assert [person.weak for person in people.values()] == [False, False, False, True, True]
    assert keys({"alice": {"password": argon2id(65_537)}}) == ["users.alice"]


def test_weak_hashes_are_reported_by_their_keys() -> None:
    """Promise 3: what was made with less than is asked of new hashes is told by key, bcrypt with it."""
    people, _ = listed(
        {"Alice": entry(), "Bob": {"password": OLD}, "carol": {"password": argon2id(passes=1)}, "dave": entry()}
    )
    assert weak_hashes(people) == ("users.Bob", "users.carol")
    assert weak_hashes(None) == ()


@pytest.mark.parametrize(
    ("first", "second"),
    [("alice", "Alice"), ("alice", wide("ALICE")), ("Straße", "STRASSE"), ("é", "e\u0301"), ("ﬁn", "fin")],
)
def test_names_that_differ_in_case_or_form_alone_are_one_name(first: str, second: str) -> None:
    """Two entries whose names fold to the same are a problem of the second, since one of them could never sign in."""
    people, (problem,) = listed({first: entry(), second: entry()})
    assert [person.username for person in people.values()] == [first]
    assert problem.key == f"users.{second}"
    assert "same name" in problem.what


def test_an_address_is_one_persons() -> None:
    """Two entries with one address, in whatever case, are a problem: it would give one's account to the other."""
    people, (problem,) = listed({"alice": entry(email="Ann@example.com"), "bob": entry(email="ann@EXAMPLE.com")})
    assert set(people) == {"alice"}
    assert (problem.key, problem.what) == ("users.bob", "another entry has the same email")
    assert not listed({"alice": entry(), "bob": entry()})[1]


@pytest.mark.parametrize("name", ["", " ", " alice", "alice ", "al\nice", "al\u200bice", "\ud800", "a" * 255, STRONG])
def test_a_key_that_is_no_username_is_a_problem_without_control_characters(name: str) -> None:
    """What nobody could type is no name; the problem shows it escaped and cut, and no hash that stands in its place."""
    people, (problem,) = listed({name: entry()})
    assert not people
    assert problem.what == "this cannot be a username"
    assert problem.key.isprintable()
    assert len(problem.key) < 2000
    assert SALT not in problem.key


@pytest.mark.parametrize("content", [None, {}, [], "canary", 5, True, [{"alice": {"password": STRONG}}]])
def test_a_list_that_is_none_is_one_problem(content: object) -> None:
    """Without people under `users` there is one problem, under that key."""
    people, (problem,) = listed(content)
    assert not people
    assert problem.key == "users"
    assert "canary" not in str(problem)


def test_all_faulty_entries_are_named_at_once() -> None:
    """Every faulty entry has its problem in one go, and the order is the list's."""
    faulty = {"dave": {}, "alice": entry(), "bob": 5, "carol": entry(email="x")}
    assert keys(faulty) == ["users.dave", "users.bob", "users.carol"]


@pytest.mark.parametrize(
    ("stored", "scheme"),
    [
        (STRONG, Argon2id(19_456, 2, 1)),
        (argon2id(8, 1, 1), Argon2id(8, 1, 1)),
        (OLD, Bcrypt(4)),
        (OLD.replace("$2b$04$", "$2y$12$"), Bcrypt(12)),
        (OLD.replace("$2b$04$", "$2a$15$"), Bcrypt(15)),
        ("", None),
        (CANARY, None),
    ],
)
def test_a_hash_tells_how_it_was_made(stored: str, scheme: object) -> None:
    """Algorithm and parameters are read from the stored form, without hashing anything."""
    assert scheme_of(stored) == scheme


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
HASHES = st.sampled_from([STRONG, OLD, argon2id(8, 1), argon2id(10**8), CANARY])
PEOPLE = st.dictionaries(
    st.text(),
    st.dictionaries(st.sampled_from(["password", "name", "email", "more"]), HASHES | SCALARS) | SCALARS,
    max_size=4,
)
ANYTHING = st.recursive(SCALARS, lambda each: st.lists(each) | st.dictionaries(st.text(), each), max_leaves=8)


@given(PEOPLE | ANYTHING)
def test_whatever_is_there_is_understood_or_a_problem(content: Any) -> None:
    """Any JSON under `users` gives people or a configuration problem under that key, and no other exception."""
    secret = {
        "session_keys": [KEY],
        "users": content,
        "rocketchat_user_id": "gantry",
        "rocketchat_auth_token": "token",
        "rocketchat_create_token_secret": "",
    }
    refused = None
    try:
        people = Credentials.from_json(json.dumps(secret), SETTINGS).people
    except ConfigurationError as error:
        refused = error
    if refused is None:
        assert people
        assert len(people) == len(content)
    else:
        assert {problem.key.partition(".")[0] for problem in refused.problems} == {"users"}
        assert SALT not in str(refused)
        assert OLD[7:] not in str(refused)


def test_the_list_is_read_only_where_the_directory_is_users() -> None:
    """With another directory nobody asks what stands under `users`."""
    elsewhere = Settings.from_environ({"ROCKETCHAT_URL": "https://chat.example.com", "SECRET_ID": "s"})
    secret = json.dumps({"session_keys": [KEY], "users": {"alice": CANARY}})
    assert Credentials.from_json(secret, elsewhere).people is None
