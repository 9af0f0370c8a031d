"""The unprotected profile package of a profile of the tester, and what a vector wants otherwise in it (TCA IFS)."""

from __future__ import annotations

import struct
import zlib
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pytest_euicc.conformance.engine.arguments import Hex
from pytest_euicc.rsp import profile_package
from pytest_euicc.rsp.package_secrets import note_milenage, note_secrets
from pytest_euicc.rsp.profile_package import Element

_OPERATOR = "Test operator"


class Insertion(BaseModel):
    """A profile element with a tag that no eUICC knows, before or after the element of a name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    unknown: Literal["mandatory", "optional"]
    identification: int = 77
    before: str | None = None
    after: str | None = None


class PackageChanges(BaseModel):
    """Differences between a profile package and the one that matches the metadata.

    Attributes:
        octets: another package in place of the tester's.
        iccid: of another profile, in the header and in EF ICCID.
        ef_iccid: content of EF ICCID.
        imsi: content of EF IMSI.
        gid1: content of EF GID1.
        key: of the network access application, such as a test profile must not have.
        filler: bytes of additional files.
        margin: bytes beyond filler, where a card may have more room than it reports.
        empty: the additional files have this size and no content, so that they need not be sent.
        without: names of profile elements that are left out.
        insert: profile elements that are added: ``unknown`` is mandatory or optional, ``identification`` its number;
            ``before`` or ``after`` the element of this name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    octets: Hex | None = None
    iccid: Hex | None = None
    ef_iccid: Hex | None = None
    imsi: str | None = Field(None, pattern=r"^\d{6,15}$")
    gid1: Hex | None = None
    key: Hex | None = None
    filler: int = Field(0, ge=0)
    margin: int = Field(0, ge=0)
    empty: bool = False
    without: tuple[str, ...] = ()
    insert: tuple[Insertion, ...] = ()


def build(metadata: dict[str, Any], changes: PackageChanges | None = None) -> bytes:
    """The package of the profile that metadata describe.

    Args:
        metadata: the StoreMetadataRequest; its owner makes EF IMSI, EF GID1 and EF GID2.

    Raises:
        ValueError: the package has no element of a name that ``changes`` speak of.
    """
    changes = changes or PackageChanges()
    if changes.octets is not None:
        note_secrets(changes.octets)
        return changes.octets
    owner = metadata.get("profileOwner", {})
    gids = {name: owner[name] for name in ("gid1", "gid2") if name in owner}
    if changes.gid1 is not None:
        gids["gid1"] = changes.gid1
    iccid, imsi = changes.iccid or metadata["iccid"], changes.imsi or imsi_of(owner)
    if changes.ef_iccid is None and changes.key is None:
        standard = profile_package.encoded_elements(iccid, imsi=imsi, service_provider=_OPERATOR, gids=gids)
    else:
        elements = profile_package.standard_elements(iccid, imsi=imsi, service_provider=_OPERATOR, gids=gids)
        _change_files(dict(elements), changes)
        standard = _encoded(elements)
    fillers = profile_package.fillers(changes.filler + changes.margin, empty=changes.empty)
    encoded = profile_package.with_files(standard, _encoded(fillers)) + _encoded([profile_package.END])
    without = _known(encoded, changes.without)
    return _joined([element for element in encoded if element[0] not in without], changes)


def _encoded(elements: list[Element]) -> list[tuple[str, bytes]]:
    return [(name, profile_package.join([(name, value)])) for name, value in elements]


def imsi_of(owner: dict[str, Any]) -> str:
    """An IMSI of the owner's network, of the test network without one (3GPP TS 24.008 10.5.1.13, TS 31.102 4.2.2)."""
    network = profile_package.network_digits(owner.get("mccMnc", b"\x00\xf1\x10")).replace("e", "0")
    return network + "123456789"[: 15 - len(network)]


def _change_files(elements: dict[str, Any], changes: PackageChanges) -> None:
    if changes.ef_iccid is not None:
        elements["mf"]["ef-iccid"][-1] = ("fillFileContent", changes.ef_iccid)
    if changes.key is not None:
        parameters = elements["akaParameter"]["algoConfiguration"][1]
        parameters["key"] = changes.key
        note_milenage(changes.key, parameters["opc"])


def _known(elements: list[tuple[str, bytes]], names: tuple[str, ...]) -> tuple[str, ...]:
    there = [name for name, _ in elements]
    for name in names:
        if name not in there:
            raise ValueError(f"the package has no element {name!r}; available: {', '.join(dict.fromkeys(there))}")
    return names


def _joined(encoded: list[tuple[str, bytes]], changes: PackageChanges) -> bytes:
    for insertion in changes.insert:
        new = profile_package.unknown_element(insertion.identification, mandatory=insertion.unknown == "mandatory")
        beside = insertion.before or insertion.after or "end"
        _known(encoded, (beside,))
        at = next(at for at, (name, _) in enumerate(encoded) if name == beside)
        encoded.insert(at + (insertion.after is not None), ("unknown", new))
    return b"".join(octets for _, octets in encoded)


_SIDE = 64
_GREY = 0x80


def icon(kind: str, octets: int | None = None) -> bytes:
    """An icon.

    Args:
        kind: ``png`` or ``jpg``.
        octets: its size; the smallest there is if None.

    Raises:
        ValueError: it cannot be that small.
    """
    return {"png": _png, "jpg": _jpg}[kind](octets)


def _png(octets: int | None) -> bytes:
    head = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 0, 0, 0, 0))
    rows = zlib.compress((b"\0" + bytes([_GREY]) * _SIDE) * _SIDE, 9)
    tail = _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")
    spare = 0 if octets is None else _spare(octets, len(head) + len(tail), 12 + len(b"Comment\0"))
    comment = _chunk(b"tEXt", b"Comment\0" + b"." * spare) if octets is not None else b""
    return head + comment + tail


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _jpg(octets: int | None) -> bytes:
    # One component, one entry in each Huffman table: every block is a zero and an end of block, two bits together.
    tables = b"\0" + b"\1" * 64, b"\0" + b"\1" + bytes(15) + b"\0", b"\x10" + b"\1" + bytes(15) + b"\0"
    frame = struct.pack(">BHHBBBB", 8, _SIDE, _SIDE, 1, 1, 0x11, 0)
    head = b"\xff\xd8" + _segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    body = _segment(0xDB, tables[0]) + _segment(0xC0, frame) + _segment(0xC4, tables[1]) + _segment(0xC4, tables[2])
    body += _segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + bytes((_SIDE // 8) ** 2 * 2 // 8) + b"\xff\xd9"
    if octets is None:
        return head + body
    return head + _segment(0xFE, b"." * _spare(octets, len(head) + len(body), 4)) + body


def _segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def _spare(octets: int, taken: int, comment: int) -> int:
    """Octets that a comment has to have to make the icon as long as it is to be."""
    spare = octets - taken - comment
    if spare < 0:
        raise ValueError(f"an icon of {octets} octets cannot be made, {taken + comment} is the least")
    return spare
