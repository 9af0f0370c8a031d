"""Files on the card as a device sees them: SELECT, READ BINARY, READ RECORD (ISO 7816-4, ETSI TS 102 221 11.1)."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_euicc.asn1 import tlv
from pytest_euicc.card.apdu import CommandApdu, ResponseApdu
from pytest_euicc.simulator.euicc.loading.package_files import CYCLIC, LINEAR_FIXED, PackageFile, Path

MF = b"\x3f\x00"
_ADF = b"\x7f\xff"
_RECORD_STRUCTURES = (LINEAR_FIXED, CYCLIC)
_MOST_RECORDS = 254
_SHORT_IDENTIFIER = 0x1F

Files = dict[Path, PackageFile]


@dataclass
class Selection:
    """What is selected on one channel.

    Attributes:
        directory: path of the current DF, empty for the MF.
        file: path of the current EF.
        adf: AID of the application last selected, which 7FFF stands for.
    """

    directory: Path = ()
    file: Path | None = None
    adf: bytes | None = None


def select(files: Files, selection: Selection, command: CommandApdu) -> ResponseApdu:
    """SELECT by file identifier or path (P1 00, 08, 09)."""
    identifiers = [command.data[at : at + 2] for at in range(0, len(command.data), 2)]
    if not identifiers or len(identifiers[-1]) != 2 or (command.p1 == 0x00 and len(identifiers) > 1):
        return ResponseApdu(b"", 0x6700)
    path: Path | None = () if command.p1 == 0x08 else selection.directory
    for identifier in identifiers:
        path = _step(files, selection, path, identifier) if path is not None else None
    if path is None:
        return ResponseApdu(b"", 0x6A82)
    return enter(files, selection, path, wants_fcp=command.p2 & 0x0C == 0x04)


def enter(files: Files, selection: Selection, path: Path, *, wants_fcp: bool) -> ResponseApdu:
    """Make a file or directory the current one and give its FCP template."""
    if path in files:
        selection.directory, selection.file = path[:-1], path
    else:
        selection.directory, selection.file = path, None
        if path and len(path[0]) > 2:
            selection.adf = path[0]
    return ResponseApdu(_fcp(files, path) if wants_fcp else b"", 0x9000)


def status(files: Files, selection: Selection, p2: int, application: bytes | None) -> ResponseApdu:
    """STATUS (ETSI TS 102 221 11.1.2): FCP of the current directory, or name of the application; nothing is selected.

    Args:
        application: AID of the application selected on the channel.
    """
    match p2:
        case 0x00:
            return ResponseApdu(_fcp(files, selection.directory), 0x9000)
        case 0x01 if application is not None:
            return ResponseApdu(tlv.encode(0x84, application), 0x9000)
        case 0x01:
            return ResponseApdu(b"", 0x6A88)
        case 0x0C:
            return ResponseApdu(b"", 0x9000)
    return ResponseApdu(b"", 0x6A86)


def directories(files: Files) -> set[Path]:
    """Every DF and ADF that holds a file."""
    return {path[:depth] for path in files for depth in range(1, len(path))}


def _step(files: Files, selection: Selection, path: Path, identifier: bytes) -> Path | None:
    """Where an identifier leads from a directory (ETSI TS 102 221 8.4.1): child, sibling, itself, parent, MF."""
    if identifier == MF:
        return ()
    if identifier == _ADF:
        return (selection.adf,) if selection.adf else None
    known = directories(files)
    for candidate in ((*path, identifier), (*path[:-1], identifier)):
        if candidate in files or candidate in known:
            return candidate
    return next((above for above in (path, path[:-1]) if above and above[-1] == identifier), None)


def _fcp(files: Files, path: Path) -> bytes:
    """FCP template (ETSI TS 102 221 11.1.1.3)."""
    life_cycle, security = tlv.encode(0x8A, b"\x05"), tlv.encode(0x8B, bytes.fromhex("2F0601"))
    if path in files:
        file = files[path]
        descriptor = bytes([0x40 | file.structure, 0x21])
        if file.structure in _RECORD_STRUCTURES and file.record_length:
            count = len(file.content) // file.record_length
            descriptor += file.record_length.to_bytes(2, "big") + bytes([min(count, _MOST_RECORDS)])
        parts = tlv.encode(0x82, descriptor) + tlv.encode(0x83, path[-1]) + life_cycle + security
        return tlv.encode(0x62, parts + tlv.encode(0x80, len(file.content).to_bytes(2, "big")))
    named = tlv.encode(0x84, path[0]) if path and len(path[0]) > 2 else tlv.encode(0x83, path[-1] if path else MF)
    proprietary = tlv.encode(0xA5, tlv.encode(0x80, b"\x71")) if not path else b""
    # Tag C6: no PIN is enabled.
    pins = tlv.encode(0xC6, tlv.encode(0x90, b"\x00") + tlv.encode(0x83, b"\x01"))
    return tlv.encode(0x62, tlv.encode(0x82, b"\x78\x21") + named + proprietary + life_cycle + security + pins)


def _current(files: Files, selection: Selection, short_identifier: int) -> PackageFile | int:
    """The current EF, or the one that a short identifier makes current; a status word if there is none.

    The FCP templates name no short identifiers, so they are the low five bits of the file identifiers
    (ETSI TS 102 221 11.1.1.4.8).
    """
    if short_identifier:
        here = selection.directory
        found = (path for path in files if path[:-1] == here and path[-1][-1] & _SHORT_IDENTIFIER == short_identifier)
        path = next(found, None)
        if path is None:
            return 0x6A82
        selection.file = path
    if selection.file is None or selection.file not in files:
        return 0x6986
    return files[selection.file]


def read_binary(files: Files, selection: Selection, command: CommandApdu) -> ResponseApdu:
    """READ BINARY of a transparent EF, the current one or by short identifier (ETSI TS 102 221 11.1.3)."""
    short = bool(command.p1 & 0x80)
    if short and (command.p1 & 0x60 or not command.p1 & _SHORT_IDENTIFIER):
        return ResponseApdu(b"", 0x6A86)
    file = _current(files, selection, command.p1 & _SHORT_IDENTIFIER if short else 0)
    if isinstance(file, int):
        return ResponseApdu(b"", file)
    if file.structure in _RECORD_STRUCTURES:
        return ResponseApdu(b"", 0x6981)
    offset = command.p2 if short else command.p1 << 8 | command.p2
    if offset > len(file.content):
        return ResponseApdu(b"", 0x6B00)
    return _exactly(file.content[offset:], command.le)


def read_record(files: Files, selection: Selection, command: CommandApdu) -> ResponseApdu:
    """READ RECORD in absolute mode, of the current EF or by short identifier (ETSI TS 102 221 11.1.5)."""
    if command.p2 & 0x07 != 0x04 or command.p1 == 0:
        return ResponseApdu(b"", 0x6A86)
    file = _current(files, selection, command.p2 >> 3)
    if isinstance(file, int):
        return ResponseApdu(b"", file)
    if file.structure not in _RECORD_STRUCTURES or not file.record_length:
        return ResponseApdu(b"", 0x6981)
    at = (command.p1 - 1) * file.record_length
    if at >= len(file.content):
        return ResponseApdu(b"", 0x6A83)
    record = file.content[at : at + file.record_length].ljust(file.record_length, b"\xff")
    return _exactly(record, command.le)


def _exactly(content: bytes, le: int | None) -> ResponseApdu:
    """The octets asked for; Le 00 takes what is there, any other length that is not there is answered 6Cxx."""
    if le is None:
        return ResponseApdu(b"", 0x6700)
    if le >= 256:
        return ResponseApdu(content[:256], 0x9000)
    if le > len(content):
        return ResponseApdu(b"", 0x6C00 | len(content) & 0xFF)
    return ResponseApdu(content[:le], 0x9000)
