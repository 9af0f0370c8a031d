"""``pytest-euicc serve card``, ``serve smdp`` and ``pki``: simulators and their certificates for other programs."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
import threading
from argparse import Namespace
from typing import TYPE_CHECKING

from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.extras import need
from pytest_euicc.rsp.folder import FolderPki, write_folder
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.defect import known_defects
from pytest_euicc.simulator.variant import known_variants

if TYPE_CHECKING:
    from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc


class ServeError(PytestEuiccError):
    """A simulator cannot be served; the message says what to do."""


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _euicc(arguments: Namespace) -> SimulatedEuicc:
    """The simulated eUICC as options want it."""
    from pytest_euicc.simulator.euicc.defects import DEFECTS
    from pytest_euicc.simulator.euicc.settings import EuiccSettings
    from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
    from pytest_euicc.simulator.euicc.variants import VARIANTS

    settings = EuiccSettings.load(arguments.settings) if arguments.settings else EuiccSettings()
    pki = FolderPki(arguments.pki) if arguments.pki else None
    defects = known_defects("--defect", arguments.defect, DEFECTS)
    variants = known_variants("--variant", arguments.variant, VARIANTS)
    return SimulatedEuicc(settings, pki, defects=defects, variants=variants)


def modem(arguments: Namespace) -> int:
    """A modem with the simulated eUICC at a pseudo-terminal, until Ctrl-C or SIGTERM; returns the exit status.

    Raises:
        PytestEuiccError: an option is wrong, or there are no pseudo-terminals.
    """
    from pytest_euicc.simulator.modem import ModemPort, Quirks, SimulatedModem

    quirks = Quirks(logical_channels=not arguments.no_logical_channels, longest=arguments.longest)
    try:
        port = ModemPort(SimulatedModem(_euicc(arguments), quirks).answer, quirks)
    except (ImportError, OSError) as error:
        raise ServeError(f"no pseudo-terminal can be opened here: {error}") from None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    _say(f"a modem with an eUICC answers at {port.device} (--euicc at:{port.device}); Ctrl-C ends it")
    with contextlib.suppress(KeyboardInterrupt):
        port.run()
    return 0


def card(arguments: Namespace) -> int:
    """Put the simulated eUICC into the reader of vpcd, until Ctrl-C or SIGTERM; returns the exit status.

    Raises:
        PytestEuiccError: an option is wrong, or there is no reader.
    """
    from pytest_euicc.simulator.by_hand import serve as serve_by_hand
    from pytest_euicc.simulator.vpcd import CardServer

    euicc = _euicc(arguments)
    place = f"{arguments.host}:{arguments.port}"
    server = CardServer(euicc, arguments.host, arguments.port)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.connect()
        # Windows has no select for a terminal.
        by_hand = sys.stdin.isatty() and sys.platform != "win32"
        keys = "Enter takes it out and puts it in, Ctrl-C ends" if by_hand else "Ctrl-C takes it out"
        _say(f"eUICC {euicc.settings.eid.hex()} is in the reader of vpcd at {place}; {keys}")
        with contextlib.suppress(KeyboardInterrupt):
            if by_hand:
                serve_by_hand(server, euicc.lose_power, sys.stdin, _say)
            else:
                server.run()
    except ConnectionRefusedError:
        raise ServeError(
            f"nothing listens at {place}: start pcscd with the vpcd driver (Debian: pcscd and "
            "vsmartcard-vpcd), or name its port with --port"
        ) from None
    except OSError as error:
        raise ServeError(f"{place} cannot be reached: {error.strerror or error}; see --host and --port") from None
    except KeyboardInterrupt:
        return 0
    finally:
        server.stop()
    return 0


def smdp(arguments: Namespace) -> int:
    """Serve the simulated SM-DP+, until Ctrl-C or SIGTERM; returns the exit status.

    Raises:
        PytestEuiccError: an option is wrong, or a port cannot be had.
    """
    need("the simulated SM-DP+", "smdp")
    from pytest_euicc.simulator.smdp.defects import DEFECTS
    from pytest_euicc.simulator.smdp.defects.transport import TLS_DEFECTS
    from pytest_euicc.simulator.smdp.http.server import Ports, SmdpServer
    from pytest_euicc.simulator.smdp.orders.inventory import Inventory, load
    from pytest_euicc.simulator.smdp.orders.orders import State
    from pytest_euicc.simulator.smdp.orders.store import Store
    from pytest_euicc.simulator.smdp.service import SmdpService
    from pytest_euicc.simulator.smdp.variants import VARIANTS
    from pytest_euicc.simulator.smdp.variants.listeners import LISTENER_VARIANTS

    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    pki = FolderPki(arguments.pki) if arguments.pki else default_pki()
    inventory, orders = load(arguments.inventory) if arguments.inventory else (Inventory(), [])
    defects = known_defects("--defect", arguments.defect, DEFECTS)
    variants = known_variants("--variant", arguments.variant, VARIANTS)
    service = SmdpService(inventory, orders, pki, defects=defects, variants=variants)
    with contextlib.ExitStack() as closing:
        if arguments.store:
            store = Store(arguments.store)
            closing.callback(store.close)
            store.attach(service.book)
        ports = Ports(arguments.port, arguments.brainpool_port, arguments.es2_port)
        server = SmdpServer(service, pki, host=arguments.host, ports=ports)
        server.tls_deviations = defects & TLS_DEFECTS.keys()
        server.listener_variants = variants & LISTENER_VARIANTS.keys()
        closing.enter_context(server)
        name = inventory.addresses[0]
        addresses = " and ".join(f"{server.url(curve, name)} ({curve})" for curve in pki.curves)
        _say(f"ES9+ at {addresses}, ES2+ at {server.url('es2', name)}; Ctrl-C ends")
        for order in (each for each in service.book if each.state is not State.AVAILABLE):
            _say(f"  LPA:1${name}:{server.port(pki.curves[0])}${order.matching_id}")
        with contextlib.suppress(KeyboardInterrupt):
            stopped.wait()
    return 0


def pki(arguments: Namespace) -> int:
    """Write the test PKI; returns the exit status.

    Raises:
        ServeError: the EID is none, or the folder cannot be written to.
    """
    if not re.fullmatch("[0-9]{32}", arguments.eid):
        raise ServeError(f"--eid {arguments.eid}: an EID has 32 digits")
    try:
        write_folder(default_pki(), arguments.folder, bytes.fromhex(arguments.eid))
    except OSError as error:
        reported = f"{error.filename or arguments.folder}: {error.strerror}"
        raise ServeError(f"pytest-euicc pki: {reported}; name a folder that can be written to") from None
    _say(f"{arguments.folder}: test PKI for EID {arguments.eid}, keys in PEM and certificates in DER")
    return 0
