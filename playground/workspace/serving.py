"""Serving a workspace from a thread, on loopback, with an end that leaves nothing open."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.test import run_wsgi_app

from playground.ports import bind
from playground.workspace.app import create_app
from playground.workspace.rest import WIRE, Wire
from playground.workspace.workspace import Workspace

_NO_BODY = frozenset({204, 304})
_IDLE_SECONDS = 65  # a connection that waits for its next request; what proxies in front of workspaces do


class _Handler(WSGIRequestHandler):
    """HTTP/1.1 with connections that stay open, which Werkzeug's own handler does not offer."""

    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS

    def run_wsgi(self) -> None:
        environ = self.environ = self.make_environ()
        body = self._read_body(environ)
        if body is None:
            self.send_error(400)
            return
        environ["wsgi.input"] = BytesIO(body)
        wire = environ[WIRE] = Wire()
        chunks, status, headers = run_wsgi_app(self.server.app, environ)
        try:
            if wire.cut:
                self.close_connection = True
                return
            code, _, reason = status.partition(" ")
            self.send_response(int(code), reason)
            for key, value in headers.items():
                self.send_header(key, value)
            chunked = "content-length" not in headers and int(code) not in _NO_BODY and self.command != "HEAD"
            if chunked:
                self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self._write_body(chunks, chunked, wire.pause)
        except OSError:
            self.close_connection = True
        finally:
            if hasattr(chunks, "close"):
                chunks.close()

    def _read_body(self, environ: dict[str, Any]) -> bytes | None:
        if environ.get("wsgi.input_terminated"):
            return bytes(environ["wsgi.input"].read())
        length = environ.get("CONTENT_LENGTH") or "0"
        return self.rfile.read(int(length)) if length.isdigit() else None

    def _write_body(self, chunks: Any, chunked: bool, pause: float | None) -> None:
        if self.command == "HEAD":
            return
        for chunk in chunks:
            if chunk:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk) if chunked else chunk)
                self.wfile.flush()
            if pause is not None and self.server.ending.wait(pause):
                self.close_connection = True
                return
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def log(self, type: str, message: str, *args: Any) -> None:
        """The inspector is the log."""


class _Server(ThreadedWSGIServer):
    """Knows its connections and threads, so that it can end them."""

    multithread = True
    daemon_threads = True

    def __init__(self, listener: socket.socket, workspace: Workspace) -> None:
        host, port = listener.getsockname()[:2]
        self.ending = threading.Event()
        self._connections: set[socket.socket] = set()
        self._workers: set[threading.Thread] = set()
        self._guard = threading.Lock()
        super().__init__(host, port, create_app(workspace), _Handler, fd=listener.fileno())

    def process_request(self, request: Any, client_address: Any) -> None:
        worker = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        with self._guard:
            self._connections.add(request)
            self._workers.add(worker)
        worker.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                self._connections.discard(request)
                self._workers.discard(threading.current_thread())

    def cut_connections(self) -> None:
        """Close every connection and wait for its thread."""
        self.ending.set()
        with self._guard:
            connections, workers = list(self._connections), list(self._workers)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # its peer was faster
        for worker in workers:
            worker.join(2)


@dataclass(frozen=True)
class Serving:
    """A workspace that answers: `url` is its address as browsers and Gantry name it."""

    workspace: Workspace
    host: str
    port: int

    @property
    def url(self) -> str:
        """The workspace's address."""
        return f"http://localhost:{self.port}"


@contextmanager
def serve(workspace: Workspace, host: str = "127.0.0.1", port: int = 0) -> Iterator[Serving]:
    """Serve a workspace from a thread until the block ends; held calls and open streams end with it."""
    with bind(host, port, listen=True) as listener, serve_on(listener, workspace) as serving:
        yield serving


@contextmanager
def serve_on(listener: socket.socket, workspace: Workspace) -> Iterator[Serving]:
    """As `serve`, on a socket that listens already."""
    server = _Server(listener, workspace)
    serving = Serving(workspace, str(server.host), server.port)
    if not workspace.settings["Site_Url"]:
        workspace.settings["Site_Url"] = serving.url
    workspace.trace.open()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield serving
    finally:
        server.shutdown()
        thread.join()
        workspace.trace.close()
        workspace.clear_faults()
        server.cut_connections()
