"""Reading a profile package as it arrives: TCA Interoperable Format, profile element by profile element.

The installer decrypts segment after segment and feeds the octets in; a profile element is looked at as soon as its last
octet is there, so a fault is found at the element that has it and the EUICCResponse can name it (TCA IFS 9.4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.rsp.iccid import swapped
from pytest_euicc.rsp.profile_package import CAPABILITY_OF_SERVICE, network_digits
from pytest_euicc.simulator.euicc.loading.package_files import (
    FileTree,
    PackageFile,
    Path,
    read_file_management,
    read_template,
    unfilled,
)
from pytest_euicc.simulator.euicc.loading.security_domain import SecurityDomain, read_security_domain
from pytest_euicc.simulator.euicc.loading.tlv_stream import TlvStream

MINIMUM_MAJOR_VERSION = 2


class PeStatus(IntEnum):
    """PEStatus of the EUICCResponse (TCA IFS 9.4)."""

    OK = 0
    PE_NOT_SUPPORTED = 1
    MEMORY_FAILURE = 2
    BAD_VALUES = 3
    NOT_ENOUGH_MEMORY = 4
    INVALID_REQUEST_FORMAT = 5
    INVALID_PARAMETER = 6
    RUNTIME_NOT_SUPPORTED = 7
    LIB_NOT_SUPPORTED = 8
    TEMPLATE_NOT_SUPPORTED = 9
    FEATURE_NOT_SUPPORTED = 10
    PIN_CODE_MISSING = 11
    UNSUPPORTED_PROFILE_VERSION = 31


class PackageFault(Exception):
    """The package cannot be installed.

    Attributes:
        reason: name of the ErrorReason for the Profile Installation Result (SGP.22 2.5.6).
        status: what the EUICCResponse says of the element.
        identification: the element's number in its PEHeader, or None where it has none.
    """

    def __init__(self, reason: str, status: PeStatus, identification: int | None, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status
        self.identification = identification


@dataclass(frozen=True)
class InstalledPackage:
    """What a complete package brings.

    Attributes:
        iccid: 10 octets, nibbles swapped as in EF ICCID.
        files: elementary files by path.
        memory: octets of non-volatile memory it takes.
        mno_sd: the first security domain of the package (TCA IFS 8.6.1).
    """

    iccid: bytes
    files: dict[Path, PackageFile]
    memory: int
    mno_sd: SecurityDomain | None = None


@lru_cache(maxsize=64)
def _decoded(element: bytes) -> tuple[str, Any]:
    """Most elements of the packages of a test run are the same; nobody changes the value."""
    name, value = codec.decode("ProfileElement", element)
    return name, value


@dataclass
class PackageReader:
    """Takes octets in any portions and builds the installed package.

    Args:
        metadata: the StoreMetadataRequest that the profile has to match.
        free_memory: octets of non-volatile memory the eUICC has left.
        uicc_capability: names the eUICC supports; services the header makes mandatory must be among them.
        defective: tells whether a named deviation is switched on.
        varies: tells whether a permitted variant is switched on.
    """

    metadata: dict[str, Any]
    free_memory: int
    uicc_capability: frozenset[str]
    defective: Callable[[str], bool] = lambda _name: False
    varies: Callable[[str], bool] = lambda _name: False
    statuses: list[tuple[PeStatus, int | None]] = field(default_factory=list)
    _stream: TlvStream = field(default_factory=TlvStream)
    _memory: int = 0
    _header_seen: bool = False
    _of_another: bool = False  # the header has another ICCID than the metadata
    _ended: bool = False
    _tree: FileTree = field(default_factory=FileTree)
    _mno_sd: SecurityDomain | None = None

    def feed(self, octets: bytes) -> None:
        """Take the next octets of the package; raises PackageFault at the element that is wrong."""
        self._stream.pending += octets
        try:
            while (element := self._stream.take()) is not None:
                self._take(element)
        except tlv.TlvError as error:
            raise self._noted(_processing(PeStatus.INVALID_REQUEST_FORMAT, None, str(error))) from None

    @property
    def iccid(self) -> bytes:
        """Of the metadata, as in EF ICCID."""
        octets: bytes = self.metadata["iccid"]
        return octets

    def finish(self) -> InstalledPackage:
        """Close the package; raises PackageFault if PE-End is missing."""
        whole = self._ended or self.defective("installs-without-end")
        if not whole or self._stream.pending:
            raise self._noted(
                _processing(PeStatus.INVALID_REQUEST_FORMAT, None, "the package does not close with PE-End")
            )
        return self.installed()

    @property
    def ended(self) -> bool:
        """True after PE-End."""
        return self._ended

    def installed(self) -> InstalledPackage:
        """What was received so far."""
        return InstalledPackage(self.iccid, self._tree.files, self._memory, self._mno_sd)

    def response(self, *, aborted: bool) -> bytes:
        """The EUICCResponse for the Profile Installation Result (TCA IFS 9.4)."""
        shown = [status for status in self.statuses if status[0] is not PeStatus.OK] or [(PeStatus.OK, None)]
        if self.varies("euicc-response-an-element"):
            shown = self.statuses
        if self.defective("response-without-identification"):
            shown = [(status, None) for status, _ in shown]
        value: dict[str, Any] = {
            "peStatus": [
                {"status": int(status)} | ({} if number is None else {"identification": number})
                for status, number in shown
            ]
        }
        if aborted:
            value["profileInstallationAborted"] = None
        return codec.encode("EUICCResponse", value)

    # ------------------------------------------------------------------ elements

    def _take(self, element: bytes) -> None:
        number = _identification(element)
        try:
            self._check_memory(len(element), number)
            self._process(element, number)
        except PackageFault as fault:
            raise self._noted(fault) from None

    def _noted(self, fault: PackageFault) -> PackageFault:
        self.statuses.append((fault.status, fault.identification))
        return fault

    def _files(self, value: dict[str, Any], number: int | None) -> None:
        """Files are as large as their descriptors say, whether their content comes along or not."""
        self._check_memory(unfilled(value), number)
        read_file_management(self._tree, value)

    def _check_memory(self, octets: int, number: int | None) -> None:
        self._memory += octets
        if self._memory > self.free_memory and not self.defective("installs-beyond-the-memory"):
            raise PackageFault(
                "installFailedDueToInsufficientMemoryForProfile",
                PeStatus.NOT_ENOUGH_MEMORY,
                number,
                f"{self._memory} octets needed, {self.free_memory} free",
            )

    def _process(self, element: bytes, number: int | None) -> None:
        if self._ended:
            raise _processing(PeStatus.INVALID_REQUEST_FORMAT, number, "a profile element after PE-End")
        name, value = self._decode(element, number)
        if not self._header_seen and name != "header" and not self.defective("needs-no-header"):
            raise _processing(PeStatus.INVALID_REQUEST_FORMAT, number, "the package does not begin with the header")
        if name is None:
            if self.defective("refuses-unknown-elements"):
                raise _processing(PeStatus.PE_NOT_SUPPORTED, number, "unknown profile element")
            self.statuses.append((PeStatus.PE_NOT_SUPPORTED, number))
            return
        handler = self._handlers(number).get(name)
        try:
            if handler is not None:
                handler(value)
            else:
                read_template(self._tree, name, value)
        except ValueError as error:
            raise _processing(PeStatus.BAD_VALUES, number, str(error)) from None
        self.statuses.append((PeStatus.OK, number))

    def _decode(self, element: bytes, number: int | None) -> tuple[str | None, Any]:
        try:
            return _decoded(element)
        except codec.Asn1Error as error:
            tag = tlv.parse(element).tag
            if tag not in codec.choice_tags("ProfileElement"):
                if _mandated(element) and not self.defective("passes-over-mandatory-elements"):
                    reason = f"unknown mandatory profile element {tag:X}"
                    raise _processing(PeStatus.PE_NOT_SUPPORTED, number, reason) from None
                return None, None
            raise _processing(PeStatus.INVALID_REQUEST_FORMAT, number, str(error)) from None

    def _handlers(self, number: int | None) -> dict[str, Callable[[Any], None]]:
        return {
            "header": self._header,
            "end": self._end,
            "securityDomain": self._security_domain,
            "genericFileManagement": lambda value: self._files(value, number),
            "akaParameter": self._authentication,
        } | dict.fromkeys(_STRUCTURAL, _accept)

    def _header(self, header: dict[str, Any]) -> None:
        if self._header_seen:
            raise _processing(PeStatus.INVALID_REQUEST_FORMAT, None, "a second header")
        self._header_seen = True
        if header["major-version"] < MINIMUM_MAJOR_VERSION:
            raise _processing(
                PeStatus.UNSUPPORTED_PROFILE_VERSION, None, f"profile package version {header['major-version']}"
            )
        # EF ICCID is compared and the ICCID of the header is not (SGP.22 5.5.5).
        self._of_another = swapped(header["iccid"]) != self.iccid
        if self._of_another and self.defective("compares-iccid-of-the-header"):
            raise _mismatch(f"ICCID {header['iccid'].hex()} in the header, {swapped(self.iccid).hex()} in the metadata")
        for service in header["eUICC-Mandatory-services"]:
            capability = CAPABILITY_OF_SERVICE.get(service)
            if capability is not None and capability not in self.uicc_capability:
                raise _processing(PeStatus.FEATURE_NOT_SUPPORTED, None, f"mandatory service {service} not supported")

    def _authentication(self, value: dict[str, Any]) -> None:
        """Nobody's network may be entered with a test profile, so its keys are known ones (SGP.22 2.4.5.3)."""
        kind, parameter = value["algoConfiguration"]
        if int(self.metadata.get("profileClass", _OPERATIONAL)) != _TEST or kind != "algoParameter":
            return
        test_key = int(parameter["algorithmID"]) == _TEST_ALGORITHM or not any(parameter["key"][:-2])
        if not test_key and not self.defective("takes-any-key-in-test-profiles"):
            number = value["aka-header"].get("identification")
            reason = "testProfileInstallFailedDueToInvalidNaaKey"
            raise PackageFault(reason, PeStatus.BAD_VALUES, number, "a key that is no test key in a test profile")

    def _security_domain(self, value: Any) -> None:
        domain = read_security_domain(value)
        self._mno_sd = self._mno_sd or domain

    def _end(self, _value: Any) -> None:
        self._ended = True
        for fault in mismatches(self._tree, self.metadata):
            consistent = fault.field == "ef-iccid" and self._of_another and self.defective("trusts-the-header")
            if not consistent and not self.defective(f"ignores-{fault.field}-of-the-profile"):
                raise _mismatch(fault.message)


_TEST, _OPERATIONAL = 0, 2
_TEST_ALGORITHM = 3

_STRUCTURAL = (
    "pinCodes",
    "pukCodes",
    "cdmaParameter",
    "rfm",
    "application",
    "nonStandard",
)
"""Elements that bring no file: decoded against the schema, their content has no effect on what the simulator shows."""


def _accept(_value: Any) -> None:
    return


def _processing(status: PeStatus, number: int | None, message: str) -> PackageFault:
    return PackageFault("installFailedDueToPEProcessingError", status, number, message)


def _mismatch(message: str) -> PackageFault:
    return PackageFault("installFailedDueToDataMismatch", PeStatus.BAD_VALUES, None, message)


def _pe_header(element: bytes) -> list[tlv.Tlv]:
    """Children of the PEHeader, by the rule that it is the first component [0] of every element but the header."""
    try:
        first = tlv.parse(element).children()[0]
        return first.children() if first.tag == 0xA0 else []
    except (tlv.TlvError, IndexError, ValueError):
        return []


@lru_cache(maxsize=64)
def _identification(element: bytes) -> int | None:
    return next((int.from_bytes(child.value, "big") for child in _pe_header(element) if child.tag == 0x81), None)


def _mandated(element: bytes) -> bool:
    return any(child.tag == 0x80 for child in _pe_header(element))


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
