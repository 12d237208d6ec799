"""The second factor: which code is asked for, for how long, and what a wrong one does."""

import pyotp
import pytest
import requests

from playground.people import BOB_TOTP
from playground.workspace import Fault, Person
from tests.stage import Stage, Visitor, challenge_in, error_in


def totp(stage: Stage) -> str:
    return pyotp.TOTP(BOB_TOTP).at(int(stage.clock()))


def mailed(stage: Stage) -> str:
    mail = stage.workspace.last_mail("carol")
    assert mail is not None
    return mail.code


def is_code_form(page: requests.Response) -> bool:
    return page.status_code == 401 and "One more step" in page.text and "Set-Cookie" not in page.headers


def test_totp_is_asked_for_and_signs_in(stage: Stage, visitor: Visitor) -> None:
    """A right password of an account with TOTP brings the code form, and its code the session."""
    due = visitor.sign_in("bob")
    assert is_code_form(due)
    assert "Open your authenticator app" in due.text
    assert error_in(due) == ""
    assert stage.tokens("bob") == 0
    done = visitor.enter_code(due, totp(stage))
    assert done.status_code == 200
    assert set(visitor.check().json()) == {"loginToken"}
    assert stage.tokens("bob") == 1
    outcomes = [(line["outcome"], line["reason"], line["username"]) for line in stage.log.events("attempt")]
    assert outcomes == [("challenged", "second-factor-required", "bob"), ("signed-in", "ok", "bob")]


def test_a_backup_code_works_in_place_of_totp(stage: Stage, visitor: Visitor) -> None:
    """An eight-character backup code signs in once, and spaces in a typed code do not matter."""
    stage.workspace.add(Person(username="erin", totp_secret=BOB_TOTP, backup_codes=("ABCD2345",)))
    assert visitor.enter_code(visitor.sign_in("erin"), " ABCD 2345 ").status_code == 200
    again = visitor.enter_code(visitor.sign_in("erin"), "ABCD2345")
    assert again.status_code == 401
    assert error_in(again).startswith("This code is wrong or has run out.")


def test_a_wrong_code_shows_the_form_again(stage: Stage, visitor: Visitor) -> None:
    """A wrong code is said to be wrong beside the same form, whose challenge a right code still answers."""
    due = visitor.sign_in("bob")
    wrong = visitor.enter_code(due, "000000")
    assert is_code_form(wrong)
    assert error_in(wrong) == "This code is wrong or has run out. Check it and try again, or start over."
    assert stage.log.events("attempt")[-1]["reason"] == "wrong-code"
    assert visitor.enter_code(wrong, totp(stage)).status_code == 200


def test_a_wrong_code_buys_no_time(stage: Stage, visitor: Visitor) -> None:
    """Promise 15: five minutes after the password the challenge is gone, in spite of wrong codes in between."""
    page = visitor.sign_in("bob")
    for wait in (80, 80, 139):
        stage.clock.advance(wait)
        page = visitor.enter_code(page, "000000")
        assert is_code_form(page)
    stage.clock.advance(2)
    calls = len(stage.workspace.calls("login"))
    gone = visitor.enter_code(page, totp(stage))
    assert gone.status_code == 401
    assert error_in(gone) == "That took too long. Sign in again to get a new code form."
    assert 'name="password"' in gone.text
    assert len(stage.workspace.calls("login")) == calls
    assert stage.tokens("bob") == 0
    assert stage.log.events("attempt")[-1]["reason"] == "challenge-gone"


def test_a_code_just_in_time(stage: Stage, visitor: Visitor) -> None:
    """Promise 11: a challenge is good until one second before its five minutes are over."""
    page = visitor.sign_in("bob")
    stage.clock.advance(299)
    assert visitor.enter_code(page, totp(stage)).status_code == 200


def test_a_challenge_is_no_session(stage: Stage, visitor: Visitor) -> None:
    """Promise 15: what was sealed as a challenge does not open as a session, nor a session as a challenge."""
    visitor.cookie = challenge_in(visitor.sign_in("bob"))
    assert visitor.check().status_code == 401
    other = stage.visitor()
    other.sign_in("alice")
    assert other.cookie is not None
    refused = other.post("/login", {"challenge": other.cookie, "code": "123456"})
    assert refused.status_code == 401
    assert error_in(refused).startswith("That took too long.")


def test_a_mailed_code_is_asked_for_and_signs_in(stage: Stage, visitor: Visitor) -> None:
    """An account with e-mail codes is sent one, is told so, and signs in with it."""
    due = visitor.sign_in("carol")
    assert is_code_form(due)
    assert "A code was just sent to your e-mail address." in due.text
    assert len(stage.workspace.calls("login")) == 1
    assert visitor.enter_code(due, mailed(stage)).status_code == 200


def test_an_earlier_mailed_code_is_still_good(stage: Stage, visitor: Visitor) -> None:
    """Who starts over while a code runs is told for how long it is good, and no second one is sent."""
    visitor.sign_in("carol")
    again = visitor.sign_in("carol")
    assert is_code_form(again)
    assert "is still good for 60 minutes." in again.text
    assert len(stage.workspace.second_factor.mailbox) == 1
    assert len(stage.workspace.calls("login")) == 2
    assert visitor.enter_code(again, mailed(stage)).status_code == 200


def test_the_minutes_left_are_those_of_the_containers_clock(stage: Stage, visitor: Visitor) -> None:
    """The page counts an earlier code's minutes from the moment at which the password was checked."""
    visitor.sign_in("carol")
    stage.clock.advance(30 * 60)
    assert "is still good for 30 minutes." in visitor.sign_in("carol").text


def test_a_mailed_code_that_ran_out_is_replaced_by_one_more_call(stage: Stage, visitor: Visitor) -> None:
    """Where the workspace names a code that is over, exactly one more call has a new one sent."""
    visitor.sign_in("carol")
    stage.clock.advance(3600 + 60)
    calls = len(stage.workspace.calls("login"))
    due = visitor.sign_in("carol")
    assert is_code_form(due)
    assert len(stage.workspace.calls("login")) == calls + 2
    assert len(stage.workspace.second_factor.mailbox) == 2
    assert "A code was just sent to your e-mail address." in due.text
    assert visitor.enter_code(due, mailed(stage)).status_code == 200


def test_too_many_codes_begin_again_with_the_password(stage: Stage, visitor: Visitor) -> None:
    """After five wrong e-mail codes the workspace takes none: the login page says so, and no session begins."""
    stage.container(BAN_NAME_AFTER="6")
    page = visitor.sign_in("carol")
    for _ in range(4):
        page = visitor.enter_code(page, "xxxxxx")
        assert is_code_form(page)
    stopped = visitor.enter_code(page, "xxxxxx")
    assert stopped.status_code == 401
    assert error_in(stopped) == "Too many wrong codes. Sign in again to start over."
    assert 'name="password"' in stopped.text
    assert "Set-Cookie" not in stopped.headers
    assert stage.log.events("attempt")[-1]["reason"] == "too-many-codes"


def test_wrong_codes_ban_the_user_in_the_workspace(stage: Stage, visitor: Visitor) -> None:
    """Promise 5: a wrong code is a failed login of the same name there too, and a run of them ends in its own block."""
    stage.container(BAN_NAME_AFTER="0")
    page = visitor.sign_in("bob")
    for _ in range(10):
        page = visitor.enter_code(page, "000000")
    assert page.status_code == 401
    banned = visitor.enter_code(page, totp(stage))
    assert banned.status_code == 429
    assert stage.log.events("attempt")[-1]["username"] == "bob"


def test_a_deactivated_account_is_told_after_its_code(stage: Stage, visitor: Visitor) -> None:
    """Promise 2: the workspace looks at the second factor before the account, and so does what people are told."""
    stage.workspace.add(Person(username="erin", totp_secret=BOB_TOTP, active=False))
    due = visitor.sign_in("erin")
    assert is_code_form(due)
    assert error_in(visitor.enter_code(due, totp(stage))).startswith("This account is deactivated.")


def test_a_password_that_changed_before_the_code(stage: Stage, visitor: Visitor) -> None:
    """A challenge whose password is not right any more signs nobody in."""
    due = visitor.sign_in("bob")
    stage.workspace.accounts.unset("bob", "services.password")
    refused = visitor.enter_code(due, totp(stage))
    assert refused.status_code == 401
    assert error_in(refused).startswith("Username or password is wrong.")


@pytest.mark.parametrize("details", [b"null", b'{"method": "sms"}', b"[]", b'{"method": ["totp"]}'])
def test_a_second_factor_that_nobody_knows(stage: Stage, visitor: Visitor, details: bytes) -> None:
    """A method beside TOTP and e-mail is refused with words, since its code cannot be asked for here."""
    body = b'{"status": "error", "error": "totp-required", "details": ' + details + b"}"
    stage.workspace.fault("login", Fault(status=401, body=body))
    refused = visitor.sign_in("bob")
    assert refused.status_code == 401
    assert error_in(refused).startswith("This account needs a second factor that cannot be asked for here.")


@pytest.mark.parametrize(
    "expires", [b"null", b'"soon"', b"1e999", b"1e308", b"1" + b"0" * 400, b'"9999-12-31T23:59:59Z"']
)
def test_any_time_that_the_workspace_may_name(stage: Stage, visitor: Visitor, expires: bytes) -> None:
    """Whatever stands for the time at which an e-mail code ends, the code form comes."""
    details = b'{"method": "email", "codeGenerated": false, "codeExpires": ' + expires + b"}"
    body = b'{"status": "error", "error": "totp-required", "details": ' + details + b"}"
    stage.workspace.fault("login", Fault(status=401, body=body))
    assert is_code_form(visitor.sign_in("carol"))


def test_the_code_form_survives_an_outage(stage: Stage, visitor: Visitor) -> None:
    """Promise 35: a workspace that fails at the code costs nobody the password: the code form comes back with 503."""
    due = visitor.sign_in("bob")
    stage.workspace.fault("login", Fault(status=502))
    failed = visitor.enter_code(due, totp(stage))
    assert failed.status_code == 503
    assert "does not work right now" in error_in(failed)
    assert visitor.enter_code(failed, totp(stage)).status_code == 200


def test_a_missing_code_is_asked_for_again(stage: Stage, visitor: Visitor) -> None:
    """Promise 28: an empty code is answered 400 with the same form, and the workspace hears nothing."""
    due = visitor.sign_in("bob")
    calls = len(stage.workspace.calls("login"))
    empty = visitor.enter_code(due, " ")
    assert (empty.status_code, error_in(empty)) == (400, "Enter the code.")
    assert len(stage.workspace.calls("login")) == calls
    assert visitor.enter_code(empty, totp(stage)).status_code == 200


def test_a_forged_challenge_is_refused(stage: Stage, visitor: Visitor) -> None:
    """A challenge that no key opens is answered as one that is over, before the workspace hears of it."""
    refused = visitor.post("/login", {"challenge": "gAAAAAforged", "code": "123456"})
    assert refused.status_code == 401
    assert error_in(refused).startswith("That took too long.")
    assert stage.workspace.calls("login") == []
