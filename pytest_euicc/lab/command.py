"""``pytest-euicc readers``, ``declare``, ``plan`` and ``schema``."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from pytest_euicc.card.errors import NoReader
from pytest_euicc.conformance.engine import library
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.es10.isdr import ISDR_AID
from pytest_euicc.options import OptionError


def readers(arguments: Namespace) -> int:
    """List the PC/SC readers with what is in them; returns the exit status.

    Raises:
        CardError: there is no reader, or no way to ask for one.
        FileMistakes: a declaration cannot be read.
    """
    from pytest_euicc.lab import readers as bench

    declarations = [(str(path), _declaration(path)) for path in arguments.declaration]
    found = bench.find(_aid(arguments.isdr_aid))
    if not found:
        raise NoReader("no PC/SC reader found; connect one, or start vpcd for a software card")
    for each in found:
        for line in each.lines(declarations):
            sys.stdout.write(f"{line}\n")
    return 0


def _declaration(path: Path) -> Declaration:
    library.load()
    return Declaration.load(path)


def _aid(text: str) -> bytes:
    try:
        return bytes.fromhex(text) or ISDR_AID
    except ValueError:
        raise OptionError(f"--isdr-aid {text}: not hex; write the AID as A0000005591010…") from None
