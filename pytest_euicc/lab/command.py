"""``pytest-euicc readers``, ``declare``, ``plan`` and ``schema``."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path

from pytest_euicc.card.channel import Card
from pytest_euicc.card.errors import NoReader
from pytest_euicc.card.transport import TransportOptions, open_transport
from pytest_euicc.conformance.engine import library
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.reading import loader
from pytest_euicc.errors import OptionError
from pytest_euicc.es10.isdr import ISDR_AID
from pytest_euicc.files import new_file
from pytest_euicc.iut.inputs import load_cases, load_declarations, read_pki
from pytest_euicc.lab import declaring, facts, templates
from pytest_euicc.options import Options
from pytest_euicc.reporting import run_file
from pytest_euicc.resources import with_settings
from pytest_euicc.text import printable


def readers(arguments: Namespace) -> int:
    """List the PC/SC readers with what is in them; returns the exit status.

    Raises:
        CardError: there is no reader, or no way to ask for one.
        FileMistakes: a declaration cannot be read.
    """
    # pyscard is not needed for the other commands.
    from pytest_euicc.lab import readers as bench

    declarations = [(str(path), _declaration(path)) for path in arguments.declaration]
    found = bench.find(_aid(arguments.isdr_aid))
    if not found:
        raise NoReader("no PC/SC reader found; connect one, or start vpcd for a software card")
    for each in found:
        for line in each.lines(declarations):
            sys.stdout.write(f"{printable(line)}\n")
    return 0


def declare(arguments: Namespace) -> int:
    """Write a declaration, of a card or from a template; returns the exit status.

    Raises:
        CardError: the card cannot be asked.
        PytestEuiccError: an argument is wrong.
    """
    out: Path | None = arguments.out
    if out is not None and out.exists():
        raise OptionError(f"--out {out}: this file already exists; name another one")
    library.load()
    text = _declared(arguments) if arguments.template is None else templates.template(arguments.template)
    if out is None:
        sys.stdout.write(text)
        return 0
    try:
        with new_file(out) as file:
            file.write(text.encode())
    except OSError as error:
        raise OptionError(f"--out {out}: {error.strerror or error}") from None
    questions = sum(line.lstrip().startswith(declaring.QUESTION) for line in text.splitlines())
    sys.stderr.write(f"{out}: {questions} questions are left; they begin with {declaring.QUESTION}\n")
    return 0


def schema(arguments: Namespace) -> int:
    """Print a JSON Schema; returns the exit status."""
    from pytest_euicc.lab.schemas import SCHEMAS

    sys.stdout.write(f"{json.dumps(SCHEMAS[arguments.kind](), indent=1)}\n")
    return 0


def plan(arguments: Namespace) -> int:
    """Print the plan of a run; returns the exit status.

    Raises:
        PytestEuiccError: a file cannot be read.
    """
    from pytest_euicc.lab import planning

    options = Options(
        declaration=arguments.declaration,
        smdp_declaration=arguments.smdp_declaration,
        lpa_declaration=arguments.lpa_declaration,
        vectors=tuple(arguments.vectors),
    )
    declarations = load_declarations(options)
    cases = load_cases(options)
    last = run_file.load(arguments.last) if arguments.last else None
    chosen = [
        (case, sequence)
        for iut in declarations
        for case in loader.chosen(cases, iut, arguments.texts)
        for sequence in case.sequences
    ]
    if not chosen:
        raise OptionError(f"-k {' -k '.join(arguments.texts)}: no sequence has this in its name or title")
    simulated = arguments.declaration is None
    permitted = simulated or bool(declarations["euicc"].test_cards)
    planned = planning.plan(chosen, declarations, last, simulated=simulated, permitted=permitted)
    for line in planning.lines(planned, brief=arguments.brief, last=last):
        sys.stdout.write(f"{printable(line)}\n")
    return 0


def _declared(arguments: Namespace) -> str:
    pki = read_pki(Options(pki=arguments.pki))
    curves = {(pki.ci(curve).subject_key_id or b"").hex().upper(): curve for curve in pki.curves}
    aid = _aid(arguments.isdr_aid)
    card = Card(open_transport(with_settings(arguments.euicc), TransportOptions(extra={"isdr_aid": aid})))
    try:
        card.connect()
        return declaring.declaration_of(facts.read(card, aid), curves, card.description)
    finally:
        card.close()


def _declaration(path: Path) -> Declaration:
    library.load()
    return Declaration.load(path)


def _aid(text: str) -> bytes:
    try:
        return bytes.fromhex(text) or ISDR_AID
    except ValueError:
        raise OptionError(f"--isdr-aid {text}: not hex; write the AID as A0000005591010…") from None
