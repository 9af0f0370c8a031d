"""One server over HTTPS: requests with every octet under control, faults of the way as clear errors.

HTTP itself is h11's, which knows interim responses, chunks and trailers and says what breaks RFC 9112; the connections
are ours, so that one deadline holds from the resolver to the last octet of the body.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

import h11

from pytest_euicc.es9.address import https_authority
from pytest_euicc.es9.deadline import Deadline, another
from pytest_euicc.es9.errors import AnswerTooLarge, ConnectionBroken, ServerTimeout
from pytest_euicc.es9.inspection import explain_tls, tls_connection
from pytest_euicc.es9.tls import TlsSettings, client_context

_CHUNK = 1 << 16
_WITH_BODY = ("POST", "PUT", "PATCH")


@dataclass(frozen=True)
class HttpAnswer:
    """The answer as received: status, headers with names in lower case, body."""

    status: int
    headers: dict[str, str]
    octets: bytes


@dataclass
class _Line:
    """One connection that is kept alive, and what h11 knows of it."""

    socket: ssl.SSLSocket
    http: h11.Connection = field(default_factory=lambda: h11.Connection(h11.CLIENT))
    used: bool = False
    heard: bool = False
    """An octet came since the last request."""

    def __post_init__(self) -> None:
        self.same = another(self.socket)

    def close(self) -> None:
        self.same.close()
        self.socket.close()


class Connection:
    """Keep-alive connections to one server; threads may share them.

    Args:
        url: ``https://host[:port]``; ``https://`` may be left out.
        settings: trust, versions, name resolution, time limits.

    Raises:
        AddressFault: the URL names no host or is not HTTPS.
    """

    def __init__(self, url: str, settings: TlsSettings) -> None:
        self._authority, self.host, self.port = https_authority(url)
        self.settings = settings
        self.url = f"https://{self._authority}"
        self._context = client_context(settings)
        self._idle: list[_Line] = []

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> HttpAnswer:
        """Send and wait for the whole answer; redirects are not followed, interim responses (1xx) passed over.

        Raises:
            Es9Error: no whole answer came within the time limit of the settings.
        """
        sent = {"Host": self._authority, **headers}
        if (body or method in _WITH_BODY) and not any(name.lower() == "content-length" for name in sent):
            sent["Content-Length"] = str(len(body))
        request = h11.Request(method=method, target=path, headers=list(sent.items()))
        deadline, url = Deadline(self.settings.timeout), self.url + path
        while True:
            line = self._line(url, deadline)
            try:
                answer = self._exchange(url, line, request, body, deadline)
            except ConnectionBroken:
                line.close()
                # A server may end a connection that is kept alive at any time (RFC 9112 9.5), just as it is used again.
                if line.used and not line.heard:
                    continue
                raise
            except BaseException:
                line.close()
                raise
            self._keep(line)
            return answer

    def close(self) -> None:
        """End the connections."""
        while self._idle:
            self._idle.pop().close()

    def _line(self, url: str, deadline: Deadline) -> _Line:
        try:
            return self._idle.pop()
        except IndexError:
            secure = tls_connection(url, self.settings, self._context, deadline)
        try:
            return _Line(secure)
        except OSError as error:
            secure.close()
            raise ConnectionBroken(url, f"the connection cannot be used: {_one_line(error)}") from None

    def _keep(self, line: _Line) -> None:
        if line.http.our_state is h11.DONE and line.http.their_state is h11.DONE:
            line.http.start_next_cycle()
            line.used, line.heard = True, False
            self._idle.append(line)
        else:
            line.close()

    def _exchange(self, url: str, line: _Line, request: h11.Request, body: bytes, deadline: Deadline) -> HttpAnswer:
        seconds = self.settings.timeout
        begun = False
        octets = bytearray()
        response: h11.Response | None = None
        try:
            with deadline.guard(line.same):
                self._send(line, request, body, deadline)
                while True:
                    event = self._next(line, deadline)
                    begun = True
                    # Not isinstance, which takes its time with the abstract base class of h11's events.
                    if type(event) is h11.Response:
                        response = event
                    elif type(event) is h11.Data:
                        octets += event.data
                        if len(octets) > self.settings.largest_answer:
                            limit = self.settings.largest_answer
                            raise AnswerTooLarge(url, f"the answer does not end: it is larger than {limit} octets")
                    elif type(event) is h11.EndOfMessage and response is not None:
                        return HttpAnswer(response.status_code, _merged(response), bytes(octets))
        except TimeoutError:
            if begun:
                raise ServerTimeout(url, f"the answer is not complete after {seconds:g} s") from None
            reported = f"no answer within {seconds:g} s; allow more time, or check the server"
            raise ServerTimeout(url, reported) from None
        except ssl.SSLError as error:
            if not isinstance(error, ssl.SSLEOFError):
                raise explain_tls(url, self.host, error, self.settings) from None
            reported = "the connection ended before the answer, and TLS with it"
            raise ConnectionBroken(url, reported) from None
        except OSError as error:
            raise ConnectionBroken(url, f"the connection ended before the answer: {_one_line(error)}") from None
        except h11.RemoteProtocolError as error:
            if response is not None:
                reported = f"the answer was truncated after {len(octets)} octets"
                raise ConnectionBroken(url, f"{reported}: {_one_line(error)}") from None
            raise ConnectionBroken(url, f"the connection ended before the answer: {_one_line(error)}") from None

    def _send(self, line: _Line, request: h11.Request, body: bytes, deadline: Deadline) -> None:
        octets = (line.http.send(request) or b"") + (line.http.send(h11.Data(body)) or b"")
        octets += line.http.send(h11.EndOfMessage()) or b""
        deadline.limit(line.socket)
        try:
            line.socket.sendall(octets)
        except TimeoutError:
            raise
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            # A server may answer, and leave, before it has read everything.
            return

    def _next(self, line: _Line, deadline: Deadline) -> object:
        while True:
            event = line.http.next_event()
            if type(event) is h11.InformationalResponse:
                # 102, 103 and what may come: all but the final response can be passed over (RFC 9110 15.2).
                deadline.left()
                continue
            if event is not h11.NEED_DATA:
                return event
            deadline.limit(line.socket)
            octets = line.socket.recv(_CHUNK)
            deadline.left()
            line.heard |= bool(octets)
            line.http.receive_data(octets)


def _merged(response: h11.Response) -> dict[str, str]:
    """Headers by name; several of one name are one list (RFC 9110 5.3)."""
    found: dict[str, str] = {}
    for name, value in response.headers.raw_items():
        key, text = name.decode("ascii").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
