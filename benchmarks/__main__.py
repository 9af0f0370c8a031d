"""``python -m benchmarks [SECTION …]``: where the time of a run goes, as ratios within one run."""

from __future__ import annotations

import sys

from benchmarks import card, download, lpa, rack, suite, units

SECTIONS = {
    "units": units.lines,
    "card": card.lines,
    "download": download.lines,
    "suite": suite.lines,
    "lpa": lpa.lines,
}
ON_DEMAND = {"rack": rack.lines}
"""Sections that run only where they are named."""


def main(names: list[str]) -> int:
    """Measure and print; all sections but those on demand if none is named."""
    known = SECTIONS | ON_DEMAND
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.stderr.write(f"no section {unknown[0]!r}; there are: {', '.join(known)}\n")
        return 2
    for name in names or SECTIONS:
        for line in known[name]():
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
