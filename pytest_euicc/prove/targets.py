"""What sequences run on: declarations, each with the matching settings of the simulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pytest_euicc import resources
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.iut.lpa.own import redeclared_lpa
from pytest_euicc.simulator.euicc.settings import EuiccSettings

Side = Literal["euicc", "smdp", "lpa"]
SIDES: tuple[Side, ...] = ("euicc", "smdp", "lpa")

_FILES = {"smdp": "simulated_smdp.yaml", "lpa": "own_lpa.yaml"}
"""Declarations of the sides with one implementation."""

_ANOTHER_LPA = frozenset(
    {
        "checks-revocation", "checks-tls-policy", "has-no-imei", "leaves-terminal-to-modem", "lists-by-tags",
        "repeats-requests", "serves-no-rules", "takes-brainpool-in-tls", "trusts-public-cas",
    }
)  # fmt: skip
"""Variants of our own LPA for what it does not do by default."""


@dataclass(frozen=True)
class Target:
    """A declaration and the simulator it describes.

    Attributes:
        settings: those of a simulated eUICC.
        variants: permitted variants that are always on.
    """

    name: str
    declaration: Declaration
    settings: EuiccSettings | None
    variants: frozenset[str] = frozenset()


def targets(side: Side) -> list[Target]:
    """The simulators that come with the package, that of the default settings first.

    Raises:
        FileMistakes: a declaration is wrong.
        SettingsError: settings are wrong.
    """
    if side in _FILES:
        path = resources.declarations() / _FILES[side]
        own = Target(path.stem, Declaration.load(path), None)
        if side == "smdp":
            return [own]
        return [own, Target("another_lpa", redeclared_lpa(own.declaration, _ANOTHER_LPA), None, _ANOTHER_LPA)]
    return [
        Target(
            card.name,
            Declaration.load(card.declaration),
            EuiccSettings.load(card.settings) if card.settings else EuiccSettings(),
        )
        for card in resources.simulated_cards()
    ]
