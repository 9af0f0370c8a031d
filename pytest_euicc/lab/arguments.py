"""The arguments of the commands for the bench."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path


def add(command: Callable[[str, str, str], ArgumentParser]) -> None:
    """Add the commands; *command* takes name, function and description of one, and returns its parser."""
    readers = command("readers", "lab.command:readers", "list PC/SC readers and the cards in them; changes no card")
    text = "say which cards this declaration is of (may be repeated)"
    readers.add_argument("--declaration", metavar="FILE", action="append", default=[], type=Path, help=text)
    readers.add_argument("--isdr-aid", metavar="HEX", default="", help="AID of the ISD-R, if it is a vendor's own")
