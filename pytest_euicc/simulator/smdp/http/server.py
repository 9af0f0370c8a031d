"""The SM-DP+ as an HTTPS server: ES9+ on a P-256 and a Brainpool port, ES2+ on another port (SGP.22 2.6.6)."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import TypeVar

from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.rsp.certificates import Role
from pytest_euicc.rsp.pki import Pki, default_pki
from pytest_euicc.simulator.smdp.es2plus.operator_link import OperatorLink
from pytest_euicc.simulator.smdp.http.app import es2_face, es9_face
from pytest_euicc.simulator.smdp.http.connections import ListenerLoop
from pytest_euicc.simulator.smdp.http.protocol import HttpProtocol
from pytest_euicc.simulator.smdp.http.tls import listener_context
from pytest_euicc.simulator.smdp.service import SmdpService

Result = TypeVar("Result")
_Listener = tuple[socket.socket, ssl.SSLContext]

CURVES = ("nist", "brainpool")
_START_SECONDS = 30.0
_BACKLOG = 128
_IDLE_SECONDS, _SHORT_IDLE_SECONDS = 30.0, 1.0
"""How long a connection is kept: a card takes its time between two requests of one LPA."""
_LAST_SECONDS = 1.0
"""For requests that have no answer yet when the server is stopped."""


class ServerError(PytestEuiccError):
    """The server cannot start; the message says why and what to do."""


@dataclass(frozen=True)
class Ports:
    """Where to listen: 0 takes a free port, None leaves a listener out.

    Attributes:
        nist, brainpool: ES9+ with a certificate on that curve.
        es2: ES2+, for clients with a certificate under a CI.
    """

    nist: int | None = 0
    brainpool: int | None = 0
    es2: int | None = 0


class SmdpServer:
    """An SM-DP+ that listens; a context manager, or ``start`` and ``stop``.

    Args:
        service: what answers. Once the server has started only its thread may use it; ``run`` does something there.
        pki: where the TLS certificates come from, the service's own as a rule.

    Attributes:
        tls_deviations: names of TLS_DEFECTS, for the ES9+ listeners from the next start on.
        listener_variants: names of LISTENER_VARIANTS, likewise.
    """

    def __init__(
        self, service: SmdpService, pki: Pki | None = None, *, host: str = "127.0.0.1", ports: Ports | None = None
    ) -> None:
        self.service = service
        self.host = host
        self.tls_deviations: frozenset[str] = frozenset()
        self.listener_variants: frozenset[str] = frozenset()
        self._pki = pki or default_pki()
        self._wanted = ports or Ports()
        self._ports: dict[str, int] = {}
        self._connections: set[HttpProtocol] = set()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._operator: OperatorLink | None = None

    def __enter__(self) -> SmdpServer:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def idle_seconds(self) -> float:
        """How long a connection is kept between two requests."""
        return _SHORT_IDLE_SECONDS if "closes-idle-connections" in self.listener_variants else _IDLE_SECONDS

    def port(self, curve: str = "nist") -> int:
        """The port of a listener: ``nist``, ``brainpool`` or ``es2``; raises KeyError if there is none."""
        return self._ports[curve]

    def url(self, curve: str = "nist", host: str = "localhost") -> str:
        """The URL of a listener under a host name of the certificate."""
        return f"https://{host}:{self.port(curve)}"

    def start(self) -> None:
        """Listen and serve in a separate thread; returns when requests are accepted.

        Raises:
            ServerError: a port cannot be had, or the server does not come up.
            PkiFolderError: there is no certificate for a listener.
        """
        contexts = {name: self._context(name) for name in self._wished()}
        sockets = self._listen()
        self._ports = {name: each.getsockname()[1] for name, each in sockets.items()}
        self.service.ports = set(self._ports.values())
        self._tell_operator()
        started = threading.Event()
        listeners = {name: (sockets[name], contexts[name]) for name in sockets}
        self._thread = threading.Thread(target=self._run, args=(listeners, started), name="smdp", daemon=True)
        self._thread.start()
        if not started.wait(_START_SECONDS) or self._failure is not None:
            failure = self._failure
            self.stop()
            raise ServerError(f"the SM-DP+ did not start: {failure or 'no sign of life'}")

    def stop(self) -> None:
        """Stop and wait for the end; stopping twice does no harm."""
        if self._loop is not None and self._stopping is not None:
            with suppress(RuntimeError):  # the loop is closed: its thread failed, as `_failure` says
                self._loop.call_soon_threadsafe(self._stopping.set)
        if self._thread is not None:
            self._thread.join(_START_SECONDS)
            self._thread = None
        self._loop = self._stopping = None
        if self._operator is not None:
            self.service.progress_listeners.remove(self._operator.tell)
            self._operator.close()
            self._operator = None

    def _tell_operator(self) -> None:
        url = self.service.inventory.operator_url
        if url is not None:
            identity = self._pki.server(Role.DP_TLS, self._pki.curves[0])
            self._operator = OperatorLink(
                url, TlsSettings(self._pki.trust(), identity=identity), identity.certificate.oid or ""
            )
            self.service.progress_listeners.append(self._operator.tell)

    def run(self, action: Callable[[], Result]) -> Result:
        """Do something with the service between two requests, in its thread."""
        if self._loop is None:
            return action()

        async def act() -> Result:
            return action()

        return asyncio.run_coroutine_threadsafe(act(), self._loop).result(_START_SECONDS)

    def _wished(self) -> dict[str, int]:
        """Ports of the listeners that there are to be, by their names."""
        wanted = {"nist": self._wanted.nist, "brainpool": self._wanted.brainpool, "es2": self._wanted.es2}
        return {
            name: port
            for name, port in wanted.items()
            if port is not None and (name not in CURVES or name in self._pki.curves)
        }

    def _listen(self) -> dict[str, socket.socket]:
        sockets: dict[str, socket.socket] = {}
        for name, port in self._wished().items():
            try:
                sockets[name] = _listener(self.host, port)
            except OSError as error:
                for each in sockets.values():
                    each.close()
                raise ServerError(
                    f"{self.host}:{port} cannot be listened at: {error.strerror}; choose another port (0: a free one)"
                ) from None
        return sockets

    def _run(self, listeners: Mapping[str, _Listener], started: threading.Event) -> None:
        try:
            with asyncio.Runner(loop_factory=ListenerLoop) as runner:
                runner.run(self._serve(listeners, started))
        except BaseException as error:
            self._failure = error
        finally:
            for each, _ in listeners.values():
                each.close()
            started.set()

    async def _serve(self, listeners: Mapping[str, _Listener], started: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        es9 = es9_face(self.service)
        servers = []
        for name, (listener, context) in listeners.items():
            face = es2_face(self.service) if name == "es2" else es9
            made = partial(HttpProtocol, face, self.idle_seconds, self._connections)
            servers.append(await self._loop.create_server(made, sock=listener, ssl=context, backlog=_BACKLOG))
        started.set()
        await self._stopping.wait()
        for server in servers:
            server.close()
        await self._end_connections()

    async def _end_connections(self) -> None:
        """Give every request that has come its answer, then close."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                while any(each.answering for each in self._connections):
                    await asyncio.sleep(0.01)
        for end in (HttpProtocol.end, HttpProtocol.abort):
            for each in list(self._connections):
                end(each)
            # What is to be sent is sent now; whether a client hears it is up to the client.
            await asyncio.sleep(0)

    def _context(self, name: str) -> ssl.SSLContext:
        if name == "es2":
            return listener_context(self._pki, self._pki.curves[0], self._pki.trust())
        return listener_context(self._pki, name, [], self.tls_deviations, self.listener_variants)


def _listener(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    # With the protocol named, asyncio sets TCP_NODELAY on what it accepts; without, each answer waits 40 ms for
    # the client's delayed acknowledgement.
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
