"""Who may try to sign in: a budget of failures for each name and each source address (promises 5 and 7).

The decisions are pure: `admit` and `strike` turn one run of attempts into the next. `Throttle` keeps the runs in a
store, by compare-and-set, so that an attempt is counted before anything is verified, and guesses made at the same time
do not slip through.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from time import time
from typing import Any, Protocol

from chalicelib.deadline import Deadline
from chalicelib.errors import Banned, GantryError, SignInRefused, Unavailable
from chalicelib.model import Limits

BACKEND = "attempts"
MOST_TRIES = 200
"""How often one request begins anew where others write the same run: many guesses at once are an attack already."""

LEAST_KEPT_SECONDS = 60.0
"""How long a run is kept that counts nothing any more: longer than a request that has read it can last, so that nobody
writes in the place of a version which has gone and come again."""

# Default_Ignorable_Code_Point of Unicode 16 (DerivedCoreProperties.txt): nobody sees them, and most of them make no
# difference to the collation either by which the workspace's database finds names.
_INVISIBLE = (
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


@dataclass(frozen=True)
class Attempt:
    """One try: its own id, when it began (seconds since 1970), and the other half of name and address."""

    id: str
    at: float
    other: str


@dataclass(frozen=True)
class Run:
    """What counts against one name or one address. While it is banned, its attempts are those that led there."""

    attempts: tuple[Attempt, ...] = ()
    banned_until: float = 0.0

    def as_plain(self) -> dict[str, Any]:
        """Return the run as plain values, for a store."""
        attempts = [{"id": each.id, "at": each.at, "other": each.other} for each in self.attempts]
        return {"attempts": attempts, "banned_until": self.banned_until}

    @classmethod
    def of_plain(cls, plain: Any) -> "Run":
        """Return the run that `as_plain` gave. Raises `Unavailable` for anything else: it is not for us to judge."""
        try:
            attempts = tuple(
                Attempt(str(each["id"]), float(each["at"]), str(each["other"])) for each in plain["attempts"]
            )
            return cls(attempts, float(plain["banned_until"]))
        except (LookupError, TypeError, ValueError):
            raise Unavailable(BACKEND, "a run that this Gantry did not write") from None


def admit(run: Run, attempt: Attempt, after: int, limits: Limits) -> Run:
    """Return `run` with `attempt` counted. Raises `Banned` with the seconds that are left of a ban.

    The attempt that uses up a budget of `after` begins the ban: should it succeed, `strike` lifts it again. A ban that
    has been served ends the run.
    """
    now = attempt.at
    if now < run.banned_until:
        raise Banned(ceil(run.banned_until - now))
    recent = () if run.banned_until else tuple(each for each in run.attempts if now - each.at < limits.window)
    counted = (*recent, attempt)
    return Run(counted, now + limits.ban if len(counted) >= after else 0.0)


def strike(run: Run, struck: Callable[[Attempt], bool], after: int) -> Run:
    """Return `run` without the attempts that `struck` names; its ban goes where too few are left to have led to it."""
    left = tuple(each for each in run.attempts if not struck(each))
    return Run(left, run.banned_until if len(left) >= after else 0.0)


def folded(name: str) -> str:
    """Return `name` as names are compared: NFKC, without regard to case or to what nobody sees.

    As `toNFKC_Casefold` (The Unicode Standard, section 3.13): each spelling that finds the same person must count
    against the same budget.
    """
    # These imports wait: the session check reads the limits with the settings, and counts nothing.
    import re
    from unicodedata import normalize

    return normalize("NFKC", re.sub(_INVISIBLE, "", normalize("NFKC", name).casefold())).strip()


def network_of(address: str) -> str:
    """Return what one caller has of addresses: an IPv4 address, or the 64 bits that name an IPv6 network (RFC 6177)."""
    from ipaddress import IPv6Address, ip_address

    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(IPv6Address(int(parsed) >> 64 << 64)) + "/64"
    return str(parsed)


@dataclass(frozen=True)
class Stored:
    """A run as it was read or written; `version` is 0 where there was none, and one more with each write."""

    run: Run = field(default_factory=Run)
    version: int = 0


class AttemptStore(Protocol):
    """Where runs are kept."""

    def read(self, key: str, deadline: Deadline) -> Stored:
        """Return the run under `key`. Raises `Unavailable`."""

    def write(self, key: str, run: Run, version: int, expires: float, deadline: Deadline) -> bool:
        """Keep `run` in the place of `version`, as `version` + 1; return False where something else is there.

        Nobody needs it after `expires` (seconds since 1970), though it may still be read. Raises `Unavailable`.
        """


class TroubleLog(Protocol):
    """Where it is said that a store did not answer."""

    def backend(self, error: GantryError, request_id: str) -> None:
        """Log why a backend could not be used."""


class Trial:
    """One attempt that was let in."""

    def __init__(self) -> None:
        self.finished = False

    def finish(self) -> None:
        """Say that the sign-in is finished, second factor included."""
        self.finished = True


class Throttle:
    """Let attempts in, and take back those that were none."""

    def __init__(self, store: AttemptStore, limits: Limits, log: TroubleLog, clock: Callable[[], float] = time) -> None:
        self._store = store
        self._limits = limits
        self._log = log
        self._clock = clock

    @contextmanager
    def attempt(self, username: str | None, address: str, request_id: str, deadline: Deadline) -> Iterator[Trial]:
        """Count an attempt before the block runs, and strike it out where the block shows that it was no failure.

        Without a `username` it counts against the address alone: nobody's password is being guessed.
        A refusal inside stays counted. A finished sign-in ends the run of this name from this address, and nobody
        else's: it lifts no ban that others brought about. What failed for reasons of ours was no guess, and is struck
        out alone. Raises `Banned`, and `Unavailable` where the store cannot be asked (promise 7).
        """
        from secrets import token_hex

        name, network = folded(username or ""), network_of(address)
        attempt_id, at = token_hex(8), self._clock()
        attempts = {
            key: Attempt(attempt_id, at, _digest(other)[:32])
            for key, other in (("address " + _digest(network), name), ("name " + _digest(name), network))
            if self._after(key) and (username is not None or key.startswith("address "))
        }
        written = self._admit(attempts, request_id, deadline)
        trial = Trial()
        try:
            yield trial
        except SignInRefused:
            raise
        except BaseException:
            self._strike(attempts, written, False, request_id, deadline)
            raise
        if trial.finished:
            self._strike(attempts, written, True, request_id, deadline)

    def _admit(self, attempts: Mapping[str, Attempt], request_id: str, deadline: Deadline) -> dict[str, Stored]:
        """Count the attempts, and return the runs as they were written."""
        known = {key: self._store.read(key, deadline) for key in attempts}
        # Decided for both before either is written: whoever is banned by one half does not use up the other.
        for key, attempt in attempts.items():
            admit(known[key].run, attempt, self._after(key), self._limits)
        written: dict[str, Stored] = {}
        for key, attempt in attempts.items():
            change = partial(admit, attempt=attempt, after=self._after(key), limits=self._limits)
            try:
                written[key] = self._change(key, change, known[key], deadline)
            except BaseException:
                self._strike(attempts, written, False, request_id, deadline)
                raise
        return written

    def _strike(
        self,
        attempts: Mapping[str, Attempt],
        written: Mapping[str, Stored],
        whole_run: bool,
        request_id: str,
        deadline: Deadline,
    ) -> None:
        """Take attempts back from what was written.

        The answer stands whether or not that works: what stays counted runs out by itself.
        """
        try:
            for key, known in written.items():
                struck = partial(_is_struck, attempts[key], whole_run)
                self._change(key, partial(strike, struck=struck, after=self._after(key)), known, deadline)
        except GantryError as error:
            self._log.backend(error, request_id)

    def _change(self, key: str, change: Callable[[Run], Run], known: Stored, deadline: Deadline) -> Stored:
        """Put in the place of what is under `key` what `change` makes of it; most often that is `known`."""
        stored = known
        for _ in range(MOST_TRIES):
            run = change(stored.run)
            if run == stored.run:
                return stored
            if self._store.write(key, run, stored.version, self._expiry(run), deadline):
                return Stored(run, stored.version + 1)
            stored = self._store.read(key, deadline)
        raise Unavailable(BACKEND, "a run changes faster than it can be read")

    def _expiry(self, run: Run) -> float:
        counts = [each.at + self._limits.window for each in run.attempts]
        return max(self._clock() + LEAST_KEPT_SECONDS, run.banned_until, *counts)

    def _after(self, key: str) -> int:
        return self._limits.name_after if key.startswith("name") else self._limits.address_after


def _is_struck(attempt: Attempt, whole_run: bool, each: Attempt) -> bool:
    return each.id == attempt.id or (whole_run and each.other == attempt.other)


def _digest(text: str) -> str:
    # People type passwords into the wrong field: the store learns neither those nor who signs in from where.
    import hashlib

    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
