"""The words of a driver file, filled with what a vector gives and where card and servers are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_euicc.iut.lpa.driver import Reach
from pytest_euicc.iut.lpa.driver_file import DriverFile
from pytest_euicc.peers.lpa.bench import Operation
from pytest_euicc.rsp.iccid import to_digits


def places_of(file: DriverFile, reach: Reach) -> tuple[dict[str, str], dict[str, str]]:
    """Where card and servers are, by the names of a driver file, and what a program's environment needs for it."""
    places: dict[str, str] = {}
    environment: dict[str, str] = {}
    if file.card == "pcsc":
        reader = reach.reader()
        places |= {"reader": reader.name, "reader_index": str(reader.index)}
        environment |= reader.environment
    if file.servers == "https":
        https = reach.https()
        places |= {"proxy": https.proxy, "host": https.host, "port": str(https.port)}
        places |= {"ca_file": str(https.ca_file), "public_ca_file": str(https.public_ca_file)}
        places["all_ca_file"] = str(https.all_ca_file)
    return places, environment


def not_taken(operation: Operation, arguments: Mapping[str, Any], words: str) -> str | None:
    """Why an operation cannot be done with the arguments: the words have no place for a name of the profile."""
    # Beside these, what is given is left out where the LPA has no use for it.
    if operation in ("enable", "disable", "delete", "nickname", "retrieve_code"):
        needed = [name for name in ("iccid", "aid", "text") if name in arguments]
        if not any(f"{{{name}}}" in words or "{profile}" in words for name in needed):
            return f"its command takes no {' or '.join(needed)}"
    return None


def filled(word: str, given: Mapping[str, str]) -> str:
    """A word with its places filled."""
    for name, value in given.items():
        word = word.replace(f"{{{name}}}", value)
    return word


def written(name: str, value: Any) -> str:
    """A value as the user would type it: the digits of an ICCID, hex of an AID."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, bytes):
        return to_digits(value) if name == "iccid" else value.hex().upper()
    return str(value)
