"""From the option ``--lpa`` to a driver."""

from __future__ import annotations

from pytest_euicc.iut.lpa.driver import LpaDriver
from pytest_euicc.iut.lpa.own import OwnLpa
from pytest_euicc.options import OWN, OptionError, Options
from pytest_euicc.simulator.defect import known_defects
from pytest_euicc.simulator.lpa.defects import DEFECTS
from pytest_euicc.simulator.lpa.variants import VARIANTS
from pytest_euicc.simulator.variant import known_variants


def open_driver(options: Options) -> LpaDriver:
    """The driver of the LPA under test.

    Raises:
        OptionError: there is no such driver, or its file has mistakes.
        UnknownDefect, UnknownVariant: our own LPA has none of that name.
    """
    if options.lpa != OWN:
        raise OptionError(f"--lpa {options.lpa}: there are no drivers of other LPAs yet; leave it out, or give own")
    defects = known_defects("--lpa-defect", options.lpa_defects, DEFECTS)
    variants = known_variants("--lpa-variant", options.lpa_variants, VARIANTS)
    return OwnLpa(defects, variants)
