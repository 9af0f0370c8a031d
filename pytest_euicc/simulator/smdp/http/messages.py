"""Requests and answers of the listeners, and the octets of an answer (RFC 9112)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus


@dataclass(frozen=True)
class Request:
    """A request as received.

    Attributes:
        path: of the target, without a query; empty where the target is none.
        headers: names in lower case; of several of one name the last.
        version: of HTTP, as ``1.1``.
        keeps: whether the client keeps the connection.
    """

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    version: str = "1.1"
    keeps: bool = True


@dataclass(frozen=True)
class Answer:
    """An answer as it is to be sent.

    Attributes:
        headers: names as they are to be written; what frames the body is added.
        piece: octets of the body in one write at most; 0 for all.
        chunked: a chunk for each piece in place of a length, where the client knows chunks.
        silent: nothing is sent, and the connection ends.
    """

    status: int
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    piece: int = 0
    chunked: bool = False
    silent: bool = False

    @property
    def closes(self) -> bool:
        """Whether the connection ends with it."""
        return self.silent or any(
            name.lower() == "connection" and value.lower() == "close" for name, value in self.headers
        )

    def octets(self, request: Request, *, last: bool) -> Iterator[bytes]:
        """What is written for a request, write by write; ``last``: the connection ends with it."""
        if self.silent:
            return
        chunked = self.chunked and bool(self.body) and request.version != "1.0"
        lines = [f"HTTP/1.1 {self.status} {_reason(self.status)}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if chunked:
            lines.append("transfer-encoding: chunked")
        elif self.status != HTTPStatus.NO_CONTENT:
            lines.append(f"content-length: {len(self.body)}")
        if last and not self.closes:
            lines.append("connection: close")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
        if request.method == "HEAD" or not self.body:
            yield head
            return
        size = self.piece or len(self.body)
        for at in range(0, len(self.body), size):
            part = self.body[at : at + size]
            yield head + (b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
            head = b""
        if chunked:
            yield b"0\r\n\r\n"


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
