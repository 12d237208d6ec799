"""The directory `mongodb`: Rocket.Chat's own rules, in its own order."""

import contextlib
from collections.abc import Callable
from typing import Any

import bcrypt
import pytest

from chalicelib.errors import (
    AccountDeactivated,
    AccountNotForPeople,
    AccountWithoutRoles,
    ChallengeGone,
    EmailCodesOnly,
    EmailUnverified,
    GantryError,
    UnknownSecondFactor,
    WrongCredentials,
)
from chalicelib.secret import Secret
from chalicelib.signin import CodeDue, SignedIn
from tests.fakes import caller
from tests.mongodb.conftest import MakeStage
from tests.mongodb.stage import BACKUP_CODE, HASH, PASSWORD, Stage, services, with_totp

EMAIL_CODES = services(email2fa={"enabled": True})


def refusal(stage: Stage, username: str, password: Secret = PASSWORD) -> type[GantryError]:
    with pytest.raises(GantryError) as refused:
        stage.password(username, password)
    return type(refused.value)


@pytest.mark.parametrize("typed", ["alice", " alice ", "alice@example.com"])
def test_a_person_signs_in_by_username_or_address(stage: Stage, typed: str) -> None:
    """A username and an e-mail address lead to the same account."""
    stage.add("alice")
    assert stage.signed_in(typed.strip()).session.account_id == "alice-id"


@pytest.mark.needs_mongodb("collation")
@pytest.mark.parametrize("typed", ["ALICE", "Alice@Example.COM"])
def test_capitals_do_not_matter(stage: Stage, typed: str) -> None:
    """Where nothing matches exactly, the workspace's own case-insensitive indexes find the account."""
    stage.add("alice")
    assert stage.signed_in(typed).session.account_id == "alice-id"


@pytest.mark.needs_mongodb("collation")
def test_a_name_that_fits_two_accounts_fits_none(stage: Stage) -> None:
    """Where capitals alone tell two accounts apart, only the exact name counts."""
    stage.add("alice")
    stage.add("ALICE", emails=[{"address": "other@example.com", "verified": True}])
    assert stage.signed_in("alice").session.account_id == "alice-id"
    assert refusal(stage, "Alice") is WrongCredentials


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The hashes that a password was held to."""
    seen: list[bytes] = []
    compare = bcrypt.checkpw

    def counted(password: bytes, hashed: bytes) -> bool:
        seen.append(hashed)
        return compare(password, hashed)

    monkeypatch.setattr("bcrypt.checkpw", counted)
    return seen


@pytest.mark.parametrize(
    ("fields", "password"),
    [
        ({}, PASSWORD),
        ({}, Secret("wrong")),
        (None, PASSWORD),
        ({"active": False}, PASSWORD),
        ({"active": False}, Secret("wrong")),
        ({"services": {}}, PASSWORD),
        ({"services": {"password": {"bcrypt": "nonsense"}}}, PASSWORD),
        ({"services": {"password": {"bcrypt": 5}}}, PASSWORD),
        ({"services": {"password": "x"}}, PASSWORD),
        ({}, Secret("x" * 1025)),
    ],
    ids=["right", "wrong", "unknown", "off", "off and wrong", "none", "unusable", "number", "no object", "too long"],
)
def test_a_password_is_hashed_exactly_once(
    stage: Stage, hashes: list[bytes], fields: dict[str, Any] | None, password: Secret
) -> None:
    """Promise 1: right, wrong, unknown, disabled and unusable all cost exactly one hash."""
    if fields is not None:
        stage.add("alice", **fields)
    with contextlib.suppress(GantryError):
        stage.password("alice", password)
    assert len(hashes) == 1


def test_the_hash_of_nobody_costs_what_rocketchats_does(stage: Stage, hashes: list[bytes]) -> None:
    """Promise 1: an unknown user's password is held to a hash of Rocket.Chat's own cost, 10."""
    refusal(stage, "nobody")
    assert hashes[0].startswith(b"$2b$10$")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        None,
        {"active": False},
        {"services": {}},
        {"services": {"password": {"bcrypt": "x"}}},
        {"services": with_totp()},
        {"services": EMAIL_CODES},
        {"roles": None},
        {"type": "app"},
    ],
)
def test_a_wrong_password_says_nothing_of_the_account(stage: Stage, fields: dict[str, Any] | None) -> None:
    """Promise 2: wrong password, unknown user, unusable hash and any fault of the account are the same refusal."""
    if fields is not None:
        stage.add("alice", **fields)
    assert refusal(stage, "alice", Secret("wrong")) is WrongCredentials


@pytest.mark.parametrize(("length", "right"), [(64, True), (1024, True), (1025, False)])
def test_long_passwords_are_whole_or_refused(stage: Stage, length: int, right: bool) -> None:
    """Promise 4: 64 characters pass, and up to 1,024 bytes count to the last; more is refused."""
    import hashlib

    long = "x" * (length - 1) + "y"
    own = bcrypt.hashpw(hashlib.sha256(long.encode()).hexdigest().encode(), bcrypt.gensalt(4)).decode()
    stage.add("alice", services={"password": {"bcrypt": own}})
    if right:
        assert isinstance(stage.password("alice", Secret(long)), SignedIn)
    else:
        assert refusal(stage, "alice", Secret(long)) is WrongCredentials
    assert refusal(stage, "alice", Secret("x" * length)) is WrongCredentials


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"active": False}, AccountDeactivated),
        ({"active": None}, AccountDeactivated),
        ({"active": 1}, AccountDeactivated),
        ({"roles": None}, AccountWithoutRoles),
        ({"roles": "user"}, AccountWithoutRoles),
        ({"type": "app"}, AccountNotForPeople),
    ],
)
def test_an_account_that_rocketchat_refuses_is_refused(
    stage: Stage, fields: dict[str, Any], reason: type[GantryError]
) -> None:
    """After the right password, what Rocket.Chat would refuse the account for is said, and nothing is written."""
    stage.add("alice", **fields)
    before = stage.record("alice")
    assert refusal(stage, "alice") is reason
    assert stage.record("alice") == before


@pytest.mark.parametrize("emails", [None, [], [{"address": "a@example.com", "verified": False}]])
def test_an_unverified_address_counts_where_the_workspace_says_so(stage: Stage, emails: Any) -> None:
    """The workspace's `Accounts_EmailVerification` decides whether an account without a verified address may log in."""
    stage.add("alice", emails=emails)
    assert stage.signed_in("alice")
    stage.set("Accounts_EmailVerification", True)
    assert refusal(stage, "alice") is EmailUnverified


def test_totp_is_asked_for_and_answered(stage: Stage) -> None:
    """Promise 39: an account with TOTP gets no token before its code was right."""
    stage.add("bob", services=with_totp())
    due = stage.challenged("bob")
    assert due.method == "totp"
    assert stage.tokens("bob") == []
    again = stage.code(due, "000000")
    assert isinstance(again, CodeDue)
    assert again.wrong
    assert stage.tokens("bob") == []
    assert isinstance(stage.code(due, stage.totp()), SignedIn)
    assert len(stage.tokens("bob")) == 1


@pytest.mark.parametrize(("aside", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_of_the_step_before_or_after_is_right(stage: Stage, aside: int, good: bool) -> None:
    """The window is one step to either side, as Rocket.Chat's default."""
    stage.add("bob", services=with_totp())
    came_to = stage.code(stage.challenged("bob"), stage.totp(aside))
    assert isinstance(came_to, SignedIn) is good


def test_a_totp_step_is_accepted_once(stage: Stage) -> None:
    """Promise 5: a code that was used, or one before it, is wrong for that account; the next one is right."""
    stage.add("bob", services=with_totp())
    stage.add("eve", services=with_totp())
    first, second = stage.challenged("bob"), stage.challenged("bob")
    assert isinstance(stage.code(first, stage.totp()), SignedIn)
    assert isinstance(stage.code(second, stage.totp()), CodeDue)
    assert isinstance(stage.code(second, stage.totp(-1)), CodeDue)
    assert isinstance(stage.code(stage.challenged("eve"), stage.totp()), SignedIn)
    stage.clock.now += 30
    assert isinstance(stage.code(second, stage.totp()), SignedIn)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "٣٣٣٣٣٣", "abcdef", "zzzzzzzz", "1" * 64])
def test_what_is_no_code_is_a_wrong_code(stage: Stage, code: str) -> None:
    """Whatever is typed as a code is right or wrong, and uses nothing up."""
    stage.add("bob", services=with_totp(BACKUP_CODE))
    due = stage.challenged("bob")
    assert isinstance(stage.code(due, code), CodeDue)
    assert isinstance(stage.code(due, stage.totp()), SignedIn)


def test_a_backup_code_is_good_once(stage: Stage) -> None:
    """A backup code of exactly eight characters signs in once and is removed; the others stay."""
    stage.add("bob", services=with_totp(BACKUP_CODE, "zz99ZZ99"))
    first, second = stage.challenged("bob"), stage.challenged("bob")
    assert isinstance(stage.code(first, BACKUP_CODE), SignedIn)
    assert len(stage.record("bob")["services"]["totp"]["hashedBackup"]) == 1
    assert isinstance(stage.code(second, BACKUP_CODE), CodeDue)
    assert isinstance(stage.code(second, "zz99ZZ99"), SignedIn)


def test_a_right_code_of_an_unfit_account_is_not_used_up(stage: Stage) -> None:
    """A step that fails leaves the account as it was: a deactivated account keeps its backup code."""
    stage.add("bob", services=with_totp(BACKUP_CODE), active=False)
    before = stage.record("bob")
    due = stage.challenged("bob")
    with pytest.raises(AccountDeactivated):
        stage.code(due, BACKUP_CODE)
    assert stage.record("bob") == before


def test_a_challenge_ends_with_the_password_it_was_given_for(stage: Stage) -> None:
    """A password that is changed between the two steps makes the first step worthless; so does a removed account."""
    stage.add("bob", services=with_totp())
    due = stage.challenged("bob")
    stage.database.users.update_one({"_id": "bob-id"}, {"$set": {"services.password.bcrypt": HASH[:-1] + "x"}})
    with pytest.raises(ChallengeGone):
        stage.code(due, stage.totp())
    stage.database.users.delete_one({"_id": "bob-id"})
    with pytest.raises(ChallengeGone):
        stage.code(due, stage.totp())


@pytest.mark.parametrize("secret", [None, "", 5, "not base32!"])
def test_totp_without_a_usable_secret_is_not_skipped(stage: Stage, secret: object) -> None:
    """Promise 39: an account whose TOTP cannot be checked is refused, not let past."""
    stage.add("bob", services=services(totp={"enabled": True, "secret": secret}))
    if secret == "not base32!":
        due = stage.challenged("bob")
        with pytest.raises(UnknownSecondFactor):
            stage.code(due, "123456")
    else:
        assert refusal(stage, "bob") is UnknownSecondFactor
    assert stage.tokens("bob") == []


TOTP, MAIL = with_totp(), EMAIL_CODES
BOTH = {**TOTP, "email2fa": {"enabled": True}}
OAUTH = {**MAIL, "google": {"id": "1"}}
ALL, BY_TOTP, BY_EMAIL, BY_EMAIL_OAUTH = (
    "Accounts_TwoFactorAuthentication_Enabled",
    "Accounts_TwoFactorAuthentication_By_TOTP_Enabled",
    "Accounts_TwoFactorAuthentication_By_Email_Enabled",
    "Accounts_twoFactorAuthentication_email_available_for_OAuth_users",
)


@pytest.mark.parametrize(
    ("policy", "kept", "settings", "outcome"),
    [
        ("honour", TOTP, {}, "totp"),
        ("honour", MAIL, {}, "refused"),
        ("honour", BOTH, {}, "totp"),
        ("honour", OAUTH, {}, "refused"),
        ("honour", TOTP, {ALL: False}, "token"),
        ("honour", MAIL, {ALL: False}, "token"),
        ("honour", TOTP, {BY_TOTP: False}, "token"),
        ("honour", BOTH, {BY_TOTP: False}, "refused"),
        ("honour", MAIL, {BY_EMAIL: False}, "token"),
        ("honour", MAIL, {BY_EMAIL_OAUTH: False}, "refused"),
        ("honour", OAUTH, {BY_EMAIL_OAUTH: False}, "token"),
        ("honour", MAIL, {BY_EMAIL: "nonsense"}, "refused"),
        ("totp", TOTP, {}, "totp"),
        ("totp", MAIL, {}, "token"),
        ("totp", BOTH, {}, "totp"),
        ("totp", BOTH, {BY_TOTP: False}, "token"),
        ("skip", TOTP, {}, "token"),
        ("skip", MAIL, {}, "token"),
    ],
)
def test_the_second_factor_table_holds(
    make_stage: MakeStage, policy: str, kept: dict[str, Any], settings: dict[str, object], outcome: str
) -> None:
    """Promise 39: `WORKSPACE_2FA` and the workspace's settings decide what is asked for before a token is minted."""
    stage = make_stage(WORKSPACE_2FA=policy)
    for name, value in settings.items():
        stage.set(name, value)
    stage.add("bob", services=kept)
    came_to: Callable[[], object] = lambda: stage.password("bob")  # noqa: E731 - called below, once
    if outcome == "refused":
        with pytest.raises(EmailCodesOnly):
            came_to()
    else:
        assert isinstance(came_to(), CodeDue if outcome == "totp" else SignedIn)
    assert len(stage.tokens("bob")) == (1 if outcome == "token" else 0)


def test_codes_by_email_need_a_verified_address(stage: Stage) -> None:
    """Promise 39: an account that could not get a code by e-mail has none asked for, as in Rocket.Chat."""
    stage.add("carol", services=EMAIL_CODES, emails=[{"address": "c@example.com", "verified": False}])
    assert stage.signed_in("carol")


ODD: list[Any] = [
    None,
    [],
    "x",
    5,
    {"resume": 5},
    {"resume": {"loginTokens": "x"}},
    {"resume": {"loginTokens": [5, {}]}},
]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_a_half_written_account_is_a_refusal_and_no_fault(stage: Stage, odd: Any) -> None:
    """An account without services, without e-mails or of odd types is refused like a wrong password, never a fault."""
    stage.add("alice", services=odd if odd is not None else None, emails=None)
    assert refusal(stage, "alice") is WrongCredentials
    stage.add("bob", services=odd, emails="x", roles=5, name=[], type={})
    assert refusal(stage, "bob") is WrongCredentials


def test_nobody_is_found_by_an_operator(stage: Stage) -> None:
    """Promise 28: a username is compared as text, whatever it looks like."""
    stage.add("alice")
    for typed in ('{"$ne": null}', "$where", "alice\x00", ".*", "^alice$"):
        assert refusal(stage, typed) is WrongCredentials
    assert caller().address
