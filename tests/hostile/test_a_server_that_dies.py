"""An SM-DP+ that dies under a request is told by it, and waited for before the next."""

from __future__ import annotations

import socket
import threading

import pytest

from pytest_euicc.es9.errors import ServerDied, ServerUnreachable
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.iut.smdp.clients import Clients
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.smdp.http.server import Ports, SmdpServer
from pytest_euicc.simulator.smdp.service import SmdpService
from tests.support.smdp_peer import HOST

TLS = TlsSettings(default_pki().trust(), timeout=5.0, resolve={HOST: "127.0.0.1"})


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def server(port: int) -> SmdpServer:
    return SmdpServer(SmdpService(), ports=Ports(nist=port, brainpool=None, es2=None))


def test_it_is_named_and_waited_for() -> None:
    port = free_port()
    clients = Clients(wait=20.0)
    client = clients.get("nist", f"https://{HOST}:{port}", TLS)
    with server(port):
        assert client.send("cancelSession", b"{}").status == 200
        client.close()
    with pytest.raises(ServerDied, match="it answered earlier in this run and does not listen any more"):
        client.send("cancelSession", b"{}")
    again = server(port)
    timer = threading.Timer(0.5, again.start)
    timer.start()
    try:
        assert client.send("cancelSession", b"{}").status == 200
    finally:
        timer.join()
        clients.close()
        again.stop()


def test_one_that_does_not_come_back_is_waited_for_once() -> None:
    port = free_port()
    clients = Clients(wait=0.3)
    client = clients.get("nist", f"https://{HOST}:{port}", TLS)
    with server(port):
        client.send("cancelSession", b"{}")
        client.close()
    with pytest.raises(ServerDied):
        client.send("cancelSession", b"{}")
    for _ in range(3):
        with pytest.raises(ServerUnreachable, match=r"not tried again in this run, after: .*does not listen any more"):
            client.send("cancelSession", b"{}")
    clients.close()


def test_one_that_was_never_there_is_not_waited_for() -> None:
    clients = Clients(wait=1000.0)
    client = clients.get("nist", f"https://{HOST}:{free_port()}", TLS)
    for _ in range(2):
        with pytest.raises(ServerUnreachable) as caught:
            client.send("cancelSession", b"{}")
        assert not isinstance(caught.value, ServerDied)
    clients.close()
