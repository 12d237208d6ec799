"""What a call can carry beside JSON, over a real socket: a query and a URL-encoded form."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from chalicelib.deadline import Deadline
from chalicelib.rocketchat import Call
from chalicelib.transport import HttpTransport

AWKWARD = "a b&c=d#e%20/é"


class Echo(BaseHTTPRequestHandler):
    """Answers with the request's own line, content type and body."""

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        told = f"{self.path}\n{self.headers.get('Content-Type')}\n{body}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is written down."""


@pytest.fixture(scope="module")
def send() -> Iterator[HttpTransport]:
    with HTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield HttpTransport(f"http://127.0.0.1:{server.server_port}/base", "echo")
        server.shutdown()
        thread.join()


def told(send: HttpTransport, call: Call) -> list[str]:
    return send(call, Deadline.after(10)).body.decode().split("\n")


def test_a_query_is_encoded(send: HttpTransport) -> None:
    """Whatever a value holds, it stays one value of the query."""
    call = Call("GET", "/path", query={"input_token": AWKWARD})
    path = "/base/path?input_token=a+b%26c%3Dd%23e%2520%2F%C3%A9"
    assert told(send, call) == [path, "None", ""]
    assert told(send, Call("GET", "/path")) == ["/base/path", "None", ""]


def test_a_form_is_encoded(send: HttpTransport) -> None:
    """A form goes out URL-encoded, with its content type; without one the body is JSON as before."""
    form = Call("POST", "/path", form={"grant_type": AWKWARD})
    kind = "application/x-www-form-urlencoded"
    assert told(send, form) == ["/base/path", kind, "grant_type=a+b%26c%3Dd%23e%2520%2F%C3%A9"]
    assert told(send, Call("POST", "/path", body={"a": "b"}))[1:] == ["application/json", '{"a": "b"}']


def test_a_call_prints_its_method_and_its_path_alone() -> None:
    """Promise 32: headers, query and bodies may hold secrets, so none of them is in the repr."""
    call = Call("POST", "/path", {"a": "canary"}, {"b": "canary"}, {"c": "canary"}, {"d": "canary"})
    assert repr(call) == "Call(method='POST', path='/path')"
