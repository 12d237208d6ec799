"""A relay on loopback between a driver and a MongoDB server, for faults that no server has on command.

    relay.refuse(8000)                             # until heal(): "bad auth" as Atlas says it
    relay.not_primary("update", times=2)           # the next two: 10107
    relay.cut("find")                              # the next one: the connection ends, the command did not arrive
    relay.cut("update", after=True)                # … it did arrive, the answer is lost
    with relay.silence("find") as silence: …       # no answer until the block ends; silence.reached says that one waits
    relay.point_to(other.uri)

It speaks no TLS. One thread runs it all; `close` leaves nothing open.
"""

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self

from playground.database import addresses
from tests.database.wire import HANDSHAKE, SASL, Message, read

HOST = "127.0.0.1"
_LONGEST_SECONDS = 30.0
RefusalCode = Literal[13, 18, 8000]
_REFUSALS: dict[int, tuple[str, str]] = {
    13: ("Unauthorized", "command {name} requires authentication"),
    18: ("AuthenticationFailed", "Authentication failed."),
    8000: ("AtlasError", "bad auth : Authentication failed."),
}


@dataclass
class Silence:
    """Commands that get no answer: `reached` is set when the first one waits."""

    reached: threading.Event = field(default_factory=threading.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False)
class _Fault:
    """What happens to commands: any of them without `names` (handshakes apart), as often as `times`, None for ever."""

    names: frozenset[str]
    times: int | None
    spared: frozenset[str] = HANDSHAKE
    answer: Callable[[str, Mapping[str, Any]], Mapping[str, Any]] | None = None
    seconds: float = 0.0
    silence: Silence | None = None
    cut: bool = False
    after: bool = False

    def meets(self, name: str) -> bool:
        return name in self.names if self.names else name not in self.spared


class Relay:
    """Passes messages on both ways, counts commands by name, and lets single ones fail as a test asks."""

    def __init__(self, uri: str) -> None:
        """Relay to the first server of a connection string; ValueError where only DNS or TLS leads to it."""
        self._target = addresses.place(uri)
        self._faults: list[_Fault] = []
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._connections: set[asyncio.Task[None]] = set()
        self._passing: set[asyncio.Task[None]] = set()  # two of each connection, one a direction
        self._ended = 0  # how often all connections were ended
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._listens = threading.Event()
        self.port = 0
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._thread.start()
        if not self._listens.wait(_LONGEST_SECONDS):
            raise RuntimeError("the relay does not start")

    def uri(self, uri: str) -> str:
        """The same user and database through the relay."""
        return addresses.for_place(uri, HOST, self.port)

    def count(self, name: str) -> int:
        """How many commands of this name have come, those that met a fault included."""
        with self._lock:
            return self._counts[name]

    def counts(self) -> Counter[str]:
        """How many commands have come, by name."""
        with self._lock:
            return Counter(self._counts)

    def refuse(self, code: RefusalCode, *names: str, times: int | None = None) -> None:
        """Refuse commands as a server refuses a user: 18 wrong password, 8000 the same from Atlas, 13 no rights.

        Without names that is every command after the handshake, so a driver with credentials meets it when it
        authenticates and one without at its first command; 13 lets authentication pass, as servers do.
        """
        code_name, text = _REFUSALS[code]

        def answer(name: str, command: Mapping[str, Any]) -> Mapping[str, Any]:
            return {"ok": 0.0, "errmsg": text.format(name=name), "code": code, "codeName": code_name}

        spared = HANDSHAKE | SASL if code == 13 else HANDSHAKE
        self._add(_Fault(frozenset(names), times, spared, answer))

    def not_primary(self, *names: str, times: int | None = 1) -> None:
        """Answer NotWritablePrimary, as a primary that has just stepped down.

        A server labels the error only for a write that the driver can repeat, one with a transaction number.
        """

        def answer(name: str, command: Mapping[str, Any]) -> Mapping[str, Any]:
            error = {"ok": 0.0, "errmsg": "not primary", "code": 10107, "codeName": "NotWritablePrimary"}
            return {**error, "errorLabels": ["RetryableWriteError"]} if "txnNumber" in command else error

        self._add(_Fault(frozenset(names), times, answer=answer))

    def cut(self, *names: str, times: int | None = 1, after: bool = False) -> None:
        """End the connection at a command: before it is passed on, or `after` the server has answered it."""
        self._add(_Fault(frozenset(names), times, cut=True, after=after))

    def delay(self, seconds: float, *names: str, times: int | None = None) -> None:
        """Pass commands on so much later."""
        self._add(_Fault(frozenset(names), times, seconds=min(seconds, _LONGEST_SECONDS)))

    @contextmanager
    def silence(self, *names: str, after: bool = False) -> Iterator[Silence]:
        """Answer nothing while the block lasts, then end those connections.

        The commands are not passed on; with `after` they are, and their answers are kept back.
        """
        silence = Silence()
        fault = _Fault(frozenset(names), None, silence=silence, after=after)
        self._add(fault)
        try:
            yield silence
        finally:
            with self._lock:
                if fault in self._faults:
                    self._faults.remove(fault)
            self._soon(silence.over.set)

    def heal(self) -> None:
        """Forget every fault that has not come yet; connections stay."""
        with self._lock:
            self._faults.clear()

    def disconnect(self) -> None:
        """End every connection now; new ones are welcome."""
        self._soon(self._end_connections)

    def point_to(self, uri: str) -> None:
        """Relay to another server from now on; the connections to the old one end."""
        self._target = addresses.place(uri)
        self.disconnect()

    def close(self) -> None:
        """End everything; connecting is refused from now on."""
        if self._thread.is_alive():
            self._soon(self._closing.set)
            self._thread.join(_LONGEST_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _add(self, fault: _Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def _soon(self, action: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # closed already
            self._loop.call_soon_threadsafe(action)

    def _end_connections(self) -> None:
        self._ended += 1
        for task in self._passing:
            task.cancel()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._listen())

    async def _listen(self) -> None:
        with socket.create_server((HOST, 0)) as listening:
            listening.setblocking(False)
            self.port = listening.getsockname()[1]
            # Not asyncio's own server: one that is closed between accepting a connection and giving it a transport
            # forgets its socket (CPython's issue 109564). Here each belongs to a task from the moment it is accepted.
            self._loop.add_reader(listening, self._accept, listening)
            self._listens.set()
            await self._closing.wait()
            self._loop.remove_reader(listening)
        self._end_connections()
        if self._connections:
            await asyncio.wait(self._connections)

    def _accept(self, listening: socket.socket) -> None:
        try:
            driver, _ = listening.accept()
        except (BlockingIOError, ConnectionAbortedError):  # gone before we came
            return
        task = self._loop.create_task(self._serve(driver, self._ended))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, driver: socket.socket, ended: int) -> None:
        # Never cancelled: a socket that is being opened has no owner yet and would stay open.
        from_driver, to_driver = await asyncio.open_connection(sock=driver)
        try:
            from_server, to_server = await asyncio.open_connection(*self._target)
        except OSError:
            await _end(to_driver)
            return
        if ended == self._ended:  # else all connections were ended while this one was opened
            lost: set[int] = set()  # requests whose answers never arrive
            held: dict[int, Silence] = {}
            passing = {
                asyncio.create_task(self._commands(from_driver, to_driver, to_server, lost, held)),
                asyncio.create_task(_answers(from_server, to_driver, lost, held)),
            }
            self._passing |= passing
            await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
            for task in passing:
                task.cancel()
            await asyncio.gather(*passing, return_exceptions=True)
            self._passing -= passing
        await _end(to_driver, to_server)

    async def _commands(
        self,
        from_driver: asyncio.StreamReader,
        to_driver: asyncio.StreamWriter,
        to_server: asyncio.StreamWriter,
        lost: set[int],
        held: dict[int, Silence],
    ) -> None:
        """Pass on what the driver sends, until a side ends or a fault ends the connection."""
        while message := await read(from_driver):
            fault, name, command = self._met(message)
            if fault is None:
                to_server.write(message.raw)
            elif fault.answer is not None:
                to_driver.write(message.answer(fault.answer(name, command)))
            elif fault.cut and fault.after:
                lost.add(message.request)
                to_server.write(message.raw)
            elif fault.cut:
                return
            elif fault.silence is not None and fault.after:
                held[message.request] = fault.silence
                to_server.write(message.raw)
            elif fault.silence is not None:
                await _keep_silent(fault.silence)
                return
            else:
                await asyncio.sleep(fault.seconds)
                to_server.write(message.raw)
            await asyncio.gather(to_server.drain(), to_driver.drain())

    def _met(self, message: Message) -> tuple[_Fault | None, str, dict[str, Any]]:
        command = message.command()
        name = next(iter(command), "")
        with self._lock:
            self._counts[name] += 1
            fault = next((fault for fault in self._faults if fault.meets(name)), None)
            if fault is not None and fault.times is not None:
                fault.times -= 1
                if not fault.times:
                    self._faults.remove(fault)
        return fault, name, command


async def _answers(
    from_server: asyncio.StreamReader, to_driver: asyncio.StreamWriter, lost: set[int], held: dict[int, Silence]
) -> None:
    """Pass on what the server answers, until a side ends or an answer is to be lost."""
    while message := await read(from_server):
        if message.answers in lost:
            return
        if message.answers in held:
            await _keep_silent(held[message.answers])
            return
        to_driver.write(message.raw)
        await to_driver.drain()


async def _keep_silent(silence: Silence) -> None:
    silence.reached.set()
    with suppress(TimeoutError):
        await asyncio.wait_for(silence.over.wait(), _LONGEST_SECONDS)


async def _end(*writers: asyncio.StreamWriter) -> None:
    for writer in writers:
        writer.close()
    for writer in writers:
        with suppress(OSError):
            await writer.wait_closed()
