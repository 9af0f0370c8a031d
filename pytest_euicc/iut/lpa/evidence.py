"""What crosses between an LPA and the bench, as reports see it of any other session."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from pytest_euicc.card.exchange import Exchange
from pytest_euicc.es9.binding import Es9Reply, HttpExchange
from pytest_euicc.peers.lpa.record import Apdu, Call

_LARGEST = 8 << 20
_KEPT = 1 << 16


class Evidence:
    """Passes calls on in the thread that the sequence runs in: readers and listeners have threads of their own.

    Args:
        on_apdu, on_http: give who is told of an exchange, or None for nobody.
    """

    def __init__(
        self,
        on_apdu: Callable[[], Callable[[Exchange], None] | None],
        on_http: Callable[[], Callable[[HttpExchange], None] | None],
    ) -> None:
        self._on_apdu = on_apdu
        self._on_http = on_http
        self._home = threading.get_ident()
        self._waiting: deque[Call] = deque()

    def crossed(self, call: Call) -> None:
        """A call has ended; one of another thread waits for `flush`."""
        self._waiting.append(call)
        if threading.get_ident() == self._home:
            self.flush()

    def flush(self) -> None:
        """Pass on what has waited."""
        while self._waiting:
            call = self._waiting.popleft()
            on_apdu, on_http = self._on_apdu(), self._on_http()
            if on_apdu is not None:
                for apdu in call.apdus:
                    on_apdu(_exchange(apdu))
            if on_http is not None and call.http is not None:
                on_http(_http(call))


def _exchange(apdu: Apdu) -> Exchange:
    return Exchange(apdu.command, apdu.answer, 0.0, 0.0)


def _http(call: Call) -> HttpExchange:
    http = call.http
    assert http is not None  # noqa: S101
    octets = http.answer
    if len(octets) > _LARGEST:
        # More than anybody reads; a report is read.
        octets = octets[:_KEPT] + f" ... {len(http.answer)} octets in all".encode()
    reply = Es9Reply(http.target.rpartition("/")[2], http.status, dict(http.answer_headers), octets)
    url = f"https://{http.host}{http.target}"
    whole = http.status != 0
    return HttpExchange(
        http.method, url, http.headers, http.body, reply if whole else None, call.ended - call.began,
        "" if whole else "the connection was cut",
    )  # fmt: skip
