"""Whether the files of a profile say the same as its metadata: ICCID and owner (SGP.22 5.5.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pytest_euicc.rsp.iccid import swapped
from pytest_euicc.rsp.profile_package import network_digits
from pytest_euicc.simulator.euicc.package_files import FileTree

_EF_ICCID, _EF_IMSI = b"\x2f\xe2", b"\x6f\x07"
_EF_GID = {"gid1": b"\x6f\x3e", "gid2": b"\x6f\x3f"}


@dataclass(frozen=True)
class FileMismatch:
    """A field of the metadata that the files contradict."""

    field: str
    message: str


def mismatches(tree: FileTree, metadata: dict[str, Any]) -> Iterator[FileMismatch]:
    """What a complete profile says otherwise than its StoreMetadataRequest; what has no file contradicts nothing."""
    file = tree.files.get((_EF_ICCID,))
    if file is not None and file.content != metadata["iccid"]:
        yield FileMismatch("ef-iccid", f"EF ICCID {file.content.hex()}, metadata {metadata['iccid'].hex()}")
    owner = metadata.get("profileOwner")
    if owner is None:
        return
    imsi = _content(tree, _EF_IMSI)
    if imsi is not None and not _network_matches(owner["mccMnc"], imsi):
        yield FileMismatch("imsi", f"EF IMSI {imsi.hex()}, owner {owner['mccMnc'].hex()}")
    for name, identifier in _EF_GID.items():
        if name in owner:
            held = _content(tree, identifier)
            if held is None or held.rstrip(b"\xff") != owner[name].rstrip(b"\xff"):
                came = "no file" if held is None else held.hex()
                yield FileMismatch(name, f"EF {name.upper()} {came}, owner {owner[name].hex()}")


def _content(tree: FileTree, identifier: bytes) -> bytes | None:
    """The file of a name in the first application that has it."""
    return next((file.content for path, file in tree.files.items() if len(path) > 1 and path[-1] == identifier), None)


def _network_matches(network: bytes, imsi: bytes) -> bool:
    """MCC and MNC of 3GPP TS 24.008 10.5.1.13 against the digits of EF IMSI (3GPP TS 31.102 4.2.2)."""
    return swapped(imsi[1:]).hex()[1:].startswith(network_digits(network))
