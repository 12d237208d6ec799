"""What the Cognito directory makes of each answer that Cognito may give, against the stub."""

import logging
import traceback
from collections.abc import Iterator

import pytest

from chalicelib.credentials import UserPool
from chalicelib.directories import LONGEST_PASSWORD_BYTES
from chalicelib.directories.cognito import CognitoDirectory
from chalicelib.errors import (
    ChallengeGone,
    ConfigurationError,
    DisabledInDirectory,
    EnrolmentDue,
    GantryError,
    LockedUnsaid,
    NewPasswordDue,
    PasswordResetDue,
    RateLimited,
    SecondFactorRequired,
    TooManyCodes,
    Unavailable,
    Unconfirmed,
    UnknownSecondFactor,
    WrongCode,
    WrongCredentials,
)
from chalicelib.model import Challenge, Identity
from chalicelib.secret import Secret
from chalicelib.sessions import LONGEST_SEAL, Challenges, Seals
from chalicelib.web.outcomes import outcome_of
from tests.cognito.stub import (
    CLIENT_ID,
    CLIENT_SECRET,
    CODE,
    POOL_ID,
    SESSION_SECONDS,
    CognitoStub,
    KnownSecret,
    Person,
    secret_hash,
)
from tests.fakes import NOON, FakeClock, caller
from tests.secrets_manager import AWS

PASSWORD = "canary-password"
PLAIN = UserPool(POOL_ID, CLIENT_ID)
WITH_SECRET = UserPool(POOL_ID, CLIENT_ID, Secret(CLIENT_SECRET))
FACTORS = ("SMS_MFA", "EMAIL_OTP", "SOFTWARE_TOKEN_MFA")


@pytest.fixture(scope="module")
def server() -> Iterator[CognitoStub]:
    with CognitoStub() as stub:
        yield stub


@pytest.fixture(scope="module")
def directory(server: CognitoStub) -> Iterator[CognitoDirectory]:
    # One for all: boto3 takes a tenth of a second to make a client.
    made = CognitoDirectory(KnownSecret(PLAIN), server.clock)
    yield made
    made.close()


@pytest.fixture
def cognito(server: CognitoStub, directory: CognitoDirectory, monkeypatch: pytest.MonkeyPatch) -> CognitoStub:
    for name, value in {**AWS, "AWS_ENDPOINT_URL": server.url}.items():
        monkeypatch.setenv(name, value)
    server.reset()
    server.people["alice"] = Person(PASSWORD)
    directory._credentials = KnownSecret(PLAIN)
    return server


def credentials(directory: CognitoDirectory, now: UserPool, renewed: UserPool | None = None) -> KnownSecret:
    """Give the directory other credentials, and what it finds when it reads them anew."""
    directory._credentials = known = KnownSecret(now, renewed)
    return known


def sign_in(directory: CognitoDirectory, username: str = "alice", password: str = PASSWORD) -> Identity:
    return directory.authenticate(username, Secret(password), caller())


def refusal(directory: CognitoDirectory, username: str = "alice", password: str = PASSWORD) -> GantryError:
    with pytest.raises(GantryError) as refused:
        sign_in(directory, username, password)
    return refused.value


def due(directory: CognitoDirectory, username: str = "alice") -> SecondFactorRequired:
    required = refusal(directory, username)
    assert isinstance(required, SecondFactorRequired)
    return required


def challenge(directory: CognitoDirectory, username: str = "alice") -> Challenge:
    required = due(directory, username)
    return Challenge("cognito", username, required.method, NOON, required.memo)


def code_refusal(directory: CognitoDirectory, challenge: Challenge, code: str = CODE) -> GantryError:
    with pytest.raises(GantryError) as refused:
        directory.answer(challenge, code, caller())
    return refused.value


# --- what is sent ----------------------------------------------------------------------------------------------------


def test_a_password_goes_to_cognito_unsigned_and_once(cognito: CognitoStub, directory: CognitoDirectory) -> None:
    """One call with the password as typed, without AWS credentials, since anybody may make it."""
    sign_in(directory)
    (asked,) = cognito.asked
    assert asked.operation == "InitiateAuth"
    assert asked.body["AuthFlow"] == "USER_PASSWORD_AUTH"
    assert asked.body["AuthParameters"] == {"USERNAME": "alice", "PASSWORD": PASSWORD}
    assert "authorization" not in asked.headers


def test_a_password_that_cannot_be_one_is_wrong_without_a_call(
    cognito: CognitoStub, directory: CognitoDirectory
) -> None:
    """Promise 4: what is empty, over 256 characters or over 1,024 bytes is nobody's password, and is not sent."""
    for impossible in ("", "a" * 257, "a" * 1025):
        assert type(refusal(directory, password=impossible)) is WrongCredentials
    assert cognito.asked == []
    cognito.people["alice"].password = longest = "\N{LOCK}" * 256
    assert len(longest.encode()) == LONGEST_PASSWORD_BYTES
    sign_in(directory, password=longest)


def test_the_client_secret_is_proved_for_the_name_that_was_typed(
    cognito: CognitoStub, directory: CognitoDirectory
) -> None:
    """With a client secret each call proves it: for the typed name first, for Cognito's name of the person after."""
    cognito.secret = CLIENT_SECRET
    cognito.people["alice"].aliases = ("älice@example.com",)
    cognito.people["alice"].factors = ("SOFTWARE_TOKEN_MFA",)
    credentials(directory, WITH_SECRET)
    directory.answer(challenge(directory, "älice@example.com"), CODE, caller())
    asked, answered = cognito.asked
    assert asked.body["AuthParameters"]["SECRET_HASH"] == secret_hash("älice@example.com")
    assert answered.body["ChallengeResponses"]["USERNAME"] == "alice"
    assert answered.body["ChallengeResponses"]["SECRET_HASH"] == secret_hash("alice")


# --- who may not come in ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prevent_existence_errors", [True, False])
def test_nobody_learns_who_is_there(
    cognito: CognitoStub, directory: CognitoDirectory, prevent_existence_errors: bool
) -> None:
    """Promise 2: whatever Cognito says before it saw a right password gives the page of a wrong one."""
    cognito.prevent_existence_errors = prevent_existence_errors
    cognito.people["dora"] = Person(PASSWORD, enabled=False)
    cognito.people["una"] = Person(PASSWORD, status="UNCONFIRMED")
    cognito.people["rita"] = Person(PASSWORD, status="RESET_REQUIRED")
    pages = {outcome_of(refusal(directory, name, "wrong")) for name in ("alice", "dora", "una", "rita", "nobody")}
    pages |= {outcome_of(refusal(directory, name)) for name in ("dora", "una", "rita", "nobody")}
    assert pages == {outcome_of(WrongCredentials())}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"enabled": False}, "disabled"),
        ({"status": "UNCONFIRMED"}, "unconfirmed"),
        ({"status": "RESET_REQUIRED"}, "password-reset"),
        ({"password": "another"}, "wrong-credentials"),
    ],
)
def test_the_log_tells_the_administrator_why(
    cognito: CognitoStub, directory: CognitoDirectory, changed: dict[str, object], reason: str
) -> None:
    """Promise 33: the log has a reason of its own for what the page does not say."""
    for name, value in changed.items():
        setattr(cognito.people["alice"], name, value)
    refused = refusal(directory)
    assert isinstance(refused, WrongCredentials)
    assert refused.reason == reason


def test_cognitos_own_lock_is_not_told(cognito: CognitoStub, directory: CognitoDirectory) -> None:
    """Promise 2: a lock of Cognito's, which may tell that there is such a user, is answered like a wrong password."""
    cognito.people["alice"].failures = 6
    assert isinstance(refusal(directory), LockedUnsaid)


REFUSALS: list[tuple[str, str, type[GantryError]]] = [
    ("NotAuthorizedException", "Incorrect username or password.", WrongCredentials),
    ("NotAuthorizedException", "Something of tomorrow's.", WrongCredentials),
    ("UserNotFoundException", "User does not exist.", WrongCredentials),
    ("InvalidParameterException", "1 validation error detected: Value at 'username'", WrongCredentials),
    ("UserLambdaValidationException", "PreAuthentication failed with error canary.", WrongCredentials),
    ("InvalidParameterException", "USER_PASSWORD_AUTH flow not enabled for this client", ConfigurationError),
    ("InvalidParameterException", "Initiate Auth method not supported.", ConfigurationError),
    ("UnsupportedOperationException", "", ConfigurationError),
    ("InvalidUserPoolConfigurationException", "", ConfigurationError),
    ("FeatureUnavailableInTierException", "", ConfigurationError),
    ("OperationNotEnabledException", "", ConfigurationError),
    ("TooManyFailedAttemptsException", "", LockedUnsaid),
    ("TooManyRequestsException", "Rate exceeded", RateLimited),
    ("LimitExceededException", "Attempt limit exceeded", RateLimited),
    ("ThrottlingException", "Rate exceeded", RateLimited),
    ("RequestLimitExceeded", "", RateLimited),
    ("ForbiddenException", "Request blocked", Unavailable),
    ("UnexpectedLambdaException", "", Unavailable),
    ("InvalidLambdaResponseException", "", Unavailable),
    ("InvalidSmsRoleAccessPolicyException", "", Unavailable),
    ("InvalidSmsRoleTrustRelationshipException", "", Unavailable),
    ("InvalidEmailRoleAccessPolicyException", "", Unavailable),
    ("CodeDeliveryFailureException", "", Unavailable),
    ("ErrorOfTomorrow", "", Unavailable),
]


@pytest.mark.parametrize(("code", "message", "kind"), REFUSALS)
def test_every_refusal_of_a_password_has_its_meaning(
    cognito: CognitoStub, directory: CognitoDirectory, code: str, message: str, kind: type[GantryError]
) -> None:
    """Each error that InitiateAuth may give becomes one outcome, and its text goes nowhere."""
    cognito.refuse("InitiateAuth", code, message)
    refused = refusal(directory)
    assert type(refused) is kind
    assert "canary" not in str(refused)
    assert len(cognito.asked) == 1


@pytest.mark.parametrize("operation", ["InitiateAuth", "RespondToAuthChallenge"])
def test_a_fault_of_cognitos_own_is_unavailable(
    cognito: CognitoStub, directory: CognitoDirectory, operation: str
) -> None:
    """Promise 35: an internal error of Cognito's blames nobody, and no call is repeated."""
    cognito.people["alice"].factors = ("SMS_MFA", "SOFTWARE_TOKEN_MFA")
    cognito.refuse(operation, "InternalErrorException", status=500)
    assert str(refusal(directory)) == "cognito: InternalErrorException"
    assert len(cognito.calls(operation)) == 1


def test_no_call_is_begun_past_the_deadline(cognito: CognitoStub, directory: CognitoDirectory) -> None:
    """Promise 35: less time than the client's own time-outs is no time to begin a call."""
    cognito.people["alice"].factors = ("SOFTWARE_TOKEN_MFA",)
    waiting = challenge(directory)
    cognito.asked.clear()
    with pytest.raises(Unavailable, match="deadline"):
        directory.authenticate("alice", Secret(PASSWORD), caller(seconds=6.9))
    with pytest.raises(Unavailable, match="deadline"):
        directory.answer(waiting, CODE, caller(seconds=6.9))
    assert cognito.asked == []


# --- the app client's own troubles -----------------------------------------------------------------------------------


@pytest.mark.parametrize("message", ["Unable to verify secret hash for client x", "SecretHash does not match for x"])
def test_a_new_client_secret_is_read_once(cognito: CognitoStub, directory: CognitoDirectory, message: str) -> None:
    """Promise 34: where Cognito refuses the client secret it is read anew, once, and the call made once more."""
    cognito.secret = CLIENT_SECRET
    known = credentials(directory, UserPool(POOL_ID, CLIENT_ID, Secret("old")), WITH_SECRET)
    if "match" in message:
        cognito.refuse("InitiateAuth", "NotAuthorizedException", message)
    assert sign_in(directory).username == "alice"
    assert (known.reads, len(cognito.asked)) == (1, 2)


def test_a_wrong_password_stays_one_whatever_the_client_secret_was(
    cognito: CognitoStub, directory: CognitoDirectory
) -> None:
    """Promise 34: what Cognito says to the second call is the answer."""
    cognito.secret = CLIENT_SECRET
    credentials(directory, UserPool(POOL_ID, CLIENT_ID, Secret("old")), WITH_SECRET)
    assert type(refusal(directory, password="wrong")) is WrongCredentials


def test_a_secret_without_a_pool_is_the_administrators_to_mend(directory: CognitoDirectory) -> None:
    """Credentials that were read for another directory are a configuration problem."""
    directory._credentials = KnownSecret(None)
    assert isinstance(refusal(directory), ConfigurationError)


@pytest.mark.parametrize("stored", [None, "old"])
def test_a_client_secret_that_stays_wrong_is_the_administrators_to_mend(
    cognito: CognitoStub, directory: CognitoDirectory, stored: str | None
) -> None:
    """A missing or wrong client secret is a configuration problem that names its key, after one second look."""
    cognito.secret = CLIENT_SECRET
    pool = UserPool(POOL_ID, CLIENT_ID, Secret(stored) if stored else None)
    known = credentials(directory, pool)
    refused = refusal(directory)
    assert isinstance(refused, ConfigurationError)
    assert [problem.key for problem in refused.problems] == ["cognito.client_secret"]
    assert (known.reads, len(cognito.asked)) == (1, 1)
    known = credentials(directory, pool, UserPool(POOL_ID, CLIENT_ID, Secret("older")))
    assert isinstance(refusal(directory), ConfigurationError)
    assert (known.reads, len(cognito.asked)) == (1, 3)


def test_a_new_client_secret_serves_the_code_too(cognito: CognitoStub, directory: CognitoDirectory) -> None:
    """Promise 34: a rotation between password and code costs nobody the sign-in."""
    cognito.people["alice"].factors = ("SOFTWARE_TOKEN_MFA",)
    cognito.secret = "old"
    credentials(directory, UserPool(POOL_ID, CLIENT_ID, Secret("old")), WITH_SECRET)
    waiting = challenge(directory)
    cognito.secret = CLIENT_SECRET
    assert directory.answer(waiting, CODE, caller()).second_factor


def test_an_unknown_app_client_is_the_administrators_to_mend(cognito: CognitoStub, directory: CognitoDirectory) -> None:
    """An app client that does not exist is a configuration problem; one that the secret names meanwhile is used."""
    gone = UserPool(POOL_ID, "gone")
    credentials(directory, gone)
    refused = refusal(directory)
    assert isinstance(refused, ConfigurationError)
    assert [problem.key for problem in refused.problems] == ["cognito.client_id"]
    assert "gone" not in str(refused)
    credentials(directory, gone, PLAIN)
    assert sign_in(directory).username == "alice"


def test_another_pool_in_the_secret_is_asked_from_then_on(cognito: CognitoStub) -> None:
    """A pool that the secret names later is asked at its own place, and its tokens must name it."""
    directory = CognitoDirectory(KnownSecret(UserPool("eu-west-1_Other", CLIENT_ID)), cognito.clock)
    assert isinstance(refusal(directory), Unavailable)
    credentials(directory, PLAIN)
    assert sign_in(directory).username == "alice"
    directory.close()


# --- challenges ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factor", "method", "sent", "destination"),
    [
        ("SOFTWARE_TOKEN_MFA", "app", None, None),
        ("SMS_MFA", "sms", True, "+*******1234"),
        ("EMAIL_OTP", "email", True, "a***@e***"),
    ],
)
def test_each_second_factor_is_asked_for_and_answered(
    cognito: CognitoStub,
    directory: CognitoDirectory,
    factor: str,
    method: str,
    sent: bool | None,
    destination: str | None,
) -> None:
    """App, SMS and e-mail codes are asked for by their names and answered under Cognito's; the identity says so."""
    cognito.people["alice"].factors = (factor,)
    required = due(directory)
    assert (required.method, required.sent, required.expires) == (method, sent, None)
    assert required.memo.get("destination") == destination
    identity = directory.answer(Challenge("cognito", "alice", method, NOON, required.memo), CODE, caller())
    assert (identity.username, identity.second_factor) == ("alice", True)
    (answered,) = cognito.calls("RespondToAuthChallenge")
    assert answered.body["ChallengeResponses"] == {"USERNAME": "alice", f"{factor}_CODE": CODE}


@pytest.mark.parametrize(
    ("offered", "method"),
    [(FACTORS, "app"), (FACTORS[:2], "email"), (("SMS_MFA", "EMAIL_MFA"), "email"), (("SMS_MFA", "NEW"), "sms")],
)
def test_among_several_the_app_is_chosen_then_email_then_sms(
    cognito: CognitoStub, directory: CognitoDirectory, offered: tuple[str, ...], method: str
) -> None:
    """Where Cognito lets a person choose, the app is taken, else e-mail, else SMS, and the code is asked for."""
    cognito.people["alice"].factors = offered
    waiting = challenge(directory)
    assert waiting.method == method
    assert directory.answer(waiting, CODE, caller()).second_factor


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("NEW_PASSWORD_REQUIRED", NewPasswordDue),
        ("MFA_SETUP", EnrolmentDue),
        ("DEVICE_SRP_AUTH", UnknownSecondFactor),
        ("DEVICE_PASSWORD_VERIFIER", UnknownSecondFactor),
        ("CUSTOM_CHALLENGE", UnknownSecondFactor),
        ("PASSWORD_VERIFIER", UnknownSecondFactor),
        ("SELECT_CHALLENGE", UnknownSecondFactor),
        ("WEB_AUTHN", UnknownSecondFactor),
        ("SMS_OTP", UnknownSecondFactor),
        ("CHALLENGE_OF_TOMORROW", UnknownSecondFactor),
    ],
)
def test_what_cannot_be_answered_here_is_explained(
    cognito: CognitoStub,
    directory: CognitoDirectory,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    kind: type[GantryError],
) -> None:
    """A challenge that no code answers has a word of its own, at once and after a choice."""
    cognito.people["alice"].factors = (name,)
    assert type(refusal(directory)) is kind
    cognito.people["alice"].factors = ("SMS_MFA", "SOFTWARE_TOKEN_MFA")
    waiting = challenge(directory)
    monkeypatch.setattr(cognito, "answer", lambda *_: {"ChallengeName": name, "Session": "s" * 20})
    assert type(code_refusal(directory, waiting)) is kind


def test_a_choice_without_anything_to_choose_is_explained(
    cognito: CognitoStub, directory: CognitoDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A choice among factors that nobody can be asked for here, or that Cognito takes back, is explained."""
    for parameters in ({}, {"MFAS_CAN_CHOOSE": "SMS_MFA"}, {"MFAS_CAN_CHOOSE": '"SMS_MFA"'}):
        choice = {"ChallengeName": "SELECT_MFA_TYPE", "Session": "s" * 20, "ChallengeParameters": parameters}
        with monkeypatch.context() as patch:
            patch.setattr(cognito, "answer", lambda *_, choice=choice: choice)
            assert type(refusal(directory)) is UnknownSecondFactor
    cognito.people["alice"].factors = ("ONE", "OTHER")
    assert type(refusal(directory)) is UnknownSecondFactor
    cognito.people["alice"].factors = FACTORS
    cognito.refuse("RespondToAuthChallenge", "InvalidParameterException")
    assert type(refusal(directory)) is UnknownSecondFactor


def test_a_second_challenge_after_the_first_is_asked_for(
    cognito: CognitoStub, directory: CognitoDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an answered code leads to a further challenge that one is asked for, with its own session."""
    cognito.people["alice"].factors = ("SMS_MFA",)
    first = challenge(directory)
    with monkeypatch.context() as patch:
        patch.setattr(cognito, "answer", lambda *_: cognito._challenge("alice", "EMAIL_OTP"))
        required = code_refusal(directory, first)
    assert isinstance(required, SecondFactorRequired)
    assert required.memo["session"] != first.memo["session"]
    second = Challenge("cognito", "alice", required.method, NOON, required.memo)
    assert directory.answer(second, CODE, caller()).second_factor


def test_a_wrong_code_may_be_mended(cognito: CognitoStub, directory: CognitoDirectory) -> None:
    """After a wrong or misshapen code the same challenge takes the right one."""
    cognito.people["alice"].factors = ("SMS_MFA",)
    waiting = challenge(directory)
    for wrong in ("000000", "12345", "abcdef", "-" * 64):
        assert type(code_refusal(directory, waiting, wrong)) is WrongCode
    assert directory.answer(waiting, CODE, caller()).second_factor


def test_a_session_of_cognitos_ends(cognito: CognitoStub, directory: CognitoDirectory) -> None:
    """A session that has run out, was used, or is none begins again with the password."""
    cognito.people["alice"].factors = ("SOFTWARE_TOKEN_MFA",)
    waiting = challenge(directory)
    cognito.clock.now += SESSION_SECONDS
    assert type(code_refusal(directory, waiting)) is ChallengeGone
    again = challenge(directory)
    directory.answer(again, CODE, caller())
    assert type(code_refusal(directory, again)) is ChallengeGone
    unknown = Challenge("cognito", "alice", "app", NOON, {**again.memo, "session": "x" * 40})
    assert type(code_refusal(directory, unknown)) is ChallengeGone


CODE_REFUSALS: list[tuple[str, str, type[GantryError]]] = [
    ("NotAuthorizedException", "Invalid session for the user.", ChallengeGone),
    ("NotAuthorizedException", "User is disabled.", DisabledInDirectory),
    ("NotAuthorizedException", "Password attempts exceeded", TooManyCodes),
    ("TooManyFailedAttemptsException", "", TooManyCodes),
    ("UserNotConfirmedException", "", Unconfirmed),
    ("PasswordResetRequiredException", "", PasswordResetDue),
    ("UserNotFoundException", "", ChallengeGone),
    ("ResourceNotFoundException", "", ChallengeGone),
    ("UserLambdaValidationException", "PostAuthentication failed with error canary.", WrongCredentials),
    ("MFAMethodNotFoundException", "", UnknownSecondFactor),
    ("SoftwareTokenMFANotFoundException", "", UnknownSecondFactor),
    ("TooManyRequestsException", "", RateLimited),
    ("LimitExceededException", "", RateLimited),
    ("InvalidUserPoolConfigurationException", "", ConfigurationError),
    ("ForbiddenException", "", Unavailable),
    ("UnexpectedLambdaException", "", Unavailable),
    ("AliasExistsException", "", Unavailable),
]


@pytest.mark.parametrize(("code", "message", "kind"), CODE_REFUSALS)
def test_every_refusal_of_a_code_has_its_meaning(
    cognito: CognitoStub, directory: CognitoDirectory, code: str, message: str, kind: type[GantryError]
) -> None:
    """Each error that RespondToAuthChallenge may give becomes one outcome; after a right password it may be told."""
    cognito.people["alice"].factors = ("SOFTWARE_TOKEN_MFA",)
    waiting = challenge(directory)
    cognito.refuse("RespondToAuthChallenge", code, message)
    refused = code_refusal(directory, waiting)
    assert type(refused) is kind
    assert "canary" not in str(refused)


@pytest.mark.parametrize(
    ("factor", "kind"), [("SOFTWARE_TOKEN_MFA", WrongCode), ("SMS_MFA", ChallengeGone), ("EMAIL_OTP", ChallengeGone)]
)
def test_a_code_that_is_over_is_followed_by_the_next(
    cognito: CognitoStub, directory: CognitoDirectory, factor: str, kind: type[GantryError]
) -> None:
    """An app's used code is followed by its next one; one that was sent is sent again only by a new sign-in."""
    cognito.people["alice"].factors = (factor,)
    waiting = challenge(directory)
    message = "Your software token has already been used once."
    cognito.refuse("RespondToAuthChallenge", "ExpiredCodeException", message)
    assert type(code_refusal(directory, waiting)) is kind


def test_the_longest_session_fits_into_the_form(cognito: CognitoStub, directory: CognitoDirectory) -> None:
    """Promise 15: a challenge with the longest session that Cognito gives, sealed, is still short enough to open."""
    memo = {"session": "s" * 4096, "challenge": "SOFTWARE_TOKEN_MFA", "user": "u" * 128}
    challenges = Challenges(Seals(KnownSecret(PLAIN), FakeClock()))
    sealed = challenges.issue(Challenge("cognito", "alice@example.com", "app", NOON, memo), caller().deadline)
    assert len(sealed) < LONGEST_SEAL - 1024
    assert challenges.open(sealed, "cognito", caller().deadline).memo == memo


# --- the ID token ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer", [{}, {"AuthenticationResult": {"AccessToken": "canary"}}, {"ChallengeName": "SMS_MFA"}]
)
def test_an_answer_without_an_identity_is_unavailable(
    cognito: CognitoStub, directory: CognitoDirectory, monkeypatch: pytest.MonkeyPatch, answer: dict[str, object]
) -> None:
    """An answer that is neither an ID token nor a challenge with a session proves nothing and blames nobody."""
    monkeypatch.setattr(cognito, "answer", lambda *_: answer)
    assert type(refusal(directory)) is Unavailable


def test_a_forged_token_signs_nobody_in(cognito: CognitoStub, directory: CognitoDirectory) -> None:
    """A token that was changed on its way is no identity, and the password was not wrong for that."""
    cognito.forge = lambda token: token[:-8] + ("AAAAAAAA" if not token.endswith("AAAAAAAA") else "BBBBBBBB")
    assert str(refusal(directory)) == "cognito: ID token: InvalidSignatureError"


def test_the_keys_are_fetched_where_the_calls_go_and_kept(cognito: CognitoStub) -> None:
    """The pool's keys come from the endpoint that the calls go to, once a container until the pool has another."""
    directory = CognitoDirectory(KnownSecret(PLAIN), cognito.clock)
    for _ in range(3):
        sign_in(directory)
    assert cognito.key_fetches == 1
    cognito.keys = ["two", "one"]
    cognito.clock.now += 31
    assert sign_in(directory).username == "alice"
    assert cognito.key_fetches == 2
    directory.close()


# --- discretion ------------------------------------------------------------------------------------------------------


def test_no_secret_shows_anywhere(
    cognito: CognitoStub,
    directory: CognitoDirectory,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Promise 32: password, code, session, client secret and tokens are in no log, repr or error, whatever happens."""
    caplog.set_level(logging.INFO)
    known = credentials(directory, WITH_SECRET)
    cognito.secret = CLIENT_SECRET
    alice = cognito.people["alice"]
    shown: list[str] = []
    beneath: list[str] = []

    def note(error: BaseException) -> None:
        shown.extend((str(error), repr(error), *traceback.format_exception(error)))
        while error.__context__ is not None:
            error = error.__context__
            beneath.extend((str(error), repr(error)))

    shown.append(repr(sign_in(directory)))
    for code, message, _ in REFUSALS:
        cognito.refuse("InitiateAuth", code, message + " canary")
        note(refusal(directory))
    cognito.forge = lambda token: token + "x"
    note(refusal(directory))
    cognito.forge = lambda token: token
    alice.factors = ("SOFTWARE_TOKEN_MFA",)
    for code, message, _ in CODE_REFUSALS:
        waiting = challenge(directory)
        shown.append(repr(waiting))
        cognito.refuse("RespondToAuthChallenge", code, message)
        note(code_refusal(directory, waiting))
    note(due(directory))
    note(code_refusal(directory, challenge(directory), "135791"))
    cognito.secret = "another-canary"
    note(refusal(directory))
    shown.extend((repr(directory), repr(known), repr(directory._kept), caplog.text, *capsys.readouterr()))
    text, hidden = "\n".join(shown), "\n".join(beneath)
    assert len(text) > 5000
    assert "canary" not in text
    # What was set aside holds Cognito's words for what went wrong, and nothing of ours.
    for secret in (PASSWORD, CLIENT_SECRET, CODE, "135791", *cognito.tokens, *cognito.sessions):
        assert secret not in text + hidden
