"""``vpcd[:port]``: the harness listens where vpcd would, and a software card connects. No pcscd is needed."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress

from pytest_euicc.card.atr import protocols
from pytest_euicc.card.errors import CardMute, NoCard, ReaderBusy, ReaderGone, UnknownTransport
from pytest_euicc.card.transport import Transport, TransportOptions
from pytest_euicc.card.vpcd_protocol import PORT, ConnectionLost, Control, VpcdSocket

_HOST = "127.0.0.1"


class VpcdTransport:
    """Waits for one software card on a port of this machine. Port 0 takes a free one, `port` says which."""

    def __init__(self, port: int, options: TransportOptions) -> None:
        self.port = port
        self.atr = b""
        self.protocol = options.protocol or "T=1"
        self._options = options
        self._server: socket.socket | None = None
        self._link: VpcdSocket | None = None

    @property
    def description(self) -> str:
        """``vpcd: port 35963``."""
        return f"vpcd: port {self.port}"

    def listen(self) -> socket.socket:
        """Open the port, so that a card can connect; `connect` does it when it was not done."""
        if self._server is None:
            try:
                self._server = socket.create_server((_HOST, self.port))
            except OSError as fault:
                raise _no_port(self.port, fault) from fault
            self.port = self._server.getsockname()[1]
        return self._server

    def connect(self) -> None:
        """Wait for a card and power it up."""
        server = self.listen()
        if self._link is None:
            server.settimeout(self._options.timeout)
            try:
                connection, _ = server.accept()
            except TimeoutError:
                raise NoCard(
                    f"no software card connected to {_HOST}:{self.port} within {self._options.timeout:g} s. "
                    f"Start one against this port, for example: pytest-euicc serve card --port {self.port}"
                ) from None
            connection.settimeout(self._options.timeout)
            self._link = VpcdSocket(connection)
        self._control(Control.ON)
        self._read_atr()

    def transmit(self, apdu: bytes) -> bytes:
        """Send one command APDU and wait for its response."""
        return self._ask(apdu, f"no answer to {apdu.hex().upper()}")

    def reset(self) -> bytes:
        """Warm reset."""
        self._control(Control.RESET)
        return self._read_atr()

    def close(self) -> None:
        """Power off, hang up and close the port."""
        if self._link is not None:
            with suppress(ConnectionLost, TimeoutError):
                self._link.send(bytes((Control.OFF,)))
            self._link.close()
            self._link = None
        if self._server is not None:
            self._server.close()
            self._server = None

    def _read_atr(self) -> bytes:
        self.atr = self._ask(bytes((Control.ATR,)), "no ATR")
        if not self.atr:
            raise CardMute(f"{self.description}: the software card answered the reset with an empty ATR")
        offered = protocols(self.atr)
        if self._options.protocol is None:
            self.protocol = f"T={offered[0]}"
        return self.atr

    def _control(self, control: Control) -> None:
        try:
            self._connected().send(bytes((control,)))
        except (ConnectionLost, TimeoutError) as fault:
            raise self._gone(fault) from fault

    def _ask(self, message: bytes, mute: str) -> bytes:
        link = self._connected()
        try:
            link.send(message)
            return link.receive(self._options.timeout)
        except TimeoutError:
            # An answer that comes after all would be taken for that of the next command.
            link.close()
            self._link = None
            raise CardMute(
                f"{self.description}: the software card is connected but gave {mute} within {self._options.timeout:g} s"
            ) from None
        except ConnectionLost as fault:
            raise self._gone(fault) from fault

    def _connected(self) -> VpcdSocket:
        if self._link is None:
            raise ReaderGone(f"{self.description}: no software card is connected any more")
        return self._link

    def _gone(self, fault: Exception) -> ReaderGone:
        if self._link is not None:
            self._link.close()
            self._link = None
        return ReaderGone(f"{self.description}: the software card disconnected in the middle of the run ({fault})")


def _no_port(port: int, fault: OSError) -> ReaderBusy | UnknownTransport:
    if fault.errno == errno.EADDRINUSE:
        return ReaderBusy(
            f"port {port} is in use: pcscd with its vpcd driver, or another run, listens there. "
            "Stop that one or choose another port with vpcd:PORT"
        )
    return UnknownTransport(f"port {port} cannot be opened: {fault.strerror}")


def open_transport(argument: str, options: TransportOptions) -> Transport:
    """``vpcd`` or ``vpcd:PORT``."""
    if argument and not (argument.isdecimal() and int(argument) <= 0xFFFF):
        raise UnknownTransport(f"vpcd:{argument}: a port number, 0 to 65535, was expected after the colon")
    return VpcdTransport(int(argument) if argument else PORT, options)
