"""What sequences are proven on: declarations, each with the settings of the simulator that it is true of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pytest_euicc import resources
from pytest_euicc.conformance.declaration import Declaration
from pytest_euicc.simulator.euicc.settings import EuiccSettings

Side = Literal["euicc", "smdp"]
SIDES: tuple[Side, ...] = ("euicc", "smdp")
FIRST = "simulated"
"""The declaration of a simulator with its default settings; tried before all others."""
SETTINGS = "settings"
"""Folder beside the declarations with settings of the simulated eUICC, a file of the declaration's name each."""


@dataclass(frozen=True)
class Variant:
    """A declaration and the simulated eUICC it describes."""

    name: str
    declaration: Declaration
    settings: EuiccSettings


def variants(side: Side, folder: Path | None = None) -> list[Variant]:
    """Declarations of a folder for one side, that of the default settings first.

    Raises:
        FileMistakes: a declaration is wrong.
        SettingsError: settings are wrong.
    """
    folder = folder or resources.declarations()
    found = []
    for path in sorted(folder.glob("*.yaml"), key=lambda path: (path.stem != FIRST, path.stem)):
        declaration = Declaration.load(path)
        if declaration.iut == side:
            settings = folder / SETTINGS / path.name
            loaded = EuiccSettings.load(settings) if settings.exists() else EuiccSettings()
            found.append(Variant(path.stem, declaration, loaded))
    return found
