"""API Gateway and Lambda for tests: Gantry over HTTP by Chalice's local server, and the event of a single call."""

import base64
import threading
from collections.abc import Mapping
from typing import Any, cast

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import ChaliceRequestHandler, LocalDevServer

import app


class Function:
    """Gantry's function: one request at a time, as in one Lambda container."""

    def __init__(self) -> None:
        self.routes = app.app.routes
        self.api = app.app.api
        self._lock = threading.Lock()

    def __call__(self, event: Mapping[str, Any], context: object) -> dict[str, Any]:
        with self._lock:
            return dict(app.app(event, context))


class _Handler(ChaliceRequestHandler):
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the log is Gantry's own."""


class Gateway:
    """Gantry over HTTP, by Chalice's own local server, on 127.0.0.1: another site than the workspace's localhost."""

    def __init__(self) -> None:
        self.function = Function()
        config = Config(chalice_stage="dev", config_from_disk={"lambda_timeout": 28})
        # It asks for a Chalice object and takes whatever has its routes and can be called.
        application = cast(Chalice, self.function)
        self._server = LocalDevServer(application, config, "127.0.0.1", 0, handler_cls=_Handler).server
        self._server.handle_error = lambda *_: None  # a browser that hangs up is no error
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def event(
    method: str,
    path: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: str | bytes | None = None,
    query: Mapping[str, list[str]] | None = None,
    prefix: str = "/api",
    address: str = "192.0.2.7",
    request_id: str = "gateway-request",
    parts: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """One request as API Gateway hands it over (proxy integration, payload format 1.0); bytes travel in base64.

    `parts` are the variable parts of the path, by their names in the route.
    """
    route = path
    for name, value in (parts or {}).items():
        route = route.replace(f"/{value}", f"/{{{name}}}")
    encoded = isinstance(body, bytes)
    return {
        "resource": route,
        "path": path,
        "httpMethod": method,
        "headers": dict(headers or {}),
        "multiValueHeaders": {name: [value] for name, value in (headers or {}).items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} if query else None,
        "multiValueQueryStringParameters": dict(query) if query else None,
        "pathParameters": dict(parts) if parts else None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": route,
            "httpMethod": method,
            "path": prefix + path,
            "stage": "api",
            "requestId": request_id,
            "identity": {"sourceIp": address},
        },
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": encoded,
    }


class Context:
    """Lambda's context, with so many seconds left."""

    def __init__(self, seconds: float = 28.0, aws_request_id: str = "lambda-request") -> None:
        self.aws_request_id = aws_request_id
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds * 1000)
