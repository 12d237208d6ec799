"""Signature Version 4: AWS's published vectors, and botocore's word for what they do not have."""

from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from chalicelib.secret import Secret
from chalicelib.signature import AccessKey, signed

AT = "20150830T123600Z"
KEY_ID, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
HOST = {"Host": "example.amazonaws.com"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwth"
    "Ax7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAki"
    "Y9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)

# AWS Signature Version 4 test suite: name, method, headers, body, session token, the names and the signature.
VECTORS = [
    (
        "get-vanilla",
        "GET",
        {},
        b"",
        None,
        "host;x-amz-date",
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    (
        "post-vanilla",
        "POST",
        {},
        b"",
        None,
        "host;x-amz-date",
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ),
    (
        "post-header-key-sort",
        "POST",
        {"My-Header1": "value1"},
        b"",
        None,
        "host;my-header1;x-amz-date",
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    ),
    (
        "post-header-value-case",
        "POST",
        {"My-Header1": "VALUE1"},
        b"",
        None,
        "host;my-header1;x-amz-date",
        "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
    ),
    (
        "post-x-www-form-urlencoded",
        "POST",
        FORM,
        b"Param1=value1",
        None,
        "content-type;host;x-amz-date",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
    (
        "post-sts-header-before",
        "POST",
        {},
        b"",
        TOKEN,
        "host;x-amz-date;x-amz-security-token",
        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
    ),
]


@pytest.mark.parametrize(("name", "method", "headers", "body", "token", "names", "signature"), VECTORS)
def test_a_published_vector_is_signed_as_published(
    name: str, method: str, headers: dict[str, str], body: bytes, token: str | None, names: str, signature: str
) -> None:
    """A request of AWS's test suite gets the signature that the suite has for it."""
    key = AccessKey(KEY_ID, Secret(SECRET), Secret(token) if token else None)
    sent = signed(method, "/", {**HOST, **headers}, body, key, "us-east-1", "service", AT)
    assert sent["Authorization"] == (
        f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )


@pytest.mark.parametrize("token", [None, "a-token"])
@pytest.mark.parametrize("path", ["/", "/below/it"])
def test_botocore_signs_alike(path: str, token: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent to Secrets Manager has the signature that botocore gives the same request."""
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC))
    headers = {
        "Host": "secretsmanager.eu-central-1.amazonaws.com",
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "secretsmanager.GetSecretValue",
        "X-Odd": "  two   words ",
    }
    body = '{"SecretId": "gantry/ä"}'.encode()
    request = AWSRequest("POST", f"https://{headers['Host']}{path}", dict(headers), body)
    SigV4Auth(Credentials(KEY_ID, SECRET, token), "secretsmanager", "eu-central-1").add_auth(request)
    key = AccessKey(KEY_ID, Secret(SECRET), Secret(token) if token else None)
    sent = signed("POST", path, headers, body, key, "eu-central-1", "secretsmanager", "20261120T120000Z")
    assert sent["Authorization"] == request.headers["Authorization"]


def test_a_key_does_not_print() -> None:
    """Promise 32: neither the secret half of a key nor its token is in its repr."""
    shown = repr(AccessKey(KEY_ID, Secret("canary-secret"), Secret("canary-token")))
    assert "canary" not in shown
