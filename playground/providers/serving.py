"""Serving the three vendors from a thread, on loopback, each below an address of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from flask import Flask, Response, jsonify, request
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from playground.ports import bind
from playground.providers import consent, facebook, google, twitter
from playground.providers.people import NAMES
from playground.providers.providers import Providers, Seen

Answer = Response | tuple[Response, int] | None


def create_app(providers: Providers) -> Flask:
    """The WSGI application over the three vendors."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 100_000
    for part in (google.blueprint, facebook.blueprint, twitter.blueprint, consent.blueprint):
        app.register_blueprint(part(providers))

    @app.before_request
    def go_wrong() -> Answer:
        _, provider, route = request.path.split("/", 2) if request.path.count("/") > 1 else ("", "", "")
        if provider not in NAMES or route == "consent":
            return None
        providers.calls.append(Seen(provider, route, request.method, tuple(sorted(request.args))))
        return _faulty(providers, provider)

    @app.errorhandler(404)
    @app.errorhandler(405)
    def refuse(error: Exception) -> tuple[Response, int]:
        return jsonify(error=getattr(error, "name", "")), getattr(error, "code", None) or 404

    return app


def _faulty(providers: Providers, provider: str) -> Answer:
    """Answer as the fault of that provider wants it, or not at all."""
    fault = providers.faults.get(provider)
    vendors: Mapping[str, Mapping[str, Callable[[], tuple[Response, int]]]] = {
        "google": {
            "rate": google.rate_limited,
            "temporary": google.temporary,
            "application": google.application_refused,
        },
        "facebook": {
            "rate": facebook.rate_limited,
            "temporary": facebook.temporary,
            "application": facebook.application_refused,
        },
        "twitter": {
            "rate": lambda: twitter.rate_limited(providers),
            "temporary": twitter.temporary,
            "application": twitter.application_refused,
        },
    }
    if fault is None:
        return None
    if fault in vendors[provider]:
        return vendors[provider][fault]()
    if fault == "slow":
        providers.ending.wait(providers.slow_seconds)
    if fault == "cut":
        request.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    if fault == "redirect":
        return Response(status=302, headers={"Location": f"/{provider}/elsewhere"})
    page = "<!doctype html><title>Sorry</title>"
    return Response(page, status=200 if fault == "nonsense" else 503, mimetype="text/html")


class _Handler(WSGIRequestHandler):
    """HTTP/1.0 as Werkzeug serves it, without a log of its own: addresses hold tokens here."""

    timeout = 30

    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing is written down."""


class _Server(ThreadedWSGIServer):
    multithread = True
    daemon_threads = True
    block_on_close = False


@dataclass(frozen=True)
class Serving:
    """The vendors at work: `urls` are their base addresses by their names."""

    providers: Providers
    port: int

    @property
    def urls(self) -> dict[str, str]:
        """The base address of each vendor."""
        return {name: f"http://localhost:{self.port}/{name}" for name in NAMES}


@contextmanager
def serve_providers(providers: Providers, host: str = "127.0.0.1", port: int = 0) -> Iterator[Serving]:
    """Serve the vendors from a thread until the block ends; calls that wait end with it."""
    providers.ending.clear()
    with bind(host, port, listen=True) as listener:
        bound_host, bound_port = listener.getsockname()[:2]
        server = _Server(bound_host, bound_port, create_app(providers), _Handler, fd=listener.fileno())
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield Serving(providers, bound_port)
        finally:
            providers.ending.set()
            server.shutdown()
            thread.join()
            server.server_close()
