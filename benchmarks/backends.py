"""What Gantry calls, in a process of its own: moto's Secrets Manager and the stand-in workspace, both counted.

    with Backends() as backends:
        name = backends.store({"session_keys": […]})
        backends.counted()                     # {"secret": 0, "workspace": 0}, from now on or since it was last asked

So their work is on another process's account; what it takes of the wall clock is still there, and `answer_times` says
how much that is.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from http.client import HTTPConnection
from statistics import median
from time import perf_counter
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from playground.people import PASSWORD, Person
from tests.secrets_manager import AWS

CHECKED, SIGNING_IN = "alice", "grace"
"""Who is asked about, and who signs in: the workspace keeps only so many tokens of one account."""

_TRIES = 15


class Backends:
    """The child process, from the side of who measures."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.backends"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        told = self._receive()
        self.secrets_url: str = told["secrets"]
        self.workspace_url: str = told["workspace"]

    def store(self, secret: Mapping[str, Any]) -> str:
        """Store a secret and return its name."""
        return str(self._ask(store=json.dumps(secret))["name"])

    def counted(self) -> dict[str, int]:
        """How many calls each has had since this was last asked."""
        return {name: int(count) for name, count in self._ask(count=True).items()}

    def answer_times(self, secret_id: str) -> dict[str, float]:
        """The median seconds of one call of each on a fresh connection, by the barest client: most is their own."""
        secrets, workspace = urlsplit(self.secrets_url).netloc, urlsplit(self.workspace_url).netloc
        # moto reads the service from it and verifies nothing.
        region = AWS["AWS_DEFAULT_REGION"]
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "secretsmanager.GetSecretValue",
            "Authorization": f"AWS4-HMAC-SHA256 Credential=testing/20261120/{region}/secretsmanager/aws4_request",
        }
        body = json.dumps({"SecretId": secret_id})
        return {
            "secret": median(_timed(secrets, "POST", "/", body, headers) for _ in range(_TRIES)),
            "workspace": median(_timed(workspace, "GET", "/api/v1/me", None, {}) for _ in range(_TRIES)),
        }

    def _ask(self, **order: Any) -> dict[str, Any]:
        if self._process.stdin is None:
            raise RuntimeError("a child without a pipe")
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return self._receive()

    def _receive(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise RuntimeError("the backends have ended")
        told: dict[str, Any] = json.loads(line)
        return told

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The end of its input ends the child.
        self._process.communicate()


def _timed(place: str, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> float:
    began = perf_counter()
    connection = HTTPConnection(place, timeout=10)
    connection.request(method, path, body, dict(headers))
    connection.getresponse().read()
    connection.close()
    return perf_counter() - began


def main() -> None:
    """The child: serve both, and do what the lines of standard input ask for until they end."""
    import os

    os.environ.update(AWS)

    from playground.workspace import Workspace, serve
    from tests.secrets_manager import SecretsManager

    people = [Person(username=name, email=f"{name}@example.org", password=PASSWORD) for name in (CHECKED, SIGNING_IN)]
    workspace, secrets = Workspace(people=people, rate_limits=False), SecretsManager()
    told = 0

    def answer(order: Mapping[str, Any]) -> dict[str, Any]:
        nonlocal told
        if "store" in order:
            return {"name": secrets.new(order["store"])}
        calls = len(workspace.calls())
        counted = {"secret": secrets.reads, "workspace": calls - told}
        secrets.reads, told = 0, calls
        return counted

    with serve(workspace) as serving:
        print(json.dumps({"secrets": secrets.url, "workspace": serving.url}), flush=True)
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line))), flush=True)
    secrets.close()


if __name__ == "__main__":
    main()
