"""Sealed texts: purposes apart, times exact, keys rotated without signing anybody out."""

from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet

from chalicelib.credentials import Credentials
from chalicelib.deadline import Deadline
from chalicelib.errors import ChallengeGone, NotSignedIn, SealExpired, SealRefused, SealUnknown
from chalicelib.model import Challenge, Token
from chalicelib.secret import Secret
from chalicelib.sessions import Challenges, Seals, Sessions
from tests.fakes import FakeClock, fernet_key, secret_text

OLD, NEW = fernet_key(), fernet_key()
DEADLINE = Deadline.after(1e6)
HOUR = 3600
TOKEN = Token(Secret("canary-token"))


class Keys:
    """What one container knows of the keys, and what a re-read would bring."""

    def __init__(self, *known: str, stored: tuple[str, ...] | None = None) -> None:
        self.known = Credentials.from_json(secret_text(*known))
        self.stored = stored
        self.rereads = 0

    def current(self, deadline: Deadline) -> Credentials:
        return self.known

    def refreshed(self, deadline: Deadline) -> Credentials:
        self.rereads += 1
        if self.stored is not None:
            self.known = Credentials.from_json(secret_text(*self.stored))
        return self.known


def sessions(keys: Keys, clock: Callable[[], float]) -> Sessions:
    return Sessions(Seals(keys, clock), HOUR, clock)


def test_a_session_opens_as_it_was_sealed() -> None:
    """A sealed session holds account, token, kind and its own times."""
    clock = FakeClock()
    own = sessions(Keys(NEW), clock)
    made, sealed = own.start("aliceid", Token(Secret("t")), DEADLINE)
    opened = own.open(sealed, DEADLINE)
    assert opened == made
    assert (opened.account_id, opened.token.kind, opened.expires - opened.began) == ("aliceid", "login", HOUR)


@pytest.mark.parametrize("last_login", [None, 1_800_000_000_123])
def test_a_hand_over_holds_the_last_login_and_ends_after_ten_minutes(last_login: int | None) -> None:
    """A session with an `iframe` token is good for ten minutes, and keeps `lastLogin` as it was to the millisecond."""
    clock = FakeClock()
    own = sessions(Keys(NEW), clock)
    made, sealed = own.start("aliceid", Token(Secret("t"), "iframe", last_login), DEADLINE)
    assert own.open(sealed, DEADLINE) == made
    assert made.token.last_login == last_login
    clock.now += 599.9
    own.open(sealed, DEADLINE)
    clock.now += 0.1
    with pytest.raises(NotSignedIn):
        own.open(sealed, DEADLINE)


def test_a_hand_over_is_no_longer_than_the_session_would_be() -> None:
    """Where sessions are set to less than ten minutes, a hand-over is as short."""
    clock = FakeClock()
    own = Sessions(Seals(Keys(NEW), clock), 60, clock)
    session, _ = own.start("aliceid", Token(Secret("t"), "iframe"), DEADLINE)
    assert session.expires - session.began == 60


def test_the_seal_hides_what_it_holds() -> None:
    """Promise 32: neither the token nor the account can be read from the sealed text or from a repr."""
    made, sealed = sessions(Keys(NEW), FakeClock()).start("aliceid", TOKEN, DEADLINE)
    assert "canary" not in sealed + repr(made)
    assert "aliceid" not in sealed


def test_every_sign_in_makes_a_fresh_seal() -> None:
    """Promise 9: two sign-ins of one account with one token give two different seals."""
    own = sessions(Keys(NEW), FakeClock())
    assert own.start("a", TOKEN, DEADLINE)[1] != own.start("a", TOKEN, DEADLINE)[1]


@pytest.mark.parametrize(("age", "good"), [(0, True), (HOUR - 0.001, True), (HOUR, False), (HOUR + 1, False)])
def test_a_session_ends_exactly_at_its_hour(age: float, good: bool) -> None:
    """Promise 11: a session is good until, and not at, the second at which it ends; using it renews nothing."""
    clock = FakeClock()
    own = sessions(Keys(NEW), clock)
    _, sealed = own.start("a", TOKEN, DEADLINE)
    clock.now += HOUR / 2
    own.open(sealed, DEADLINE)
    clock.now += age - HOUR / 2
    if good:
        own.open(sealed, DEADLINE)
    else:
        with pytest.raises(NotSignedIn) as over:
            own.open(sealed, DEADLINE)
        assert over.value.certain


@pytest.mark.parametrize(("ahead", "good"), [(5.0, True), (5.001, False), (60, False)])
def test_a_seal_from_the_future_is_refused(ahead: float, good: bool) -> None:
    """Promise 11: a seal made more than 5 s ahead of our clock is refused; clocks may differ by less."""
    clock = FakeClock()
    _, sealed = sessions(Keys(NEW), lambda: clock.now + ahead).start("a", TOKEN, DEADLINE)
    if good:
        sessions(Keys(NEW), clock).open(sealed, DEADLINE)
    else:
        with pytest.raises(NotSignedIn):
            sessions(Keys(NEW), clock).open(sealed, DEADLINE)


def test_fernets_own_timestamp_is_not_relied_on() -> None:
    """Promise 11: the times inside the seal count, though Fernet's own timestamp is far from them."""
    clock = FakeClock(1000.0)
    own = sessions(Keys(NEW), clock)
    _, sealed = own.start("a", TOKEN, DEADLINE)
    assert own.open(sealed, DEADLINE).began == 1000.0


def test_new_seals_use_the_newest_key_and_old_ones_open_while_listed() -> None:
    """Promise 14: the last key seals; a seal of an older key opens while that key is listed and not after."""
    clock = FakeClock()
    _, of_old = sessions(Keys(OLD), clock).start("a", TOKEN, DEADLINE)
    both = sessions(Keys(OLD, NEW), clock)
    both.open(of_old, DEADLINE)
    _, of_both = both.start("a", TOKEN, DEADLINE)
    assert Fernet(NEW).decrypt(of_both)
    sessions(Keys(NEW), clock).open(of_both, DEADLINE)
    with pytest.raises(NotSignedIn):
        sessions(Keys(NEW, stored=(NEW,)), clock).open(of_old, DEADLINE)


def test_a_container_that_missed_the_rotation_reads_the_keys_anew() -> None:
    """Promise 34: a seal that no cached key opens forces one re-read, so a rotation logs nobody out."""
    clock = FakeClock()
    _, sealed = sessions(Keys(OLD, NEW), clock).start("a", TOKEN, DEADLINE)
    behind = Keys(OLD, stored=(OLD, NEW))
    assert sessions(behind, clock).open(sealed, DEADLINE).account_id == "a"
    assert behind.rereads == 1


def test_forged_seals_cause_one_reread_in_thirty_seconds() -> None:
    """Promise 34: forged cookies make a container read the secret at most once in 30 s."""
    clock = FakeClock()
    keys = Keys(NEW, stored=(NEW,))
    own = sessions(keys, clock)
    for _ in range(20):
        with pytest.raises(NotSignedIn):
            own.open("forged", DEADLINE)
    assert keys.rereads == 1
    clock.now += 30
    with pytest.raises(NotSignedIn):
        own.open("forged", DEADLINE)
    assert keys.rereads == 2


def test_a_seal_that_may_be_good_elsewhere_is_not_declared_dead() -> None:
    """Promise 34: where the keys could not be read anew, nobody says that the seal is dead, so its cookie stays."""
    clock = FakeClock()
    own = sessions(Keys(NEW, stored=(NEW,)), clock)
    with pytest.raises(NotSignedIn) as after_a_reread:
        own.open("forged", DEADLINE)
    with pytest.raises(NotSignedIn) as within_thirty_seconds:
        own.open("forged", DEADLINE)
    with pytest.raises(NotSignedIn) as after_a_failed_reread:
        sessions(Keys(NEW), clock).open("forged", DEADLINE)
    assert after_a_reread.value.certain
    assert not within_thirty_seconds.value.certain
    assert not after_a_failed_reread.value.certain


@pytest.mark.parametrize("text", ["", "x", "ü" * 60, "\ud800", "gAAAAA==", "g" * 9000, "\x00", fernet_key()])
def test_what_is_no_seal_is_refused(text: str) -> None:
    """No text that was not sealed here opens, or raises anything but a refusal."""
    with pytest.raises(SealUnknown):
        Seals(Keys(NEW, stored=(NEW,)), FakeClock()).open("session", text, DEADLINE)


def test_a_changed_seal_does_not_open() -> None:
    """One changed character anywhere breaks the seal."""
    own = Seals(Keys(NEW, stored=(NEW,)), FakeClock())
    sealed = own.seal("session", {}, FakeClock().now, 60, DEADLINE)
    for position in range(0, len(sealed) - 2, 7):
        changed = sealed[:position] + ("A" if sealed[position] != "A" else "B") + sealed[position + 1 :]
        with pytest.raises(SealUnknown):
            own.open("session", changed, DEADLINE)


def test_what_is_sealed_for_one_purpose_does_not_open_for_another() -> None:
    """Promise 15: a session is no challenge and a challenge is no session."""
    clock = FakeClock()
    seals = Seals(Keys(NEW), clock)
    own, challenges = Sessions(seals, HOUR, clock), Challenges(seals)
    _, session = own.start("a", TOKEN, DEADLINE)
    challenge = challenges.issue(Challenge("rocketchat", "bob", "totp", clock.now, {}), DEADLINE)
    with pytest.raises(ChallengeGone):
        challenges.open(session, "rocketchat", DEADLINE)
    with pytest.raises(NotSignedIn):
        own.open(challenge, DEADLINE)
    with pytest.raises(SealRefused):
        seals.open("relay", session, DEADLINE)


def test_a_challenge_is_bound_to_its_directory() -> None:
    """Promise 15: a challenge of one directory is not answered in another."""
    clock = FakeClock()
    challenges = Challenges(Seals(Keys(NEW), clock))
    sealed = challenges.issue(Challenge("cognito", "bob", "totp", clock.now, {"password": "p"}), DEADLINE)
    assert challenges.open(sealed, "cognito", DEADLINE).username == "bob"
    with pytest.raises(ChallengeGone):
        challenges.open(sealed, "rocketchat", DEADLINE)


def test_a_challenge_issued_again_ends_when_the_first_one_did() -> None:
    """Promise 15: a challenge's five minutes count from its first time, however often it is issued."""
    clock = FakeClock()
    challenges = Challenges(Seals(Keys(NEW), clock))
    first = Challenge("rocketchat", "bob", "totp", clock.now, {"password": "p"})
    clock.now += 299
    again = challenges.issue(first, DEADLINE)
    assert challenges.open(again, "rocketchat", DEADLINE) == first
    clock.now += 1
    with pytest.raises(ChallengeGone):
        challenges.open(again, "rocketchat", DEADLINE)


def test_a_challenges_memo_does_not_print() -> None:
    """Promise 32: the password inside a challenge stays out of its repr."""
    assert "canary" not in repr(Challenge("rocketchat", "bob", "totp", 0.0, {"password": "canary"}))


def test_an_expired_seal_is_told_from_an_unknown_one() -> None:
    """What was ours and is over is known to be over."""
    clock = FakeClock()
    seals = Seals(Keys(NEW), clock)
    sealed = seals.seal("x", {}, clock.now, 10, DEADLINE)
    clock.now += 10
    with pytest.raises(SealExpired):
        seals.open("x", sealed, DEADLINE)
