"""ES8+ on the eUICC: a Bound Profile Package comes in, a load goes out (SGP.22 2.5, 5.5, 5.7.6).

Octets are taken as a stream: whatever the boundaries of the STORE DATA commands, a part is processed as soon as it is
whole. Nothing of the card changes before the last element is in, so an interruption at any point leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from pytest_euicc.asn1 import tlv
from pytest_euicc.rsp.bpp import BPP, FIRST_87, SECOND_87, SEQUENCE_86, SEQUENCE_88
from pytest_euicc.rsp.bsp import LARGEST_SEGMENT, Bsp, BspFault, BspFaultKind
from pytest_euicc.simulator.euicc.es10.session import Defective
from pytest_euicc.simulator.euicc.loading import es8plus
from pytest_euicc.simulator.euicc.loading.es8plus import LoadFault, LoadSession
from pytest_euicc.simulator.euicc.loading.package import InstalledPackage, PackageFault, PackageReader
from pytest_euicc.simulator.euicc.loading.tlv_stream import TlvStream, read_header

LARGEST_TAKEN = 2048
"""Octets of a protected segment there is room for. An SM-DP+ sends at most 1020 (SGP.22 2.5.3), but nothing has the
eUICC refuse more, and cards take the 1036 that a server makes which forgets the padding."""
_LEADING = frozenset({BPP, FIRST_87, SEQUENCE_88, SECOND_87, SEQUENCE_86, 0x86, 0x87, 0x88})


@dataclass(frozen=True)
class Load:
    """A complete load, ready to become a profile."""

    configuration: dict[str, Any]
    metadata: dict[str, Any]
    package: InstalledPackage
    sima_response: bytes


class _Stage(Enum):
    SECURE_CHANNEL = auto()
    CONFIGURE = auto()
    METADATA = auto()
    KEYS = auto()
    ELEMENTS = auto()
    DONE = auto()


_COMMAND = {
    _Stage.SECURE_CHANNEL: "initialiseSecureChannel",
    _Stage.CONFIGURE: "configureISDP",
    _Stage.METADATA: "storeMetadata",
    _Stage.KEYS: "replaceSessionKeys",
    _Stage.ELEMENTS: "loadProfileElements",
    _Stage.DONE: "loadProfileElements",
}


class _OutOfOrder(Exception):
    """What comes is another part of a package than the one that has to come."""


class Installer:
    """One load, from InitialiseSecureChannel to PE-End.

    Args:
        accept_metadata: the card's own checks of a StoreMetadataRequest; raises LoadFault.
        reader: makes the reader for the package of a StoreMetadataRequest.
        defective: tells whether a named deviation is switched on.

    Attributes:
        silent: nothing comes any more, whatever is fed; only defects set it.
    """

    def __init__(
        self,
        session: LoadSession,
        accept_metadata: Callable[[dict[str, Any]], None],
        reader: Callable[[dict[str, Any]], PackageReader],
        defective: Defective,
    ) -> None:
        self.silent = False
        self._session = session
        self._accept_metadata = accept_metadata
        self._make_reader = reader
        self._defective = defective
        self._stage = _Stage.SECURE_CHANNEL
        self._stream = TlvStream()
        self._opened = False
        self._parts = 0
        self._bsp: Bsp | None = None
        self._earlier: Bsp | None = None
        self._held = self._last_part = b""
        self._configuration: dict[str, Any] = {}
        self._metadata = b""
        self._metadata_value: dict[str, Any] = {}
        self._reader: PackageReader | None = None

    @property
    def metadata(self) -> dict[str, Any]:
        """The StoreMetadataRequest once it is whole, else empty."""
        return self._metadata_value

    def recognises(self, octets: bytes) -> bool:
        """False for a segment whose leading tag none of a package has (SGP.22 2.5.5, 3.1.5)."""
        if self._stream.pending:
            return True
        header = read_header(octets)
        return header is None or header[0] in _LEADING

    def feed(self, octets: bytes) -> Load | None:
        """Take the data of one STORE DATA chain; returns the load once it is complete.

        Raises:
            LoadFault: at the first part that is wrong; the installer is of no use afterwards.
        """
        if self.silent:
            return None
        self._stream.pending += octets
        try:
            while self._stream.pending and not self.silent and self._step():
                pass
        except tlv.TlvError:
            raise self._structure() from None
        except _OutOfOrder:
            self.silent = self._defective("falls-silent-at-what-is-out-of-order")
            if not self.silent:
                raise self._structure() from None
        if self._stream.pending and self._defective("falls-silent-at-cut-segments"):
            self.silent = True
        return self._finish() if self._stage is _Stage.DONE and not self.silent else None

    def after_all(self) -> Load | None:
        """The load as if nothing were wrong with it; None if its package had not come to the end."""
        if self._reader is None or not self._reader.ended:
            return None
        return Load(self._configuration, self._metadata_value, self._reader.installed(), b"")

    def _step(self) -> bool:
        """Process the next whole part; False if more octets are needed."""
        match self._stage:
            case _Stage.SECURE_CHANNEL:
                return self._only(BPP, 0xBF23, self._initialise_secure_channel)
            case _Stage.CONFIGURE:
                if self._stream.peek_tag() == BPP and self._defective("starts-secure-channel-again"):
                    self._stage = _Stage.SECURE_CHANNEL
                    return True
                return self._only(FIRST_87, 0x87, self._configure_isdp)
            case _Stage.METADATA:
                return self._each(SEQUENCE_88, 0x88, self._store_metadata)
            case _Stage.KEYS:
                tag = self._stream.peek_tag()
                if tag is not None and tag != SECOND_87:
                    # Without new keys the profile follows at once.
                    self._stage = _Stage.ELEMENTS
                    return True
                if tag == SECOND_87 and self._defective("knows-no-replacement-keys"):
                    raise self._structure()
                return tag is not None and self._only(SECOND_87, 0x87, self._replace_session_keys)
            case _Stage.ELEMENTS:
                return self._each(SEQUENCE_86, 0x86, self._load_elements)
            case _Stage.DONE:
                raise self._structure()

    # ------------------------------------------------------------------ parts of the stream

    def _open_sequence(self, tag: int) -> bool:
        """Take the outer tag and length of a sequence; False if they are not whole."""
        if self._opened:
            return True
        found = self._stream.open()
        if found is None:
            return False
        if found != tag:
            raise _OutOfOrder
        self._opened, self._parts = True, 0
        return True

    def _only(self, outer: int, inner: int, process: Callable[[bytes], None]) -> bool:
        """An outer tag and length followed by one whole TLV (SGP.22 2.5.5, segments 1, 2 and 4)."""
        if not self._open_sequence(outer):
            return False
        tag = self._stream.peek_tag()
        if tag is not None and tag != inner and not self._defective("takes-segments-under-any-tag"):
            raise _OutOfOrder
        part = self._stream.take()
        if part is None:
            return False
        self._opened = False
        process(part if tag == inner else tlv.encode(inner, tlv.parse(part).value))
        return True

    def _each(self, outer: int, inner: int, process: Callable[[bytes], None]) -> bool:
        """An outer tag and length followed by TLVs that fill it (SGP.22 2.5.5, segments 3 and 5)."""
        if not self._opened:
            return self._open_sequence(outer)
        length = self._stream.announced()
        if length is None:
            return False
        if length > LARGEST_SEGMENT and self._defective("falls-silent-at-long-segments"):
            self.silent = True
            return False
        full = length == LARGEST_SEGMENT and self._defective("refuses-full-segments")
        if self._stream.peek_tag() != inner or length > min(self._stream.left, LARGEST_TAKEN) or full:
            raise self._structure()
        part = self._stream.take()
        if part is None:
            return False
        self._parts += 1
        process(part)
        return True

    def _structure(self) -> LoadFault:
        # InitialiseSecureChannel is not protected, so there is no SCP03t to be wrong (SGP.22 2.5.6).
        plain = self._stage is _Stage.SECURE_CHANNEL
        return LoadFault(_COMMAND[self._stage], "incorrectInputValues" if plain else "scp03tStructureError")

    def _open(self, part: bytes) -> bytes:
        """What a protected segment holds."""
        assert self._bsp is not None  # noqa: S101
        try:
            return self._bsp.open(part, forgive=self._forgiven())
        except BspFault as fault:
            reason = "scp03tStructureError" if fault.kind is BspFaultKind.STRUCTURE else "scp03tSecurityError"
            raise LoadFault(_COMMAND[self._stage], reason) from None

    def _forgiven(self) -> frozenset[BspFaultKind]:
        """Faults that a defect makes the card pass over in the segment that is being opened."""
        names = {f"ignores-mac-of-{_COMMAND[self._stage]}": BspFaultKind.MAC, "ignores-padding": BspFaultKind.PADDING}
        if self._stage is _Stage.ELEMENTS:
            place = "first" if self._parts == 1 else "last" if not self._stream.left else "middle"
            names[f"ignores-mac-of-{place}-segment"] = BspFaultKind.MAC
        return frozenset(kind for name, kind in names.items() if self._defective(name))

    # ------------------------------------------------------------------ ES8+ functions

    def _initialise_secure_channel(self, part: bytes) -> None:
        self._bsp = es8plus.initialise_secure_channel(part, self._session, self._defective)
        self._stage = _Stage.CONFIGURE

    def _configure_isdp(self, part: bytes) -> None:
        oid = self._session.download.certificate.oid
        self._configuration = es8plus.configure_isdp(self._open(part), oid, self._defective)
        self._stage = _Stage.METADATA

    def _store_metadata(self, part: bytes) -> None:
        if self._parts == 2 and self._defective("takes-one-88-only"):
            raise self._structure()
        self._metadata += self._open(part)
        if self._stream.left:
            return
        self._metadata_value = es8plus.store_metadata(self._metadata, self._defective)
        self._accept_metadata(self._metadata_value)
        self._reader = self._make_reader(self._metadata_value)
        self._stage, self._opened = _Stage.KEYS, False

    def _replace_session_keys(self, part: bytes) -> None:
        keys = es8plus.replace_session_keys(self._open(part), self._defective)
        self._earlier = self._bsp
        if not self._defective("keeps-old-session-keys"):
            self._bsp = Bsp(keys)
        self._stage = _Stage.ELEMENTS

    def _load_elements(self, part: bytes) -> None:
        if self._defective("counts-15-segments") and self._parts > 15:
            raise LoadFault("loadProfileElements", "scp03tSecurityError")
        if part == self._last_part and self._defective("passes-over-repeated-segments"):
            return
        self._last_part = part
        for plain in self._elements(part):
            self._read(plain)
        if not self._stream.left:
            self._stage = _Stage.DONE

    def _elements(self, part: bytes) -> list[bytes]:
        """What a segment of the profile holds; defects try more than the one key and the one order there are."""
        try:
            plain = [self._open(part)]
        except LoadFault:
            if self._earlier is not None and self._defective("takes-elements-under-old-keys"):
                self._bsp, self._earlier = self._earlier, None
                return [self._open(part)]
            if self._defective("puts-segments-in-order"):
                self._held = part
                return []
            raise
        if self._held:
            held, self._held = self._held, b""
            plain.append(self._open(held))
        return plain

    def _read(self, plain: bytes) -> None:
        assert self._reader is not None  # noqa: S101
        try:
            self._reader.feed(plain)
        except PackageFault as fault:
            raise LoadFault("loadProfileElements", fault.reason, self._reader.response(aborted=True)) from None

    def _finish(self) -> Load:
        assert self._reader is not None  # noqa: S101
        if self._stream.pending:
            raise self._structure()
        try:
            package = self._reader.finish()
        except PackageFault as fault:
            raise LoadFault("loadProfileElements", fault.reason, self._reader.response(aborted=True)) from None
        return Load(self._configuration, self._metadata_value, package, self._reader.response(aborted=False))
