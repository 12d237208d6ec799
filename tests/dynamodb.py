"""Amazon DynamoDB for tests: moto's, over HTTP, with a list of the calls in front.

    with closing(DynamoDB()) as dynamodb:
        table = StateTable(dynamodb.service, dynamodb.new())

`dynamodb.environ` is for what reads the server's address in the environment when it is first used.
"""

import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import boto3
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from chalicelib.aws import AwsService
from tests.secrets_manager import AWS

_TARGET = "DynamoDB_20120810."


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing: the tests look at the calls themselves."""


class DynamoDB:
    """moto's DynamoDB: `calls` are the operations that were asked for, `failure` (status, code) is answered instead.

    `service` is how Gantry calls it.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.failure: tuple[int, str] | None = None
        self._moto = DomainDispatcherApplication(create_backend_app)
        # DynamoDB checks a condition and writes in one step; moto does so in two, so it is asked one after the other.
        self._one_at_a_time = threading.Lock()
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.environ = {**AWS, "AWS_ENDPOINT_URL": self.url}
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.client = boto3.session.Session().client(
            "dynamodb",
            endpoint_url=self.url,
            region_name=AWS["AWS_DEFAULT_REGION"],
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        self.service = AwsService("dynamodb", "state")
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environ.items():
                patch.setenv(name, value)
            self.service.client()

    def new(self, key: str = "id") -> str:
        """Create a table as an administrator does, under a name of its own, and return that."""
        name = f"gantry-{uuid4()}"
        self.client.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.client.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
        )
        self.calls.clear()
        return name

    def items(self, table: str) -> list[dict[str, Any]]:
        """Everything in a table, in DynamoDB's own notation."""
        found: list[dict[str, Any]] = self.client.scan(TableName=table)["Items"]
        return found

    def close(self) -> None:
        """Stop serving."""
        self.service.close()
        self.client.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        operation = str(environ.get("HTTP_X_AMZ_TARGET", ""))
        with self._one_at_a_time:
            if operation.startswith(_TARGET):
                self.calls.append(operation.removeprefix(_TARGET))
                if self.failure is not None:
                    status, code = self.failure
                    start_response(f"{status} Error", [("Content-Type", "application/x-amz-json-1.0")])
                    return [b'{"__type": "com.amazonaws.dynamodb.v20120810#%b", "message": "canary"}' % code.encode()]
            return self._moto(environ, start_response)
