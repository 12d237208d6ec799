"""AWS Signature Version 4 for one request: who sends it, without saying by which secret.

IAM User Guide, "Create a signed AWS API request". Own code, since botocore's costs a cold start more than all the rest
of a session check.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from chalicelib.secret import Secret

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class AccessKey:
    """What AWS knows a caller by. `session_token` goes with keys that are lent for a while, as a function's are."""

    id: str
    secret: Secret
    session_token: Secret | None = None


def signed(
    method: str, path: str, headers: Mapping[str, str], body: bytes, key: AccessKey, region: str, service: str, at: str
) -> dict[str, str]:
    """Return `headers` with those that sign the request.

    `headers` must name the `Host`, `path` is as it is sent and has no query, and `at` is the moment in UTC, written as
    `20150830T123600Z`. AWS accepts a signature for five minutes.
    """
    token = {"X-Amz-Security-Token": key.session_token.reveal()} if key.session_token is not None else {}
    sent = {**headers, "X-Amz-Date": at, **token}
    canonical = {name.lower(): " ".join(value.split()) for name, value in sent.items()}
    names = ";".join(sorted(canonical))
    lines = "".join(f"{name}:{canonical[name]}\n" for name in sorted(canonical))
    request = "\n".join((method, path, "", lines, names, sha256(body).hexdigest()))
    scope = f"{at[:8]}/{region}/{service}/aws4_request"
    text = "\n".join((ALGORITHM, at, scope, sha256(request.encode()).hexdigest()))
    # The secret itself is the innermost key: each step narrows down what the next one is good for.
    derived = f"AWS4{key.secret.reveal()}".encode()
    for part in scope.split("/"):
        derived = _digest(derived, part)
    signature = _digest(derived, text).hex()
    credential = f"Credential={key.id}/{scope}"
    return {**sent, "Authorization": f"{ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"}


def _digest(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
