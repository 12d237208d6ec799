"""A page and a session check in Gantry's place, so that the client of the stand-in is tested alone."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PAGE = b"""<!doctype html><title>Sign in</title><p id=answer></p><script>
addEventListener('message', (event) => { document.getElementById('answer').textContent = JSON.stringify(event.data); });
</script>"""

Reply = tuple[int, Any]
"""Status and JSON body (None: no body) of a session check."""


@dataclass
class Gantry:
    """`reply` is called for each session check; `checks` has the origin of each that came with credentials allowed."""

    port: int = 0
    reply: Callable[[], Reply] = lambda: (401, None)
    checks: list[str] = field(default_factory=list)
    pages: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def gantry_in_place() -> Iterator[Gantry]:
    """Serve it on another site than the workspace's `localhost`."""
    gantry = Gantry()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            gantry.pages += 1
            self._answer(200, "text/html", PAGE)

        def do_POST(self) -> None:
            gantry.checks.append(self.headers["Origin"])
            status, body = gantry.reply()
            self._answer(status, "application/json", b"" if body is None else json.dumps(body).encode())

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", ""))
            self.send_header("Access-Control-Allow-Credentials", "true")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        gantry.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield gantry
        finally:
            server.shutdown()
            thread.join()
