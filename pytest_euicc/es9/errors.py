"""Why a request was not answered; each error is one message with the place and how to fix it."""

from __future__ import annotations

from pytest_euicc.errors import PytestEuiccError


class Es9Error(PytestEuiccError):
    """A server could not be asked, or its answer is none of the binding (SGP.22 6.5).

    Attributes:
        url: what was asked.
    """

    def __init__(self, url: str, message: str) -> None:
        super().__init__(f"{url}: {message}")
        self.url = url


class AddressFault(Es9Error, ValueError):
    """The text that should say where a server is does not."""


class NoServer(Es9Error):
    """Whoever makes the clients has none for this address."""


class ServerUnreachable(Es9Error):
    """Nothing listens there, or the name has no address."""


class ServerDied(ServerUnreachable):
    """The server answered before, and a request later it does not listen any more."""


class ServerTimeout(Es9Error):
    """The server took longer than the time limit to connect or to answer."""


class TlsError(Es9Error):
    """No TLS connection: no common version, suite or curve, or the server does not use TLS.

    Attributes:
        alert: by which the server refused, such as ``handshake_failure``; empty where it did not say.
    """

    def __init__(self, url: str, message: str, alert: str = "") -> None:
        super().__init__(url, message)
        self.alert = alert


class NotTls(TlsError):
    """The server uses plain HTTP instead of HTTPS."""


class ServerCertificateError(TlsError):
    """The server's certificate does not hold (SGP.22 4.5.2.2)."""


class NameMismatch(ServerCertificateError):
    """The certificate is for another host name."""


class CertificateExpired(ServerCertificateError):
    """The certificate is outside its validity period."""


class UnknownIssuer(ServerCertificateError):
    """The certificate does not chain to a trusted CI."""


class ConnectionBroken(Es9Error):
    """The connection ended before the answer was whole."""


class Redirected(Es9Error):
    """The server sent elsewhere; SGP.22 6.5 knows no redirects and an LPA follows none."""


class UnexpectedHttpStatus(Es9Error):
    """An HTTP status other than the one the binding asks for.

    Attributes:
        status: the number.
    """

    def __init__(self, url: str, message: str, status: int) -> None:
        super().__init__(url, message)
        self.status = status


class NotJson(Es9Error):
    """The body is no JSON object: HTML, text, half a body."""


class AnswerTooLarge(Es9Error):
    """The body is larger than the limit of the settings."""
