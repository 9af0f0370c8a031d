"""ES8+ on the eUICC: a Bound Profile Package comes in, a Profile Installation Result goes out (SGP.22 2.5, 5.5, 5.7.6).

Octets are taken as a stream: whatever the boundaries of the STORE DATA commands, a part is processed as soon as it is
whole. Nothing of the card changes before the last element is in, so an interruption at any point leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.bsp import LARGEST_SEGMENT, Bsp, BspFault, BspFaultKind, SessionKeys, derive
from pytest_euicc.simulator.euicc.package import InstalledPackage, PackageFault, PackageReader
from pytest_euicc.simulator.euicc.session import AuthenticatedServer, PreparedDownload

AES_KEY_TYPE = 0x88
AES_KEY_LENGTH = 0x10
INSTALL_BOUND_PROFILE_PACKAGE = 1
LARGEST_TAKEN = 2048
"""Octets of a protected segment there is room for. An SM-DP+ sends at most 1020 (SGP.22 2.5.3), but nothing has the
eUICC refuse more, and cards take the 1036 that a server makes which forgets the padding."""


class LoadFault(Exception):
    """The load ends with an error result: names of BppCommandId and ErrorReason (SGP.22 2.5.6)."""

    def __init__(self, command: str, reason: str, sima_response: bytes | None = None) -> None:
        super().__init__(f"{command}: {reason}")
        self.command = command
        self.reason = reason
        self.sima_response = sima_response


@dataclass(frozen=True)
class Load:
    """A complete load, ready to become a profile."""

    metadata: dict[str, Any]
    metadata_octets: bytes
    package: InstalledPackage
    sima_response: bytes


class _Stage(Enum):
    SECURE_CHANNEL = auto()
    CONFIGURE = auto()
    METADATA_HEADER = auto()
    METADATA = auto()
    KEYS_OR_ELEMENTS = auto()
    ELEMENTS_HEADER = auto()
    ELEMENTS = auto()
    DONE = auto()


_COMMAND = {
    _Stage.SECURE_CHANNEL: "initialiseSecureChannel",
    _Stage.CONFIGURE: "configureISDP",
    _Stage.METADATA_HEADER: "storeMetadata",
    _Stage.METADATA: "storeMetadata",
    _Stage.KEYS_OR_ELEMENTS: "loadProfileElements",
    _Stage.ELEMENTS_HEADER: "loadProfileElements",
    _Stage.ELEMENTS: "loadProfileElements",
    _Stage.DONE: "loadProfileElements",
}


class Installer:
    """One load, from InitialiseSecureChannel to PE-End.

    Args:
        server, download: the session that AuthenticateServer and PrepareDownload left.
        eid: 16 octets.
        accept_metadata: the card's own checks of a StoreMetadataRequest; raises LoadFault.
        reader: makes the reader for a package of an ICCID.
        defective: tells whether a named deviation is switched on.
    """

    def __init__(
        self,
        server: AuthenticatedServer,
        download: PreparedDownload,
        eid: bytes,
        accept_metadata: Callable[[dict[str, Any]], None],
        reader: Callable[[bytes], PackageReader],
        defective: Callable[[str], bool],
    ) -> None:
        self._server = server
        self._download = download
        self._eid = eid
        self._accept_metadata = accept_metadata
        self._make_reader = reader
        self._defective = defective
        self._stage = _Stage.SECURE_CHANNEL
        self._pending = b""
        self._left = 0
        self._bsp: Bsp | None = None
        self._metadata = b""
        self._metadata_value: dict[str, Any] = {}
        self._reader: PackageReader | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """The StoreMetadataRequest once it is whole, else empty."""
        return self._metadata_value

    def feed(self, octets: bytes) -> Load | None:
        """Take the data of one STORE DATA chain; returns the load once it is complete.

        Raises:
            LoadFault: at the first part that is wrong; the installer is of no use afterwards.
        """
        self._pending += octets
        try:
            while self._pending and self._step():
                pass
        except tlv.TlvError:
            raise self._structure() from None
        if self._stage is not _Stage.DONE:
            return None
        return self._finish()

    def _step(self) -> bool:
        """Process the next whole part; False if more octets are needed."""
        match self._stage:
            case _Stage.SECURE_CHANNEL:
                return self._with_header(0xBF36, 0xBF23, self._initialise_secure_channel)
            case _Stage.CONFIGURE:
                return self._with_header(0xA0, 0x87, self._configure_isdp)
            case _Stage.METADATA_HEADER:
                return self._open_sequence(0xA1, _Stage.METADATA)
            case _Stage.METADATA:
                return self._sequence_part(0x88, self._store_metadata)
            case _Stage.KEYS_OR_ELEMENTS:
                if self._pending[0] == 0xA2:
                    return self._with_header(0xA2, 0x87, self._replace_session_keys)
                return self._open_sequence(0xA3, _Stage.ELEMENTS)
            case _Stage.ELEMENTS_HEADER:
                return self._open_sequence(0xA3, _Stage.ELEMENTS)
            case _Stage.ELEMENTS:
                return self._sequence_part(0x86, self._load_elements)
            case _Stage.DONE:
                raise self._structure()

    # ------------------------------------------------------------------ parts of the stream

    def _with_header(self, outer: int, inner: int, process: Callable[[bytes], None]) -> bool:
        """An outer tag and length followed by one whole TLV (SGP.22 2.5.5, segments 1, 2 and 4)."""
        header = _header(self._pending)
        if header is None:
            return False
        tag, at, _ = header
        if tag != outer:
            raise self._structure()
        part = _whole(self._pending[at:])
        if part is None:
            return False
        if tlv.parse(part).tag != inner:
            raise self._structure()
        self._pending = self._pending[at + len(part) :]
        process(part)
        return True

    def _open_sequence(self, tag: int, following: _Stage) -> bool:
        header = _header(self._pending)
        if header is None:
            return False
        if header[0] != tag:
            raise self._structure()
        self._pending, self._left, self._stage = self._pending[header[1] :], header[2], following
        return True

    def _sequence_part(self, tag: int, process: Callable[[bytes], None]) -> bool:
        part = _whole(self._pending)
        if part is None:
            header = _header(self._pending)
            if header is not None and header[1] + header[2] > LARGEST_TAKEN:
                raise self._structure()
            return False
        if tlv.parse(part).tag != tag or len(part) > self._left:
            raise self._structure()
        if len(part) > LARGEST_TAKEN or (len(part) == LARGEST_SEGMENT and self._defective("refuses-full-segments")):
            raise self._structure()
        self._pending = self._pending[len(part) :]
        self._left -= len(part)
        process(part)
        return True

    def _structure(self) -> LoadFault:
        return LoadFault(_COMMAND[self._stage], "scp03tStructureError")

    def _open(self, part: bytes) -> bytes:
        assert self._bsp is not None  # noqa: S101
        try:
            return self._bsp.open(part)
        except BspFault as fault:
            reason = "scp03tStructureError" if fault.kind is BspFaultKind.STRUCTURE else "scp03tSecurityError"
            raise LoadFault(_COMMAND[self._stage], reason) from None

    # ------------------------------------------------------------------ ES8+ functions

    def _initialise_secure_channel(self, part: bytes) -> None:
        command = _COMMAND[self._stage]
        try:
            request = codec.decode("InitialiseSecureChannelRequest", part)
        except codec.Asn1Error:
            raise LoadFault(command, "incorrectInputValues") from None
        pieces = {piece.tag: piece.octets for piece in tlv.parse(part).children()}
        key = self._download.one_time_key
        covered = pieces[0x82] + pieces[0x80] + pieces[0xA6] + pieces[0x5F49] + tlv.encode(0x5F49, key.public_key)
        if not self._defective("ignores-smdp-sign") and not signatures.verify(
            self._download.certificate.public_key, covered, request["smdpSign"]
        ):
            raise LoadFault(command, "invalidSignature")
        if request["transactionId"] != self._server.transaction_id and not self._defective("ignores-isc-transaction"):
            raise LoadFault(command, "invalidTransactionId")
        if int(request["remoteOpId"]) != INSTALL_BOUND_PROFILE_PACKAGE:
            raise LoadFault(command, "unsupportedRemoteOperationType")
        template = request["controlRefTemplate"]
        wanted = (bytes([AES_KEY_TYPE]), bytes([AES_KEY_LENGTH]))
        if (template["keyType"], template["keyLen"]) != wanted and not self._defective("ignores-crt"):
            raise LoadFault(command, "unsupportedCrtValues")
        try:
            secret = signatures.shared_secret(key.private_key, request["smdpOtpk"])
        except ValueError:
            raise LoadFault(command, "incorrectInputValues") from None
        self._bsp = Bsp(derive(secret, AES_KEY_TYPE, AES_KEY_LENGTH, template["hostId"], self._eid))
        self._stage = _Stage.CONFIGURE

    def _configure_isdp(self, part: bytes) -> None:
        plain = self._open(part)
        try:
            request = codec.decode("ConfigureISDPRequest", plain)
        except (codec.Asn1Error, tlv.TlvError):
            raise LoadFault("configureISDP", "incorrectInputValues") from None
        proprietary = request.get("dpProprietaryData")
        if proprietary is not None:
            if proprietary["dpOid"] != self._download.certificate.oid and not self._defective("ignores-dp-oid"):
                raise LoadFault("configureISDP", "incorrectInputValues")
            value = next(child for child in tlv.parse(plain).children())
            if len(value.value) > 128 and not self._defective("accepts-long-proprietary-data"):
                # SGP.22 5.5.2: dpProprietaryData is at most 128 octets.
                raise LoadFault("configureISDP", "incorrectInputValues")
        self._stage = _Stage.METADATA_HEADER

    def _store_metadata(self, part: bytes) -> None:
        self._metadata += self._open(part)
        if self._left:
            return
        try:
            self._metadata_value = codec.decode("StoreMetadataRequest", self._metadata)
        except (codec.Asn1Error, tlv.TlvError):
            raise LoadFault("storeMetadata", "incorrectInputValues") from None
        self._accept_metadata(self._metadata_value)
        self._reader = self._make_reader(self._metadata_value["iccid"])
        self._stage = _Stage.KEYS_OR_ELEMENTS

    def _replace_session_keys(self, part: bytes) -> None:
        try:
            plain = self._open(part)
            request = codec.decode("ReplaceSessionKeysRequest", plain)
        except LoadFault as fault:
            raise LoadFault("replaceSessionKeys", fault.reason) from None
        except (codec.Asn1Error, tlv.TlvError):
            raise LoadFault("replaceSessionKeys", "incorrectInputValues") from None
        keys = SessionKeys(
            encryption=request["ppkEnc"], mac=request["ppkCmac"], chaining_value=request["initialMacChainingValue"]
        )
        if {len(keys.encryption), len(keys.mac), len(keys.chaining_value)} != {AES_KEY_LENGTH}:
            # SGP.22 5.5.4: the new keys have the length of those they replace.
            raise LoadFault("replaceSessionKeys", "incorrectInputValues")
        if not self._defective("keeps-old-session-keys"):
            self._bsp = Bsp(keys)
        self._stage = _Stage.ELEMENTS_HEADER

    def _load_elements(self, part: bytes) -> None:
        assert self._reader is not None  # noqa: S101
        plain = self._open(part)
        try:
            self._reader.feed(plain)
        except PackageFault as fault:
            raise LoadFault("loadProfileElements", fault.reason, self._reader.response(aborted=True)) from None
        if not self._left:
            self._stage = _Stage.DONE

    def _finish(self) -> Load:
        assert self._reader is not None  # noqa: S101
        if self._pending:
            raise self._structure()
        try:
            package = self._reader.finish()
        except PackageFault as fault:
            raise LoadFault("loadProfileElements", fault.reason, self._reader.response(aborted=True)) from None
        return Load(self._metadata_value, self._metadata, package, self._reader.response(aborted=False))


def _header(octets: bytes) -> tuple[int, int, int] | None:
    """Tag, offset of the value and length of a TLV whose value need not be there yet; None if its header is not."""
    at = 1
    if octets and octets[0] & 0x1F == 0x1F:
        while at < len(octets) and octets[at] & 0x80:
            at += 1
        at += 1
    if at >= len(octets):
        return None
    tag, first = int.from_bytes(octets[:at], "big"), octets[at]
    if first < 0x80:
        return tag, at + 1, first
    count = first & 0x7F
    if len(octets) < at + 1 + count:
        return None
    return tag, at + 1 + count, int.from_bytes(octets[at + 1 : at + 1 + count], "big")


def _whole(octets: bytes) -> bytes | None:
    """The first TLV if all of it is there."""
    header = _header(octets)
    if header is None or len(octets) < header[1] + header[2]:
        return None
    return octets[: header[1] + header[2]]
