"""Which defects a run meets."""

from __future__ import annotations


class Asked(frozenset[str]):
    """A set of defects that is empty and notes which ones a simulator asks it for.

    A defect changes nothing before the simulator asks for it. With the same seed a sequence that never asked for a
    defect runs the same with it switched on, so that this run can be left out.
    """

    names: set[str]

    def __new__(cls) -> Asked:
        """Empty, and nothing noted."""
        made = super().__new__(cls)
        made.names = set()
        return made

    def __contains__(self, name: object) -> bool:
        self.names.add(str(name))
        return False

    def __bool__(self) -> bool:
        # Where a simulator first looks whether there are defects at all, it has to go on and ask for them.
        return True
