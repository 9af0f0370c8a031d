"""BSP, the protection of a Bound Profile Package: SCP03t on AES-128 (SGP.22 2.5.4, 2.6.4)."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF

from pytest_euicc.asn1 import tlv
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.masking import note

KEY_LENGTH = 16
BLOCK = 16
MAC_LENGTH = 8
LARGEST_SEGMENT = 1020
"""Octets of a protected segment in all, tag and length included (SGP.22 2.5.3)."""
LARGEST_PLAIN = 1007
"""Octets of profile that fit into one 86 segment."""

_ENCRYPTED = (0x86, 0x87)
_MAC_ONLY = 0x88


class BspFaultKind(Enum):
    """What is wrong with a protected segment."""

    STRUCTURE = "structure"
    MAC = "mac"
    PADDING = "padding"


class BspFault(PytestEuiccError, ValueError):
    """A segment that cannot be opened."""

    def __init__(self, kind: BspFaultKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class SessionKeys:
    """S-ENC, S-MAC and the initial MAC chaining value, 16 octets each."""

    encryption: bytes
    mac: bytes
    chaining_value: bytes


def derive(shared_secret: bytes, key_type: int, key_length: int, host_id: bytes, eid: bytes) -> SessionKeys:
    """Session keys from the ECKA secret (SGP.22 2.6.4.2, annex G).

    Args:
        shared_secret: 32 octets.
        key_type, key_length: of the control reference template, 0x88 and 16 for AES-128.
        host_id: of the control reference template.
        eid: 16 octets.
    """
    info = bytes([key_type, key_length, len(host_id)]) + host_id + bytes([len(eid)]) + eid
    material = X963KDF(hashes.SHA256(), 3 * KEY_LENGTH, info).derive(shared_secret)
    return SessionKeys(material[16:32], material[32:48], material[:16])


def protected_length(tag: int, plain: int) -> int:
    """The size of a protected segment for this number of plain bytes, including header and MAC."""
    data = (plain // BLOCK + 1) * BLOCK if tag in _ENCRYPTED else plain
    return len(tlv.encode_tag(tag) + tlv.encode_length(data + MAC_LENGTH)) + data + MAC_LENGTH


class Bsp:
    """One direction of a protected stream; both sides run it over the same segments in the same order."""

    def __init__(self, keys: SessionKeys) -> None:
        note(keys.encryption, keys.mac, keys.chaining_value)
        self._keys = keys
        self._chaining_value = keys.chaining_value
        self._counter = 0

    def protect(self, tag: int, data: bytes) -> bytes:
        """A protected segment: 86 and 87 encrypted and MACed, 88 only MACed."""
        if tag in _ENCRYPTED:
            return self.encrypt_and_mac(tag, data)
        return self.mac_only(tag, data)

    def encrypt_and_mac(self, tag: int, data: bytes, *, mark: bytes = b"\x80") -> bytes:
        """Pad, encrypt with the next counter, MAC; ``mark`` begins the padding, another octet for testers only."""
        return self._with_mac(tag, self._crypt(self._padded(data, mark), self._counter + 1, encrypt=True))

    def mac_only(self, tag: int, data: bytes) -> bytes:
        """MAC without encryption; the counter advances all the same."""
        return self._with_mac(tag, data)

    def successor(self, keys: SessionKeys) -> Bsp:
        """What goes on after ReplaceSessionKeys: the counter starts again (SGP.22 5.5.4)."""
        return type(self)(keys)

    def open(self, segment: bytes, *, forgive: frozenset[BspFaultKind] = frozenset()) -> bytes:
        """The contents of a protected segment; a segment that is refused changes nothing.

        Args:
            forgive: faults to pass over, for simulators of cards that do.

        Raises:
            BspFault: not a segment, MAC wrong, padding wrong.
        """
        try:
            element = tlv.parse(segment)
        except tlv.TlvError as error:
            raise BspFault(BspFaultKind.STRUCTURE, str(error)) from None
        data, mac = element.value[:-MAC_LENGTH], element.value[-MAC_LENGTH:]
        if len(element.value) < MAC_LENGTH or element.tag not in (*_ENCRYPTED, _MAC_ONLY):
            raise BspFault(BspFaultKind.STRUCTURE, f"{element.tag:X} of {len(element.value)} octets is not a segment")
        expected = self._cmac(element.header, data)
        if not hmac.compare_digest(mac, self._shown(expected)) and BspFaultKind.MAC not in forgive:
            raise BspFault(BspFaultKind.MAC, f"MAC {mac.hex()}, computed {self._shown(expected).hex()}")
        plain = data if element.tag == _MAC_ONLY else self._decrypted(data, forgive)
        self._advance(element.tag, expected)
        return plain

    def _decrypted(self, data: bytes, forgive: frozenset[BspFaultKind]) -> bytes:
        """The contents of the next encrypted segment without their padding."""
        if not data or len(data) % BLOCK:
            raise BspFault(BspFaultKind.STRUCTURE, f"{len(data)} encrypted octets are not whole blocks")
        padded = self._crypt(data, self._counter + 1, encrypt=False)
        plain = self._unpadded(padded)
        if plain is not None:
            return plain
        if BspFaultKind.PADDING not in forgive:
            raise BspFault(BspFaultKind.PADDING, "no padding 80 00… in the last block")
        return padded.rstrip(b"\0")

    # What follows is what a deviation (bsp_deviations) does in another way.

    def _padded(self, data: bytes, mark: bytes = b"\x80") -> bytes:
        return data + mark + bytes(-(len(data) + 1) % BLOCK)

    def _unpadded(self, padded: bytes) -> bytes | None:
        """The octets before the padding; None where there is none."""
        plain = padded.rstrip(b"\0")
        right = plain.endswith(b"\x80") and len(padded) - len(plain) < BLOCK
        return plain[:-1] if right else None

    def _advance(self, _tag: int, cmac: bytes) -> None:
        """A segment is done: its 16 octets of C-MAC chain the next one, and the counter counts every kind."""
        self._counter, self._chaining_value = self._counter + 1, cmac

    def _icv(self, counter: int) -> bytes:
        first = Cipher(algorithms.AES(self._keys.encryption), modes.ECB()).encryptor()  # noqa: S305  (one block)
        return first.update(counter.to_bytes(BLOCK, "big"))

    def _crypt(self, data: bytes, counter: int, *, encrypt: bool) -> bytes:
        cipher = Cipher(algorithms.AES(self._keys.encryption), modes.CBC(self._icv(counter)))
        context = cipher.encryptor() if encrypt else cipher.decryptor()
        return context.update(data) + context.finalize()

    def _with_mac(self, tag: int, data: bytes) -> bytes:
        header = tlv.encode_tag(tag) + tlv.encode_length(len(data) + MAC_LENGTH)
        cmac = self._cmac(header, data)
        self._advance(tag, cmac)
        return header + data + self._shown(cmac)

    def _shown(self, cmac: bytes) -> bytes:
        """The octets of the C-MAC that a segment carries."""
        return cmac[:MAC_LENGTH]

    def _cmac(self, header: bytes, data: bytes) -> bytes:
        cmac = CMAC(algorithms.AES(self._keys.mac))
        cmac.update(self._chaining_value + header + data)
        return cmac.finalize()


Derivation = Callable[[bytes, int, int, bytes, bytes], SessionKeys]
"""As ``derive``: secret, key type, key length, host identifier, EID."""


@dataclass(frozen=True)
class Protection:
    """How a package is protected: where its first keys come from, and what protects its segments."""

    derive: Derivation = derive
    bsp: type[Bsp] = Bsp


STANDARD = Protection()
"""The protection of SGP.22."""
