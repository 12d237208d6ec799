"""Who may try to sign in: promises 5 and 7 as a table of cases, with a clock that only the tests move."""

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.attempts.memory import MemoryAttempts
from chalicelib.deadline import Deadline
from chalicelib.errors import (
    AccountDeactivated,
    Banned,
    ConfigurationError,
    NoAccount,
    Problem,
    SignInRefused,
    TooManyCodes,
    Unavailable,
    WrongCode,
    WrongCredentials,
)
from chalicelib.model import Limits
from chalicelib.throttle import AttemptStore, Run, Stored, Trial, folded, network_of
from tests.door import LET_IN, Door, challenge, raises, right, wrong
from tests.fakes import NOON, FakeClock

A, B, C = "203.0.113.9", "198.51.100.7", "203.0.113.77"
IN_5 = [LET_IN] * 5


def door(store: AttemptStore | None = None, **limits: int) -> Door:
    clock = FakeClock()
    return Door(store or MemoryAttempts(clock), clock, Limits(**limits))


def many(count: int) -> list[str]:
    """So many addresses of callers who have nothing to do with each other."""
    return [f"192.0.2.{number}" for number in range(count)]


# --- failures ban ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [1, 2, 5, 9])
def test_so_many_failures_of_a_name_ban_it(most: int) -> None:
    """Promise 5: N failures of a name are let in, and from then on nobody is, with whatever password, for the ban."""
    at = door(name_after=most)
    assert at.knocks(most, "alice", A) == [LET_IN] * most
    assert at.knock("alice", A, right) == 600
    assert at.knock("alice", B, right) == 600
    assert at.verified == most


@pytest.mark.parametrize("most", [1, 2, 20])
def test_so_many_failures_from_an_address_ban_it(most: int) -> None:
    """Promise 5: N failures from an address are let in, of whatever names, and from then on nobody is from there."""
    at = door(address_after=most)
    assert [at.knock(f"name{number}", A) for number in range(most)] == [LET_IN] * most
    assert at.knock("alice", A, right) == 600
    assert at.verified == most


@pytest.mark.parametrize(
    ("later", "answer"), [(0.0, 600), (0.5, 600), (1.0, 599), (599.0, 1), (599.9, 1), (600.0, LET_IN), (601.0, LET_IN)]
)
def test_a_ban_lasts_as_long_as_it_says(later: float, answer: int) -> None:
    """Promise 5: the ban ends at its second, and whoever is refused is told how many seconds are left, rounded up."""
    at = door()
    at.knocks(5, "alice", A)
    at.clock.now += later
    assert at.knock("alice", B, right) == answer


@pytest.mark.parametrize(
    ("later", "banned"), [(0.0, True), (299.0, True), (299.9, True), (300.0, False), (301.0, False)]
)
def test_failures_outside_the_window_do_not_count(later: float, banned: bool) -> None:
    """Promise 5: a failure counts until the window has passed since it began, and not after."""
    at = door()
    at.knocks(4, "alice", A)
    at.clock.now += later
    at.knock("alice", A)
    assert (at.knock("alice", A) != LET_IN) is banned


def test_the_window_slides() -> None:
    """Promise 5: it is any N failures within the window that ban; slower ones never do."""
    at = door(address_after=0)
    for _ in range(50):
        assert at.knock("alice", A) == LET_IN
        at.clock.now += 75.0
    at.clock.now -= 0.1
    assert at.knock("alice", A) == LET_IN
    assert at.knock("alice", A) > 0


def test_a_served_ban_starts_anew() -> None:
    """Promise 5: after the ban the budget is whole again, no more and no less."""
    at = door()
    for _ in range(3):
        assert at.knocks(6, "alice", A) == [*IN_5, 600]
        at.clock.now += 600
    assert at.knocks(4, "alice", A, wrong) == [LET_IN] * 4


def test_a_ban_that_is_shorter_than_the_window_starts_anew_too() -> None:
    """Promise 5: what led to a ban that has been served counts no more, though the window still reaches back to it."""
    at = door(ban=10)
    for _ in range(3):
        assert at.knocks(6, "alice", A) == [*IN_5, 10]
        at.clock.now += 10


def test_0_switches_a_budget_off() -> None:
    """Promise 5: with 0 failures for a name, or for an address, that half never bans anybody."""
    at = door(name_after=0)
    assert [at.knock("alice", address) for address in many(30)] == [LET_IN] * 30
    at = door(address_after=0)
    assert [at.knock(f"name{number}", A) for number in range(30)] == [LET_IN] * 30
    at = door(name_after=0)
    assert at.knocks(21, "alice", A) == [LET_IN] * 20 + [600]
    at = door(address_after=0)
    assert at.knocks(6, "alice", A) == [*IN_5, 600]


def test_with_both_budgets_off_no_store_is_asked() -> None:
    """Promise 5: where nothing is counted a store that does not answer stops nobody."""
    at = door(Failing(reads=0), name_after=0, address_after=0)
    assert at.knock("alice", A, right) == LET_IN


# --- whose budget it is ----------------------------------------------------------------------------------------------


def test_names_and_addresses_are_apart() -> None:
    """Promise 5: a banned name stops nobody else from its addresses, a banned address no name from elsewhere."""
    at = door()
    for address in many(5):
        at.knock("alice", address)
    assert at.knock("alice", C) > 0
    assert at.knock("bob", many(1)[0], right) == LET_IN
    at = door()
    for number in range(20):
        at.knock(f"name{number}", A)
    assert at.knock("bob", A) > 0
    assert at.knock("name0", B, right) == LET_IN


@pytest.mark.parametrize(
    "other",
    [
        "ALICE",
        "aLiCe",
        " alice ",
        "\uff21\uff2c\uff29\uff23\uff25",  # full width
        "al\u00adice",  # soft hyphen
        "al\u034fice",  # combining grapheme joiner
        "alice\ufe0f",  # variation selector
        "\u3164alice",  # Hangul filler
        "ali\u2060ce\U000e0100",
    ],
    ids=ascii,
)
def test_every_spelling_of_a_name_has_one_budget(other: str) -> None:
    """Promise 5: capitals, width, spaces around and what nobody sees make no further name of the same one."""
    at = door()
    assert [at.knock(name, A) for name in ("alice", other, other, "alice", other)] == IN_5
    assert at.knock("alice", B) > 0
    assert at.knock(other, B) > 0


@pytest.mark.parametrize("other", ["alicf", "alice2", "alicé", "al ice", "a-lice", "alice@example.com"])
def test_another_name_has_another_budget(other: str) -> None:
    """Promise 5: who is called otherwise is not banned with them."""
    at = door()
    at.knocks(5, "alice", A)
    assert at.knock(other, B) == LET_IN


@pytest.mark.parametrize("first", ["straße", "Ⅷ", "ﬁn", "İ", "ǅ", "ΑΣ", "e\u0301", "\u017f", "\u2121"])
def test_a_folded_name_stays_as_it_is(first: str) -> None:
    """Folding a name that is folded already changes nothing, and capitals fold as small letters do."""
    assert folded(folded(first)) == folded(first)
    assert folded(folded(first).upper()) == folded(first)


@settings(max_examples=60)
@given(st.text())
def test_folding_is_once_and_for_all(name: str) -> None:
    """Folding a folded name changes nothing, whatever was typed."""
    assert folded(folded(name)) == folded(name)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.9", "203.0.113.9", True),
        ("203.0.113.9", "203.0.113.10", False),
        ("203.0.113.9", "::ffff:203.0.113.9", True),
        ("203.0.113.9", "::ffff:cb00:7109", True),
        ("203.0.113.9", "::203.0.113.9", False),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", True),
        ("2001:db8:0:1::1", "2001:0DB8:0000:0001::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("", "", True),
        ("unknown", "unknown", True),
        ("unknown", "", False),
    ],
)
def test_an_address_is_the_network_that_one_caller_has(one: str, other: str, same: bool) -> None:
    """Promise 5: IPv6 counts by /64, which one caller has whole, and IPv4 in IPv6's clothes as what it is."""
    assert (network_of(one) == network_of(other)) is same
    at = door(address_after=1)
    at.knock("alice", one)
    assert (at.knock("bob", other) > 0) is same


# --- what counts -----------------------------------------------------------------------------------------------------


def test_a_refused_attempt_is_no_attempt() -> None:
    """Promise 5: knocking while banned neither prolongs the ban nor uses up the budget of the other half."""
    at = door()
    at.knocks(5, "alice", A)
    for later in range(1, 600):
        at.clock.now = NOON + later
        assert at.knock("alice", B) == 600 - later
        assert at.knock("alice", A) == 600 - later
    assert at.knocks(19, "bob", C, right) == [LET_IN] * 19
    assert [at.knock(f"name{number}", B) for number in range(20)] == [LET_IN] * 20
    at.clock.now = NOON + 600
    assert at.knocks(5, "alice", C) == IN_5


def test_a_banned_address_does_not_use_up_names() -> None:
    """Promise 5: whoever is banned by address bans no name by knocking on."""
    at = door()
    for number in range(20):
        at.knock(f"name{number}", A)
    assert min(at.knocks(10, "alice", A)) > 0
    assert at.knocks(5, "alice", B) == IN_5


@pytest.mark.parametrize(
    "refusal",
    [WrongCredentials(), WrongCode(), TooManyCodes(), AccountDeactivated(), NoAccount(), Banned(60), Banned()],
    ids=repr,
)
def test_a_refusal_stays_counted(refusal: SignInRefused) -> None:
    """Promise 5: a wrong code is a failure of the same name and address as a wrong password; so is every refusal."""
    at = door()
    assert at.knocks(5, "alice", A, raises(refusal)) == IN_5
    assert at.knock("alice", B, right) > 0


def test_a_challenge_stays_counted() -> None:
    """Promise 5: a right password alone strikes nothing out, or guessing codes would be free for whoever has it."""
    at = door()
    assert at.knocks(4, "alice", A) + at.knocks(1, "alice", A, challenge) == IN_5
    assert at.knock("alice", A, right) > 0


@pytest.mark.parametrize(
    "failure",
    [Unavailable("workspace", "down"), ConfigurationError((Problem("users", "no", "mend"),)), OSError("a fault")],
    ids=repr,
)
def test_what_fails_for_our_own_reasons_is_struck_out_alone(failure: Exception) -> None:
    """Promise 5: an outage or a fault is no guess and bans nobody, and takes no failure back."""
    at = door()
    assert at.knocks(4, "alice", A) + at.knocks(30, "alice", A, raises(failure)) == [LET_IN] * 34
    assert at.knock("alice", A) == LET_IN
    assert at.knock("alice", A) > 0


# --- what success strikes out ----------------------------------------------------------------------------------------


def test_a_success_ends_the_run_of_the_name_from_this_address() -> None:
    """Promise 5: whoever signs in has their whole budget again, as has their address for their name."""
    at = door(address_after=5)
    for _ in range(5):
        assert at.knocks(4, "alice", A) == [LET_IN] * 4
        assert at.knock("alice", A, right) == LET_IN
    assert at.knocks(5, "alice", A) == IN_5


def test_a_success_with_a_second_factor_takes_its_challenges_back() -> None:
    """Promise 5: a right password, a wrong code and a right one are a finished sign-in, and nothing is left of it."""
    at = door()
    for _ in range(5):
        at.knock("alice", A, challenge)
        at.knock("alice", A, raises(WrongCode()))
        assert at.knock("alice", A, right) == LET_IN
    assert at.knocks(5, "alice", A) == IN_5


def test_a_success_lifts_the_ban_that_it_began_itself() -> None:
    """Promise 5: the attempt that uses up the budget is counted before it is verified; being right, it bans nobody."""
    at = door()
    at.knocks(4, "alice", A)
    with at.attempt("alice", A) as trial:
        assert at.knock("alice", B) == 600
        assert at.knock("alice", A) == 600
        trial.finish()
    assert at.knock("alice", B) == LET_IN


def test_an_attackers_own_success_wipes_nothing_else() -> None:
    """Promise 5: signing in with an account of one's own takes back no failure on other names from that address."""
    at = door()
    for number in range(19):
        assert at.knock(f"name{number}", A) == LET_IN
        assert at.knock("mallory", A, right) == LET_IN
    assert at.knock("name19", A) == LET_IN
    assert at.knock("mallory", A, right) > 0


def test_a_success_elsewhere_takes_nothing_back_from_whoever_guesses() -> None:
    """Promise 5: while somebody signs in again and again, whoever guesses their name elsewhere has N guesses."""
    at = door()
    guesses = 0
    for _ in range(10):
        if at.knock("alice", B) == LET_IN:
            guesses += 1
        at.knock("alice", A, right)
    assert guesses == 5


def test_a_success_from_one_address_lifts_no_ban_of_another() -> None:
    """Promise 5: whoever was banned by address stays so when a name that they tried signs in from elsewhere."""
    at = door()
    for number in range(20):
        at.knock(f"name{number}", A)
    for number in range(20):
        assert at.knock(f"name{number}", B, right) == LET_IN
    assert at.knock("bob", A) == 600


def test_a_late_success_lifts_no_ban_that_others_brought_about() -> None:
    """Promise 5: a sign-in that others' N failures have overtaken ends in success, and their ban stands."""
    at = door(window=10)
    with at.attempt("alice", A) as trial:
        at.clock.now += 10
        assert at.knocks(5, "alice", B) == IN_5
        trial.finish()
    assert at.knock("alice", A, right) == 600


def test_a_success_under_way_counts_for_nobody_else() -> None:
    """Promise 5: whoever guesses while the person signs in is let in as often as without, and no oftener."""
    at = door()
    with at.attempt("alice", A) as trial:
        assert at.knocks(5, "alice", B) == [LET_IN] * 4 + [600]
        trial.finish()
    assert at.knock("alice", B) == LET_IN
    assert at.knock("alice", B) == 600


# --- the store -------------------------------------------------------------------------------------------------------


class Failing:
    """Memory that answers so many reads and writes, and then no more. A test may mend it."""

    def __init__(self, reads: int = 1000, writes: int = 1000, error: Exception | None = None) -> None:
        self.reads = reads
        self.writes = writes
        self.error = error or Unavailable("attempts", "down")
        self.memory = MemoryAttempts(lambda: NOON)
        self.expires: list[float] = []

    def read(self, key: str, deadline: Deadline) -> Stored:
        self.reads -= 1
        if self.reads < 0:
            raise self.error
        return self.memory.read(key, deadline)

    def write(self, key: str, run: Run, version: int, expires: float, deadline: Deadline) -> bool:
        self.writes -= 1
        if self.writes < 0:
            raise self.error
        self.expires.append(expires)
        return self.memory.write(key, run, version, expires, deadline)


@pytest.mark.parametrize("error", [Unavailable("attempts", "down"), ConfigurationError(()), OSError()], ids=repr)
@pytest.mark.parametrize("answered", [{"reads": 0}, {"reads": 1}, {"writes": 0}, {"writes": 1}], ids=str)
def test_a_store_that_does_not_answer_lets_nobody_in(answered: dict[str, int], error: Exception) -> None:
    """Promise 7: where an attempt cannot be counted no password is verified; whichever of the two halves failed."""
    store = Failing(**answered, error=error)
    at = door(store)
    with pytest.raises(type(error)):
        at.knock("alice", A, right)
    assert at.verified == 0


def test_half_a_count_is_taken_back() -> None:
    """Promise 5: where only one half could be counted that half is struck out, as the attempt was none."""

    class Passing(Failing):
        def write(self, key: str, run: Run, version: int, expires: float, deadline: Deadline) -> bool:
            if self.writes == 0:
                self.writes = 1000
                raise self.error
            return super().write(key, run, version, expires, deadline)

    at = door(Passing(writes=1), address_after=1)
    with pytest.raises(Unavailable):
        at.knock("alice", A)
    assert at.knock("alice", A) == LET_IN


@pytest.mark.parametrize("error", [Unavailable("attempts", "down"), ConfigurationError(())], ids=repr)
def test_a_finished_sign_in_stands_though_it_cannot_be_struck_out(error: Exception) -> None:
    """Promise 5: a store that fails at the end undoes no sign-in; it is logged, and what is counted runs out."""
    store = Failing(writes=2, error=error)
    at = door(store, name_after=1)
    assert at.knock("alice", A, right) == LET_IN
    assert at.troubles.told == [(str(error), "request-1")]
    store.writes = 1000
    assert at.knock("alice", A) == 600
    at.clock.now += 600
    assert at.knock("alice", A) == LET_IN


def test_a_failure_of_ours_is_told_though_it_cannot_be_struck_out() -> None:
    """Where workspace and store fail together, it is the workspace's failure that is answered, and both are logged."""
    at = door(Failing(writes=2))
    with pytest.raises(Unavailable, match="workspace"), at.attempt("alice", A):
        raise Unavailable("workspace", "down")
    assert at.troubles.told == [("attempts: down", "request-1")]


def test_a_run_that_never_stands_still_lets_nobody_in() -> None:
    """Promise 7: where others are always faster the attempt ends as unavailable, after a bounded number of tries."""

    class Contended(Failing):
        def write(self, key: str, run: Run, version: int, expires: float, deadline: Deadline) -> bool:
            return False

    at = door(Contended())
    with pytest.raises(Unavailable, match="changes faster"):
        at.knock("alice", A)
    assert at.verified == 0


def test_whoever_is_overtaken_counts_on_top_of_it() -> None:
    """Promise 5: an attempt that was counted between another's read and write is neither lost nor let through."""

    class Overtaken(Failing):
        overtake = True

        def write(self, key: str, run: Run, version: int, expires: float, deadline: Deadline) -> bool:
            if self.overtake:
                self.overtake = False
                assert at.knock("alice", A) == LET_IN
            return super().write(key, run, version, expires, deadline)

    at = door(Overtaken(), name_after=2)
    assert at.knock("alice", A) == LET_IN
    assert at.knock("alice", A) > 0
    store = Overtaken()
    at = door(store, name_after=1, address_after=2)
    assert at.knock("alice", A) == 600
    # That attempt was counted for its address before its name turned out to be banned, and taken back.
    assert at.knock("bob", A) == LET_IN
    assert at.knock("carol", A) == 600


def test_a_sign_in_costs_two_reads_and_four_writes() -> None:
    """A success reads each half once and writes it twice; a failure writes it once, and a refusal nothing."""
    store = Failing()
    at = door(store)

    def cost() -> tuple[int, int]:
        counted = 1000 - store.reads, 1000 - store.writes
        store.reads = store.writes = 1000
        return counted

    at.knock("alice", A, right)
    assert cost() == (2, 4)
    at.knock("alice", A)
    assert cost() == (2, 2)
    at.knocks(4, "alice", A)
    cost()
    at.knock("alice", A)
    assert cost() == (2, 0)


def test_the_store_learns_neither_names_nor_addresses() -> None:
    """Promise 32: people type passwords into the wrong field, so only digests are kept of names, and of addresses."""
    kept: list[str] = []

    class Seen(Failing):
        def write(self, key: str, run: Run, version: int, expires: float, deadline: Deadline) -> bool:
            kept.append(key + json.dumps(run.as_plain()))
            return super().write(key, run, version, expires, deadline)

    at = door(Seen())
    at.knock("canary", A)
    at.knock("canary", A, right)
    assert len(kept) == 6
    assert not [text for text in kept if "canary" in text or A in text]


def test_a_run_is_kept_for_as_long_as_it_counts() -> None:
    """A store may forget a run when its ban is served, when its last failure is out of the window, and not before."""
    store = Failing()
    at = door(store)
    at.knocks(5, "alice", A)
    assert store.expires[:8] == [NOON + 300] * 8
    assert sorted(store.expires[8:]) == [NOON + 300, NOON + 600]
    store.expires.clear()
    at.knock("bob", B, right)
    assert store.expires[2:] == [NOON + 60] * 2


@pytest.mark.parametrize(
    "plain", [None, {}, [], {"attempts": 1, "banned_until": 0}, {"attempts": [{}], "banned_until": 0}]
)
def test_what_is_no_run_lets_nobody_in(plain: object) -> None:
    """Promise 7: what another than this Gantry wrote is not taken for an empty run."""
    with pytest.raises(Unavailable, match="did not write"):
        Run.of_plain(plain)


def test_memory_forgets_what_has_expired_and_then_the_oldest() -> None:
    """A container's memory holds so many runs: the expired go first, then the one written longest ago."""
    clock = FakeClock()
    memory = MemoryAttempts(clock, most=3)
    deadline, run = Deadline.after(60), Run(banned_until=1.0)

    def kept() -> str:
        return "".join(key for key in "abcdefg" if memory.read(key, deadline).version)

    memory.write("a", run, 0, NOON + 9, deadline)
    memory.write("b", run, 0, NOON + 1, deadline)
    memory.write("c", run, 0, NOON + 9, deadline)
    clock.now += 1
    assert memory.write("d", run, 0, NOON + 9, deadline)
    assert kept() == "acd"
    assert memory.write("c", run, 1, NOON + 9, deadline)
    assert kept() == "acd"
    assert memory.write("e", run, 0, NOON + 9, deadline)
    assert kept() == "cde"
    assert not memory.write("d", run, 0, NOON + 9, deadline)
    assert memory.write("f", run, 0, NOON + 9, deadline)
    assert kept() == "cef"


# --- any order of things ---------------------------------------------------------------------------------------------


@dataclass
class Guess:
    """One attempt of the model: whose, when, and whether a success has taken it back since."""

    name: str
    address: str
    at: float
    failed: bool = False
    struck: bool = False


@dataclass
class Model:
    """Attempts that overlap, and what of them a budget may hold."""

    at: Door
    guesses: list[Guess] = field(default_factory=list)
    open: list[tuple[Guess, Trial, AbstractContextManager[Trial]]] = field(default_factory=list)

    def begin(self, name: str, address: str) -> None:
        context = self.at.attempt(name, address)
        try:
            trial = context.__enter__()
        except Banned:
            return
        guess = Guess(name, address, self.at.clock.now)
        self.guesses.append(guess)
        self.open.append((guess, trial, context))

    def end(self, which: int, outcome: str) -> None:
        if not self.open:
            return
        guess, trial, context = self.open.pop(which % len(self.open))
        if outcome == "right":
            trial.finish()
            for each in self.guesses:
                each.struck |= (each.name, each.address) == (guess.name, guess.address)
        guess.failed = outcome in ("wrong", "challenge")
        error = {"wrong": WrongCredentials(), "down": Unavailable("workspace", "down")}.get(outcome)
        assert not context.__exit__(type(error) if error else None, error, None)

    def most_within(self, seconds: float, half: str) -> int:
        failures = [each for each in self.guesses if each.failed and not each.struck]
        return max(
            (
                sum(getattr(each, half) == getattr(one, half) and 0 <= each.at - one.at < seconds for each in failures)
                for one in failures
            ),
            default=0,
        )


BEGIN = st.tuples(st.just("begin"), st.sampled_from(["alice", "bob"]), st.sampled_from([A, B, C]))
END = st.tuples(st.just("end"), st.integers(0, 3), st.sampled_from(["wrong", "wrong", "right", "challenge", "down"]))
WAIT = st.tuples(st.just("wait"), st.sampled_from([1.0, 5.0, 9.0, 10.0]), st.none())


@settings(max_examples=150)
@given(st.lists(BEGIN | BEGIN | END | END | WAIT, max_size=60), st.sampled_from([5, 20]))
def test_no_order_of_things_lets_more_guesses_through(steps: list[tuple[str, object, object]], ban: int) -> None:
    """Promise 5: however attempts, outcomes and time follow each other, no more than N failures are let in."""
    limits = Limits(name_after=2, address_after=3, window=10, ban=ban)
    clock = FakeClock()
    model = Model(Door(MemoryAttempts(clock), clock, limits))
    for step, one, other in steps:
        if step == "wait":
            assert isinstance(one, float)
            clock.now += one
        elif step == "begin":
            model.begin(str(one), str(other))
        else:
            assert isinstance(one, int)
            model.end(one, str(other))
    for _ in range(len(model.open)):
        model.end(0, "wrong")
    span = min(limits.window, limits.ban)
    assert model.most_within(span, "name") <= limits.name_after
    assert model.most_within(span, "address") <= limits.address_after
