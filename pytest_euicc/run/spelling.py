"""Options as they were typed: misspelt ones of ours, and those of packages that are not installed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pytest_euicc import extras
from pytest_euicc.errors import OptionError
from pytest_euicc.options import flags

if TYPE_CHECKING:
    import pytest

_OURS = ("--euicc", "--smdp", "--lpa")
_WORKERS = r"(-n)(?:auto|logical|\d+)?$|(--dist|--tx|--numprocesses)(?![a-z-])"
_REPORT = r"(--alluredir|--clean-alluredir|--allure-[a-z-]+)(?![a-z-])"
_OTHERS = {
    "workers": ("xdist", "pytest-xdist", re.compile(_WORKERS)),
    "report": ("allure_pytest", "allure-pytest", re.compile(_REPORT)),
}
"""By the extra that brings it: a module, its package, and options that pytest has of it."""


def check_extras(arguments: Iterable[str]) -> None:
    """Raises OptionError for an option of a package that is an extra of ours and not installed."""
    for argument in arguments:
        for extra, (module, package, form) in _OTHERS.items():
            found = form.match(argument)
            if found and not extras.found(module):
                raise OptionError(f"{found[found.lastindex or 0]} is an option of {package}: {extras.command(extra)}")


def check_names(parser: pytest.Parser, arguments: Sequence[str]) -> None:
    """Raises OptionError for an option that nobody has and that looks like one of ours."""
    if not any(argument.startswith(_OURS) for argument in arguments):
        return
    from difflib import get_close_matches

    for argument in parser.parse_known_and_unknown_args(arguments)[1]:
        name = argument.partition("=")[0]
        if name.startswith(_OURS) and (close := get_close_matches(name, flags(), n=1)):
            raise OptionError(f"there is no option {name}; did you mean {close[0]}?")
