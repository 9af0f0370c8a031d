"""The files that options name: vectors, declarations, certificates. A mistake is reported with the option."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pytest_euicc import resources
from pytest_euicc.errors import OptionError
from pytest_euicc.files import PUBLISHED_FOLDER
from pytest_euicc.options import OWN, SIMULATED, Options

if TYPE_CHECKING:
    from pytest_euicc.conformance.files.declaration import Declaration
    from pytest_euicc.conformance.files.vector import Case


def _vectors(options: Options) -> list[Path]:
    from pytest_euicc.conformance.reading.places import vector_files

    for path in options.vectors:
        if path.is_dir() and not vector_files([path]):
            raise OptionError(f"--euicc-vectors {path}: no vectors in this folder; their files end in .yaml")
    return [resources.vectors(), *options.vectors]


def load_cases(options: Options) -> list[Case]:
    """All vectors: the package's and the user's; raises OptionError with every mistake in them."""
    from pytest_euicc.conformance.reading import loader
    from pytest_euicc.document import FileMistakes
    from pytest_euicc.peers.smdp import published

    try:
        return published.expand(loader.load(_vectors(options)))
    except FileMistakes as error:
        raise OptionError(str(error)) from None


def kept_names(options: Options) -> dict[str, str] | None:
    """The interface of each sequence by its name, as long as no file has changed since it was read.

    None where `load_cases` has to say: this takes less time.
    """
    from pytest_euicc.conformance.reading.kept import interfaces

    # Published packages multiply sequences, which the cases alone show.
    return None if os.environ.get(PUBLISHED_FOLDER) else interfaces(_vectors(options))


def load_declaration(options: Options) -> Declaration:
    """The declaration of the implementation under test; raises OptionError."""
    card = resources.simulated_card(options.euicc)
    default = card.declaration if card is not None else None
    return _declaration("euicc", "--euicc-declaration", options.declaration, default)


def load_smdp_declaration(options: Options, to_come: Path | None = None) -> Declaration:
    """The declaration of the SM-DP+ under test; raises OptionError.

    Args:
        to_come: its inventory, if it is about to be written.
    """
    default = resources.declarations() / "simulated_smdp.yaml" if options.smdp in ("", SIMULATED) else None
    return _declaration("smdp", "--smdp-declaration", options.smdp_declaration, default, to_come)


def load_lpa_declaration(options: Options) -> Declaration:
    """The declaration of the LPA under test; raises OptionError."""
    default = resources.declarations() / "own_lpa.yaml" if options.lpa == OWN else None
    return _declaration("lpa", "--lpa-declaration", options.lpa_declaration, default)


def load_declarations(options: Options) -> dict[str, Declaration]:
    """What is declared, by ``iut``; raises OptionError."""
    return {
        "euicc": load_declaration(options),
        "smdp": load_smdp_declaration(options),
        "lpa": load_lpa_declaration(options),
    }


def _declaration(
    iut: Literal["euicc", "smdp", "lpa"],
    option: str,
    path: Path | None,
    default: Path | None,
    to_come: Path | None = None,
) -> Declaration:
    from pytest_euicc.conformance.engine import library
    from pytest_euicc.conformance.files.declaration import Declaration
    from pytest_euicc.document import FileMistakes

    # Packages of vendors register options of their own, which a declaration may name.
    library.load()
    path = path or default
    if path is None:
        return Declaration(iut=iut)
    try:
        declaration = Declaration.load(path, to_come=to_come)
    except FileMistakes as error:
        raise OptionError(f"{option}: {error}") from None
    if declaration.iut != iut:
        raise OptionError(f"{option}: {path} declares iut: {declaration.iut}; one with iut: {iut} is needed here")
    return declaration


def read_pki(options: Options) -> Any:
    """The PKI of the tester; raises OptionError."""
    if options.pki is None:
        from pytest_euicc.rsp.pki import default_pki

        return default_pki()
    from pytest_euicc.rsp.folder import FolderPki, PkiFolderError

    try:
        return FolderPki(options.pki)
    except PkiFolderError as error:
        raise OptionError(f"--euicc-pki: {error}") from None
