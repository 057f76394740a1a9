"""A TCP proxy that does harm as told: delay, cut, half-open, one byte at a time."""
from __future__ import annotations

import asyncio
import socket
import struct
import threading
from dataclasses import dataclass
from typing import Any, Coroutine

from .ports import free_port


@dataclass
class Toxics:
    """What happens to bytes from now on, in both directions; the default is nothing."""
    delay_ms: int = 0		# every piece waits that long
    slice: int = 0		# passed on so many bytes at a time; 0: as they come
    limit: int = 0		# after so many bytes of one direction the connection is reset; 0: never
    blackhole: bool = False	# connections are accepted and stay open, nothing comes through


class Proxy:
    """Listens on `port`, passes on to `target`; its own thread, so the test goes on."""

    def __init__(self, target: int, port: int = 0) -> None:
        self.target, self.port = target, port or free_port()
        self.toxics = Toxics()
        self.accepted = 0
        self._sockets: set[asyncio.StreamWriter] = set()
        self._listener: asyncio.AbstractServer | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> "Proxy":
        self._thread.start()
        self.up()
        return self

    def up(self) -> None:
        self._do(self._up())

    def down(self) -> None:
        """Nobody listens, open connections are reset."""
        self._do(self._down())

    def reset(self) -> None:
        """Open connections are reset, new ones are welcome."""
        self._do(self._reset())

    def poison(self, **toxics: Any) -> None:
        self.toxics = Toxics(**toxics)

    def heal(self) -> None:
        """No toxics any more; what a blackhole swallowed is reset, as by a network that comes back."""
        was_hole, self.toxics = self.toxics.blackhole, Toxics()
        if was_hole:
            self.reset()

    @property
    def connections(self) -> int:
        return len(self._sockets) // 2

    def close(self) -> None:
        self.down()
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    # -- on the proxy's thread

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _end(self) -> None:
        mine = asyncio.current_task()
        tasks = [t for t in asyncio.all_tasks() if t is not mine]
        for t in tasks:
            t.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _up(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(self._connection, "127.0.0.1", self.port)

    async def _down(self) -> None:
        if self._listener:
            self._listener.close()
            self._listener = None
        await self._reset()

    async def _reset(self) -> None:
        for w in list(self._sockets):
            self._cut(w)

    def _cut(self, w: asyncio.StreamWriter) -> None:
        sock = w.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        w.transport.abort()
        self._sockets.discard(w)

    async def _connection(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._sockets.add(to_client)
        while self.toxics.blackhole and to_client in self._sockets:
            await asyncio.sleep(0.02)
        try:
            server, to_server = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            self._cut(to_client)
            return
        self._sockets.add(to_server)
        await asyncio.gather(self._pump(client, to_server, to_client), self._pump(server, to_client, to_server))
        self._sockets -= {to_client, to_server}

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, back: asyncio.StreamWriter) -> None:
        passed = 0
        try:
            while data := await source.read(65536):
                toxics = self.toxics
                while self.toxics.blackhole:
                    if sink not in self._sockets:
                        return
                    await asyncio.sleep(0.02)
                if toxics.delay_ms:
                    await asyncio.sleep(toxics.delay_ms / 1000)
                if toxics.limit and passed + len(data) > toxics.limit:
                    sink.write(data[:toxics.limit - passed])
                    await asyncio.sleep(0.01)
                    self._cut(sink)
                    self._cut(back)
                    return
                passed += len(data)
                await self._write(sink, data, toxics.slice)
            if sink.can_write_eof():
                sink.write_eof()
        except OSError:
            self._cut(sink)
            self._cut(back)

    @staticmethod
    async def _write(sink: asyncio.StreamWriter, data: bytes, piece: int) -> None:
        for i in range(0, len(data), piece or len(data)):
            sink.write(data[i:i + (piece or len(data))])
            await sink.drain()
            if piece:
                await asyncio.sleep(0)
