"""The profiles to load into an SM-DP+ before a run: as a table, and as a file in the format of an inventory."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.files.orders import OrderWish
from pytest_euicc.conformance.reading.loader import chosen
from pytest_euicc.errors import OptionError, PytestEuiccError
from pytest_euicc.iut.inputs import load_cases, load_smdp_declaration, read_pki
from pytest_euicc.iut.smdp.claims import Claims
from pytest_euicc.iut.smdp.entries import entry
from pytest_euicc.iut.smdp.es2 import matching_type
from pytest_euicc.iut.smdp.needs import Need, needs
from pytest_euicc.iut.smdp.opening import smdp_server
from pytest_euicc.iut.smdp.stock import Stock
from pytest_euicc.options import Options
from pytest_euicc.rsp.iccid import check_digit
from pytest_euicc.text import printable

_WIDTH = 1000
_MANY = 100
"""Downloads allowed for a profile that several sequences use."""


def command(arguments: Namespace) -> int:
    """``pytest-euicc provisioning``: lists what a run needs and writes what is missing; returns the exit status.

    Raises:
        PytestEuiccError: an option is wrong, no sequence is selected, or the file cannot be written.
    """
    options = Options(
        smdp=arguments.smdp,
        smdp_declaration=arguments.smdp_declaration,
        pki=arguments.pki,
        vectors=tuple(arguments.vectors),
    )
    declaration, pki = load_smdp_declaration(options, to_come=arguments.out), read_pki(options)
    server = smdp_server(options, declaration)
    address = server.address if server is not None else declaration.addresses.smdp or "smdp.example.com"
    cases = chosen(load_cases(options), "smdp", arguments.texts)
    if not cases:
        raise OptionError(f"-k: no sequence for an SM-DP+ has {' or '.join(arguments.texts)} in its name or title")
    planned = plan(needs(cases, declaration, pki, address), declaration)
    if arguments.out is not None:
        try:
            written = write(arguments.out, planned, address, declaration.name)
        except OSError as error:
            raise OptionError(f"--out {arguments.out}: {error.strerror or error}") from None
        sys.stderr.write(f"{arguments.out}: {written} profiles\n")
    missing = sum(not each.source for each in planned)
    sequences = len({each.need.sequence for each in planned})
    sys.stderr.write(f"{len(planned)} profiles for {sequences} sequences, {missing} of them to load\n")
    for line in table(planned):
        sys.stdout.write(f"{printable(line)}\n")
    return 0


@dataclass(frozen=True)
class Planned:
    """A need and its source: ``ES2+ …``, ``inventory …``, or empty if it must be loaded."""

    need: Need
    source: str


def plan(wanted: Iterable[Need], declaration: Declaration) -> list[Planned]:
    """The source of each need in the declaration; a provisioning hook is called only in the run."""
    stock = Stock(declaration.inventory, Claims())
    planned: list[Planned] = []
    for need in wanted:
        if not planned or planned[-1].need.sequence != need.sequence:
            stock.begin()
        planned.append(Planned(need, _source(need.wish, declaration, stock)))
    return planned


def _source(wish: OrderWish, declaration: Declaration, stock: Stock) -> str:
    chosen = matching_type(declaration.es2plus, wish) if declaration.es2plus is not None else None
    if chosen is not None:
        return f"ES2+ profileType {chosen.type}"
    profile = stock.take(wish) if not stock.is_ambiguous(wish) else None
    return f"inventory {profile.matching_id or profile.eid}" if profile is not None else ""


def table(planned: Sequence[Planned]) -> list[str]:
    """Lines for a terminal."""
    width = max((len(each.need.sequence) for each in planned), default=0)
    return [f"{each.need.sequence:<{width}}  {each.source or 'load'}: {each.need.wish.words()}" for each in planned]


class AlreadyThere(PytestEuiccError, OSError):
    """The file to write exists, and may have been corrected by hand."""


@dataclass
class Load:
    """One profile to load and the needs it satisfies: several only if none of them changes it."""

    number: int
    needs: list[Need]

    @property
    def wish(self) -> OrderWish:
        """What all of them ask for."""
        return self.needs[0].wish


def loads(planned: Sequence[Planned]) -> list[Load]:
    """The profiles to load. One found by EID alone satisfies as many needs as it can: only one fits."""
    found: list[Load] = []
    for number, each in enumerate(planned, 1):
        if each.source:
            continue
        wish = each.need.wish
        shared = wish.by_eid and not wish.consumed
        same = next((load for load in found if shared and load.wish == wish), None)
        if same is not None:
            same.needs.append(each.need)
        else:
            found.append(Load(number, [each.need]))
    return found


def write(path: Path, planned: Sequence[Planned], address: str, name: str) -> int:
    """Write the profiles to load, in the format of an inventory; returns their number.

    Args:
        address: smdpAddress, to which notifications go.
        name: of the SM-DP+, for the comment at the top of the file.

    Raises:
        AlreadyThere: the file exists.
    """
    if path.exists():
        raise AlreadyThere("this file exists; write to another one and copy its profiles into this one")
    wanted = loads(planned)
    by_eid = sorted((load for load in wanted if load.wish.by_eid), key=lambda load: -len(load.needs))
    held = any(each.source and each.need.wish.by_eid for each in planned)
    alone = by_eid if held else by_eid[1:]
    together = [load for load in wanted if load not in alone]
    lines = [
        f"# Profiles that the SM-DP+ must hold ({name}), each for one sequence unless it is reusable.",
        "# Load them, correct what your server chose (matching_id, iccid, confirmation_code), and name this",
        "# file under inventory: in the declaration. Leave out what you do not know; what is given is compared.",
        "profiles:" if together else "profiles: []",
    ]
    for load in together:
        lines += _lines(load, address, "  ")
    if alone:
        lines.append("# The following have no matchingId and are interchangeable to the server. Load one of them at a")
        lines.append("# time, and run its sequences with -k.")
    for load in alone:
        lines += _lines(load, address, "#  ")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(together)


def _lines(load: Load, address: str, indent: str) -> list[str]:
    """The lines of one profile; values that a server would choose are proposals."""
    wish = load.wish
    matching_id = "" if wish.by_eid else wish.matching_id or f"PYTEST-{load.number:04d}"
    made = entry(wish, matching_id, address, _iccid(load.number))
    if len(load.needs) > 1:
        made |= {"tries": _MANY, "reusable": "unspent"}
    text = yaml.safe_dump([made], sort_keys=False, default_flow_style=None, width=_WIDTH)
    comments = [f"{indent.rstrip(' ') or ' '} # {need.sequence}: {need.title}" for need in load.needs]
    return [*comments, *(indent + line for line in text.splitlines())]


def _iccid(number: int) -> str:
    """Digits of the range for tests (ITU-T E.118)."""
    digits = f"8999{number:014d}"
    return digits + check_digit(digits)
