"""The way from the SM-DP+ to an operator: HandleDownloadProgressInfo over HTTPS (SGP.22 5.3.5)."""

from __future__ import annotations

import json
import logging
import queue
import threading
from itertools import count

from pytest_euicc.es9.connection import Connection
from pytest_euicc.es9.errors import Es9Error
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.simulator.smdp.es2plus.progress import PATH, Progress

_LOG = logging.getLogger(__name__)
_HEADERS = {"Content-Type": "application/json", "X-Admin-Protocol": "gsma/rsp/v2.6.0"}
_STOP_SECONDS = 5.0


class OperatorLink:
    """Reports each step to an operator, in a separate thread, so that a slow operator does not delay downloads.

    Args:
        url: ``https://host[:port]``.
        tls: whose ``identity`` the operator sees.
        requester: OID of the SM-DP+.
    """

    def __init__(self, url: str, tls: TlsSettings, requester: str) -> None:
        self._requester = requester
        self._connection = Connection(url, tls)
        self._waiting: queue.SimpleQueue[Progress | None] = queue.SimpleQueue()
        self._calls = count(1)
        self._thread = threading.Thread(target=self._run, name="smdp-operator", daemon=True)
        self._thread.start()

    def tell(self, progress: Progress) -> None:
        """Queue a step; returns at once."""
        self._waiting.put(progress)

    def close(self) -> None:
        """Send what is waiting, then end."""
        self._waiting.put(None)
        self._thread.join(_STOP_SECONDS)
        self._connection.close()

    def _run(self) -> None:
        while (progress := self._waiting.get()) is not None:
            body = json.dumps(progress.body(self._requester, f"progress-{next(self._calls)}")).encode()
            try:
                answer = self._connection.request("POST", PATH, _HEADERS, body)
            except Es9Error as error:
                # SGP.22 5.3.5 asks for no second try.
                _LOG.warning("the operator could not be notified: %s", error)
            else:
                if answer.status not in (200, 204):
                    _LOG.warning("the operator answered HTTP %d", answer.status)
