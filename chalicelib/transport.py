"""Carry calls to an HTTP backend: the thin part that does I/O."""

import logging
from collections.abc import Callable
from time import time
from urllib.parse import urlencode

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, ProtocolError

from chalicelib import __version__
from chalicelib.deadline import Deadline
from chalicelib.errors import Unavailable
from chalicelib.rocketchat import Call, Reply

CONNECT_SECONDS = 2.0
READ_SECONDS = 5.0
IDLE_SECONDS = 60.0
LONGEST_BODY = 1 << 20

_CUT = (requests.ConnectionError, ProtocolError)
"""What a connection that the other side has closed looks like, before or within the answer."""

# Below this level urllib3 writes down addresses with their query, where one vendor wants a token to stand (promise 26):
# each of them at DEBUG, those whose answer has odd headers at WARNING.
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)


class HttpTransport:
    """Send calls below one base address over kept connections, without redirects, proxies or credentials from files.

    A container may sleep for minutes between two requests, so a connection that was idle for `IDLE_SECONDS` is not used
    again. A kept connection may have died all the same: a GET is then repeated once, anything else never.
    """

    def __init__(self, base_url: str, backend: str, clock: Callable[[], float] = time) -> None:
        self._base_url = base_url
        self._backend = backend
        self._clock = clock
        self._used_at = float("-inf")
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["User-Agent"] = f"Gantry/{__version__}"
        self._session.headers["Accept"] = "application/json"
        self._session.mount(base_url, HTTPAdapter(pool_connections=1, pool_maxsize=4))

    def __call__(self, call: Call, deadline: Deadline) -> Reply:
        """Make `call` within `deadline`. Raises `Unavailable` when there is no complete answer in time."""
        if self._clock() - self._used_at > IDLE_SECONDS:
            self._session.close()
        tries = 2 if call.method == "GET" else 1
        while True:
            tries -= 1
            try:
                return self._send(call, deadline)
            except (requests.RequestException, HTTPError) as error:
                if not tries or not isinstance(error, _CUT) or isinstance(error, requests.Timeout):
                    raise Unavailable(self._backend, type(error).__name__) from None
            finally:
                self._used_at = self._clock()

    def _send(self, call: Call, deadline: Deadline) -> Reply:
        connect = deadline.timeout(CONNECT_SECONDS, self._backend)
        read = deadline.timeout(READ_SECONDS, self._backend)
        with self._session.request(
            call.method,
            self._base_url + call.path + (f"?{urlencode(call.query)}" if call.query else ""),
            headers=dict(call.headers),
            json=call.body,
            data=dict(call.form) if call.form is not None else None,
            timeout=(connect, read),
            allow_redirects=False,
            stream=True,
        ) as response:
            # Read in pieces as they come: a read time-out alone would let a dripping backend outlast the deadline.
            body = bytearray()
            while piece := response.raw.read1(65536, decode_content=True):
                body += piece
                deadline.timeout(READ_SECONDS, self._backend)
                if len(body) > LONGEST_BODY:
                    raise Unavailable(self._backend, "answer too long")
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status_code, headers, bytes(body))
