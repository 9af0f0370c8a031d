"""The command line: its arguments. Each command is a function of the module that does its work, loaded when called."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from pytest_euicc import resources
from pytest_euicc.errors import PytestEuiccError

WORSE, WRONG_USE = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 good, 1 mistakes or worse, 2 it could not be done."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal without Unicode still gets every message.
            stream.reconfigure(errors="backslashreplace")
    parsed = _parser().parse_args(arguments)
    try:
        return int(resolve_name(f"pytest_euicc.{parsed.command}")(parsed))
    except PytestEuiccError as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_USE
    except BrokenPipeError:
        # Whoever read our output (head, less) has read enough; nothing more is to be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WORSE


def _many(parser: argparse.ArgumentParser, flag: str, metavar: str, text: str, **more: Any) -> None:
    parser.add_argument(flag, metavar=metavar, action="append", default=[], help=f"{text} (may be repeated)", **more)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("pytest-euicc", description="eUICC and SM-DP+ conformance after SGP.22")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: str, text: str, among: Any = commands) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = among.add_parser(name, help=text)
        added.set_defaults(command=function)
        return added

    command("readers", "card.command:readers", "list PC/SC readers and the cards in them")
    command("schema", "conformance.reading.command:schema", "print the JSON Schema of vectors, for editors")

    lint = command("lint", "conformance.reading.command:lint", "check vectors; all mistakes with file:line:column")
    text = "files or folders (default: those of the package)"
    lint.add_argument("paths", nargs="*", type=Path, default=[resources.vectors()], help=text)

    text = "compare runs, the oldest first; exit status 1 if something got worse"
    compare = command("compare", "reporting.command:compare", text)
    compare.add_argument("before", type=Path, help="folder of a run, or its run.json")
    compare.add_argument("after", type=Path)
    compare.add_argument("more", type=Path, nargs="*", help="further runs: three or more show what is flaky")
    for form in ("html", "json", "junit", "markdown"):
        compare.add_argument(f"--{form}", type=Path, metavar="FILE", help=f"write the comparison as {form}")
    text = "kinds of change that give exit status 1, with commas (default worse,otherwise,flaky)"
    compare.add_argument("--fail-on", default="worse,otherwise,flaky", metavar="KINDS", help=text)

    verify = command("verify", "reporting.command:verify", "check that the files of a run are as the run wrote them")
    verify.add_argument("run", type=Path, help="folder that --euicc-report wrote")

    coverage = command("coverage", "reporting.command:coverage", "print what the vectors cover as Markdown")
    text = "instead, what this catalogue has and they lack; exit status 1 if so"
    coverage.add_argument("--against", metavar="FILE", type=Path, help=text)
    coverage.set_defaults(vectors=[resources.vectors()])

    text = "run sequences against the defects of the simulators: which find what"
    prove = command("prove", "prove.command:command", text)
    prove.add_argument("--side", choices=("euicc", "smdp", "all"), default="all", help="simulator (default all)")
    _many(prove, "--defect", "NAME", "only this one")
    _many(prove, "-k", "TEXT", "only sequences with this in name or title", dest="texts")
    prove.add_argument("--jobs", type=int, default=2, help="worker processes (default 2)")
    prove.add_argument("--out", type=Path, default=Path("reports/out"), help="folder of prove.html and prove.json")
    prove.add_argument("--matrix", action="store_true", help="print every sequence and every defect in full")
    _many(prove, "--vectors", "PATH", "vectors of your own", type=Path)
    text = "also run sequences with defects that they never meet: slower, and finds the same"
    prove.add_argument("--every-pair", action="store_true", help=text)

    serve = commands.add_parser("serve", help="serve a simulator to other programs")
    served = serve.add_subparsers(required=True, metavar="WHAT")
    text = "put the simulated eUICC behind a virtual PC/SC reader (vpcd)"
    card = command("card", "simulator.serve:card", text, served)
    card.add_argument("--settings", type=Path, help="settings of the simulated eUICC (YAML)")
    card.add_argument("--port", type=_port, default=35963, help="port of vpcd (default 35963)")
    text = "run the simulated SM-DP+: ES9+ on both curves, ES2+ with client certificates"
    smdp = command("smdp", "simulator.serve:smdp", text, served)
    smdp.add_argument("--inventory", type=Path, help="profiles it has to give (YAML)")
    smdp.add_argument("--store", type=Path, help="SQLite file that keeps the state of the orders")
    smdp.add_argument("--port", type=_port, default=8443, help="ES9+ with a P-256 certificate (default 8443)")
    smdp.add_argument("--brainpool-port", type=_port, default=8444, help="ES9+ with a Brainpool one (default 8444)")
    smdp.add_argument("--es2-port", type=_port, default=8445, help="ES2+ (default 8445)")
    for simulator in (card, smdp):
        simulator.add_argument("--pki", type=Path, help="certificates in the folder layout of SGP.26")
        _many(simulator, "--defect", "NAME", "give it a named deviation")
        simulator.add_argument("--host", default="127.0.0.1")

    text = "say which profiles the SM-DP+ under test has to hold, and write those that are missing"
    provisioning = command("provisioning", "iut.smdp.provisioning:command", text)
    provisioning.add_argument("--smdp-declaration", type=Path, help="what the SM-DP+ says of itself")
    provisioning.add_argument("--smdp", default="", metavar="URL", help="its address, where it is not declared")
    provisioning.add_argument("--pki", type=Path, help="certificates in the folder layout of SGP.26")
    _many(provisioning, "-k", "TEXT", "only for sequences with this in name or title", dest="texts")
    _many(provisioning, "--vectors", "PATH", "vectors of your own", type=Path)
    provisioning.add_argument("--out", type=Path, help="file for what has to be loaded, in the form of an inventory")

    pki = command("pki", "simulator.serve:pki", "write the test PKI in the folder layout of SGP.26, for other programs")
    pki.add_argument("folder", type=Path)
    pki.add_argument("--eid", default="89049032123451234512345678901235", help="EID of the eUICC certificate")
    return parser


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 0xFFFF):
        raise argparse.ArgumentTypeError(f"{text}: a port is a number from 0 to 65535")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
