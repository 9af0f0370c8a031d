"""The arguments of the command line. Each command is a function elsewhere, imported when called."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from pytest_euicc import resources
from pytest_euicc.cli_parser import Parser
from pytest_euicc.lab import arguments as lab


def _many(parser: argparse.ArgumentParser, flag: str, metavar: str, text: str, **more: Any) -> None:
    parser.add_argument(flag, metavar=metavar, action="append", default=[], help=f"{text} (may be repeated)", **more)


class _Version(argparse.Action):
    """``--version``: also what else matters in a report of a mistake; read when it is asked for."""

    def __init__(self, option_strings: list[str], dest: str, help: str) -> None:  # noqa: A002
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        import platform
        from importlib.metadata import version

        others = ", ".join(f"{name} {version(name)}" for name in ("pytest", "cryptography", "pydantic"))
        python = f"{platform.python_implementation()} {platform.python_version()} on {platform.platform(terse=True)}"
        sys.stdout.write(f"pytest-euicc {version('pytest-euicc')} ({python}; {others})\n")
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """Their parser; ``command`` in what it returns is a function of this package, such as ``lab.command:readers``."""
    made = Parser("pytest-euicc", description="eUICC and SM-DP+ conformance tests for SGP.22")
    made.add_argument("--version", action=_Version, help="show the versions of pytest-euicc and of what it runs on")
    commands = made.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: str, text: str, among: Any = commands) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = among.add_parser(name, help=text)
        added.set_defaults(command=function, parser=added)
        return added

    lab.add(command)

    lint = command(
        "lint",
        "conformance.reading.command:lint",
        "check vectors and declarations; report all mistakes with file:line:column",
    )
    text = "files or folders (default: the vectors of the package)"
    lint.add_argument("paths", nargs="*", type=Path, default=[resources.vectors()], help=text)

    trace = command(
        "trace", "traces.command:trace", "explain recorded APDUs: ours, lpac's, pySim's, pcscd's, plain hex"
    )
    trace.add_argument("file", type=Path)
    trace.add_argument("--lines", default="", metavar="FIRST-LAST", help="only APDUs that begin in these lines")
    instead = trace.add_mutually_exclusive_group()
    instead.add_argument("--to-vector", action="store_true", help="instead, print the draft of a vector")
    instead.add_argument(
        "--pcap", type=Path, metavar="FILE", help="instead, write a capture file for Wireshark (GSMTAP)"
    )

    decode = command("decode", "traces.command:decode", "explain hex: an APDU, a value of ASN.1, or TLV")
    decode.add_argument("hex", nargs="+", help="bytes in hex, or - for standard input")
    decode.add_argument("--type", default="", metavar="NAME", help="ASN.1 type to decode it as")

    text = "compare runs, the oldest first; exit status 1 if something got worse"
    compare = command("compare", "reporting.command:compare", text)
    compare.add_argument("before", type=Path, help="folder of a run, or its run.json")
    compare.add_argument("after", type=Path)
    text = "further runs; three or more runs show what is flaky"
    compare.add_argument("more", type=Path, nargs="*", default=[], help=text)
    for form in ("html", "json", "junit", "markdown"):
        compare.add_argument(f"--{form}", type=Path, metavar="FILE", help=f"write the comparison as {form}")
    text = "kinds of change that give exit status 1, comma-separated (default worse,otherwise,flaky)"
    compare.add_argument("--fail-on", default="worse,otherwise,flaky", metavar="KINDS", help=text)

    verify = command("verify", "reporting.command:verify", "check that the files of a run have not been changed since")
    verify.add_argument("run", type=Path, help="folder that --euicc-report wrote")

    merge = command("merge", "reporting.command:merge", "merge parts, such as shards (--euicc-shard), into one run")
    merge.add_argument("runs", type=Path, nargs="+", metavar="run", help="folders that --euicc-report wrote")
    merge.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the merged run")

    coverage = command("coverage", "reporting.command:coverage", "print what the vectors cover as Markdown")
    text = "instead, print what this catalogue has and the vectors lack; exit status 1 if anything"
    other = coverage.add_mutually_exclusive_group()
    other.add_argument("--against", metavar="FILE", type=Path, help=text)
    text = "instead, print what each sequence claims and its source (docs/reference/standing.md)"
    other.add_argument("--standing", action="store_true", help=text)
    coverage.set_defaults(vectors=[resources.vectors()])

    text = "run sequences against named defects and permitted variants of the simulators, and report which detect what"
    prove = command("prove", "prove.command:command", text)
    prove.add_argument("--side", choices=("euicc", "smdp", "lpa", "all"), default="all", help="simulator (default all)")
    _many(prove, "--defect", "NAME", "only this defect")
    _many(prove, "-k", "TEXT", "only sequences with this text in their name or title", dest="texts")
    prove.add_argument("--jobs", type=int, default=2, help="worker processes (default 2)")
    prove.add_argument("--out", type=Path, default=Path("reports/out"), help="folder for prove.html and prove.json")
    prove.add_argument("--matrix", action="store_true", help="list every sequence and every defect")
    _many(prove, "--vectors", "PATH", "your own vectors, in addition to those of the package", type=Path)
    _many(prove, "--variants", "NAMES", "only with these permitted variants together, separated by commas")
    prove.add_argument("--target", metavar="NAME", default="", help="only on this declared implementation")
    prove.add_argument("--combinations", type=int, default=240, help="random combinations of variants (default 240)")
    prove.add_argument("--seed", metavar="TEXT", default="prove", help="seed of the combinations (default prove)")
    text = "also run sequences with defects that cannot affect them: slower, same result"
    extent = prove.add_mutually_exclusive_group()
    extent.add_argument("--every-pair", action="store_true", help=text)
    text = "only the runs needed to show whether everything holds: a quarter of the time, but incomplete matrices"
    extent.add_argument("--enough", action="store_true", help=text)

    for kind in ("defect", "variant"):
        text = f"list the {'named defects' if kind == 'defect' else 'permitted variants'} of the simulators"
        listed = command(f"{kind}s", f"simulator.listing:{kind}s", text)
        listed.add_argument("--side", choices=("euicc", "smdp", "lpa"), help="only of this simulator")
        _many(listed, "-k", "TEXT", "only those with this text in their name, description or clause", dest="texts")

    serve = commands.add_parser("serve", help="run a simulator for other programs")
    served = serve.add_subparsers(required=True, metavar="SIMULATOR")
    text = "offer the simulated eUICC in a virtual PC/SC reader (vpcd)"
    card = command("card", "simulator.serve:card", text, served)
    card.add_argument("--settings", type=Path, help="settings of the simulated eUICC (YAML)")
    card.add_argument("--port", type=_port, default=35963, help="port of vpcd (default 35963)")
    text = "offer the simulated eUICC behind AT commands on a pseudo-terminal"
    modem = command("modem", "simulator.serve:modem", text, served)
    modem.add_argument("--settings", type=Path, help="settings of the simulated eUICC (YAML)")
    text = "without AT+CCHO, AT+CGLA and AT+CCHC: logical channels by MANAGE CHANNEL alone"
    modem.add_argument("--no-logical-channels", action="store_true", help=text)
    text = "longest command line in characters (default 1024)"
    modem.add_argument("--longest", type=int, default=1024, metavar="N", help=text)
    text = "run the simulated SM-DP+: ES9+ on both curves, ES2+ with client certificates"
    smdp = command("smdp", "simulator.serve:smdp", text, served)
    smdp.add_argument("--inventory", type=Path, help="profiles to offer (YAML, see docs/reference/inventory.md)")
    smdp.add_argument("--store", type=Path, help="SQLite file to store the state of orders")
    smdp.add_argument("--port", type=_port, default=8443, help="port of ES9+ on P-256 (default 8443)")
    smdp.add_argument("--brainpool-port", type=_port, default=8444, help="port of ES9+ on Brainpool (default 8444)")
    smdp.add_argument("--es2-port", type=_port, default=8445, help="port of ES2+ (default 8445)")
    for simulator in (card, modem, smdp):
        simulator.add_argument("--pki", type=Path, help="folder with certificates and keys in the layout of SGP.26")
        _many(simulator, "--defect", "NAME", "switch on a named defect")
        _many(simulator, "--variant", "NAME", "switch on a permitted variant")
    for simulator in (card, smdp):
        simulator.add_argument("--host", default="127.0.0.1")

    text = "list the profiles that the SM-DP+ under test must hold, and write the missing ones as an inventory"
    provisioning = command("provisioning", "iut.smdp.provisioning:command", text)
    provisioning.add_argument("--smdp-declaration", type=Path, help="declaration of the SM-DP+ (YAML)")
    provisioning.add_argument(
        "--smdp", default="", metavar="URL", help="URL of the SM-DP+, if the declaration has none"
    )
    provisioning.add_argument("--pki", type=Path, help="folder with certificates and keys in the layout of SGP.26")
    _many(provisioning, "-k", "TEXT", "only for sequences with this text in their name or title", dest="texts")
    _many(provisioning, "--vectors", "PATH", "your own vectors, in addition to those of the package", type=Path)
    provisioning.add_argument(
        "--out", type=Path, help="file to write with the profiles to load, in the format of an inventory"
    )

    pki = command("pki", "simulator.serve:pki", "write the built-in test PKI as a folder in the layout of SGP.26")
    pki.add_argument("folder", type=Path)
    pki.add_argument("--eid", default="89049032123451234512345678901235", help="EID of the eUICC certificate")
    return made


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) <= 0xFFFF):
        raise argparse.ArgumentTypeError(f"{text}: a port is a number from 0 to 65535")
    return int(text)
