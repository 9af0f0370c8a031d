"""``pytest-euicc trace`` and ``pytest-euicc decode``."""

from __future__ import annotations

import re
import sys
from argparse import Namespace

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
        try:
            arguments.pcap.write_bytes(pcap(exchanges))
        except OSError as error:
            raise TraceTextError(f"--pcap {arguments.pcap}: {error.strerror or error}") from None
        sys.stderr.write(f"{arguments.pcap}: {len(exchanges)} APDUs; open it in Wireshark\n")
    elif arguments.to_vector:
        sys.stdout.write(draft(messages(exchanges), arguments.file.name))
    else:
        for message in messages(exchanges):
            for line in explaining.lines(message):
                sys.stdout.write(f"{line}\n")
    return 0


def _chosen(exchanges: list[Exchange], lines: str) -> list[Exchange]:
    if not lines:
        return exchanges
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", lines)
    if not found:
        raise TraceTextError(f"--lines {lines}: write the first and the last line, such as 12-40")
    first, last = int(found[1]), int(found[2] or found[1])
    chosen = [exchange for exchange in exchanges if first <= exchange.line <= last]
    if not chosen:
        raise TraceTextError(f"--lines {lines}: no APDU begins there; the last is in line {exchanges[-1].line}")
    return chosen


def decode(arguments: Namespace) -> int:
    """Explain hex; returns the exit status.

    Raises:
        DecodeError: it cannot be explained.
    """
    text = sys.stdin.read() if arguments.hex == ["-"] else " ".join(arguments.hex)
    for line in decoding.decode(text, arguments.type):
        sys.stdout.write(f"{line}\n")
    return 0
