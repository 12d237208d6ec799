"""The secret's life: a rotation logs nobody out, and nobody from outside can drive Secrets Manager."""

from urllib.parse import urlencode

import pytest

from tests.api_gateway import Context, event
from tests.stage import COOKIE, FORM, Stage, Visitor, new_key


@pytest.fixture
def signed_in(stage: Stage, visitor: Visitor) -> Visitor:
    assert visitor.sign_in("alice").status_code == 200
    return visitor


def test_a_container_reads_the_secret_once(stage: Stage, signed_in: Visitor) -> None:
    """Promise 34: within its 300 s the secret is read once a container, and then once more."""
    for _ in range(5):
        stage.clock.advance(50)
        signed_in.check()
    assert stage.secrets.reads == 1
    stage.clock.advance(51)
    signed_in.check()
    assert stage.secrets.reads == 2


def test_old_cookies_open_while_their_key_is_listed(stage: Stage, signed_in: Visitor) -> None:
    """Promise 14: a seal of an old key opens while the key is listed, and not after."""
    new = new_key()
    stage.rotate(*stage.keys, new)
    stage.container()
    assert signed_in.check().status_code == 200
    stage.rotate(new)
    stage.container()
    assert signed_in.check().status_code == 401


def test_new_cookies_are_sealed_with_the_newest_key(stage: Stage, visitor: Visitor) -> None:
    """Promise 14: the last key of the list seals."""
    new = new_key()
    stage.rotate(*stage.keys, new)
    stage.container()
    visitor.sign_in("alice")
    stage.rotate(new)
    stage.container()
    assert visitor.check().status_code == 200


def test_a_container_with_the_old_list_reads_again_once(stage: Stage, visitor: Visitor) -> None:
    """Promise 34: a cookie of a key that this container does not know yet opens after exactly one re-read."""
    old = stage.container()
    other = stage.visitor()
    other.sign_in("alice")
    stage.clock.advance(60)
    stage.rotate(*stage.keys, new_key())
    stage.container()
    visitor.sign_in("alice")
    stage.serve_from(old)
    reads = stage.secrets.reads
    assert visitor.check().status_code == 200
    assert stage.secrets.reads == reads + 1
    assert visitor.check().status_code == 200
    assert other.check().status_code == 200
    assert stage.secrets.reads == reads + 1


def test_a_challenge_survives_a_rotation(stage: Stage, visitor: Visitor) -> None:
    """Promise 34: the second factor's form of a sister container with the new key is answered here, too."""
    old = stage.container()
    visitor.sign_in("alice")
    stage.rotate(*stage.keys, new_key())
    stage.container()
    due = visitor.sign_in("bob")
    stage.serve_from(old)
    assert visitor.enter_code(due, "000000").status_code == 401
    assert stage.log.events("attempt")[-1]["reason"] == "wrong-code"


def test_forged_cookies_cannot_drive_secrets_manager(stage: Stage, signed_in: Visitor) -> None:
    """Promise 34: however many forged cookies come, the secret is read again at most once in 30 s."""
    reads = stage.secrets.reads
    forger = stage.visitor()
    for number in range(50):
        assert forger.check(Cookie=f"{COOKIE}=forged-{number}").status_code == 401
    assert stage.secrets.reads == reads + 1
    stage.clock.advance(29)
    forger.check(Cookie=f"{COOKIE}=forged")
    assert stage.secrets.reads == reads + 1
    stage.clock.advance(2)
    forger.check(Cookie=f"{COOKIE}=forged")
    assert stage.secrets.reads == reads + 2


def test_forged_challenges_cannot_drive_it_either(stage: Stage, signed_in: Visitor) -> None:
    """Promise 34: the same one re-read holds for the seals in the second factor's form and for `/logout`."""
    reads = stage.secrets.reads
    for number in range(10):
        signed_in.post("/login", {"challenge": f"forged-{number}", "code": "123456"})
        signed_in.request(
            "POST", "/logout", "", {"Origin": stage.url, "Content-Type": FORM, "Cookie": f"{COOKIE}=forged"}
        )
    assert stage.secrets.reads == reads + 1


def test_a_cookie_that_may_be_good_elsewhere_is_not_expired(stage: Stage, visitor: Visitor) -> None:
    """Promise 34: where the one re-read is spent, a cookie of a newer key is 401 for now but stays in the browser."""
    old = stage.container()
    stage.visitor().check(Cookie=f"{COOKIE}=forged")
    stage.rotate(*stage.keys, new_key())
    stage.container()
    visitor.sign_in("alice")
    stage.serve_from(old)
    answer = visitor.check()
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    stage.clock.advance(31)
    assert visitor.check().status_code == 200


def test_a_refresh_that_fails_keeps_the_keys(stage: Stage, signed_in: Visitor) -> None:
    """Promise 34: an AWS that does not answer signs nobody out, and is asked again half a minute later."""
    stage.secrets.down = True
    reads = stage.secrets.reads
    stage.clock.advance(301)
    assert signed_in.check().status_code == 200
    assert stage.secrets.reads == reads + 1
    stage.clock.advance(2)
    assert signed_in.check().status_code == 200
    assert stage.secrets.reads == reads + 1
    assert stage.log.events("secret_kept")[0]["reason"] == "unavailable"
    stage.clock.advance(29)
    stage.secrets.down = False
    assert signed_in.check().status_code == 200
    assert stage.secrets.reads == reads + 2


def test_a_rotation_that_went_wrong_keeps_the_keys(stage: Stage, signed_in: Visitor) -> None:
    """Promise 34: a secret that became faulty signs nobody out, and the log names the problem without a value."""
    stage.secrets.put(stage.secret_id, '{"session_keys": ["canary-of-a-key"]}')
    stage.clock.advance(301)
    assert signed_in.check().status_code == 200
    [line] = stage.log.events("configuration")
    assert line["problems"][0].startswith("session_keys[0]: this is not a Fernet key.")
    assert "canary-of-a-key" not in stage.log.text


def test_a_forged_cookie_while_aws_is_down_is_not_expired(stage: Stage, signed_in: Visitor) -> None:
    """Promise 34: when the keys cannot be read anew nobody knows that a cookie is forged, so it stays."""
    stage.secrets.down = True
    answer = stage.visitor().check(Cookie=f"{COOKIE}=forged")
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers


def test_the_first_read_keeps_to_the_deadline(stage: Stage, signed_in: Visitor) -> None:
    """Promise 35: where no time is left Secrets Manager is not called: 503."""
    stage.container()
    reads = stage.secrets.reads
    headers = {"origin": stage.origin, "cookie": f"{COOKIE}={signed_in.cookie}"}
    assert stage.invoke(event("POST", "/session", headers=headers), Context(1.5))["statusCode"] == 503
    assert stage.secrets.reads == reads


def test_nobody_signs_in_without_keys(stage: Stage) -> None:
    """A password is not sent to the workspace while there is no key to seal a session with: no token is lost."""
    stage.secrets.down = True
    headers = {"host": "g.test", "origin": "https://g.test", "content-type": FORM}
    form = urlencode({"username": "alice", "password": "gantry-demo"})
    assert stage.invoke(event("POST", "/login", headers=headers, body=form))["statusCode"] == 503
    assert stage.workspace.calls() == []
