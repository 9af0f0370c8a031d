"""Which defects a run meets."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Asked:
    """Stands in for a simulator's set of defects: has none of them, and notes which ones are asked for.

    A defect changes nothing before the simulator asks for it. With the same seed a sequence that never asked for a
    defect runs the same with it switched on, so that this run can be left out. Simulators may ask by ``in`` alone;
    whatever else they did with a set would escape us, and raises TypeError.
    """

    names: set[str] = field(default_factory=set)

    def __contains__(self, name: str) -> bool:
        self.names.add(name)
        return False

    def __bool__(self) -> bool:
        # Where a simulator first looks whether there are defects at all, it has to go on and ask for them.
        return True
