"""``python -m benchmarks [SECTION …]``: where the time of a run goes, as ratios within one run."""

from __future__ import annotations

import sys

from benchmarks import card, download, suite, units

SECTIONS = {"units": units.lines, "card": card.lines, "download": download.lines, "suite": suite.lines}


def main(names: list[str]) -> int:
    """Measure and print; all sections if none is named."""
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        sys.stderr.write(f"no section {unknown[0]!r}; there are: {', '.join(SECTIONS)}\n")
        return 2
    for name in names or SECTIONS:
        for line in SECTIONS[name]():
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        sys.stdout.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
