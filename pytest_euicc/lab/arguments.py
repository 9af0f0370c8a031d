"""The arguments of the commands for the bench."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path


def add(command: Callable[[str, str, str], ArgumentParser]) -> None:
    """Add the commands; *command* takes name, function and description of one, and returns its parser."""
    text = "write a starter repository: declaration, vector, tests, editor settings, CI jobs; overwrites no file"
    init = command("init", "lab.starting:init", text)
    init.add_argument("folder", metavar="FOLDER", nargs="?", type=Path, default=Path(), help="default: this folder")
    text = "declaration to start from, as for declare (default simulated)"
    init.add_argument("--template", metavar="NAME", default="simulated", help=text)

    readers = command("readers", "lab.command:readers", "list PC/SC readers and the cards in them; changes no card")
    text = "show which cards this declaration is for (may be repeated)"
    readers.add_argument("--declaration", metavar="FILE", action="append", default=[], type=Path, help=text)
    readers.add_argument("--isdr-aid", metavar="HEX", default="", help="AID of the ISD-R, if it is a vendor's own")

    text = "write the declaration of a card from what it reports about itself, or copy one of the package's"
    declare = command("declare", "lab.command:declare", text)
    source = declare.add_mutually_exclusive_group()
    source.add_argument("--euicc", metavar="SPEC", default="sim", help="the card, as for pytest (default sim)")
    declare.add_argument("--out", metavar="FILE", type=Path, help="file to write (default: standard output)")
    source.add_argument(
        "--template",
        metavar="NAME",
        help="copy this one instead: v2.2 to v2.6, iot, iot-lpad, lpac, pysim-shell, phone",
    )
    declare.add_argument("--isdr-aid", metavar="HEX", default="", help="AID of the ISD-R, if it is a vendor's own")
    text = "folder with the CI certificates of the card in the layout of SGP.26 (default: built-in PKI)"
    declare.add_argument("--pki", metavar="DIR", type=Path, help=text)

    schema = command("schema", "lab.command:schema", "print the JSON Schema of a kind of file, for editors")
    kinds = ("vectors", "declaration", "settings", "inventory", "driver", "pool")
    schema.add_argument("kind", nargs="?", choices=kinds, default=kinds[0], help="kind of file (default vectors)")

    plan = command(
        "plan", "lab.command:plan", "print which sequences apply to a declaration, what they change and what they need"
    )
    plan.add_argument("--declaration", metavar="FILE", type=Path, help="for the eUICC (default: the simulated one's)")
    plan.add_argument(
        "--smdp-declaration", metavar="FILE", type=Path, help="for the SM-DP+ (default: the simulated one's)"
    )
    plan.add_argument("--lpa-declaration", metavar="FILE", type=Path, help="for the LPA (default: the built-in one's)")
    text = "your own vectors, in addition to those of the package (may be repeated)"
    plan.add_argument("--vectors", metavar="PATH", action="append", default=[], type=Path, help=text)
    text = "only sequences with this text in their name or title (may be repeated)"
    plan.add_argument("-k", metavar="TEXT", action="append", default=[], dest="texts", help=text)
    plan.add_argument(
        "--last", metavar="DIR", type=Path, help="folder of an earlier run (--euicc-report), whose times are used"
    )
    plan.add_argument("--brief", action="store_true", help="print counts and reasons, not every sequence")
