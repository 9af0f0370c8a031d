"""The command line: readers, lint, schema, coverage, prove, serve, compare. Each command imports what it needs."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

OK, WORSE, WRONG_USE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 good, 1 mistakes or worse, 2 it could not be done."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal without Unicode still gets every message.
            stream.reconfigure(errors="backslashreplace")
    parsed = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = parsed.command
    try:
        return command(parsed)
    except BrokenPipeError:
        # Whoever read our output (head, less) has read enough; nothing more is to be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WORSE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("pytest-euicc", description="eUICC and SM-DP+ conformance after SGP.22")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    readers = commands.add_parser("readers", help="list PC/SC readers and the cards in them")
    readers.set_defaults(command=_readers)

    lint = commands.add_parser("lint", help="check vectors; all mistakes with file:line:column")
    lint.add_argument("paths", nargs="*", type=Path, help="files or folders (default: those of the package)")
    lint.set_defaults(command=_lint)

    schema = commands.add_parser("schema", help="print the JSON Schema of vectors, for editors")
    schema.set_defaults(command=_schema)

    compare = commands.add_parser("compare", help="compare two summary.json; exit status 1 if something got worse")
    compare.add_argument("before", type=Path)
    compare.add_argument("after", type=Path)
    compare.set_defaults(command=_compare)

    coverage = commands.add_parser("coverage", help="print what the vectors cover as Markdown")
    coverage.add_argument(
        "--against",
        metavar="FILE",
        type=Path,
        help="instead, what this catalogue has and they lack; exit status 1 if so",
    )
    coverage.set_defaults(command=_coverage)

    prove = commands.add_parser("prove", help="run sequences against the defects of the simulators: which find what")
    prove.add_argument("--side", choices=("euicc", "smdp", "all"), default="all", help="simulator (default all)")
    prove.add_argument("--defect", metavar="NAME", action="append", default=[], help="only this one (may be repeated)")
    prove.add_argument(
        "-k", metavar="TEXT", dest="texts", action="append", default=[],
        help="only sequences with this in name or title (may be repeated: any of them)",
    )  # fmt: skip
    prove.add_argument("--jobs", type=int, default=2, help="worker processes (default 2)")
    prove.add_argument("--out", type=Path, default=Path("reports/out"), help="folder of prove.html and prove.json")
    prove.add_argument("--matrix", action="store_true", help="print every sequence and every defect in full")
    prove.add_argument("--vectors", metavar="PATH", type=Path, action="append", default=[], help="vectors of your own")
    prove.add_argument(
        "--every-pair", action="store_true",
        help="also run sequences with defects that they never meet: slower, and finds the same",
    )  # fmt: skip
    prove.set_defaults(command=_prove)

    serve = commands.add_parser("serve", help="serve a simulator to other programs")
    served = serve.add_subparsers(required=True, metavar="WHAT")
    card = served.add_parser("card", help="put the simulated eUICC behind a virtual PC/SC reader (vpcd)")
    card.add_argument("--settings", type=Path, help="settings of the simulated eUICC (YAML)")
    card.add_argument("--pki", type=Path, help="certificates in the folder layout of SGP.26")
    card.add_argument("--defect", metavar="NAME", action="append", default=[], help="give it a named deviation")
    card.add_argument("--host", default="127.0.0.1")
    card.add_argument("--port", type=_port, default=35963, help="port of vpcd (default 35963)")
    card.set_defaults(command=_serve_card)
    smdp = served.add_parser(
        "smdp", help="run the simulated SM-DP+: ES9+ on both curves, ES2+ with client certificates"
    )
    smdp.add_argument("--inventory", type=Path, help="profiles it has to give (YAML)")
    smdp.add_argument("--store", type=Path, help="SQLite file that keeps the state of the orders")
    smdp.add_argument("--pki", type=Path, help="certificates in the folder layout of SGP.26")
    smdp.add_argument("--defect", metavar="NAME", action="append", default=[], help="give it a named deviation")
    smdp.add_argument("--host", default="127.0.0.1")
    smdp.add_argument("--port", type=_port, default=8443, help="ES9+ with a P-256 certificate (default 8443)")
    smdp.add_argument(
        "--brainpool-port", type=_port, default=8444, help="ES9+ with a Brainpool certificate (default 8444)"
    )
    smdp.add_argument("--es2-port", type=_port, default=8445, help="ES2+ (default 8445)")
    smdp.set_defaults(command=_serve_smdp)

    provisioning = commands.add_parser(
        "provisioning", help="say which profiles the SM-DP+ under test has to hold, and write those that are missing"
    )
    provisioning.add_argument("--smdp-declaration", type=Path, help="what the SM-DP+ says of itself")
    provisioning.add_argument("--smdp", default="", metavar="URL", help="its address, where it is not declared")
    provisioning.add_argument("--pki", type=Path, help="certificates in the folder layout of SGP.26")
    provisioning.add_argument(
        "-k", metavar="TEXT", dest="texts", action="append", default=[],
        help="only for sequences with this in name or title (may be repeated: any of them)",
    )  # fmt: skip
    provisioning.add_argument("--vectors", metavar="PATH", type=Path, action="append", default=[], help="more vectors")
    provisioning.add_argument("--out", type=Path, help="file for what has to be loaded, in the form of an inventory")
    provisioning.set_defaults(command=_provisioning)

    pki = commands.add_parser("pki", help="write the test PKI in the folder layout of SGP.26, for other programs")
    pki.add_argument("folder", type=Path)
    pki.add_argument("--eid", default="89049032123451234512345678901235", help="EID of the eUICC certificate")
    pki.set_defaults(command=_pki)
    return parser


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 0xFFFF):
        raise argparse.ArgumentTypeError(f"{text}: a port is a number from 0 to 65535")
    return int(text)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _readers(_: argparse.Namespace) -> int:
    from pytest_euicc.card.errors import CardError
    from pytest_euicc.card.pcsc import list_readers

    try:
        readers = list_readers()
    except CardError as error:
        _say(str(error))
        return WRONG_USE
    for number, reader in enumerate(readers):
        card = f"card with ATR {reader.atr.hex().upper()}" if reader.has_card else "no card"
        _print(f"pcsc:{number}  {reader.name}: {card}")
    if not readers:
        _say("no PC/SC reader is there; plug one in, or start vpcd for a software card")
    return OK if readers else WRONG_USE


def _lint(options: argparse.Namespace) -> int:
    from pytest_euicc import resources
    from pytest_euicc.conformance.reading import loader

    for path in options.paths:
        if not loader.vector_files([path]):
            _say(f"{path}: no vectors in this folder; their files end in .yaml")
            return WRONG_USE
    mistakes = loader.lint(options.paths or [resources.vectors()])
    for mistake in mistakes:
        _print(str(mistake))
    if mistakes:
        _say(f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}")
    return WORSE if mistakes else OK


def _schema(_: argparse.Namespace) -> int:
    import json

    from pytest_euicc.conformance.reading.json_schema import json_schema

    _print(json.dumps(json_schema(), indent=1))
    return OK


def _coverage(options: argparse.Namespace) -> int:
    from pytest_euicc import resources
    from pytest_euicc.conformance.files.document import FileMistakes
    from pytest_euicc.conformance.reading import loader
    from pytest_euicc.reporting import coverage

    try:
        cases = loader.load([resources.vectors()])
        if options.against is None:
            if isinstance(sys.stdout, io.TextIOWrapper):
                # The page is a file of the documentation, whatever the locale.
                sys.stdout.reconfigure(encoding="utf-8")
            _print(coverage.page(cases).rstrip())
            return OK
        missing = coverage.missing(options.against, cases)
    except FileMistakes as error:
        _say(str(error))
        return WRONG_USE
    for line in missing:
        _print(line)
    if missing:
        _say(f"{len(missing)} sequences of {options.against} are missing, or stand elsewhere")
    return WORSE if missing else OK


def _prove(options: argparse.Namespace) -> int:
    from pytest_euicc.prove.command import ProveError, Wish, prove
    from pytest_euicc.prove.targets import SIDES

    wish = Wish(
        sides=SIDES if options.side == "all" else (options.side,),
        defects=tuple(options.defect),
        texts=tuple(options.texts),
        jobs=max(1, options.jobs),
        vectors=tuple(options.vectors),
        every_pair=options.every_pair,
    )
    try:
        return prove(wish, options.out, matrix=options.matrix, say=_print)
    except ProveError as error:
        _say(str(error))
        return WRONG_USE


def _compare(options: argparse.Namespace) -> int:
    from pytest_euicc.reporting.compare import compare
    from pytest_euicc.reporting.summary import Summary, SummaryError

    try:
        comparison = compare(Summary.load(options.before), Summary.load(options.after))
    except SummaryError as error:
        _say(str(error))
        return WRONG_USE
    for line in comparison.lines():
        _print(line)
    return WORSE if comparison.worse else OK


def _serve_card(options: argparse.Namespace) -> int:
    from pytest_euicc.options import OptionError, known_defects
    from pytest_euicc.rsp.folder import FolderPki, PkiFolderError
    from pytest_euicc.simulator.euicc.defects import DEFECTS
    from pytest_euicc.simulator.euicc.settings import EuiccSettings, SettingsError
    from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
    from pytest_euicc.simulator.vpcd import CardServer

    try:
        settings = EuiccSettings.load(options.settings) if options.settings else EuiccSettings()
        pki = FolderPki(options.pki) if options.pki else None
        card = SimulatedEuicc(settings, pki, defects=known_defects("--defect", options.defect, DEFECTS))
    except (OptionError, SettingsError, PkiFolderError) as error:
        _say(str(error))
        return WRONG_USE
    server = CardServer(card, options.host, options.port)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(OK))
    try:
        server.connect()
        _say(
            f"eUICC {settings.eid.hex()} is in the reader of vpcd at {options.host}:{options.port}; Ctrl-C takes it out"
        )
        server.run()
    except ConnectionRefusedError:
        _say(
            f"nothing listens at {options.host}:{options.port}: start pcscd with the vpcd driver (Debian: pcscd and "
            "vsmartcard-vpcd), or name its port with --port"
        )
        return WRONG_USE
    except OSError as error:
        _say(f"{options.host}:{options.port} cannot be reached: {error.strerror or error}; see --host and --port")
        return WRONG_USE
    except KeyboardInterrupt:
        return OK
    finally:
        server.stop()
    return OK


def _serve_smdp(options: argparse.Namespace) -> int:
    import threading

    from pytest_euicc.options import OptionError, known_defects
    from pytest_euicc.rsp.folder import FolderPki, PkiFolderError
    from pytest_euicc.rsp.pki import default_pki
    from pytest_euicc.simulator.smdp.defects import DEFECTS
    from pytest_euicc.simulator.smdp.defects.transport import TLS_DEFECTS
    from pytest_euicc.simulator.smdp.http.server import Ports, ServerError, SmdpServer
    from pytest_euicc.simulator.smdp.orders.inventory import Inventory, InventoryError, load
    from pytest_euicc.simulator.smdp.orders.orders import State
    from pytest_euicc.simulator.smdp.orders.store import Store, StoreError
    from pytest_euicc.simulator.smdp.service import SmdpService

    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    try:
        pki = FolderPki(options.pki) if options.pki else default_pki()
        inventory, orders = load(options.inventory) if options.inventory else (Inventory(), [])
        defects = known_defects("--defect", options.defect, DEFECTS)
        service = SmdpService(inventory, orders, pki, defects=defects)
        store = Store(options.store) if options.store else None
        if store is not None:
            store.attach(service.book)
        ports = Ports(options.port, options.brainpool_port, options.es2_port)
        server = SmdpServer(service, pki, host=options.host, ports=ports)
        server.tls_deviations = defects & TLS_DEFECTS.keys()
        with server:
            name = inventory.addresses[0]
            addresses = " and ".join(f"{server.url(curve, name)} ({curve})" for curve in pki.curves)
            _say(f"ES9+ at {addresses}, ES2+ at {server.url('es2', name)}; Ctrl-C ends")
            for order in (each for each in service.book if each.state is not State.AVAILABLE):
                _say(f"  LPA:1${name}:{server.port(pki.curves[0])}${order.matching_id}")
            with contextlib.suppress(KeyboardInterrupt):
                stopped.wait()
        if store is not None:
            store.close()
    except (OptionError, PkiFolderError, InventoryError, StoreError, ServerError) as error:
        _say(str(error))
        return WRONG_USE
    return OK


def _provisioning(options: argparse.Namespace) -> int:
    from pytest_euicc.harness import open_planning
    from pytest_euicc.iut.smdp import provisioning
    from pytest_euicc.options import OptionError, Options

    asked = Options(
        smdp=options.smdp,
        smdp_declaration=options.smdp_declaration,
        pki=options.pki,
        vectors=tuple(options.vectors),
    )
    try:
        needs, declaration, address = open_planning(asked, options.texts, options.out)
    except OptionError as error:
        _say(str(error))
        return WRONG_USE
    planned = provisioning.plan(needs, declaration)
    if options.out is not None:
        try:
            written = provisioning.write(options.out, planned, address, declaration.name)
        except OSError as error:
            _say(f"--out {options.out}: {error.strerror or error}")
            return WRONG_USE
        _say(f"{options.out}: {written} profiles")
    missing = sum(not each.source for each in planned)
    _say(f"{len(planned)} profiles for {len({need.sequence for need in needs})} sequences, {missing} of them to load")
    for line in provisioning.table(planned):
        _print(line)
    return OK


def _pki(options: argparse.Namespace) -> int:
    from pytest_euicc.rsp.folder import write_folder
    from pytest_euicc.rsp.pki import default_pki

    try:
        eid = bytes.fromhex(options.eid)
        write_folder(default_pki(), options.folder, eid)
    except (ValueError, OSError) as error:
        _say(f"pytest-euicc pki: {error}")
        return WRONG_USE
    _say(f"{options.folder}: test PKI for EID {options.eid}, keys in PEM and certificates in DER")
    return OK


if __name__ == "__main__":
    sys.exit(main())
