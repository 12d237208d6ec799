"""AWS Secrets Manager for tests: moto's, over HTTP, with a counter in front."""

import os
import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

AWS = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "NO_PROXY": "localhost,127.0.0.1",
}


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing: the tests look at the calls themselves."""


class SecretsManager:
    """moto's Secrets Manager behind a counter: `reads` are the GetSecretValue calls, `down` lets them fail."""

    def __init__(self) -> None:
        self.reads = 0
        self.down = False
        self._more: list[Any] = []
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self._client = boto3.session.Session().client(
            "secretsmanager",
            endpoint_url=self.url,
            region_name=AWS["AWS_DEFAULT_REGION"],
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def aws(self, service: str) -> Any:
        """A client of another service of the same moto."""
        client = boto3.session.Session().client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.url,
            region_name=AWS["AWS_DEFAULT_REGION"],
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        self._more.append(client)
        return client

    def new(self, text: str) -> str:
        """Store a further secret under a name of its own (moto has one memory for all its servers) and return that."""
        name = f"gantry/{uuid4()}"
        self._client.create_secret(Name=name, SecretString=text)
        return name

    def put(self, name: str, text: str) -> None:
        """Replace a secret's text."""
        self._client.put_secret_value(SecretId=name, SecretString=text)

    def close(self) -> None:
        """Stop serving."""
        for client in (self._client, *self._more):
            client.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if environ.get("HTTP_X_AMZ_TARGET") == "secretsmanager.GetSecretValue":
            self.reads += 1
            if self.down:
                start_response("500 Internal Server Error", [("Content-Type", "application/x-amz-json-1.1")])
                return [b'{"__type": "InternalServiceError"}']
        return self._moto(environ, start_response)
