"""AWS for `chalice deploy`: moto over HTTP, with a shim before its API Gateway.

moto takes OpenAPI 3 documents with a description, wants an address of mock integrations, and ignores the parameters of
an import; Chalice sends Swagger 2.0 without a description, gives no such address, and says in a parameter where the API
lies. The shim translates the one into the other: what is asserted is what moto has stored.
"""

import io
import json
import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

import boto3
from moto.apigateway.models import apigateway_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.secrets_manager import AWS

ACCOUNT = "123456789012"
REGION = AWS["AWS_DEFAULT_REGION"]

Environ = dict[str, Any]


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing: the tests look at what was made."""


class Cloud:
    """One account. `environ` is for a process that deploys there, `client` for a test that looks."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.environ = {**AWS, "AWS_ENDPOINT_URL": self.url}
        self._clients: dict[str, Any] = {}
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def client(self, service: str) -> Any:
        """A boto3 client for this account."""
        if service not in self._clients:
            self._clients[service] = boto3.session.Session().client(
                service,  # type: ignore[call-overload]  # any service that moto knows
                endpoint_url=self.url,
                region_name=REGION,
                aws_access_key_id="testing",
                aws_secret_access_key="testing",
            )
        return self._clients[service]

    def close(self) -> None:
        """Stop serving."""
        for client in self._clients.values():
            client.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not _brings_a_document(environ):
            return self._through(environ, start_response)
        body = json.dumps(_understandable(json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))))
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body.encode()), str(len(body.encode()))
        answer = b"".join(self._through(environ, start_response))
        types = parse_qs(environ["QUERY_STRING"]).get("endpointConfigurationTypes")
        if types:
            api = apigateway_backends[ACCOUNT][REGION].get_rest_api(json.loads(answer)["id"])
            api.endpoint_configuration = {"types": types}
        return [answer]

    def _through(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer: Iterable[bytes] = self._moto(environ, start_response)
        return answer


def _brings_a_document(environ: Environ) -> bool:
    if "/apigateway/" not in environ.get("HTTP_AUTHORIZATION", ""):
        return False
    method, path, query = environ["REQUEST_METHOD"], environ["PATH_INFO"], parse_qs(environ["QUERY_STRING"])
    imports = method == "POST" and path == "/restapis" and query.get("mode") == ["import"]
    return imports or (method == "PUT" and path.startswith("/restapis/") and path.count("/") == 2)


def _understandable(document: dict[str, Any]) -> dict[str, Any]:
    assert document.pop("swagger") == "2.0"
    for methods in document["paths"].values():
        for method in methods.values():
            integration = method["x-amazon-apigateway-integration"]
            if integration["type"] == "mock":
                integration.update(uri="", httpMethod="")
    return {"openapi": "3.0.1", **document, "info": {"description": "", **document["info"]}}
