"""One ClientHello by hand, and what a server answers to it: for offers that OpenSSL would not make (RFC 5246 7.4.1).

Old versions and suites without forward secrecy are refused by the client's own library before anything is sent; what
a server makes of such an offer shows in its first record, so that no more of TLS is needed here.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_euicc.es9.address import https_authority
from pytest_euicc.es9.deadline import Deadline
from pytest_euicc.es9.errors import NotTls, ServerTimeout
from pytest_euicc.es9.inspection import tcp_connection
from pytest_euicc.es9.suites import name_of, number_of
from pytest_euicc.es9.tls import TlsSettings

OfferedVersion = Literal["1.0", "1.1", "1.2"]
"""Versions of which the ClientHello itself is the whole offer; TLS 1.3 is offered by a handshake."""
RANDOM_OCTETS = 32

_ALERT, _HANDSHAKE = 21, 22
_CLIENT_HELLO, _SERVER_HELLO = 1, 2
_VERSIONS: dict[str, int] = {"1.0": 0x0301, "1.1": 0x0302, "1.2": 0x0303, "1.3": 0x0304}
_SERVER_NAME, _GROUPS, _POINT_FORMATS, _SIGNATURES, _VERSION, _RENEGOTIATION = 0, 10, 11, 13, 43, 0xFF01
_EXTENDED_MASTER_SECRET = 23
"""A server may refuse a client without it (RFC 7627 5.3), whatever else is offered."""
_WARNING, _CLOSE_NOTIFY = 1, 0
# secp256r1 and secp384r1, or brainpoolP256r1 (RFC 8422, RFC 7027).
_CURVE_GROUPS = {"nist": (23, 24), "brainpool": (26,)}
# ECDSA and RSA with SHA-256, RSA-PSS with SHA-256, ECDSA and RSA with SHA-1 (RFC 8446 4.2.3): what is refused is
# refused for its version or suite, not for a missing signature algorithm.
_SIGNATURE_SCHEMES = (0x0403, 0x0401, 0x0804, 0x0203, 0x0201)
_MAXIMUM_RECORD = 1 << 14
_MAXIMUM_MESSAGE = 1 << 16
"""No ServerHello is as long; the length of a handshake message goes up to 16 MB."""
ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    22: "record_overflow",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    116: "certificate_required",
}
"""Descriptions of alerts (RFC 8446 6)."""


@dataclass(frozen=True)
class HelloAnswer:
    """The answer to a ClientHello.

    Attributes:
        sent, received: octets as they went over the wire.
        version, suite: of the ServerHello, ``1.2`` and the IANA name; empty without one.
        alert: its description; empty where the server closed the connection without one.
    """

    sent: bytes
    received: bytes
    version: str = ""
    suite: str = ""
    alert: str = ""

    @property
    def refused(self) -> bool:
        """No ServerHello was received."""
        return not self.version


def client_hello(host: str, version: OfferedVersion, suites: Sequence[str], curve: str, random: bytes) -> bytes:
    """A ClientHello in its record.

    Args:
        host: for the server name; an IP address has none (RFC 6066 3).
        version: the highest that is offered, and the only one a server of today takes.
        suites: IANA names.
        curve: ``nist`` or ``brainpool``, the groups offered.
        random: RANDOM_OCTETS octets.
    """
    listed = b"".join(number_of(name).to_bytes(2, "big") for name in suites)
    extensions = [(_SERVER_NAME, _counted(2, b"\0" + _counted(2, host.encode("idna"))))] if _is_name(host) else []
    groups = b"".join(group.to_bytes(2, "big") for group in _CURVE_GROUPS[curve])
    extensions += [(_GROUPS, _counted(2, groups)), (_POINT_FORMATS, _counted(1, b"\0")), (_RENEGOTIATION, b"\0")]
    extensions.append((_EXTENDED_MASTER_SECRET, b""))
    if version == "1.2":
        schemes = b"".join(scheme.to_bytes(2, "big") for scheme in _SIGNATURE_SCHEMES)
        extensions.append((_SIGNATURES, _counted(2, schemes)))
    coded = b"".join(kind.to_bytes(2, "big") + _counted(2, content) for kind, content in extensions)
    body = _VERSIONS[version].to_bytes(2, "big") + random + _counted(1, b"")
    body += _counted(2, listed) + _counted(1, b"\0") + _counted(2, coded)
    message = bytes([_CLIENT_HELLO]) + _counted(3, body)
    # The record says TLS 1.0, which every server reads (RFC 5246 E.1).
    return bytes([_HANDSHAKE]) + _VERSIONS["1.0"].to_bytes(2, "big") + _counted(2, message)


def offer(
    url: str, settings: TlsSettings, version: OfferedVersion, suites: Sequence[str], random: bytes
) -> HelloAnswer:
    """Send a ClientHello and read what the server says to it; then leave.

    Raises:
        ServerUnreachable, ServerTimeout: nothing listens there, or nothing comes of it.
        NotTls: what comes is no TLS.
    """
    _, host, _ = https_authority(url)
    sent = client_hello(host, version, suites, settings.curve, random)
    deadline = Deadline(settings.timeout)
    with tcp_connection(url, settings, deadline) as connection:
        try:
            deadline.limit(connection)
            connection.sendall(sent)
            received = _answer(connection, deadline)
        except TimeoutError:
            raise ServerTimeout(url, f"no answer to a ClientHello within {settings.timeout:g} s") from None
        except OSError:
            # A server may refuse by a reset.
            received = b""
    return _read(url, sent, received)


def _answer(connection: socket.socket, deadline: Deadline) -> bytes:
    """Records up to the end of the first handshake message, an alert, or what is no TLS; empty: closed.

    A handshake goes on after a warning (RFC 6066 3): it is the answer only where nothing follows.
    """
    received, message, warning = b"", b"", b""
    while True:
        head = _exactly(connection, deadline, 5)
        if not head:
            return received or warning
        received += head
        if len(head) < 5 or head[0] != _HANDSHAKE or head[1] != 3:
            alert = _exactly(connection, deadline, 2) if len(head) == 5 and head[0] == _ALERT else b""
            if alert[:1] == bytes([_WARNING]) and alert[1:] != bytes([_CLOSE_NOTIFY]):
                received, warning = b"", received + alert
                continue
            return received + alert
        content = _exactly(connection, deadline, min(int.from_bytes(head[3:], "big"), _MAXIMUM_RECORD))
        received, message = received + content, message + content
        whole = len(message) >= 4 and len(message) >= 4 + int.from_bytes(message[1:4], "big")
        if whole or not content or len(message) > _MAXIMUM_MESSAGE:
            return received


def _exactly(connection: socket.socket, deadline: Deadline, count: int) -> bytes:
    """So many octets; fewer at the end of the connection."""
    octets = b""
    while len(octets) < count:
        deadline.limit(connection)
        chunk = connection.recv(count - len(octets))
        if not chunk:
            break
        octets += chunk
    return octets


def _read(url: str, sent: bytes, received: bytes) -> HelloAnswer:
    if not received:
        return HelloAnswer(sent, received)
    if received[0] == _ALERT and len(received) >= 7:
        return HelloAnswer(sent, received, alert=ALERTS.get(received[6], str(received[6])))
    message = _handshake_octets(received)
    if received[0] != _HANDSHAKE or message[:1] != bytes([_SERVER_HELLO]):
        beginning = received[:40].decode("ascii", "replace")
        raise NotTls(url, f"the answer to a ClientHello is not TLS; it begins {beginning!r}. Is the port right?")
    try:
        version, suite = _server_hello(message[4 : 4 + int.from_bytes(message[1:4], "big")])
    except IndexError:
        raise NotTls(url, f"the ServerHello is truncated: {received.hex().upper()}") from None
    names = {number: name for name, number in _VERSIONS.items()}
    return HelloAnswer(sent, received, names.get(version, f"{version:04X}"), name_of(suite))


def _handshake_octets(received: bytes) -> bytes:
    """The contents of the records, one after the other."""
    message, rest = b"", received
    while len(rest) >= 5:
        length = int.from_bytes(rest[3:5], "big")
        message, rest = message + rest[5 : 5 + length], rest[5 + length :]
    return message


def _server_hello(body: bytes) -> tuple[int, int]:
    """Version and suite; raises IndexError where the message ends too early."""
    at = 2 + RANDOM_OCTETS
    at += 1 + body[at]
    version, suite = int.from_bytes(body[:2], "big"), body[at] << 8 | body[at + 1]
    extensions = body[at + 5 :]
    while len(extensions) >= 4:
        kind, length = int.from_bytes(extensions[:2], "big"), int.from_bytes(extensions[2:4], "big")
        if kind == _VERSION and length == 2:
            version = int.from_bytes(extensions[4:6], "big")
        extensions = extensions[4 + length :]
    return version, suite


def _is_name(host: str) -> bool:
    return not host.replace(".", "").isdigit() and ":" not in host


def _counted(width: int, content: bytes) -> bytes:
    return len(content).to_bytes(width, "big") + content
