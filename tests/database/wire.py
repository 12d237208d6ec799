"""MongoDB's wire protocol as far as a relay reads it: which command a message carries, and how a server answers it."""

import struct
from asyncio import IncompleteReadError, StreamReader
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bson

_HEADER = struct.Struct("<iiii")  # length with this header, request id, id of the request answered, operation
_OP_REPLY, _OP_QUERY, _OP_MSG = 1, 2004, 2013
HANDSHAKE = frozenset({"hello", "isMaster", "ismaster"})
SASL = frozenset({"saslStart", "saslContinue", "authenticate"})


@dataclass(frozen=True)
class Message:
    """A whole message; `name` is that of the command in it, empty for an answer."""

    raw: bytes
    request: int
    answers: int
    operation: int

    def command(self) -> dict[str, Any]:
        """The command's document: OP_MSG, and OP_QUERY for a driver's first handshake."""
        start = 20  # after the header and the flags
        if self.operation == _OP_QUERY:
            start = self.raw.index(b"\0", start) + 9
        elif self.operation == _OP_MSG:
            while self.raw[start] == 1:  # a sequence of documents may come before the body
                start += 1 + int.from_bytes(self.raw[start + 1 : start + 5], "little")
            start += 1
        else:
            return {}
        length = int.from_bytes(self.raw[start : start + 4], "little")
        return bson.decode(self.raw[start : start + length])

    def answer(self, document: Mapping[str, Any]) -> bytes:
        """The message with which a server answers this one."""
        encoded = bson.encode(document)
        if self.operation == _OP_QUERY:
            return self._answer(_OP_REPLY, struct.pack("<iqii", 0, 0, 0, 1) + encoded)
        return self._answer(_OP_MSG, struct.pack("<IB", 0, 0) + encoded)

    def _answer(self, operation: int, content: bytes) -> bytes:
        return _HEADER.pack(_HEADER.size + len(content), 0, self.request, operation) + content


async def read(reader: StreamReader) -> Message | None:
    """The next whole message; None at the end of the connection."""
    try:
        header = await reader.readexactly(_HEADER.size)
        length, request, answers, operation = _HEADER.unpack(header)
        return Message(header + await reader.readexactly(length - _HEADER.size), request, answers, operation)
    except (IncompleteReadError, ConnectionError):
        return None
