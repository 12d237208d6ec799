"""The calls of the service account: whoever's token was rotated, and what an administrator has to mend."""

import json
from dataclasses import dataclass, field

import pytest

from chalicelib import rocketchat
from chalicelib import rocketchat_users as users
from chalicelib.credentials import Credentials, ServiceAccount
from chalicelib.deadline import Deadline
from chalicelib.errors import ConfigurationError, GantryError, RateLimited, Unavailable
from chalicelib.rocketchat import Call, CallRefused, Reply
from chalicelib.secret import Secret
from chalicelib.service import Service
from tests.fakes import FakeClock, Replies, refused, reply

DEADLINE = Deadline.after(1e6)
FOUND = reply(200, {"user": {"_id": "aliceid"}})
DEAD = reply(401, {"status": "error", "message": "You must be logged in to do this."})
TOTP = {"error": "TOTP Required [totp-required]", "errorType": "totp-required", "details": {"method": "totp"}}


def credentials(token: str | None) -> Credentials:
    return Credentials((), service_account=ServiceAccount("service-id", Secret(token)) if token else None)


@dataclass
class FakeCredentials:
    """A secret that has been read, and what it is when it is read anew."""

    known: Credentials
    renewed: Credentials | None = None
    failure: GantryError | None = None
    refreshes: int = field(default=0)

    def current(self, deadline: Deadline) -> Credentials:
        if self.failure is not None:
            raise self.failure
        return self.known

    def refreshed(self, deadline: Deadline) -> Credentials:
        self.refreshes += 1
        self.known = self.renewed or self.known
        return self.current(deadline)


def look_up(service: ServiceAccount) -> Call:
    return users.info_by_id(service, "aliceid")


def make(service: ServiceAccount) -> Call:
    return users.create(service, username="a", name="A", email="a@x", verified=True, password=Secret("pw"))


def service(send: Replies, known: str | None = "old", renewed: str | None = None) -> tuple[Service, FakeCredentials]:
    source = FakeCredentials(credentials(known), credentials(renewed) if renewed else None)
    return Service(send, source, FakeClock()), source


def problem(send: Replies, build: object = look_up, **how: str | None) -> str:
    """The one thing that is to be mended."""
    with pytest.raises(ConfigurationError) as error:
        service(send, **how)[0].call(build, DEADLINE)  # type: ignore[arg-type]
    (only,) = error.value.problems
    assert "service-id" not in str(error.value)
    assert "old" not in str(error.value).split()
    return str(only)


def test_a_call_carries_the_service_accounts_headers() -> None:
    """A call is built for the service account, and what the workspace answers is handed on."""
    send = Replies([FOUND])
    calls, source = service(send)
    assert calls.call(look_up, DEADLINE) == {"user": {"_id": "aliceid"}}
    assert send.calls[0].headers == {"X-User-Id": "service-id", "X-Auth-Token": "old"}
    assert source.refreshes == 0


def test_a_refused_token_is_read_anew_once() -> None:
    """Promise 34: one refused authentication makes the secret be read anew and the call be built and made once more."""
    send = Replies([DEAD, FOUND])
    calls, source = service(send, renewed="new")
    assert calls.call(look_up, DEADLINE) == {"user": {"_id": "aliceid"}}
    assert [call.headers["X-Auth-Token"] for call in send.calls] == ["old", "new"]
    assert source.refreshes == 1


def test_a_dead_token_is_a_configuration_problem() -> None:
    """Promise 34: what is refused twice is told to the administrator, by its key."""
    send = Replies([DEAD, DEAD])
    assert problem(send, renewed="new").startswith("rocketchat_auth_token: ")
    assert len(send.calls) == 2


@pytest.mark.parametrize(
    "answer", [refused("error-user-is-not-activated"), refused("error-login-blocked-for-ip"), refused("totp-invalid")]
)
def test_what_is_wrong_with_the_service_account_is_not_told_to_the_person(answer: Reply) -> None:
    """A refusal that would concern the person at a login concerns the administrator here."""
    assert problem(Replies([answer, answer])).startswith("rocketchat_auth_token: ")


@pytest.mark.parametrize(
    "answer", [reply(400, TOTP), refused("totp-required", details={"method": "totp"}), refused("totp-required")]
)
def test_a_second_factor_is_a_configuration_problem_with_the_ways_out(answer: Reply) -> None:
    """A call that asks for a second factor, in either form, names the token that ignores it and the update."""
    told = problem(Replies([answer]))
    assert told.startswith("rocketchat_auth_token: ")
    assert "ignores two factor" in told
    assert "8.6.1" in told


@pytest.mark.parametrize(
    "answer",
    [
        reply(403, {"success": False, "error": "no [error-unauthorized]"}),
        reply(403, {}),
        reply(400, {"error": "Adding user is not allowed", "errorType": "error-action-not-allowed"}),
        reply(400, {"error": "Adding user is not allowed [error-action-not-allowed]"}),
    ],
)
def test_a_missing_permission_is_named(answer: Reply) -> None:
    """A call that the service account may not make names the permission that it needs."""
    assert "create-user" in problem(Replies([answer]), make)
    assert "view-full-other-user-info" in problem(Replies([answer]), look_up)
    assert problem(Replies([answer]), lambda account: rocketchat.me(account.user_id, account.token))


def test_no_service_account_is_a_configuration_problem() -> None:
    """Without a service account no call is made, also where a rotation has removed it."""
    send = Replies([])
    assert problem(send, known=None).startswith("rocketchat_user_id: ")
    assert send.calls == []


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (reply(400, {"error": "User not found."}), CallRefused),
        (reply(429, b"slow down"), RateLimited),
        (reply(502, b"<html>"), Unavailable),
        (Unavailable("workspace", "ReadTimeout"), Unavailable),
    ],
)
def test_everything_else_is_handed_on(answer: Reply | Exception, meaning: type[Exception]) -> None:
    """A no that concerns the call, a limit and a workspace that does not answer are the caller's affair, at once."""
    send = Replies([answer])
    with pytest.raises(meaning) as error:
        service(send)[0].call(look_up, DEADLINE)
    assert type(error.value) is meaning
    assert len(send.calls) == 1


def test_the_headers_alone_are_there_where_they_can_be_had() -> None:
    """`POST login` goes with the service account's headers, and without them where there is none or no secret."""
    assert service(Replies([]))[0].headers(DEADLINE) == {"X-User-Id": "service-id", "X-Auth-Token": "old"}
    assert service(Replies([]), known=None)[0].headers(DEADLINE) == {}
    broken = FakeCredentials(credentials("old"), failure=Unavailable("secret", "EndpointConnectionError"))
    assert Service(Replies([]), broken, FakeClock()).headers(DEADLINE) == {}


def test_no_secret_is_told() -> None:
    """Promise 32: neither token nor password stands in what a refused call raises, or in its causes."""
    answer = reply(400, {"error": "canary", "errorType": "error-x"})
    with pytest.raises(CallRefused) as error:
        service(Replies([answer]), known="canary")[0].call(make, DEADLINE)
    told = json.dumps([str(error.value), repr(error.value), repr(error.value.__cause__)])
    assert "canary" not in told
