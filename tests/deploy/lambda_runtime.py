"""AWS Lambda for what ships: an unpacked archive under Lambda's own runtime client, fed by a small Runtime API.

    with Function(directory, runtime, "app.app", environ) as function:
        answer = function(event("GET", "/login"))

The runtime client (awslambdaric) and boto3 are what Lambda has; nothing else that is installed here can be imported.
Runtime API: Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes".
"""

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3

SECONDS = 28
PATIENCE = 60.0
"""How long a small machine may take to start the function."""

_API = "/2018-06-01/runtime/"
_LIBRARIES = Path(boto3.__file__).parents[1]
# What Lambda's Python has beside the standard library: its runtime client and boto3, with what these need.
_PROVIDED = (
    *("awslambdaric", "runtime_client.*.so", "snapshot_restore_py.py", "simplejson"),
    *("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3"),
)


class FunctionFailed(Exception):
    """The function could not start, or raised."""


def provide(directory: Path) -> Path:
    """Put what Lambda has into `directory`."""
    for pattern in _PROVIDED:
        for library in _LIBRARIES.glob(pattern):
            (directory / library.name).symlink_to(library)
    return directory


class Function:
    """One container: a process in the unpacked archive. Called, it answers one event."""

    def __init__(self, archive: Path, provided: Path, handler: str, environ: Mapping[str, str]) -> None:
        self._events: queue.Queue[bytes | None] = queue.Queue()
        self._answers: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._count = 0
        function = self

        class Api(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                assert self.path == _API + "invocation/next"
                function.asks()
                event = function._events.get()
                if event is None:
                    self.close_connection = True
                    return
                deadline = int((time.time() + SECONDS) * 1000)
                self._send(
                    200,
                    event,
                    {
                        "Content-Type": "application/json",
                        "Lambda-Runtime-Aws-Request-Id": f"lambda-{function._count}",
                        "Lambda-Runtime-Deadline-Ms": str(deadline),
                        "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:function:g",
                    },
                )

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                function.answers()
                self._send(202, b'{"status": "OK"}', {})
                function._answers.put((self.path.rpartition("/")[2], body))

            def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: the log is Gantry's own."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a container that is killed hangs up
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self._log = ""
        self.began = time.perf_counter()
        self._process = subprocess.Popen(
            # Without `site` there is no virtual environment, so what is installed for the tests cannot be imported.
            [sys.executable, "-S", "-m", "awslambdaric", handler],
            cwd=archive,
            env={
                **environ,
                "PYTHONPATH": f"{archive}:{provided}",
                "PYTHONDONTWRITEBYTECODE": "1",
                "LAMBDA_TASK_ROOT": str(archive),
                "_HANDLER": handler,
                "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
                "AWS_LAMBDA_FUNCTION_NAME": "gantry-prod",
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __call__(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Hand over one event and return what the function makes of it. Raises `FunctionFailed`."""
        self._count += 1
        self._events.put(json.dumps(event).encode())
        try:
            kind, body = self._answers.get(timeout=PATIENCE)
        except queue.Empty:
            raise FunctionFailed(f"no answer in {PATIENCE} s: {self._log}") from None
        if kind != "response":
            raise FunctionFailed(f"{body.decode()}\n{self._log}")
        answer: dict[str, Any] = json.loads(body)
        return answer

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def asks(self) -> None:
        """Hear, in another thread, that the container has done what there was and asks for the next event."""

    def answers(self) -> None:
        """Hear, in another thread, that the container has answered an event."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> str:
        """Stop the container and return its log."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
            self._events.put(None)
            self._reader.join()
            self._server.shutdown()
            self._server.server_close()
            assert self._process.stdout is not None
            self._process.stdout.close()
        return self._log

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._log += line
        # Whoever still waits for an answer hears that there will be none.
        self._answers.put(("end", b"the process has ended"))
