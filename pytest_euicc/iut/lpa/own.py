"""Our own LPA under test, in this process: with named defects and permitted variants it is what ``prove`` runs on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.es9.address import https_authority
from pytest_euicc.es9.errors import ServerUnreachable
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.es10.isdr import ISDR_AID
from pytest_euicc.iut.lpa.direct import DirectSender
from pytest_euicc.iut.lpa.driver import Reach
from pytest_euicc.peers.lpa.bench import Answer, Operation
from pytest_euicc.peers.lpa.script import Meanwhile
from pytest_euicc.rsp.issuing import LIST_HOST
from pytest_euicc.simulator.lpa.assistant import SimulatedLpa
from pytest_euicc.simulator.lpa.base import Disk
from pytest_euicc.simulator.lpa.client import LpaClient, deviant_tls
from pytest_euicc.simulator.lpa.managing import identifier_of
from pytest_euicc.simulator.lpa.on_card import Crash

_HTTP_TIMEOUT = 10.0
_TLS_TIMEOUT = 20.0
"""Seconds; the bench never has it run out, however busy the machine is."""
_LARGEST_ANSWER = 4 << 20
_RESET_OPTIONS = {
    "operational": "deleteOperationalProfiles",
    "test": "deleteFieldLoadedTestProfiles",
    "default_address": "resetDefaultSmdpAddress",
}

_OPTIONS = {
    "tls-1.2-alone": {"O_D_TLS13": False},
    "has-no-imei": {"O_D_IMEI": False},
    "serves-no-rules": {"O_D_PPR": False, "O_D_REMOVABLE": True},
    "checks-tls-policy": {"O_D_TLS_RSP": True},
    "checks-revocation": {"O_D_TLS_CRL": True},
    "trusts-public-cas": {"O_D_PUBLIC_CA": True},
    "takes-brainpool-in-tls": {"O_D_TLS_BRP": True},
    "repeats-requests": {"O_D_RETRY": True},
    "leaves-terminal-to-modem": {"O_D_CAT": False, "O_D_STARTS_CARD": False},
}
"""What a permitted variant of our own LPA changes in its declaration."""


def redeclared_lpa(declaration: Declaration, variants: frozenset[str]) -> Declaration:
    """The declaration of our own LPA as far as permitted variants change what it can."""
    # What prove records names with is no set; it runs without variants.
    chosen = variants if isinstance(variants, frozenset) else frozenset()
    changed = {name: on for variant, options in _OPTIONS.items() if variant in chosen for name, on in options.items()}
    return declaration.model_copy(update={"options": declaration.options | changed}) if changed else declaration


class _Killed(BaseException):
    """Ends our own LPA wherever it is."""


class OwnLpa:
    """The driver of our own LPA (see LpaDriver).

    Attributes:
        defects, variants: names of those that are switched on from the next sequence on.
    """

    name = "pytest-euicc's built-in LPA"
    speaks_tls = True
    takes_isdr_aid = True
    proxied = False

    def __init__(self, defects: frozenset[str] = frozenset(), variants: frozenset[str] = frozenset()) -> None:
        self.defects = defects
        self.variants = variants
        self._reach: Reach | None = None
        self._lpa: SimulatedLpa | None = None
        self._disk = Disk()
        self._killed = False

    def cannot(self, operation: Operation, arguments: Mapping[str, Any]) -> str | None:
        """None: the built-in LPA supports every operation."""
        del operation, arguments
        return None

    def cannot_meanwhile(self, what: Meanwhile) -> str | None:
        """What is done to the LPA has to be done in its own thread, which is not that of the HTTPS listener."""
        if what in ("abort", "kill", "download") and self._reach is not None and self._reach.over_tls:
            return f"{what} is for servers that are reached without a socket"
        return None

    def meanwhile(self, what: Meanwhile, code: str) -> None:
        """See LpaDriver; called from inside of what the LPA does."""
        if what == "kill":
            self._killed = True
            raise _Killed
        if self._lpa is None:
            return
        if what == "abort":
            self._lpa.abort()
            return
        with suppress(PytestEuiccError):
            self._lpa.download(code)

    def begin(self, reach: Reach) -> None:
        """A fresh LPA for a fresh card."""
        self._reach, self._lpa, self._disk = reach, None, Disk()

    def _running(self) -> SimulatedLpa:
        assert self._reach is not None  # noqa: S101  (perform comes after begin)
        if self._lpa is None:
            reach = self._reach
            card = Card(reach.transport())
            card.guard = self._alive
            card.connect()
            self._lpa = SimulatedLpa(
                card,
                self._server(reach),
                reach.user,
                isdr_aid=reach.isdr_aid or ISDR_AID,
                disk=self._disk,
                defects=self.defects,
                variants=self.variants,
            )
        return self._lpa

    def _alive(self, _octets: bytes) -> None:
        """A killed LPA sends no command any more, not even to close a channel."""
        if self._killed:
            raise _Killed

    def _server(self, reach: Reach) -> Callable[[str], LpaClient]:
        tls = TlsSettings(timeout=_HTTP_TIMEOUT)
        web = reach.web()

        def client(address: str) -> LpaClient:
            if reach.over_tls:
                return self._over_tls(reach, address)
            sender = DirectSender(web, address, reach.user.record.clock, _HTTP_TIMEOUT)
            return LpaClient(
                address, tls, lambda name: name in self.defects, lambda name: name in self.variants, sender
            )

        return client

    def _over_tls(self, reach: Reach, address: str) -> LpaClient:
        https = reach.https()
        _, host, _ = https_authority(address)
        if not reach.web().knows(host):
            reach.web().refused(host, "no address")
            raise ServerUnreachable(f"https://{address}", f"the name {host} has no address")
        defective: Callable[[str], bool] = lambda name: name in self.defects  # noqa: E731
        varies: Callable[[str], bool] = lambda name: name in self.variants  # noqa: E731
        tls = deviant_tls(
            TlsSettings(
                https.trust,
                resolve={host: https.host, LIST_HOST: https.host},
                timeout=_TLS_TIMEOUT,
                largest_answer=_LARGEST_ANSWER,
            ),
            https.public,
            defective,
            varies,
        )
        return LpaClient(f"https://{host}:{https.port}", tls, defective, varies)

    def perform(self, operation: Operation, arguments: Mapping[str, Any], timeout: float) -> Answer:  # noqa: ARG002
        """Do it in this thread; all time limits of the LPA are its own."""
        if operation == "restart":
            self._lpa = None
            return Answer("success")
        self._killed = False
        try:
            values = self._do(self._running(), operation, dict(arguments))
        except PytestEuiccError as error:
            return Answer("failure", str(error))
        except _Killed:
            self._lpa = None
            return Answer("unknown", "killed by the bench", ending="killed")
        except (Crash, RecursionError) as error:
            return Answer("failure", f"{type(error).__name__}: {error}", ending="crash")
        return Answer("success", "done", values)

    @staticmethod
    def _do(lpa: SimulatedLpa, operation: Operation, given: dict[str, Any]) -> dict[str, Any]:
        if operation in ("enable", "disable", "delete"):
            identifier = given.get("iccid") or given.get("aid") or lpa.identifier(given.get("text", ""))
            flags = {"refresh": given["refresh"]} if "refresh" in given else {}
            done: dict[str, Any] = getattr(lpa, operation)(identifier, **flags)
            return done
        if operation == "nickname":
            return lpa.nickname(given.get("iccid") or identifier_of(given.get("text", "")), given["name"])
        if operation == "memory_reset":
            return lpa.memory_reset(tuple(name for key, name in _RESET_OPTIONS.items() if given.get(key)))
        found: dict[str, Any] = getattr(lpa, operation)(**given)
        return found

    def log(self) -> str | None:
        """See LpaDriver."""
        return "\n".join(self._disk.log)

    def left_files(self) -> Mapping[str, bytes] | None:
        """See LpaDriver."""
        return self._disk.files

    def end(self) -> None:
        """Nothing runs on."""
        self._lpa = None

    def close(self) -> None:
        """Nothing is held."""
