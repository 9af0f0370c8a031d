# PYTHON_ARGCOMPLETE_OK
"""The command ``pytest-euicc``: runs what its arguments name, and turns errors into an exit status."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from pkgutil import resolve_name

from pytest_euicc.cli_arguments import parser
from pytest_euicc.cli_parser import complete
from pytest_euicc.errors import PytestEuiccError

WORSE, WRONG_USE = 1, 2
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 success, 1 mistakes or a worse result, 2 wrong use."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal without Unicode still shows every message.
            stream.reconfigure(errors="backslashreplace")
    made = parser()
    complete(made)
    parsed = made.parse_args(arguments)
    try:
        status = int(resolve_name(f"pytest_euicc.{parsed.command}")(parsed))
        sys.stdout.flush()
    except PytestEuiccError as error:
        sys.stderr.write(f"{parsed.parser.with_its_options(str(error))}\n")
        return WRONG_USE
    except BrokenPipeError:
        # The reader of our output (head, less) has closed it; nothing more must be flushed at exit.
        _discard_output()
        return WORSE
    except OSError as error:
        # Standard output has no name; where a file cannot be written, its command says so.
        if error.errno not in _NO_ROOM or error.filename is not None:
            raise
        sys.stderr.write(f"the output cannot be written: {error.strerror}\n")
        _discard_output()
        return WRONG_USE
    return status


def _discard_output() -> None:
    """What is still to be flushed goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
