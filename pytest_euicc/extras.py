"""Parts of this package that need more than its dependencies: errors name the extra that installs what is missing."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from pytest_euicc.errors import PytestEuiccError

MODULES = {
    "smdp": ("httptools",),
    "report": ("jinja2", "allure_pytest"),
    "workers": ("xdist",),
    "pcsc": ("smartcard",),
    "modem": ("serial",),
    "http2": ("h2",),
}
"""What each extra of the package brings, by the modules that are imported of it."""


class MissingExtra(PytestEuiccError):
    """Something needs a package that is not installed; the message names the extra."""


def command(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install 'pytest-euicc[{extra}]'"


def has(extra: str) -> bool:
    """Whether all that an extra brings can be found; nothing is imported for it."""
    return all(map(found, MODULES[extra]))


def need(what: str, extra: str, *modules: str) -> None:
    """See that modules can be imported.

    Args:
        what: needs them, for the message.
        modules: of the extra; without any, all that it brings.

    Raises:
        MissingExtra: one cannot.
    """
    for name in modules or MODULES[extra]:
        try:
            import_module(name)
        except ImportError:
            raise MissingExtra(f"{what} needs {name}, which is not installed: {command(extra)}") from None


def found(module: str) -> bool:
    """Whether a module can be found; it is not imported for it."""
    try:
        return find_spec(module) is not None
    except ValueError:
        # It is loaded without a specification, or has been ruled out.
        return False
