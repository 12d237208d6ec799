"""Gantry in a process of its own, through Chalice's local server."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from playground.child import Parent


def main() -> None:
    """Load the application, then open the port when the parent says that everything else stands."""
    parent = Parent()
    parent.next_order()

    from chalice.app import Chalice
    from chalice.config import Config
    from chalice.local import ChaliceRequestHandler, LocalGateway, create_local_server

    import app as gantry
    from chalicelib.bootstrap import Gantry

    app = gantry.app

    class OneAtATime(LocalGateway):
        """A Chalice object serves one request at a time, as on Lambda; the connections wait for their turn."""

        def __init__(self, application: Chalice, config: Config) -> None:
            super().__init__(application, config)
            self._turn = threading.Lock()

        def handle_request(self, method: str, path: str, headers: Any, body: bytes | None) -> dict[str, Any]:
            with self._turn:
                answer: dict[str, Any] = super().handle_request(method, path, headers, body)
                return answer

    class Handler(ChaliceRequestHandler):
        """Answers in one piece and at once: by default Nagle's algorithm delays those on a kept connection by 40 ms."""

        wbufsize = -1
        disable_nagle_algorithm = True

        def __init__(self, request: Any, client_address: Any, server: HTTPServer, *, gateway: LocalGateway) -> None:
            self.local_gateway = gateway
            BaseHTTPRequestHandler.__init__(self, request, client_address, server)

        def log_message(self, format: str, *args: object) -> None:
            """No access log: Gantry writes its own."""

    parent.report_ready()
    order: Mapping[str, Any] = parent.next_order()
    if order["providers"]:
        gantry.gantry = Gantry(os.environ, providers=order["providers"])
    config = Config.create(lambda_timeout=28, chalice_app=lambda: app)
    try:
        local = create_local_server(app, config, order["host"], order["port"])
    except OSError:
        parent.report_problem(order["taken"])
    local.server.RequestHandlerClass = partial(Handler, gateway=OneAtATime(app, config))
    local.server.socket.listen(128)
    parent.report_ready()
    sys.stdout.flush()
    local.server.serve_forever()


if __name__ == "__main__":
    main()
