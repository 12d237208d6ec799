"""The list of people in the secret (`users`): who is known, with which password hash.

Only the form of a hash is read here: every session check reads the secret, and must not pay for a hashing library.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.errors import Problem
from chalicelib.secret import Secret
from chalicelib.throttle import folded

LEAST_MEMORY_KIB = 19_456
LEAST_PASSES = 2
MOST_MEMORY_KIB = 65_536
MOST_PASSES = 20
MOST_LANES = 16
LONGEST_TEXT = 254
"""Of names and addresses, in characters: RFC 5321 section 4.5.3.1.3 has an address end there."""

_ARGON2ID = re.compile(
    r"\$argon2id\$v=19\$m=([1-9][0-9]{0,8}),t=([1-9][0-9]{0,8}),p=([1-9][0-9]{0,8})"
    r"\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,86})"
)
# 16 bytes of salt and 23 of digest in bcrypt's own base 64. What is left over in the last character of either is zero:
# the library takes no other salt, and no password gives another digest.
_BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|1[0-5])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_KNOWN = frozenset({"password", "name", "email"})
_NO_HASH = "password is no Argon2id or bcrypt hash"
_REMEDY = "Make the entry with: python -m admin hash-password"


@dataclass(frozen=True)
class Argon2id:
    """What an Argon2id hash costs: memory in KiB, passes over it, lanes side by side (RFC 9106)."""

    memory: int
    passes: int
    lanes: int

    @property
    def is_weak(self) -> bool:
        """Whether it is less than what is asked of new hashes (promise 3)."""
        return self.memory < LEAST_MEMORY_KIB or self.passes < LEAST_PASSES

    @property
    def is_excessive(self) -> bool:
        """Whether it would use up the function's memory or time (promise 3)."""
        return self.memory > MOST_MEMORY_KIB or self.passes > MOST_PASSES or self.lanes > MOST_LANES


@dataclass(frozen=True)
class Bcrypt:
    """What a bcrypt hash costs: 2 to the power of `cost` rounds. It is taken for the sake of old lists."""

    cost: int
    is_weak = True
    is_excessive = False


Scheme = Argon2id | Bcrypt


def scheme_of(stored: str) -> Scheme | None:
    """Return the algorithm and parameters of a stored hash, None where `stored` is none that could be verified."""
    argon2id = _ARGON2ID.fullmatch(stored)
    if argon2id is not None:
        memory, passes, lanes = map(int, argon2id.groups()[:3])
        # Less than eight blocks a lane is no Argon2 (RFC 9106 section 3.1).
        usable = memory >= 8 * lanes and all(map(_is_base64, argon2id.groups()[3:]))
        return Argon2id(memory, passes, lanes) if usable else None
    bcrypt = _BCRYPT.fullmatch(stored)
    return Bcrypt(int(bcrypt[1])) if bcrypt is not None else None


@dataclass(frozen=True)
class ListedPerson:
    """One entry of the list. `weak` says that the hash was made with less than is asked of new ones."""

    username: str
    password: Secret
    name: str | None = None
    email: str | None = None
    weak: bool = False


def listed(content: object) -> tuple[Mapping[str, ListedPerson], list[Problem]]:
    """Return the people of `content` by their folded names, and one problem for each entry that cannot be used.

    Names are compared without regard to case after NFKC, so two entries that differ in nothing else are a problem. So
    are two with one address: it finds a person's account, and would give the account of one to the other.
    """
    if not isinstance(content, dict) or not content:
        return {}, [Problem("users", "the secret has no list of people, and DIRECTORY is users", _REMEDY)]
    people: dict[str, ListedPerson] = {}
    addresses: set[str] = set()
    problems = []
    for username, entry in content.items():
        what = _fault(username, entry)
        if what is None and folded(username) in people:
            what = "another entry has the same name, but for its case or form"
        email = None if what is not None else entry.get("email")
        if email is not None and folded(email) in addresses:
            what = "another entry has the same email"
        if what is not None:
            problems.append(Problem(f"users.{_shown(username)}", what, _REMEDY))
            continue
        stored = entry["password"]
        scheme = scheme_of(stored)
        weak = scheme is not None and scheme.is_weak
        people[folded(username)] = ListedPerson(username, Secret(stored), entry.get("name"), email, weak)
        addresses |= {folded(email)} if email is not None else set()
    return people, problems


def weak_hashes(people: Mapping[str, ListedPerson] | None) -> tuple[str, ...]:
    """Return the keys in the secret whose hashes were made with less than is asked of new ones, for the log."""
    return tuple(f"users.{person.username}" for person in (people or {}).values() if person.weak)


def _fault(username: str, entry: Any) -> str | None:
    """Return what is wrong with an entry, None where nothing is."""
    if not _is_line(username) or "$" in username or username != username.strip() or not folded(username):
        return "this cannot be a username"
    if not isinstance(entry, dict) or not entry.keys() <= _KNOWN:
        return "it is not an object of password, name and email"
    if any(entry.get(key) is not None and not _is_line(entry[key]) for key in ("name", "email")):
        return "name or email is not a line of text"
    if entry.get("email") is not None and not _EMAIL.fullmatch(entry["email"]):
        return "email is not an address"
    stored = entry.get("password")
    scheme = scheme_of(stored) if isinstance(stored, str) else None
    if scheme is None:
        return _NO_HASH
    return "password is a hash that costs more memory or time than the function has" if scheme.is_excessive else None


def _is_base64(text: str) -> bool:
    """Tell whether `text` is base 64 without padding, with nothing left over: Argon2 decodes no other."""
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return False
    return base64.b64encode(decoded).decode().rstrip("=") == text


def _is_line(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_TEXT and value.isprintable()


def _shown(username: str) -> str:
    """Return an entry's key for the log, but nothing of a hash that got into its place."""
    shown, dollar, _ = username[:LONGEST_TEXT].partition("$")
    return (shown if shown.isprintable() else ascii(shown)) + (dollar and "$…")
