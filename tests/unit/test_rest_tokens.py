"""What one container remembers of a token, and for how long."""

import pytest

from chalicelib.deadline import Deadline
from chalicelib.errors import Unavailable
from chalicelib.model import Account, Identity, Session, Token
from chalicelib.rocketchat import Reply
from chalicelib.secret import Secret
from chalicelib.tokens.rest import MOST_REMEMBERED, RestTokens
from tests.fakes import FakeClock, Replies, reply

DEADLINE = Deadline.after(60)
LIVE, DEAD, LIMITED, DOWN = reply(200, {"_id": "a"}), reply(401, {}), reply(429, b"slow down"), reply(502, b"<html>")


def session(token: str = "T" * 43) -> Session:
    return Session("aliceid", Token(Secret(token)), 0.0, 1.0)


@pytest.mark.parametrize(("answer", "live"), [(LIVE, True), (LIMITED, True), (DEAD, False)])
def test_an_answer_is_remembered_for_a_second(answer: Reply, live: bool) -> None:
    """A burst of checks costs one `GET me`; a second later the workspace is asked again."""
    clock, send = FakeClock(), Replies([answer, DEAD])
    tokens = RestTokens(send, clock)
    for _ in range(4):
        assert tokens.is_live(session(), DEADLINE) is live
        clock.now += 0.24
    assert len(send.calls) == 1
    clock.now += 0.05
    assert tokens.is_live(session(), DEADLINE) is False
    assert len(send.calls) == 2


def test_what_could_not_be_known_is_not_remembered() -> None:
    """A workspace that did not answer is asked again at once."""
    tokens = RestTokens(Replies([DOWN, LIVE]), FakeClock())
    with pytest.raises(Unavailable):
        tokens.is_live(session(), DEADLINE)
    assert tokens.is_live(session(), DEADLINE)


def test_each_token_is_remembered_for_itself() -> None:
    """What is known of one session says nothing of another."""
    tokens = RestTokens(Replies([LIVE, DEAD]), FakeClock())
    assert tokens.is_live(session("one"), DEADLINE)
    assert not tokens.is_live(session("two"), DEADLINE)


def test_a_revoked_token_is_forgotten() -> None:
    """Promise 12: after a sign-out the container does not go on with what it remembered."""
    tokens = RestTokens(Replies([LIVE, reply(200, {}), DEAD]), FakeClock())
    assert tokens.is_live(session(), DEADLINE)
    tokens.revoke(session(), DEADLINE)
    assert not tokens.is_live(session(), DEADLINE)


def test_the_memory_is_bounded() -> None:
    """However many sessions are asked about within a second, the container remembers a bounded number."""
    clock = FakeClock()
    tokens = RestTokens(Replies([LIVE] * (MOST_REMEMBERED + 4)), clock)
    for number in range(MOST_REMEMBERED + 1):
        assert tokens.is_live(session(str(number)), DEADLINE)
    assert tokens.is_live(session(str(MOST_REMEMBERED)), DEADLINE)
    clock.now += 1
    for _ in range(2):
        assert tokens.is_live(session("later"), DEADLINE)


def test_a_login_without_a_token_is_no_login() -> None:
    """Nothing is minted where the login brought no token."""
    with pytest.raises(Unavailable):
        RestTokens(Replies([]), FakeClock()).issue(Account("a"), Identity("i", "s", "u"), DEADLINE)
