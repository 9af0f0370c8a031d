"""A parser of command lines that says what was meant, where something is misspelt.

argparse does so itself from Python 3.14 on, for choices alone.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import Any, NoReturn

from pytest_euicc.text import closest


class Parser(argparse.ArgumentParser):
    """One line for a mistake, and the command that shows the help."""

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """As that of argparse; for an unknown option of a command it names the nearest one."""
        parsed, rest = self.parse_known_args(args, namespace)
        if rest:
            of: Parser = getattr(parsed, "parser", self)
            option = rest[0].partition("=")[0]
            hint = closest(option, of._option_string_actions) if option.startswith("-") else ""
            of.error(f"there is no {'option' if option.startswith('-') else 'argument'} {rest[0]}{_plain(hint)}")
        return parsed

    def with_its_options(self, message: str) -> str:
        """A message about an option of pytest, with the shorter name that the option has here: ``--pki``."""
        own = message.replace("--euicc-", "--", 1) if message.startswith("--euicc-") else message
        return own if own.partition(" ")[0].rstrip(":") in self._option_string_actions else message

    def error(self, message: str) -> NoReturn:
        """End with exit status 2."""
        self.exit(2, f"{self.prog}: {message}\n`{self.prog} --help` shows the choices.\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            what = action.metavar if isinstance(action.metavar, str) else action.dest
            known = list(map(str, action.choices))
            hint = closest(str(value), known) or f"; available: {', '.join(known)}"
            # Beside the name of an argument this would be said twice.
            raise argparse.ArgumentError(None, f"there is no {what.lower()} {value!r}{_plain(hint)}")


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer a shell that completes a command line (argcomplete, the extra ``completion``); else do nothing."""
    if "_ARGCOMPLETE" not in os.environ:
        return
    try:
        import argcomplete
    except ImportError:
        return
    argcomplete.autocomplete(parser)


def _plain(hint: str) -> str:
    """A name on the command line has no quotes."""
    return hint.replace("'", "") if hint.startswith("; did you mean '-") else hint
