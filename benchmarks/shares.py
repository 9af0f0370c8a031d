"""Where the time goes: functions are wrapped, and each moment counts for the innermost one that runs."""

from __future__ import annotations

import functools
import ssl
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.reading import loader
from pytest_euicc.es9.connection import Connection
from pytest_euicc.lpa import procedures
from pytest_euicc.rsp import bsp, certificates, issuing, signatures, verification
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from pytest_euicc.simulator.smdp.service import SmdpService

CRYPTOGRAPHY, CERTIFICATES, ASN1 = "cryptography", "certificates read, checked, issued", "ASN.1"
EUICC, SMDP = "simulated eUICC", "simulated SM-DP+"
TLS, HTTP = "TLS handshakes", "HTTP"

_FUNCTIONS: dict[str, tuple[Callable[..., Any], ...]] = {
    CRYPTOGRAPHY: (
        signatures.sign,
        signatures.verify,
        signatures.private_key_from,
        signatures.public_point,
        signatures.shared_secret,
        bsp.derive,
        verification._signed_by,
    ),
    CERTIFICATES: (verification.verify_chain, verification.verify_one, issuing.issue),
    ASN1: (codec.encode, codec.decode, codec.receive, codec.check_der, codec.locate),
}
_METHODS: dict[str, tuple[tuple[type, str], ...]] = {
    CRYPTOGRAPHY: ((bsp.Bsp, "encrypt_and_mac"), (bsp.Bsp, "mac_only"), (bsp.Bsp, "open")),
    CERTIFICATES: ((certificates.Certificate, "_read"),),
    EUICC: ((SimulatedEuicc, "transmit"),),
    SMDP: ((SmdpService, "call"),),
    TLS: ((ssl.SSLSocket, "do_handshake"), (ssl.SSLObject, "do_handshake")),
    HTTP: ((Connection, "request"),),
}
_WHERE = (loader, procedures)
"""Imported, so that the names which they took from the modules above are wrapped as well."""


class Shares:
    """Seconds of the processor and calls by category, of all threads; a thread that waits takes none."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._seconds: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        self._stacks: dict[int, list[list[Any]]] = defaultdict(list)

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by category; what is in none is not here."""
        total: dict[str, float] = defaultdict(float)
        for found in self._seconds.values():
            for category, seconds in found.items():
                total[category] += seconds
        return dict(total)

    def wrapped(self, category: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its time measured."""

        @functools.wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            thread = threading.get_ident()
            stack, seconds = self._stacks[thread], self._seconds[thread]
            now = time.thread_time()
            if stack:
                seconds[stack[-1][0]] += now - stack[-1][1]
            if not stack or stack[-1][0] != category:
                self.calls[category] += 1
            stack.append([category, now])
            try:
                return function(*arguments, **named)
            finally:
                now = time.thread_time()
                seconds[category] += now - stack.pop()[1]
                if stack:
                    stack[-1][1] = now

        return timed


@contextmanager
def measured() -> Iterator[Shares]:
    """Everything is wrapped for the length of the block."""
    shares = Shares()
    undo: list[tuple[Any, str, Any]] = []

    def replace(owner: Any, name: str, new: Any) -> None:
        undo.append((owner, name, vars(owner)[name]))
        setattr(owner, name, new)

    for category, functions in _FUNCTIONS.items():
        for function in functions:
            timed = shares.wrapped(category, function)
            for module in [module for name, module in sys.modules.items() if name.startswith("pytest_euicc")]:
                for name, value in list(vars(module).items()):
                    if value is function:
                        replace(module, name, timed)
    for category, methods in _METHODS.items():
        for owner, name in methods:
            replace(owner, name, shares.wrapped(category, vars(owner)[name]))
    try:
        yield shares
    finally:
        for owner, name, before in reversed(undo):
            setattr(owner, name, before)
