"""What all parts of the simulated LPA share: our own LPA, and which deviations are switched on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pytest_euicc.es10.isdr import Isdr, Reply
from pytest_euicc.lpa.outcomes import Es9
from pytest_euicc.lpa.procedures import Lpa


@dataclass
class Memory:
    """What a defect keeps from one operation to the next; without defects nothing is."""

    challenge: bytes = b""
    transaction: str = ""
    code: str | None = None
    info1: Reply | None = None
    eid: bytes = b""
    addresses: dict[str, str] = field(default_factory=dict)
    states: dict[bytes, dict[str, str]] = field(default_factory=dict)


@dataclass
class Disk:
    """What is kept beyond the end of the process.

    Attributes:
        log: lines for those who make the LPA.
        segments: of a package whose load did not come to its end; a defect keeps them.
        files: by their names; a defect leaves some.
    """

    log: list[str] = field(default_factory=list)
    segments: list[bytes] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Setting:
    """What an LPA of one device has.

    Attributes:
        defects, variants: names of those that are switched on.
        device_info: DeviceInfo of SGP.22 4.2.
        memory: lasts as long as the process.
        disk: lasts longer.
        aborted: the user has aborted what runs.
    """

    defects: frozenset[str]
    variants: frozenset[str]
    device_info: dict[str, Any]
    memory: Memory = field(default_factory=Memory)
    disk: Disk = field(default_factory=Disk)
    aborted: bool = False


class Deviating(Lpa):
    """Our own LPA; its subclasses override what a defect or a variant does otherwise."""

    def __init__(self, isdr: Isdr, server: Callable[[str], Es9], setting: Setting) -> None:
        super().__init__(isdr, server, device_info=setting.device_info)
        self._setting = setting
        self._memory = setting.memory

    def defective(self, name: str) -> bool:
        """True if a named deviation is switched on."""
        return name in self._setting.defects

    def varies(self, name: str) -> bool:
        """True if a permitted variant is switched on."""
        return name in self._setting.variants
