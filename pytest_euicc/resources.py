"""Paths of the vectors, suites and declarations in the package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEFAULT_CARD = "simulated"
SUITES = ("card", "ES6", "ES10a", "ES10b", "ES10b (IoT)", "ES10c", "ES8+", "ES9+", "LPAd", "operator", "procedures")
"""Interfaces with a suite."""


@dataclass(frozen=True)
class SimulatedCard:
    """A typical eUICC: its declaration, and the settings that make the simulated eUICC such a card.

    Attributes:
        declaration: for ``--euicc-declaration``.
        settings: of the simulated eUICC; None for its defaults.
    """

    name: str
    declaration: Path
    settings: Path | None

    @property
    def euicc(self) -> str:
        """For ``--euicc``."""
        return f"sim:{self.settings}" if self.settings else "sim"


def _folder(name: str) -> Path:
    """Inside the package in a wheel, next to it in a checkout."""
    package = Path(__file__).parent
    return package / name if (package / name).is_dir() else package.parent / name


def vectors() -> Path:
    """The folder of the vectors."""
    return _folder("vectors")


def declarations() -> Path:
    """The folder of the declarations."""
    return vectors() / "declarations"


def simulated_cards() -> list[SimulatedCard]:
    """Every declaration that comes with settings of the simulated eUICC, its default settings first."""
    settings = sorted((declarations() / "settings").glob("*.yaml"))
    default = SimulatedCard(DEFAULT_CARD, declarations() / f"{DEFAULT_CARD}.yaml", None)
    return [default, *(SimulatedCard(path.stem, declarations() / path.name, path) for path in settings)]


def simulated_card(spec: str) -> SimulatedCard | None:
    """The typical eUICC that ``--euicc`` means: ``sim``, ``sim:NAME``, or by its settings file; None for any other."""
    known = {name: card for card in simulated_cards() for name in (card.euicc, f"sim:{card.name}")}
    return known.get(spec)


def with_settings(spec: str) -> str:
    """What ``--euicc`` says, with the settings file of a typical eUICC that is called by its name."""
    card = simulated_card(spec)
    return card.euicc if card is not None else spec


def suites() -> Path:
    """The folder of the suites."""
    return _folder("suites")
