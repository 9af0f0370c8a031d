"""``pytest-euicc trace`` and ``pytest-euicc decode``."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from pytest_euicc.files import new_file
from pytest_euicc.traces import decoding, explaining
from pytest_euicc.traces.drafting import draft
from pytest_euicc.traces.pcap import pcap
from pytest_euicc.traces.reading import Exchange, TraceTextError, messages, read


def trace(arguments: Namespace) -> int:
    """Explain a trace, or make something else of it; returns the exit status.

    Raises:
        TraceTextError: the trace cannot be read, or the capture file not be written.
    """
    exchanges = _chosen(read(arguments.file), arguments.lines)
    if arguments.pcap is not None:
        sys.stderr.write(f"{arguments.pcap}: {_capture(arguments.pcap, exchanges)} APDUs; open it in Wireshark\n")
    elif arguments.to_vector:
        sys.stdout.write(draft(messages(exchanges), arguments.file.name))
    else:
        for message in messages(exchanges):
            for line in explaining.lines(message):
                sys.stdout.write(f"{line}\n")
    return 0


def _capture(path: Path, exchanges: Iterator[Exchange]) -> int:
    """Write a capture file, and return of how many APDUs; what is there already may be the trace itself."""
    first = next(exchanges)
    try:
        with new_file(path) as file:
            # The first part is the head of the file.
            count = -1
            for part in pcap(chain([first], exchanges)):
                file.write(part)
                count += 1
    except FileExistsError:
        raise TraceTextError(f"--pcap {path}: this file already exists; name another one") from None
    except OSError as error:
        raise TraceTextError(f"--pcap {path}: {error.strerror or error}") from None
    return count


def _chosen(exchanges: Iterator[Exchange], lines: str) -> Iterator[Exchange]:
    if not lines:
        yield from exchanges
        return
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", lines)
    if not found:
        raise TraceTextError(f"--lines {lines}: write the first and the last line, such as 12-40")
    first, last = int(found[1]), int(found[2] or found[1])
    ends = chosen = 0
    for exchange in exchanges:
        ends = exchange.line
        if exchange.line > last and chosen:
            return
        if first <= exchange.line <= last:
            chosen += 1
            yield exchange
    if not chosen:
        raise TraceTextError(f"--lines {lines}: no APDU begins there; the last is in line {ends}")


def decode(arguments: Namespace) -> int:
    """Explain hex; returns the exit status.

    Raises:
        DecodeError: it cannot be explained.
    """
    text = sys.stdin.read() if arguments.hex == ["-"] else " ".join(arguments.hex)
    for line in decoding.decode(text, arguments.type):
        sys.stdout.write(f"{line}\n")
    return 0
