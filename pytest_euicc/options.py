"""What the user asked for, as plain values; everything that starts a session is made from them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_euicc.errors import PytestEuiccError

if TYPE_CHECKING:
    from pytest_euicc.conformance.files.orders import Hook

SIMULATED = "sim"
"""In place of a reader, or of a URL."""


class OptionError(PytestEuiccError):
    """An option cannot be used; the message names it and the mend."""


def known_defects(option: str, names: Iterable[str], registry: Collection[str]) -> frozenset[str]:
    """The names, all of them in the registry of a simulator; raises OptionError."""
    unknown = [name for name in names if name not in registry]
    if unknown:
        raise OptionError(f"{option}: no defect {unknown[0]!r}; there are: {', '.join(sorted(registry))}")
    return frozenset(names)


@dataclass(frozen=True)
class Options:
    """What the user asked for.

    Attributes:
        euicc: transport, ``kind`` or ``kind:argument``.
        declaration: file; None takes that of the simulated eUICC, and for any other card an empty one.
        record: file or folder to record APDUs to.
        worker: name of the xdist worker, empty without.
        defects: deviations of the simulated eUICC.
        smdp: ``sim``, or the URL of an SM-DP+; empty: where the declaration says, or ``sim`` if it does not.
        smdp_declaration: file; None takes that of the simulated SM-DP+, and for any other server an empty one.
        smdp_defects: deviations of the simulated SM-DP+.
        smdp_timeout: seconds that an SM-DP+ at a URL may take to connect, and to answer.
        provision: the hook by which a vendor provisions its SM-DP+.
        claims: folder in which the workers of a run note which profiles of the inventory they have taken.
    """

    euicc: str = SIMULATED
    declaration: Path | None = None
    record: Path | None = None
    allow_destructive: bool = False
    isdr_aid: bytes | None = None
    pki: Path | None = None
    vectors: tuple[Path, ...] = ()
    seed: str | None = None
    worker: str = ""
    defects: tuple[str, ...] = ()
    smdp: str = ""
    smdp_declaration: Path | None = None
    smdp_defects: tuple[str, ...] = ()
    smdp_timeout: float = 15.0
    provision: Hook | None = None
    claims: Path | None = None

    @property
    def kind(self) -> str:
        """Kind of the transport."""
        return self.euicc.partition(":")[0]
