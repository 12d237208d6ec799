"""The list of people in the secret as the directory: Gantry itself holds a password to the hash that is stored there.

Every attempt costs exactly one hash (promise 1), so that an answer tells nobody who is on the list: where there is no
hash to hold the password to, it is held to a decoy.
"""

import base64
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping

import bcrypt
from argon2 import low_level
from argon2.exceptions import VerificationError, VerifyMismatchError

from chalicelib.credentials import CredentialSource
from chalicelib.directories import LONGEST_PASSWORD_BYTES
from chalicelib.errors import ChallengeGone, Unavailable, WrongCredentials
from chalicelib.model import Caller, Challenge, Identity
from chalicelib.people import LEAST_MEMORY_KIB, LEAST_PASSES, Argon2id, Bcrypt, ListedPerson, Scheme, scheme_of
from chalicelib.secret import Secret
from chalicelib.throttle import folded

BCRYPT_PASSWORD_BYTES = 72
"""bcrypt looks at no more, so a longer password would be taken for its beginning (promise 4)."""

_SALT_BYTES = 16
_DIGEST_BYTES = 32
_BCRYPT_LETTERS = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

People = Mapping[str, ListedPerson]


class UsersDirectory:
    """Verify people by the list in the secret, as it is in the credentials at that moment."""

    name = "users"

    def __init__(self, credentials: CredentialSource) -> None:
        self._credentials = credentials
        self._decoy: tuple[People, str] | None = None

    def authenticate(self, username: str, password: Secret, caller: Caller) -> Identity:
        """Return who `username` (in any case and form) with `password` is.

        The administrator vouches for the address, so it counts as verified. Raises `WrongCredentials` for all that is
        wrong, and `Unavailable` or `ConfigurationError` where the list cannot be had.
        """
        people = self._credentials.current(caller.deadline).people or {}
        decoy = self._decoy_of(people)
        subject = folded(username)
        person = people.get(subject)
        # As received. A lone surrogate has no bytes of its own in UTF-8: no password has one, and none fails over it.
        typed = password.reveal().encode("utf-8", "surrogatepass")
        stored = _stored_for(person, typed)
        if person is None or stored is None:
            _fits(decoy, typed[:BCRYPT_PASSWORD_BYTES])
            raise WrongCredentials
        if not _fits(stored, typed):
            raise WrongCredentials
        return Identity(
            issuer=self.name,
            subject=subject,
            username=person.username,
            email=person.email,
            email_verified=person.email is not None,
            name=person.name,
        )

    def answer(self, challenge: Challenge, code: str, caller: Caller) -> Identity:
        """Raise `ChallengeGone`: the list knows no second factor, so no challenge is of its making."""
        raise ChallengeGone

    def _decoy_of(self, people: People) -> str:
        """Return the decoy for this version of the list, made when the version is first seen."""
        known = self._decoy
        if known is None or known[0] is not people:
            self._decoy = known = people, _decoy(person.password.reveal() for person in people.values())
        return known[1]


def _stored_for(person: ListedPerson | None, typed: bytes) -> str | None:
    """Return the hash to hold `typed` to, None where there is none or none that could be verified with it."""
    stored = person.password.reveal() if person is not None else ""
    scheme = scheme_of(stored)
    longest = BCRYPT_PASSWORD_BYTES if isinstance(scheme, Bcrypt) else LONGEST_PASSWORD_BYTES
    return stored if scheme is not None and len(typed) <= longest else None


def _fits(stored: str, typed: bytes) -> bool:
    """Tell whether `stored` is the hash of `typed`, by exactly one hash. Raises `Unavailable` where that fails."""
    if not stored.startswith("$argon2id$"):
        return bcrypt.checkpw(typed, stored.encode())
    try:
        return low_level.verify_secret(stored.encode(), typed, low_level.Type.ID)
    except VerifyMismatchError:
        return False
    except VerificationError as error:
        # The form was looked at before, so the memory is wanting: a password that may be right is not called wrong.
        raise Unavailable(UsersDirectory.name, str(error)) from None


def _decoy(hashes: Iterable[str]) -> str:
    """Return a hash of nothing that anybody knows, in the commonest algorithm and parameters of `hashes`.

    Salt and digest are random, so making it costs no hash (promises 1 and 3).
    """
    schemes = Counter[Scheme](scheme for scheme in map(scheme_of, hashes) if scheme is not None)
    scheme = max(schemes, key=schemes.__getitem__, default=Argon2id(LEAST_MEMORY_KIB, LEAST_PASSES, 1))
    if isinstance(scheme, Bcrypt):
        letters = "".join(secrets.choice(_BCRYPT_LETTERS) for _ in range(51))
        return f"$2b${scheme.cost:02}${letters[:21]}.{letters[21:]}."
    salt, digest = (
        base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=") for length in (_SALT_BYTES, _DIGEST_BYTES)
    )
    return f"$argon2id$v=19$m={scheme.memory},t={scheme.passes},p={scheme.lanes}${salt}${digest}"
