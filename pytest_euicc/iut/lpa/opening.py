"""From the option ``--lpa`` to a driver."""

from __future__ import annotations

from pathlib import Path

from pytest_euicc import resources
from pytest_euicc.conformance.engine.operator import Operator
from pytest_euicc.document import FileMistakes
from pytest_euicc.errors import OptionError
from pytest_euicc.iut.lpa.commands import CommandDriver
from pytest_euicc.iut.lpa.driver import LpaDriver
from pytest_euicc.iut.lpa.driver_file import DriverFile
from pytest_euicc.iut.lpa.own import OwnLpa
from pytest_euicc.iut.lpa.person import PersonDriver
from pytest_euicc.options import OWN, Options
from pytest_euicc.simulator.defect import known_defects
from pytest_euicc.simulator.lpa.defects import DEFECTS
from pytest_euicc.simulator.lpa.variants import VARIANTS
from pytest_euicc.simulator.variant import known_variants


def open_driver(options: Options, operator: Operator | None = None) -> LpaDriver:
    """The driver of the LPA under test.

    Args:
        operator: who handles an LPA that no program drives.

    Raises:
        OptionError: there is no such driver, or its file has mistakes.
        UnknownDefect, UnknownVariant: our own LPA has none of that name.
    """
    if options.lpa != OWN:
        path = Path(options.lpa)
        known = resources.declarations() / "drivers" / f"{options.lpa}.yaml"
        if not path.is_file() and not known.is_file():
            there = ", ".join(sorted(each.stem for each in known.parent.glob("*.yaml")))
            raise OptionError(f"--lpa {options.lpa}: no such file, and no driver of the package; those are {there}")
        try:
            file = DriverFile.load(path if path.is_file() else known)
        except FileMistakes as error:
            raise OptionError(f"--lpa: {error}") from None
        if file.by == "program":
            return CommandDriver(file)
        if operator is None:
            raise OptionError(f"--lpa {options.lpa}: a person handles {file.name}; give --euicc-operator terminal")
        return PersonDriver(file, operator)
    defects = known_defects("--lpa-defect", options.lpa_defects, DEFECTS)
    variants = known_variants("--lpa-variant", options.lpa_variants, VARIANTS)
    return OwnLpa(defects, variants)
